//! A file of the compliance XmlAdapter.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chatkeep_ingestion::fuzz::xml(bytes));
