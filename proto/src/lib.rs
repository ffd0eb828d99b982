//! The wire contract between Chatkeep's services, generated from `proto/chatkeep/v1`.

mod actor;

pub use self::actor::ACTOR;

/// Version 1 of the contract; changes within it are additive. The comments are in the `.proto` files.
pub mod v1 {
    tonic::include_proto!("chatkeep.v1");
}

/// The contract as an encoded `FileDescriptorSet`, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
