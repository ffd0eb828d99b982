use super::{
    mailbox::Folder,
    node::Node,
    reply::{Code, element},
    state::State,
};

/// The id that an element names, of a folder that is there.
pub(super) fn id(state: &mut State, owner: &str, parent: Option<&Node>) -> Result<String, Code> {
    let named = parent.and_then(|parent| parent.children.first());
    let named = named.ok_or("ErrorInvalidRequest")?;
    let id = named.attribute("Id").ok_or("ErrorInvalidRequest")?;
    let id = match named.name.as_str() {
        "t:DistinguishedFolderId" => format!("{owner}/{id}"),
        _ => id.to_owned(),
    };
    state.mailbox(owner).folder(&id)?;
    Ok(id)
}

pub(super) fn get(state: &mut State, owner: &str, request: &Node) -> Vec<Result<String, Code>> {
    let found = id(state, owner, request.child("m:FolderIds"));
    vec![found.map(|id| format!("<m:Folders>{}</m:Folders>", folder(&id)))]
}

pub(super) fn find(state: &mut State, owner: &str, request: &Node) -> Vec<Result<String, Code>> {
    vec![try_find(state, owner, request)]
}

fn try_find(state: &mut State, owner: &str, request: &Node) -> Result<String, Code> {
    let parent = id(state, owner, request.child("m:ParentFolderIds"))?;
    let name = request.find("t:Constant");
    let name = name.and_then(|name| name.attribute("Value"));
    let name = name.ok_or("ErrorInvalidRestriction")?;
    let folders = state.mailbox(owner).folders.iter();
    let found: Vec<_> = folders
        .filter(|folder| folder.parent == parent && folder.name == name)
        .map(|found| folder(&found.id))
        .collect();
    Ok(format!(
        "<m:RootFolder TotalItemsInView=\"{}\" IncludesLastItemInRange=\"true\"><t:Folders>{}</t:Folders>\
         </m:RootFolder>",
        found.len(),
        found.concat()
    ))
}

pub(super) fn create(state: &mut State, owner: &str, request: &Node) -> Vec<Result<String, Code>> {
    vec![try_create(state, owner, request)]
}

fn try_create(state: &mut State, owner: &str, request: &Node) -> Result<String, Code> {
    let parent = id(state, owner, request.child("m:ParentFolderId"))?;
    let name = request.find("t:DisplayName").ok_or("ErrorInvalidRequest")?;
    let id = format!("{owner}/{}", state.number());
    let mailbox = state.mailbox(owner);
    let mut folders = mailbox.folders.iter();
    if folders.any(|folder| folder.parent == parent && folder.name == name.text) {
        return Err("ErrorFolderExists");
    }
    mailbox.folders.push(Folder {
        id: id.clone(),
        name: name.text.clone(),
        parent,
    });
    Ok(format!("<m:Folders>{}</m:Folders>", folder(&id)))
}

fn folder(id: &str) -> String {
    let class = element("FolderClass", "IPF.Note");
    format!("<t:Folder><t:FolderId Id=\"{id}\" ChangeKey=\"AQAAAA==\"/>{class}</t:Folder>")
}
