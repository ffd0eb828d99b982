use quick_xml::{
    NsReader,
    escape::{resolve_predefined_entity, unescape},
    events::{BytesStart, Event},
    name::{Namespace, ResolveResult},
};

/// An element of a request, its name with the prefix that the schema's documentation gives its namespace.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    pub(super) name: String,
    attributes: Vec<(String, String)>,
    pub(super) text: String,
    pub(super) children: Vec<Node>,
}

fn prefix(namespace: &ResolveResult<'_>) -> &'static str {
    match namespace {
        ResolveResult::Bound(Namespace("http://schemas.xmlsoap.org/soap/envelope/")) => "soap",
        ResolveResult::Bound(Namespace(
            "http://schemas.microsoft.com/exchange/services/2006/types",
        )) => "t",
        ResolveResult::Bound(Namespace(
            "http://schemas.microsoft.com/exchange/services/2006/messages",
        )) => "m",
        _ => "unknown",
    }
}

impl Node {
    /// Reads a request; `None` where it is no XML.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut reader = NsReader::from_str(std::str::from_utf8(bytes).ok()?);
        let mut open = vec![Self::default()];
        loop {
            let (namespace, event) = reader.read_resolved_event().ok()?;
            let prefix = prefix(&namespace);
            match event {
                Event::Start(tag) => open.push(Self::of(prefix, &tag)?),
                Event::Empty(tag) => open.last_mut()?.children.push(Self::of(prefix, &tag)?),
                Event::End(_) => {
                    let closed = open.pop()?;
                    open.last_mut()?.children.push(closed);
                }
                Event::Text(text) => open.last_mut()?.text.push_str(&text),
                Event::GeneralRef(reference) => {
                    let text = resolve_predefined_entity(&reference)?;
                    open.last_mut()?.text.push_str(text);
                }
                Event::Eof => break,
                _ => {}
            }
        }
        open.pop()?.children.pop()
    }

    fn of(prefix: &str, tag: &BytesStart<'_>) -> Option<Self> {
        let mut attributes = Vec::new();
        for attribute in tag.attributes() {
            let attribute = attribute.ok()?;
            let value = unescape(&attribute.value).ok()?.into_owned();
            attributes.push((attribute.key.as_ref().to_owned(), value));
        }
        Some(Self {
            name: format!("{prefix}:{}", tag.local_name().as_ref()),
            attributes,
            ..Self::default()
        })
    }

    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    pub(super) fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, name| node.child(name))
    }

    pub(super) fn find(&self, name: &str) -> Option<&Self> {
        if self.name == name {
            return Some(self);
        }
        self.children.iter().find_map(|child| child.find(name))
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        let mut attributes = self.attributes.iter();
        let found = attributes.find(|(attribute, _)| attribute == name);
        found.map(|(_, value)| value.as_str())
    }
}
