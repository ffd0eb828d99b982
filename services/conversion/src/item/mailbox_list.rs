//! The heading of a transcript and its list of participants.

use chatkeep_model::Participant;

use crate::transcript::{
    label,
    pen::{Pen, To},
};

/// Writes title and participants into both alternatives.
pub(super) fn write(title: &str, participants: &[Participant], pen: &mut Pen) {
    pen.html.push_str("<h1 dir=\"auto\">");
    line(title, pen);
    pen.html.push_str("</h1>\r\n<ul>\r\n");
    pen.text.push_str("\r\n\r\nParticipants:\r\n");
    for participant in participants {
        pen.text.push_str("  ");
        pen.html.push_str("<li>");
        one(participant, pen);
        pen.html.push_str("</li>\r\n");
        pen.text.push_str("\r\n");
    }
    pen.html.push_str("</ul>\r\n");
}

fn one(participant: &Participant, pen: &mut Pen) {
    let name = participant.name.as_deref().map(label::one_line);
    if let Some(name) = name.filter(|name| !name.is_empty() && *name != participant.address) {
        pen.html.push_str("<bdi>");
        line(&name, pen);
        pen.html.push_str("</bdi>");
        line(" - ", pen);
    }
    line(&label::one_line(&participant.address), pen);
    let email = participant.email.as_deref().map(label::one_line);
    if let Some(email) = email.filter(|email| !email.is_empty() && *email != participant.address) {
        line(" - ", pen);
        line(&email, pen);
    }
}

fn line(text: &str, pen: &mut Pen) {
    let start = pen.text.len();
    pen.words(text, To::Anchor);
    pen.isolate_from(start);
}
