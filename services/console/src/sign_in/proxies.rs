//! Proxies before the console, and what they say about where a request comes from.

use std::{fmt, net::IpAddr, str::FromStr};

use http::{HeaderMap, HeaderName};
use serde::{Deserialize, de};

/// Addresses of a network: `10.0.0.0/8`, or of one machine: `192.0.2.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    /// Leading bits that all of its addresses have.
    prefix: u8,
}

/// The text is no network.
#[derive(Debug, thiserror::Error)]
#[error("not an address or a network; write it as 192.0.2.1 or 10.0.0.0/8")]
pub struct NotANetwork;

/// The header in which proxies say whom they ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyHeader {
    /// `X-Forwarded-For`: addresses, that of the nearest last.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// Whom to believe about where a request comes from.
#[derive(Clone, Debug)]
pub(super) struct Proxies {
    trusted: Vec<Network>,
    header: ProxyHeader,
}

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NotANetwork)?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(longest), str::parse);
        let prefix = prefix.ok().filter(|prefix| *prefix <= longest);
        Ok(Self {
            address,
            prefix: prefix.ok_or(NotANetwork)?,
        })
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl Network {
    fn contains(self, address: IpAddr) -> bool {
        // Shifting out all bits is no shift at all.
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let differs = own.to_bits() ^ other.to_bits();
                differs.checked_shr(32 - u32::from(self.prefix)) == Some(0) || self.prefix == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let differs = own.to_bits() ^ other.to_bits();
                differs.checked_shr(128 - u32::from(self.prefix)) == Some(0) || self.prefix == 0
            }
            _ => false,
        }
    }
}

impl ProxyHeader {
    fn name(self) -> HeaderName {
        match self {
            Self::XForwardedFor => HeaderName::from_static("x-forwarded-for"),
            Self::Forwarded => http::header::FORWARDED,
        }
    }

    /// The elements of a line, the last one first.
    fn elements(self, line: &str) -> Vec<&str> {
        match self {
            Self::XForwardedFor => line.rsplit(',').collect(),
            Self::Forwarded => unquoted(line, b','),
        }
    }

    /// Whom an element of the header names; `None` where it is no address.
    fn address(self, element: &str) -> Option<IpAddr> {
        let element = element.trim();
        let node = match self {
            Self::XForwardedFor => element,
            Self::Forwarded => {
                let pairs = unquoted(element, b';').into_iter();
                let pairs = pairs.filter_map(|pair| pair.split_once('='));
                let mut nodes = pairs.filter(|(name, _)| name.trim().eq_ignore_ascii_case("for"));
                nodes.next()?.1.trim().trim_matches('"')
            }
        };
        node_address(node)
    }
}

/// What a mark divides where it stands in no quotes, the last piece first. Read from the end: what the nearest
/// proxy wrote stands there, and `host` in it, which is the client's word, may have any mark in its quotes
/// (RFC 7239, 4). A quote that the client left open ends before what proxies add.
fn unquoted(text: &str, mark: u8) -> Vec<&str> {
    let bytes = text.as_bytes();
    let is_escaped = |quote: usize| {
        let before = bytes[..quote].iter().rev();
        before.take_while(|byte| **byte == b'\\').count() % 2 == 1
    };
    let (mut pieces, mut end, mut is_quoted) = (Vec::new(), text.len(), false);
    for (place, byte) in bytes.iter().enumerate().rev() {
        if *byte == b'"' && !is_escaped(place) {
            is_quoted = !is_quoted;
        } else if *byte == mark && !is_quoted {
            pieces.push(&text[place + 1..end]);
            end = place;
        }
    }
    pieces.push(&text[..end]);
    pieces
}

/// The address of `192.0.2.1`, `192.0.2.1:443`, `2001:db8::1` or `[2001:db8::1]:443`.
fn node_address(node: &str) -> Option<IpAddr> {
    let plain = node.parse::<IpAddr>();
    let address = plain.or_else(|_| match node.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default().parse(),
        None => node
            .rsplit_once(':')
            .map_or(node, |(address, _)| address)
            .parse(),
    });
    address.ok().map(|address| address.to_canonical())
}

impl Proxies {
    pub(super) fn new(trusted: &[Network], header: ProxyHeader) -> Self {
        Self {
            trusted: trusted.to_vec(),
            header,
        }
    }

    /// Where a request comes from: the other end of the connection, unless that is a proxy that is trusted.
    /// Then it is whom the proxy names, and so on: the nearest that is none of ours. What stands before it
    /// in the header may be made up.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let lines = headers.get_all(self.header.name()).into_iter();
        let lines: Vec<_> = lines.map(|line| line.to_str().unwrap_or("?")).collect();
        let lines = lines.iter().rev();
        for element in lines.flat_map(|line| self.header.elements(line)) {
            if !self.trusts(client) {
                break;
            }
            let Some(named) = self.header.address(element) else {
                break;
            };
            client = named;
        }
        client
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who asks, by a proxy at 10.0.0.1 unless another address connects.
    fn client(header: ProxyHeader, peer: &str, lines: &[&str]) -> String {
        let trusted = ["10.0.0.0/8", "fd00::/8"].map(|text| text.parse().unwrap());
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header.name(), line.parse().unwrap());
        }
        let peer = peer.parse().unwrap();
        let proxies = Proxies::new(&trusted, header);
        proxies.client(peer, &headers).to_string()
    }

    fn forwarded_for(peer: &str, lines: &[&str]) -> String {
        client(ProxyHeader::XForwardedFor, peer, lines)
    }

    #[test]
    fn who_connects_by_themselves_cannot_say_that_they_are_somebody_else() {
        for lines in [
            &["203.0.113.9"][..],
            &["10.0.0.1"],
            &["127.0.0.1, 10.0.0.2"],
        ] {
            assert_eq!(forwarded_for("198.51.100.7", lines), "198.51.100.7");
        }
    }

    #[test]
    fn what_a_client_puts_before_its_own_address_counts_for_nothing() {
        let spoofed = "127.0.0.1, 192.0.2.66, 203.0.113.9";
        assert_eq!(forwarded_for("10.0.0.1", &[spoofed]), "203.0.113.9");
        // A proxy may add a line instead of an element.
        let lines = ["127.0.0.1", "203.0.113.9", "10.0.0.2"];
        assert_eq!(forwarded_for("10.0.0.1", &lines), "203.0.113.9");
    }

    #[test]
    fn what_is_no_address_ends_the_way_at_the_proxy_that_wrote_it() {
        for line in ["unknown", "", "203.0.113.9, unknown", "1.2.3.4.5"] {
            assert_eq!(forwarded_for("10.0.0.1", &[line]), "10.0.0.1", "{line}");
        }
        assert_eq!(
            forwarded_for("10.0.0.1", &["unknown, 10.0.0.2"]),
            "10.0.0.2"
        );
        assert_eq!(forwarded_for("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn the_other_header_is_not_looked_at() {
        let proxies = Proxies::new(&["10.0.0.0/8".parse().unwrap()], ProxyHeader::default());
        let mut headers = HeaderMap::new();
        headers.insert("forwarded", "for=192.0.2.66".parse().unwrap());

        let peer = "10.0.0.1".parse().unwrap();

        assert_eq!(proxies.client(peer, &headers), peer);
    }

    #[test]
    fn a_port_is_no_part_of_the_address_and_an_embedded_address_is_itself() {
        let of = |line: &str| forwarded_for("::ffff:10.0.0.1", &[line]);
        assert_eq!(of("203.0.113.9:4711"), "203.0.113.9");
        assert_eq!(of("2001:db8::9"), "2001:db8::9");
        assert_eq!(of("[2001:db8::9]:4711"), "2001:db8::9");
        assert_eq!(of("::ffff:203.0.113.9"), "203.0.113.9");
        assert_eq!(of("203.0.113.9, fd00::1"), "203.0.113.9");
    }

    #[test]
    fn the_standards_header_is_read_as_it_is_written() {
        let of = |line: &str| client(ProxyHeader::Forwarded, "10.0.0.1", &[line]);
        assert_eq!(
            of("for=192.0.2.60;proto=http;by=203.0.113.43"),
            "192.0.2.60"
        );
        assert_eq!(of("For=\"[2001:db8:cafe::17]:4711\""), "2001:db8:cafe::17");
        assert_eq!(of("for=127.0.0.1, for=203.0.113.9"), "203.0.113.9");
        assert_eq!(of("for=203.0.113.9, for=_hidden"), "10.0.0.1");
        assert_eq!(of("by=203.0.113.43"), "10.0.0.1");
    }

    #[test]
    fn what_stands_in_quotes_is_no_element_of_the_header() {
        let of = |line: &str| client(ProxyHeader::Forwarded, "10.0.0.1", &[line]);
        let host = "for=203.0.113.9;host=\"a,for=127.0.0.1\"";
        assert_eq!(of(host), "203.0.113.9");
        let host = "host=\"a;for=127.0.0.1\";for=203.0.113.9";
        assert_eq!(of(host), "203.0.113.9");
        let host = "for=203.0.113.9;host=\"a\\\",for=127.0.0.1\"";
        assert_eq!(of(host), "203.0.113.9");
        // Quotes of the client's own are closed by nobody, and swallow nothing of the proxy's.
        assert_eq!(of("for=\"127.0.0.1, for=203.0.113.9"), "203.0.113.9");
        assert_eq!(of("for=\"127.0.0.1,\", for=203.0.113.9"), "203.0.113.9");
    }

    #[test]
    fn a_network_is_its_leading_bits() {
        let network = |text: &str| text.parse::<Network>();
        let has = |text: &str, address: &str| {
            let address = address.parse().unwrap();
            network(text).unwrap().contains(address)
        };
        assert!(has("10.1.2.3/8", "10.255.0.1") && !has("10.0.0.0/8", "11.0.0.1"));
        assert!(has("192.0.2.1", "192.0.2.1") && !has("192.0.2.1", "192.0.2.2"));
        assert!(has("0.0.0.0/0", "203.0.113.9") && !has("0.0.0.0/0", "::1"));
        assert!(has("::/0", "::1") && has("2001:db8::/32", "2001:db8:1::1"));
        for text in [
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/-1",
            "10.0.0/8",
            "proxy",
            "",
        ] {
            assert!(network(text).is_err(), "{text}");
        }
    }
}
