//! Generates the Rust side of the wire contract.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = [
        "chatkeep/v1/task.proto",
        "chatkeep/v1/ledger.proto",
        "chatkeep/v1/control.proto",
        "chatkeep/v1/mapping.proto",
    ];
    // protox compiles the schema in Rust, so a checkout builds without protoc.
    let descriptors = protox::compile(files, ["."])?;
    tonic_prost_build::configure()
        .bytes(".")
        .compile_fds(descriptors)?;
    println!("cargo::rerun-if-changed=chatkeep");
    Ok(())
}
