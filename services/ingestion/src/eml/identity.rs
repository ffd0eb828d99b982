use chatkeep_model::{RecordId, identity::Fields};

use super::Eml;

/// SHA-256 over the canonical content: sorted addresses, subject in lower case without `sip:`, date in
/// whole seconds, texts, then name and hash of every attachment in the file's order. How the file
/// carries them (encodings, line breaks, order of header fields, case of addresses) is not in it.
pub(super) fn record_id(eml: &Eml) -> RecordId {
    let envelope = &eml.envelope;
    let mut addresses: Vec<_> = envelope
        .participants
        .iter()
        .map(|one| &one.address)
        .collect();
    addresses.sort_unstable();
    let mut fields = Fields::of("archiving-export");
    for address in addresses {
        fields = fields.text("address").text(address);
    }
    let subject = envelope.subject_field.to_lowercase().replace("sip:", "");
    fields = fields
        .text("subject")
        .text(&subject)
        .text("date")
        .number(envelope.start.seconds());
    if let Some(text) = &eml.transcript.text {
        fields = fields.text("text/plain").text(text);
    }
    if let Some(html) = &eml.transcript.html {
        fields = fields.text("text/html").text(html);
    }
    for attachment in &eml.attachments {
        fields = fields
            .text("attachment")
            .text(&attachment.name)
            .bytes(&attachment.sha256);
    }
    RecordId::from_bytes(fields.digest())
}
