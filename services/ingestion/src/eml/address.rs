use chatkeep_model::{Participant, address::normalize};

use super::header::decode_words;

/// Reads an address field: bare addresses, with `sip:`, with names, in lists.
pub(super) fn parse(value: &str) -> Vec<Participant> {
    split_list(value)
        .into_iter()
        .filter_map(parse_one)
        .collect()
}

/// Splits at commas, and at semicolons between addresses, outside quotes, angle brackets and comments.
/// The semicolons of a conference URI (`a@b;gruu;opaque=...`) stay.
fn split_list(value: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut quoted = false;
    let mut depth = 0_u32;
    let mut escaped = false;
    for (index, c) in value.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '<' | '(' if !quoted => depth += 1,
            '>' | ')' if !quoted => depth = depth.saturating_sub(1),
            ',' | ';' if !quoted && depth == 0 && (c == ',' || separates(&value[index + 1..])) => {
                pieces.push(&value[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    if quoted || depth > 0 {
        // Quotes that do not match mean nothing.
        return value.split(',').collect();
    }
    pieces.push(&value[start..]);
    pieces
}

/// True when what follows a semicolon is an address and not a URI parameter.
fn separates(rest: &str) -> bool {
    let next = rest.split([';', ',']).next().unwrap_or(rest);
    next.contains('@') && !next.contains('=') || next.trim().is_empty()
}

fn parse_one(piece: &str) -> Option<Participant> {
    let piece = piece.trim();
    let (name, address) = match piece.rsplit_once('<') {
        Some((name, rest)) => (name, rest.split('>').next().unwrap_or(rest)),
        None => ("", without_comment(piece)),
    };
    let name = clean_name(name);
    let mut address = normalize(address.trim().trim_matches('"'));
    if address.is_empty() {
        // A name is all there is: it is who they were.
        address = normalize(&name);
    }
    // An empty group such as `undisclosed-recipients:` names nobody.
    if address.is_empty() || address.ends_with(':') {
        return None;
    }
    let name = Some(name).filter(|name| !name.is_empty() && normalize(name) != address);
    Some(Participant {
        address,
        name,
        email: None,
    })
}

fn without_comment(piece: &str) -> &str {
    match piece.split_once('(') {
        Some((address, _)) if !address.trim().is_empty() => address,
        _ => piece,
    }
}

fn clean_name(name: &str) -> String {
    let name = name.trim();
    let quoted = name.strip_prefix('"').and_then(|n| n.strip_suffix('"'));
    let name = quoted.unwrap_or(name).replace("\\\"", "\"");
    decode_words(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(value: &str) -> Vec<String> {
        let participants = parse(value).into_iter();
        participants.map(|found| found.address).collect()
    }

    #[test]
    fn bare_addresses_are_normalised() {
        assert_eq!(addresses("ANN@Contoso.com"), ["ann@contoso.com"]);
        assert_eq!(addresses("sip:ann@contoso.com"), ["ann@contoso.com"]);
        assert_eq!(
            addresses("a@b.c, SIP:d@e.f;g@h.i"),
            ["a@b.c", "d@e.f", "g@h.i"]
        );
        assert_eq!(addresses("tel:+491234"), ["tel:+491234"]);
        assert_eq!(addresses(" ,; "), [""; 0]);
        assert_eq!(addresses("undisclosed-recipients:;"), [""; 0]);
    }

    #[test]
    fn conference_uris_keep_their_semicolons() {
        let uri = "a@b.c;gruu;opaque=app:conf:chat:id:x1";

        assert_eq!(addresses(uri), [uri]);
    }

    #[test]
    fn names_are_kept_with_or_without_an_address() {
        let found = parse("\"Example, Ann\" <sip:Ann@b.c>, =?utf-8?Q?J=C3=B6rg?= <j@b.c>, Bob");

        assert_eq!(found[0].name.as_deref(), Some("Example, Ann"));
        assert_eq!(found[0].address, "ann@b.c");
        assert_eq!(found[1].name.as_deref(), Some("Jörg"));
        assert_eq!(found[2].address, "bob");
    }
}
