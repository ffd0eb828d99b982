//! Who makes a call, in its metadata.

use prost::Message as _;
use tonic::{
    Status,
    metadata::{BinaryMetadataValue, MetadataMap},
};

use crate::v1::Actor;

/// Key of the metadata that names who makes a call: an encoded [`Actor`].
pub const ACTOR: &str = "chatkeep-actor-bin";

impl Actor {
    /// The value of [`ACTOR`].
    pub fn to_metadata(&self) -> BinaryMetadataValue {
        BinaryMetadataValue::from_bytes(&self.encode_to_vec())
    }

    /// Who makes a call with this metadata; `None` when it does not say. What is no actor, or has no
    /// subject, is refused.
    pub fn from_metadata(metadata: &MetadataMap) -> Result<Option<Self>, Status> {
        let Some(value) = metadata.get_bin(ACTOR) else {
            return Ok(None);
        };
        let bytes = value.to_bytes().ok();
        let actor = bytes.and_then(|bytes| Self::decode(bytes).ok());
        let actor = actor.filter(|actor| !actor.subject.is_empty());
        let malformed = || Status::invalid_argument("the call's actor is malformed");
        actor.map(Some).ok_or_else(malformed)
    }
}
