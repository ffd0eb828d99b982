//! Entry points for coverage-guided fuzzing: none of them may panic, whatever the bytes.

use std::io;

use crate::{
    check::Nowhere,
    eml::{Limits, Mail, Sequence},
    rooms, xml,
};

/// Reads bytes as a mail file.
pub fn eml(bytes: &[u8]) {
    let Ok(Ok(mail)) = Mail::open(bytes, "20161014102249877_1_p2p.eml") else {
        return;
    };
    let limits = Limits { text: 1 << 16 };
    if let Ok(Ok(eml)) = mail.read_body(limits, &mut Nowhere) {
        let sequence = Sequence::of(&eml.transcript, &eml.attachments);
        std::hint::black_box((eml.record_id(), sequence.prefix(sequence.len())));
    }
}

/// Reads bytes as a compliance file, and as its manifest.
pub fn xml(bytes: &[u8]) {
    let mut events = 0_u64;
    let read = xml::read(bytes, |event| {
        events += 1;
        std::hint::black_box((event.content_id(), event.at(), event.what()));
        Ok::<_, io::Error>(())
    });
    std::hint::black_box((read.is_ok(), events, rooms::parse_manifest(bytes)));
}

/// Reads bytes as the RTF of a chat message, for its words.
#[cfg(feature = "mssql")]
pub fn rtf_words(bytes: &[u8]) {
    let rtf = String::from_utf8_lossy(bytes);
    let words = crate::database::archiving::words_of_rtf(&rtf);
    // An escape is longer than what it stands for, so nothing can grow beyond three bytes for each.
    assert!(words.len() <= 3 * rtf.len(), "text out of nowhere");
    std::hint::black_box(words);
}
