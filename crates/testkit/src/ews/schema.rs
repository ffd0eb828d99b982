//! The order of elements, where it is a sequence in `messages.xsd` and `types.xsd`.

use super::node::Node;

const SEQUENCES: [(&str, &[&str]); 10] = [
    ("soap:Envelope", &["soap:Header", "soap:Body"]),
    ("m:GetFolder", &["m:FolderShape", "m:FolderIds"]),
    (
        "m:FindFolder",
        &[
            "m:FolderShape",
            "m:IndexedPageFolderView",
            "m:Restriction",
            "m:ParentFolderIds",
        ],
    ),
    ("m:CreateFolder", &["m:ParentFolderId", "m:Folders"]),
    ("t:Folder", &["t:FolderClass", "t:DisplayName"]),
    ("m:CreateItem", &["m:SavedItemFolderId", "m:Items"]),
    (
        "t:Message",
        &[
            "t:MimeContent",
            "t:ItemClass",
            "t:Subject",
            "t:Body",
            "t:ExtendedProperty",
            "t:IsRead",
        ],
    ),
    (
        "m:FindItem",
        &[
            "m:ItemShape",
            "m:IndexedPageItemView",
            "m:Restriction",
            "m:SortOrder",
            "m:ParentFolderIds",
        ],
    ),
    ("m:GetItem", &["m:ItemShape", "m:ItemIds"]),
    (
        "m:ItemShape",
        &[
            "t:BaseShape",
            "t:IncludeMimeContent",
            "t:BodyType",
            "t:AdditionalProperties",
        ],
    ),
];

/// Whether everything stands where the schema has it.
pub(super) fn is_in_order(node: &Node) -> bool {
    let sequence = SEQUENCES.iter().find(|(name, _)| *name == node.name);
    let is_sorted = sequence.is_none_or(|(_, names)| {
        let place = |child: &Node| names.iter().position(|name| *name == child.name);
        let places: Option<Vec<_>> = node.children.iter().map(place).collect();
        places.is_some_and(|places| places.is_sorted())
    });
    is_sorted && !node.name.starts_with("unknown") && node.children.iter().all(is_in_order)
}
