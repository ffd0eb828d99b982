//! What an IMAP server sends.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chatkeep_mailbox_import::fuzz::imap_responses(bytes));
