//! Generates the Rust side of the wire contract.

use std::{env, fs, path::PathBuf};

use prost::Message as _;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = [
        "chatkeep/v1/task.proto",
        "chatkeep/v1/ledger.proto",
        "chatkeep/v1/approval.proto",
        "chatkeep/v1/control.proto",
        "chatkeep/v1/access.proto",
        "chatkeep/v1/ingestion.proto",
        "chatkeep/v1/conversion.proto",
        "chatkeep/v1/mapping.proto",
        "chatkeep/v1/mailbox_import.proto",
    ];
    // protox compiles the schema in Rust, so a checkout builds without protoc.
    let mut descriptors = protox::compile(files, ["."])?;
    let folder = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    tonic_prost_build::configure()
        .bytes(".")
        .compile_fds(descriptors.clone())?;
    // What a program tells about its services is their shape; the comments are for who reads the files.
    for file in &mut descriptors.file {
        file.source_code_info = None;
    }
    fs::write(folder.join("descriptors.bin"), descriptors.encode_to_vec())?;
    println!("cargo::rerun-if-changed=chatkeep");
    Ok(())
}
