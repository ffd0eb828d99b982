//! The body of a chat message in RTF.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chatkeep_ingestion::fuzz::rtf_words(bytes));
