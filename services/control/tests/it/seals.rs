use std::{fs, path::PathBuf};

use chatkeep_control::{VerifyError, verify_offline};

use crate::{
    lab::Lab,
    world::{World, conversation},
};

/// Two sealed runs; returns the newer manifest.
async fn sealed(folder: &std::path::Path) -> PathBuf {
    let lab = Lab::open(folder).await;
    let people = ["ann@contoso.com", "bob@contoso.com"];
    let mut world = World::of((0..3).map(|number| conversation(number, &people)).collect());
    let run = lab.open_run().await.run;
    world.drive(&lab, run).await;
    world
        .conversations
        .extend((3..5).map(|number| conversation(number, &people)));
    let run = lab.open_run().await.run;
    world.drive(&lab, run).await;
    let copies = folder.join("copies");
    lab.copy_manifests(&copies).await;
    lab.stop().await;
    copies.join("000002.jsonl")
}

#[tokio::test]
async fn an_untouched_chain_is_verified_without_the_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = sealed(folder.path()).await;

    let verified = verify_offline(&manifest).unwrap();

    assert_eq!(
        (
            verified.connector.as_str(),
            verified.manifests,
            verified.items
        ),
        ("contoso", 2, 5)
    );
}

#[tokio::test]
async fn an_altered_line_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = sealed(folder.path()).await;
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(
        &manifest,
        text.replacen("state\":\"imported", "state\":\"skipped", 1),
    )
    .unwrap();

    let error = verify_offline(&manifest).unwrap_err();

    assert!(
        matches!(&error, VerifyError::Altered { line: 4, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("000002.jsonl"));
}

#[tokio::test]
async fn an_earlier_manifest_that_was_rewritten_breaks_the_chain() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = sealed(folder.path()).await;
    let first = manifest.with_file_name("000001.jsonl");
    // The same manifest of another history: whole in itself.
    let other = tempfile::tempdir().unwrap();
    let foreign = sealed(other.path()).await.with_file_name("000001.jsonl");
    fs::copy(foreign, &first).unwrap();

    let error = verify_offline(&manifest).unwrap_err();

    assert!(
        matches!(error, VerifyError::Altered { line: 1, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_missing_manifest_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = sealed(folder.path()).await;
    fs::remove_file(manifest.with_file_name("000001.jsonl")).unwrap();

    let error = verify_offline(&manifest).unwrap_err();

    assert!(matches!(&error, VerifyError::Read { path, .. } if path.ends_with("000001.jsonl")));
}

#[tokio::test]
async fn a_manifest_that_breaks_off_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = sealed(folder.path()).await;
    let text = fs::read_to_string(&manifest).unwrap();
    let cut = text.trim_end().rfind('\n').unwrap() + 1;
    fs::write(&manifest, &text[..cut]).unwrap();

    let error = verify_offline(&manifest).unwrap_err();

    assert!(matches!(error, VerifyError::Truncated { .. }), "{error}");
}
