//! Participants as RFC 5322 mailboxes.

use chatkeep_model::{Participant, address::is_mailable};
use data_encoding::BASE32_NOPAD;
use sha2::{Digest as _, Sha256};

use super::{encoded_word, transfer};
use crate::transcript::label;

/// Addresses that are no mail addresses go below this name; `.invalid` never exists (RFC 2606).
const NO_DOMAIN: &str = "anonymous.invalid";
/// A local part may have 64 bytes by RFC 5321; real ones that are longer still work in headers.
const LONGEST: usize = 200;

/// Writes `From` and `To`: who opened the conversation, and everybody else.
pub(super) fn write_from_and_to(participants: &[Participant], header: &mut String) {
    header.push_str("From: ");
    match participants.split_first() {
        None => {
            header.push_str("Unknown <unknown@anonymous.invalid>\r\nTo: undisclosed-recipients:;");
        }
        Some((opener, others)) => {
            write_mailbox(opener, header);
            header.push_str("\r\nTo: ");
            if others.is_empty() {
                header.push_str("undisclosed-recipients:;");
            }
            for (index, other) in others.iter().enumerate() {
                if index > 0 {
                    header.push_str(",\r\n ");
                }
                write_mailbox(other, header);
            }
        }
    }
    header.push_str("\r\n");
}

/// Writes `Email`: the address of every participant, by which mailboxes are found.
pub(super) fn write_email(participants: &[Participant], header: &mut String) {
    header.push_str("Email: ");
    for (index, participant) in participants.iter().enumerate() {
        if index > 0 {
            header.push_str(",\r\n ");
        }
        write_address(&participant.address, header);
    }
    header.push_str("\r\n");
}

fn write_mailbox(participant: &Participant, header: &mut String) {
    let mail = participant
        .email
        .as_deref()
        .filter(|mail| is_mailable(mail));
    let address = mail.unwrap_or(&participant.address);
    let name = label::name(participant);
    if name == address && is_header_address(address) {
        header.push_str(address);
        return;
    }
    encoded_word::write_phrase(&name, 8, header);
    header.push_str(if name.len() + address.len() > 64 {
        "\r\n <"
    } else {
        " <"
    });
    write_address(address, header);
    header.push('>');
}

/// Writes an address as it is where RFC 5322 has a form for it in ASCII. Any other (telephone number,
/// conference URI, international address) becomes `{percent-encoded}@anonymous.invalid`; one that is
/// too long for a header `sha256-{base32}@anonymous.invalid`.
fn write_address(address: &str, header: &mut String) {
    if is_header_address(address) {
        header.push_str(address);
        return;
    }
    let mut local = String::with_capacity(address.len());
    for byte in address.bytes() {
        let is_kept = byte.is_ascii_alphanumeric() || b"+-_=".contains(&byte);
        if is_kept {
            local.push(char::from(byte));
        } else {
            transfer::write_hexadecimal('%', byte, &mut local);
        }
    }
    if local.len() > LONGEST {
        let digest = BASE32_NOPAD.encode(&Sha256::digest(address.as_bytes()));
        local = format!("sha256-{}", digest.to_ascii_lowercase());
    } else if local.is_empty() {
        local.push_str("unknown");
    }
    header.push_str(&local);
    header.push('@');
    header.push_str(NO_DOMAIN);
}

/// `dot-atom@dot-atom` in ASCII.
fn is_header_address(address: &str) -> bool {
    let Some((local, domain)) = address.rsplit_once('@') else {
        return false;
    };
    let is_atom = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let all = |text: &str, is: &dyn Fn(u8) -> bool| {
        text.split('.')
            .all(|atom| !atom.is_empty() && atom.bytes().all(is))
    };
    address.len() <= LONGEST
        && !local.contains("=?")
        && all(local, &is_atom)
        && all(domain, &is_host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(address: &str, name: Option<&str>, email: Option<&str>) -> (Option<String>, String) {
        let participant = Participant {
            address: address.to_owned(),
            name: name.map(str::to_owned),
            email: email.map(str::to_owned),
        };
        let mut header = String::new();
        write_from_and_to(&[participant], &mut header);
        header.push_str("\r\n");
        let message = mail_parser::MessageParser::default()
            .parse(&header)
            .unwrap();
        let from = message.from().unwrap().first().unwrap();
        (
            from.name().map(str::to_owned),
            from.address().unwrap().to_owned(),
        )
    }

    #[test]
    fn the_mail_address_wins_over_the_sip_address() {
        let (name, address) = from("ann@sip.test", Some("Ann"), Some("ann@mail.test"));

        assert_eq!(
            (name.as_deref(), address.as_str()),
            (Some("Ann"), "ann@mail.test")
        );
        assert_eq!(from("ann@sip.test", None, None).1, "ann@sip.test");
        assert_eq!(
            from("ann@sip.test", Some("Ann"), Some("")).1,
            "ann@sip.test"
        );
    }

    #[test]
    fn what_is_no_mail_address_gets_a_form_that_is() {
        for (address, expected) in [
            ("+4912345", "+4912345@anonymous.invalid"),
            (
                "jörg@contoso.com",
                "j%C3%B6rg%40contoso%2Ecom@anonymous.invalid",
            ),
            (
                "a..b@contoso.com",
                "a%2E%2Eb%40contoso%2Ecom@anonymous.invalid",
            ),
            ("", "unknown@anonymous.invalid"),
            (
                "x\r\nBcc: eve@evil.test",
                "x%0D%0ABcc%3A%20eve%40evil%2Etest@anonymous.invalid",
            ),
        ] {
            assert_eq!(from(address, None, None).1, expected);
        }
        let endless = from(&"x".repeat(5_000), None, None).1;
        assert!(
            endless.starts_with("sha256-") && endless.len() < 100,
            "{endless}"
        );
    }

    #[test]
    fn names_of_every_kind_come_back() {
        for name in [
            "Doe, Jane \"JD\" \\o/",
            "Jörg Müller",
            "=?utf-8?q?x?=",
            "a@b.test",
            "O'Neil (IT)",
        ] {
            assert_eq!(from("x@y.test", Some(name), None).0.as_deref(), Some(name));
        }
    }

    #[test]
    fn nobody_is_a_valid_sender_too() {
        let mut header = String::new();
        write_from_and_to(&[], &mut header);

        assert_eq!(
            header,
            "From: Unknown <unknown@anonymous.invalid>\r\nTo: undisclosed-recipients:;\r\n"
        );
    }
}
