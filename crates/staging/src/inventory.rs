use std::time::SystemTime;

/// What the keys of kept blobs begin with.
pub const KEPT: &str = "kept/";

/// Most blobs on one page of an inventory.
pub(crate) const PAGE: u16 = 1_000;

/// A blob of an inventory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBlob {
    /// Its key.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was written.
    pub modified: SystemTime,
}

/// A page of an inventory, in the order of the keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The blobs.
    pub blobs: Vec<StoredBlob>,
    /// Where the next page begins; `None` when there is none.
    pub next: Option<String>,
}

/// The key of a blob among those that are kept.
pub(crate) fn kept_key(key: &str) -> String {
    if key.starts_with(KEPT) {
        return key.to_owned();
    }
    format!("{KEPT}{key}")
}
