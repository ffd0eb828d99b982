//! The body of a chat message in HTML.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chatkeep_conversion::fuzz::html(bytes));
