//! A directory file.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chatkeep_mapping::fuzz::directory(bytes));
