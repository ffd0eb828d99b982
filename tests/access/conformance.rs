//! Whether the API does what its document says, tried by Schemathesis.
//!
//! `tests/install/schemathesis.sh DIR`, then with `CHATKEEP_SCHEMATHESIS_ROOT=DIR`
//! `cargo test -p chatkeep --features console --test access -- --ignored schemathesis`

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::json;

use crate::{
    contoso,
    system::{ADMINISTRATOR, System},
};

/// The program, where the environment says it is installed.
fn program() -> PathBuf {
    let root = std::env::var_os("CHATKEEP_SCHEMATHESIS_ROOT");
    let Some(root) = root else {
        panic!("CHATKEEP_SCHEMATHESIS_ROOT must name where Schemathesis is installed");
    };
    Path::new(&root).join("bin/schemathesis")
}

#[tokio::test]
#[ignore = "needs Schemathesis; ./test console installs and runs it"]
async fn schemathesis_finds_nothing_that_the_document_does_not_say() {
    let system = System::with_issuer().await;
    let mut administrator = system.script(&ADMINISTRATOR);
    let connector = contoso::create(&system, &mut administrator).await;
    let runs = format!("/api/v1/connectors/{connector}/runs");
    administrator.post(&runs, &json!({})).await;
    contoso::closed(&mut administrator, &format!("{runs}/1")).await;
    let token = administrator.bearer.clone().unwrap();
    let configuration = Path::new(env!("CARGO_MANIFEST_DIR"));
    let configuration = configuration.join("../../tests/access/schemathesis.toml");

    let tried = Command::new(program())
        .current_dir(system.folder.path())
        .arg("--config-file")
        .arg(configuration)
        .args(["run", &format!("{}/api/v1/openapi.json", system.origin)])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .status();

    assert!(tried.unwrap().success(), "see the failures above");
    // Nothing was tried as somebody whom the console does not know, or puts off.
    let denied = "/api/v1/audit?action=sign-in.denied";
    let denied = administrator.get(denied).await.json();
    assert_eq!(denied["entries"], json!([]));
}
