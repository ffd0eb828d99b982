use proptest::prelude::*;

use super::*;
use crate::fuzz::ldap;

const SEARCHED: Asked = Asked {
    id: 1,
    is_search: true,
    answered: 0,
};
const SIGNED_IN: Asked = Asked {
    id: 1,
    is_search: false,
    answered: 0,
};

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    // The long form, as domain controllers write it.
    [&[tag, 0x84], &length[..], content].concat()
}

fn message(tag: u8, content: &[u8]) -> Vec<u8> {
    with_controls(tag, content, &[])
}

fn with_controls(tag: u8, content: &[u8], controls: &[u8]) -> Vec<u8> {
    let parts = [&[INTEGER, 1, 1], &element(tag, content)[..], controls].concat();
    element(SEQUENCE, &parts)
}

fn an_entry() -> Vec<u8> {
    let values = [element(OCTETS, b"ann"), element(OCTETS, &[0xff, 0])].concat();
    let attribute = [element(OCTETS, b"cn"), element(SET, &values)].concat();
    let attributes = element(SEQUENCE, &element(SEQUENCE, &attribute));
    message(ENTRY, &[element(OCTETS, b"CN=ann"), attributes].concat())
}

fn a_result() -> Vec<u8> {
    let texts = [element(OCTETS, b""), element(OCTETS, b"no")].concat();
    [&[ENUMERATED, 1, 0], &texts[..]].concat()
}

fn a_last_page() -> Vec<u8> {
    a_page(&[INTEGER, 1, 0, OCTETS, 0])
}

fn a_page(value: &[u8]) -> Vec<u8> {
    let page = element(SEQUENCE, value);
    let control = [element(OCTETS, PAGED), element(OCTETS, &page)].concat();
    let controls = element(CONTROLS, &element(SEQUENCE, &control));
    with_controls(DONE, &a_result(), &controls)
}

fn check(mut asked: Asked, answer: &[u8]) -> bool {
    asked.check(answer).is_ok()
}

#[test]
fn answers_to_what_was_asked_pass() {
    assert!(check(SEARCHED, &an_entry()));
    assert!(check(SEARCHED, &a_last_page()));
    assert!(check(
        SEARCHED,
        &message(REFERENCE, &element(OCTETS, b"ldap://x/"))
    ));
    assert!(check(SIGNED_IN, &message(BOUND, &a_result())));
}

#[test]
fn an_announcement_that_the_connection_ends_passes_as_active_directory_writes_it() {
    let name = element(NAME, b"1.3.6.1.4.1.1466.20036");
    let operation = element(EXTENDED, &a_result());
    let parts = [&[INTEGER, 1, 0], &operation[..], &name].concat();

    assert!(check(SEARCHED, &element(SEQUENCE, &parts)));
}

#[test]
fn what_answers_something_else_does_not_pass() {
    assert!(!check(SIGNED_IN, &an_entry()));
    assert!(!check(SEARCHED, &message(BOUND, &a_result())));
    assert!(!check(SEARCHED, &message(EXTENDED, &a_result())));
    let other = Asked { id: 3, ..SEARCHED };
    assert!(!check(other, &an_entry()));
}

#[test]
fn elements_within_elements_without_end_do_not_pass() {
    let mut nested = Vec::new();
    for _ in 0..100 {
        nested = element(SEQUENCE, &nested);
    }

    assert!(!check(SEARCHED, &message(ENTRY, &nested)));
}

#[test]
fn what_follows_a_cookie_is_checked_too_since_the_library_reads_it() {
    let cookie = [INTEGER, 1, 0, OCTETS, 0];
    let mut nested = Vec::new();
    for _ in 0..100 {
        nested = element(SEQUENCE, &nested);
    }

    assert!(check(
        SEARCHED,
        &a_page(&[&cookie[..], &[OCTETS, 0]].concat())
    ));
    assert!(!check(
        SEARCHED,
        &a_page(&[&cookie[..], &[SEQUENCE]].concat())
    ));
    assert!(!check(SEARCHED, &a_page(&[&cookie[..], &nested].concat())));
}

#[test]
fn lengths_that_nobody_can_keep_are_no_lengths() {
    assert_eq!(
        length(&[SEQUENCE, 0x84, 0x7f, 0xff, 0xff, 0xff]),
        Err(Malformed)
    );
    assert_eq!(length(&[SEQUENCE, 0x80]), Err(Malformed));
    assert_eq!(length(&[SEQUENCE, 0x88]), Err(Malformed));
    assert_eq!(length(&[SEQUENCE, 0x82, 1]), Ok(None));
    assert_eq!(length(&[SEQUENCE, 0x82, 1, 0]), Ok(Some(260)));
}

#[test]
fn an_answer_that_never_ends_does_not_pass() {
    let entry = an_entry();
    let mut asked = Asked {
        answered: LARGEST_ANSWER - entry.len(),
        ..SEARCHED
    };

    assert_eq!(asked.check(&entry), Ok(()));
    assert_eq!(asked.check(&entry), Err(Malformed));
}

#[test]
fn nothing_that_breaks_off_passes() {
    for whole in [an_entry(), a_last_page()] {
        for end in 0..whole.len() {
            let part = &whole[..end];
            assert!(length(part).unwrap().is_none_or(|length| length > end));
            assert!(!check(SEARCHED, part), "{end}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _known = length(&bytes);
        prop_assert!(!check(SIGNED_IN, &bytes) || bytes[0] == SEQUENCE);
    }

    #[test]
    fn whatever_passes_the_library_can_read(
        is_entry in any::<bool>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = if is_entry { an_entry() } else { a_last_page() };
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        ldap(&bytes);
    }
}
