//! Addresses as the sources and directories write them, and the one form they are compared in.

/// The form in which addresses are compared, everywhere: without `sip:`, `sips:`, `smtp:`, `mailto:`
/// scheme (any case), without angle brackets, URI parameters and white space, in lower case.
///
/// A conference URI keeps its parameters (`;gruu;opaque=app:conf:...`): they are its name.
///
/// ```
/// use chatkeep_model::address::normalize;
/// assert_eq!(normalize(" SIP:Ann@Contoso.COM;transport=tls "), "ann@contoso.com");
/// ```
pub fn normalize(address: &str) -> String {
    bare(address).to_lowercase()
}

/// Whether normalising changes nothing.
///
/// ```
/// use chatkeep_model::address::is_normal;
/// assert!(is_normal("ann@contoso.com"));
/// assert!(!is_normal("sip:ann@contoso.com"));
/// ```
pub fn is_normal(address: &str) -> bool {
    let is_lower = if address.is_ascii() {
        !address.bytes().any(|byte| byte.is_ascii_uppercase())
    } else {
        address.to_lowercase() == address
    };
    is_lower && bare(address).len() == address.len()
}

/// What remains without scheme, parameters, brackets and white space around it.
fn bare(address: &str) -> &str {
    let bare = address.trim().trim_start_matches('<').trim_end_matches('>');
    let bare = strip_scheme(bare.trim());
    let is_conference = || bare.contains(";opaque=app:conf:") || bare.contains(";gruu");
    let bare = match bare.split_once(';') {
        Some((user, _)) if !is_conference() => user,
        _ => bare,
    };
    bare.trim()
}

/// The part behind the last `@` of a normalised address; `None` where there is none.
pub fn domain(address: &str) -> Option<&str> {
    address
        .rsplit_once('@')
        .map(|(_, domain)| domain)
        .filter(|domain| !domain.is_empty())
}

/// True for what can stand as an address in a mail header: a local part, one `@`, a domain, printable
/// ASCII or UTF-8 without white space and specials. An X.500 name, as Exchange calls mailboxes among
/// themselves (`/o=ExchangeLabs/ou=...`), is none, even where it ends like one.
pub fn is_mailable(address: &str) -> bool {
    if address
        .get(..3)
        .is_some_and(|head| head.eq_ignore_ascii_case("/o="))
    {
        return false;
    }
    let Some((local, domain)) = address.rsplit_once('@') else {
        return false;
    };
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && !"<>()[]\\,;:\"@".contains(c);
    !local.is_empty()
        && !domain.is_empty()
        && local.chars().all(is_plain)
        && domain.chars().all(is_plain)
}

fn strip_scheme(address: &str) -> &str {
    for scheme in ["sip:", "sips:", "smtp:", "mailto:"] {
        if let Some(head) = address.get(..scheme.len())
            && head.eq_ignore_ascii_case(scheme)
        {
            return &address[scheme.len()..];
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conference_uris_keep_their_name() {
        let uri = "sip:Ann@contoso.com;gruu;opaque=app:conf:focus:id:AB12";

        assert_eq!(
            normalize(uri),
            "ann@contoso.com;gruu;opaque=app:conf:focus:id:ab12"
        );
    }

    #[test]
    fn what_is_normal_stays_as_it_is_and_nothing_else_is() {
        let addresses = [
            "ann@contoso.com",
            "sip:ann@contoso.com",
            "Ann@contoso.com",
            "<ann@contoso.com>",
            " ann@contoso.com",
            "ann@contoso.com;transport=tls",
            "ann@contoso.com;gruu;opaque=app:conf:focus:id:ab12",
            "JÖRG@contoso.com",
            "jörg@contoso.com",
            "İ@contoso.com",
            "",
        ];

        for address in addresses {
            assert_eq!(
                is_normal(address),
                normalize(address) == address,
                "{address}"
            );
        }
    }

    #[test]
    fn x500_names_are_not_mailable_even_where_they_end_like_an_address() {
        assert!(!is_mailable(
            "/o=ExchangeLabs/ou=First/cn=Recipients/cn=4f-ann"
        ));
        assert!(!is_mailable("/O=Contoso/cn=Recipients/cn=ann@contoso.com"));
    }

    #[test]
    fn telephone_numbers_and_guids_are_not_mailable_without_a_domain() {
        assert!(!is_mailable("+4912345"));
        assert!(!is_mailable("a b@contoso.com"));
        assert!(is_mailable("jörg@contoso.com"));
        assert!(is_mailable("/o@contoso.com"));
    }
}
