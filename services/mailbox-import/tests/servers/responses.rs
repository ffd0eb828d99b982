//! Responses of servers that do not keep to the book.

use proptest::prelude::*;

/// Pieces of responses, joined in any order: nearer to what parsers stumble over than any bytes.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "* ",
            "+ ",
            "c1 ",
            "OK ",
            "NO ",
            "BYE ",
            "[APPENDUID 1 2:3] ",
            "[",
            "]",
            "FETCH (",
            "BODY[] ",
            "UID 7 ",
            "{3}\r\n",
            "{0}\r\n",
            "abc",
            "\"",
            "NIL",
            ")",
            "\r\n",
            "NAMESPACE ((\"INBOX/\" \"/\")) NIL NIL",
            "LIST (\\Noselect) \"/\" x",
            "é",
        ])
        .prop_map(|piece| piece.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn whatever_a_server_sends_is_survived(mut bytes in pieces()) {
        bytes.extend_from_slice(b"\r\n");
        chatkeep_mailbox_import::fuzz::imap_responses(&bytes);
    }
}
