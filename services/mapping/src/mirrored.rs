//! Directories that tell their changes: what is known of them goes from refresh to refresh as a *mirror*.

use chatkeep_staging::BlobReader;

/// The mirror of the last refresh, and where its changes are told.
#[cfg_attr(
    not(feature = "microsoft365"),
    expect(dead_code, reason = "read by what is not built in")
)]
pub(crate) struct Previous {
    pub(crate) users: BlobReader,
    pub(crate) changes: String,
}

/// What the directory says now.
pub(crate) struct Users<W> {
    /// The snapshot, guests left out.
    pub(crate) snapshot: Vec<u8>,
    pub(crate) guests: u64,
    /// Users that may not sign in; their mailboxes are as good as others.
    pub(crate) disabled: u64,
    /// The new mirror.
    pub(crate) mirror: W,
    /// Where its changes are told.
    pub(crate) changes: String,
}
