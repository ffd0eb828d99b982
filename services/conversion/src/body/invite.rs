//! `text/x-msmsgsinvite`: the signalling of a file transfer.

use crate::transcript::pen::{Pen, To};

/// Writes what the invitation says. False where it says nothing that is known: then it must be kept.
pub(super) fn write(invitation: &str, pen: &mut Pen) -> bool {
    let field = |name: &str| {
        let fields = invitation.lines().filter_map(|line| line.split_once(':'));
        let mut values = fields.filter(|(field, _)| field.trim().eq_ignore_ascii_case(name));
        values
            .next()
            .map(|(_, value)| value.trim())
            .filter(|value| !value.is_empty())
    };
    let command = field("Invitation-Command")
        .unwrap_or_default()
        .to_ascii_uppercase();
    let offered = field("Application-File").or_else(|| field("Application-Name"));
    match (command.as_str(), offered) {
        ("INVITE", Some(name)) => {
            pen.words("file offered: ", To::Both);
            pen.words(name, To::Both);
            if let Some(size) = field("Application-FileSize") {
                pen.words(" (", To::Both);
                pen.words(size, To::Both);
                let is_number = size.bytes().all(|byte| byte.is_ascii_digit());
                pen.words(if is_number { " bytes)" } else { ")" }, To::Both);
            }
        }
        ("INVITE", None) => pen.words("file offered", To::Both),
        ("ACCEPT", _) => pen.words("file offer accepted", To::Both),
        ("CANCEL", _) => {
            pen.words("file offer cancelled", To::Both);
            if let Some(code) = field("Cancel-Code") {
                pen.words(" (", To::Both);
                pen.words(code, To::Both);
                pen.words(")", To::Both);
            }
        }
        _ => {
            pen.words("[file transfer signalling]", To::Both);
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(invitation: &str) -> (String, bool) {
        let mut pen = Pen::default();
        let is_known = write(invitation, &mut pen);
        (pen.text, is_known)
    }

    #[test]
    fn an_offer_names_the_file_and_its_size() {
        let invitation = "Application-Name: File Transfer\r\nApplication-GUID: {5D3E02AB}\r\n\
                          Invitation-Command: INVITE\r\nInvitation-Cookie: 42\r\n\
                          Application-File: plan.pdf\r\nApplication-FileSize: 1024\r\n";

        assert_eq!(
            shown(invitation),
            ("file offered: plan.pdf (1024 bytes)".to_owned(), true)
        );
    }

    #[test]
    fn answers_are_named_and_the_unknown_is_kept() {
        assert_eq!(shown("Invitation-Command: ACCEPT").0, "file offer accepted");
        let cancelled = "Invitation-Command: CANCEL\nCancel-Code: REJECT";
        assert_eq!(shown(cancelled).0, "file offer cancelled (REJECT)");
        assert!(!shown("garbage").1);
    }
}
