//! Replays the seeds of the fuzz targets through the same entries.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::Path};

/// Runs an entry over a target's seeds; it fails by panicking.
fn replay(target: &str, entry: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus");
    let seeds = fs::read_dir(folder.join(target)).unwrap();
    let mut count = 0;
    for seed in seeds {
        entry(&fs::read(seed.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 0, "no seeds for {target}");
}

#[test]
fn every_eml_seed_is_read_or_refused() {
    replay("eml", chatkeep_ingestion::fuzz::eml);
}

#[test]
fn every_xml_seed_is_read_or_refused() {
    replay("xml", chatkeep_ingestion::fuzz::xml);
}

#[test]
fn every_rtf_seed_is_rendered() {
    replay("rtf", chatkeep_conversion::fuzz::rtf);
}

#[cfg(feature = "mssql")]
#[test]
fn every_seed_of_rtf_words_is_read() {
    replay("rtf_words", chatkeep_ingestion::fuzz::rtf_words);
}

#[test]
fn every_html_seed_is_made_safe() {
    replay("html", chatkeep_conversion::fuzz::html);
}

#[test]
fn every_imap_seed_is_parsed_or_refused() {
    replay("imap", chatkeep_mailbox_import::fuzz::imap_responses);
}

#[test]
fn every_directory_seed_is_read_or_refused() {
    replay("directory_csv", chatkeep_mapping::fuzz::directory);
}

#[cfg(feature = "microsoft365")]
#[test]
fn every_ldap_seed_is_refused_or_read_by_the_library() {
    replay("ldap", chatkeep_mapping::fuzz::ldap);
}
