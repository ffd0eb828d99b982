//! A file of Export-CsArchivingData.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chatkeep_ingestion::fuzz::eml(bytes));
