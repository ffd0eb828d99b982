//! The body of a chat message in HTML.
#![no_main]

use std::sync::LazyLock;

use chatkeep_conversion::{Sanitizer, fuzz};

static SANITIZER: LazyLock<Sanitizer> = LazyLock::new(Sanitizer::default);

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::html(bytes, &SANITIZER));
