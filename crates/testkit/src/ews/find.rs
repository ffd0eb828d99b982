use jiff::Timestamp;

use super::{folders, items, mailbox::StoredItem, node::Node, reply::Code, shown, state::State};

pub(super) fn find(state: &mut State, owner: &str, request: &Node) -> Vec<Result<String, Code>> {
    vec![try_find(state, owner, request)]
}

fn try_find(state: &mut State, owner: &str, request: &Node) -> Result<String, Code> {
    let parent = folders::id(state, owner, request.child("m:ParentFolderIds"))?;
    let view = request.child("m:IndexedPageItemView");
    let number = |name: &str| view?.attribute(name)?.parse::<usize>().ok();
    let offset = number("Offset").ok_or("ErrorInvalidPagingMaxRows")?;
    let page = number("MaxEntriesReturned").unwrap_or(state.page);
    let page = page.min(state.page);
    let restriction = request.child("m:Restriction");
    let restriction = restriction.and_then(|wanted| wanted.children.first());
    let mut found = Vec::new();
    for item in &state.mailbox(owner).items {
        let is_wanted = restriction.map_or(Ok(true), |wanted| holds(wanted, item))?;
        if item.parent == parent && is_wanted {
            found.push(item.clone());
        }
    }
    found.sort_by_key(|item| item.created);
    let shape = request.child("m:ItemShape");
    let shown = found.iter().skip(offset).take(page);
    let shown: String = shown.map(|item| shown::item(item, shape)).collect();
    let is_last = offset + page >= found.len();
    Ok(format!(
        "<m:RootFolder IndexedPagingOffset=\"{}\" TotalItemsInView=\"{}\" IncludesLastItemInRange=\"{is_last}\">\
         <t:Items>{shown}</t:Items></m:RootFolder>",
        offset + page,
        found.len()
    ))
}

fn holds(wanted: &Node, item: &StoredItem) -> Result<bool, Code> {
    const WRONG: Code = "ErrorInvalidRestriction";
    match wanted.name.as_str() {
        "t:And" => {
            let mut all = true;
            for wanted in &wanted.children {
                all &= holds(wanted, item)?;
            }
            Ok(all)
        }
        "t:Exists" => {
            let property = wanted.child("t:ExtendedFieldURI").and_then(items::name);
            Ok(item.properties.contains_key(&property.ok_or(WRONG)?))
        }
        "t:IsGreaterThanOrEqualTo" => {
            let field = wanted.child("t:FieldURI");
            let field = field.and_then(|field| field.attribute("FieldURI"));
            let constant = wanted.at(&["t:FieldURIOrConstant", "t:Constant"]);
            let constant = constant.and_then(|constant| constant.attribute("Value"));
            let since = constant.and_then(|since| since.parse::<Timestamp>().ok());
            match (field, since) {
                (Some("item:DateTimeCreated"), Some(since)) => {
                    Ok(item.created >= since.as_millisecond())
                }
                _ => Err(WRONG),
            }
        }
        _ => Err(WRONG),
    }
}
