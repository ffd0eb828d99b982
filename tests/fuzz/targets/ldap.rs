//! What a directory server answers.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chatkeep_mapping::fuzz::ldap(bytes));
