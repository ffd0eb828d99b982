//! Attributes with more values than a domain controller hands out at once, on a server that answers as one
//! does: no other LDAP server knows ranges.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
};

use chatkeep_model::connector::Connector;
use chatkeep_proto::v1::{PreviewRequest, PreviewResponse};
use tonic::{Response, Status};

use crate::{
    preview::{identities, mapping},
    world::World,
};

/// Addresses on the server's only user.
const ADDRESSES: usize = 7;
/// Values handed out at once.
const AT_ONCE: usize = 3;
/// The same by a server that has no end of them.
const MANY_AT_ONCE: usize = 1_500;

/// How a server hands them out.
#[derive(Clone, Copy)]
enum Hands {
    /// Until the last.
    All,
    /// There are always more.
    Endless,
    /// The same ones again, under the number that was asked for.
    Backwards,
}

/// A BER element (X.690 8.1): tag, length, content. Lengths are below 2^16 here.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[tag, 0x82, length[0], length[1]], content].concat()
}

/// Takes an element off the front: its tag and its content.
fn take<'a>(bytes: &mut &'a [u8]) -> (u8, &'a [u8]) {
    let (tag, first) = (bytes[0], usize::from(bytes[1]));
    let (length, start) = if first < 0x80 {
        (first, 2)
    } else {
        let digits = &bytes[2..2 + (first - 0x80)];
        let value = |sum, digit: &u8| sum << 8 | usize::from(*digit);
        (digits.iter().fold(0, value), 2 + digits.len())
    };
    let content = &bytes[start..start + length];
    *bytes = &bytes[start + length..];
    (tag, content)
}

/// `resultCode` 0, no matched name, no text (RFC 4511, 4.1.9).
fn success(tag: u8) -> Vec<u8> {
    element(tag, &[0x0a, 1, 0, 4, 0, 4, 0])
}

fn entry(attributes: &[(String, Vec<String>)]) -> Vec<u8> {
    let mut list = Vec::new();
    for (name, values) in attributes {
        let values = values.iter().map(|value| element(4, value.as_bytes()));
        let values: Vec<u8> = values.flatten().collect();
        let pair = [element(4, name.as_bytes()), element(0x31, &values)].concat();
        list.extend(element(0x30, &pair));
    }
    let name = element(4, b"CN=ann,DC=corp,DC=example");
    element(0x64, &[name, element(0x30, &list)].concat())
}

/// The addresses from `first` on, under the name that says which they are.
fn range(hands: Hands, first: usize) -> (String, Vec<String>) {
    let (end, last) = match hands {
        Hands::All if first + AT_ONCE >= ADDRESSES => (ADDRESSES, None),
        Hands::Endless => (first + MANY_AT_ONCE, Some(first + MANY_AT_ONCE - 1)),
        Hands::Backwards if first > 0 => (first + AT_ONCE, Some(first - 1)),
        _ => (first + AT_ONCE, Some(first + AT_ONCE - 1)),
    };
    let last = last.map_or_else(|| "*".to_owned(), |last| last.to_string());
    let values = (first..end).map(|number| format!("smtp:alias{number}@contoso.com"));
    (
        format!("proxyAddresses;range={first}-{last}"),
        values.collect(),
    )
}

/// What a search for these attributes finds below this base: nothing of the server itself.
fn found(hands: Hands, base: &[u8], attributes: &[String]) -> Vec<u8> {
    if base.is_empty() {
        return Vec::new();
    }
    let first = attributes.iter().find_map(|name| {
        let range = name.strip_prefix("proxyAddresses;range=")?;
        range.strip_suffix("-*")?.parse().ok()
    });
    match first {
        Some(first) => entry(&[range(hands, first)]),
        None => entry(&[
            ("objectGUID".to_owned(), vec!["0123456789abcdef".to_owned()]),
            ("mail".to_owned(), vec!["ann@contoso.com".to_owned()]),
            ("proxyAddresses".to_owned(), Vec::new()),
            range(hands, 0),
        ]),
    }
}

fn answer(hands: Hands, request: u8, mut content: &[u8]) -> Vec<Vec<u8>> {
    if request == 0x60 {
        return vec![success(0x61)];
    }
    let (_, base) = take(&mut content);
    // Scope, aliases, limits, types only, filter.
    for _ in 0..6 {
        take(&mut content);
    }
    let (_, mut list) = take(&mut content);
    let mut attributes = Vec::new();
    while !list.is_empty() {
        attributes.push(String::from_utf8(take(&mut list).1.to_vec()).unwrap());
    }
    let entry = found(hands, base, &attributes);
    let entries = (!entry.is_empty()).then_some(entry);
    entries.into_iter().chain([success(0x65)]).collect()
}

fn serve(hands: Hands, mut stream: TcpStream) {
    let mut buffer = vec![0; 65_536];
    // The client waits for each answer: what is read is one message.
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        let (_, mut message) = take(&mut &buffer[..length]);
        let (_, id) = take(&mut message);
        let (request, content) = take(&mut message);
        if request == 0x42 {
            return;
        }
        for response in answer(hands, request, content) {
            let message = element(0x30, &[element(2, id), response].concat());
            // Whoever was told too much is gone.
            if stream.write_all(&message).is_err() {
                return;
            }
        }
    }
}

fn start(hands: Hands) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || serve(hands, stream.unwrap()));
        }
    });
    address
}

/// What becomes of addresses under the directory of a server that hands out so.
async fn preview(hands: Hands, addresses: &[&str]) -> Result<PreviewResponse, Status> {
    let world = World::start("", "");
    for name in ["user", "password"] {
        world.write(name, name);
    }
    let file = format!(
        "name='C'\ndomain='contoso.com'\n[[sources]]\ntype='archiving-export'\npath='e'\n\
         [directory]\ntype='ldap'\nurl='ldap://{}'\nbase='DC=corp,DC=example'\n\
         user='file:user'\npassword='file:password'\n[target]\ntype='discard'\n",
        start(hands)
    );
    let connector = Connector::parse(&file, world.folder.path()).unwrap();
    let request = PreviewRequest {
        connector_file: connector.to_toml().unwrap(),
        identities: identities(addresses),
        custom_mapping: None,
    };
    let preview = mapping(&world).preview(request).await;
    preview.map(Response::into_inner)
}

#[tokio::test]
async fn all_addresses_of_a_user_are_read_though_the_server_hands_out_a_few_at_once() {
    let aliases: Vec<_> = (0..ADDRESSES)
        .map(|number| format!("alias{number}@contoso.com"))
        .collect();
    let aliases: Vec<_> = aliases.iter().map(String::as_str).collect();

    let preview = preview(Hands::All, &aliases).await.unwrap();

    assert_eq!(preview.users, 1);
    let mailboxes = preview
        .resolutions
        .iter()
        .map(|found| found.mailbox.as_str());
    assert!(mailboxes.eq(["ann@contoso.com"; ADDRESSES]));
}

#[tokio::test]
async fn a_server_that_hands_out_values_for_ever_is_refused() {
    let told = preview(Hands::Endless, &[]).await.unwrap_err();

    let says = "a user there has 51000 values of proxyAddresses";
    assert!(told.message().contains(says), "{}", told.message());
}

#[tokio::test]
async fn a_server_whose_ranges_do_not_go_on_is_refused() {
    let told = preview(Hands::Backwards, &[]).await.unwrap_err();

    let says = "hands out proxyAddresses in ranges that lead nowhere";
    assert!(told.message().contains(says), "{}", told.message());
}
