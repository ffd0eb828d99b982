//! What a server says, as far as we listen.

use std::borrow::Cow;

use bytes::Bytes;
use imap_codec::{
    ResponseCodec,
    decode::Decoder as _,
    imap_types::{
        core::{IString, NString, QuotedChar},
        extensions::namespace::Namespaces,
        fetch::MessageDataItem,
        flag::{Flag, FlagFetch, FlagNameAttribute},
        mailbox::Mailbox,
        response::{self as codec, CommandContinuationRequest, Data},
    },
};

/// A response.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Response {
    /// The server waits for more of a command.
    Continue,
    /// A command is done.
    Tagged {
        /// The command's tag.
        tag: String,
        /// How it ended.
        status: Status,
    },
    /// Something about the connection or the command in progress.
    Untagged(Status),
    /// The server is about to close the connection.
    Bye(Status),
    /// What the server can do.
    Capability(Vec<String>),
    /// A folder.
    List(Listed),
    /// The user's own namespace: prefix and delimiter.
    Namespace(String, Option<char>),
    /// Number of messages in the selected folder.
    Exists(u32),
    /// UIDs found by a search.
    Search(Vec<u32>),
    /// Something about a message.
    Fetch(Fetched),
    /// Anything else, or nothing we can read: of no interest.
    Other,
}

/// How something ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Status {
    pub(crate) kind: Kind,
    pub(crate) code: Code,
    /// For people; may name mailboxes and must not be logged.
    pub(crate) text: String,
}

/// The first word of a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Ok,
    No,
    Bad,
}

/// The response code of a status.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Code {
    None,
    UidValidity(u32),
    UidNext(u32),
    /// UIDVALIDITY, first and last UID, and whether there is nothing but them in between.
    AppendUid(AppendUid),
    Capability(Vec<String>),
    /// Another one, in upper case and without its arguments.
    Named(String),
}

/// The UIDs that appended messages got (RFC 4315).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AppendUid {
    pub(crate) uid_validity: u32,
    /// Ranges, in the order of the messages.
    pub(crate) uids: Vec<(u32, u32)>,
}

/// A folder that a server listed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Listed {
    pub(crate) name: String,
    pub(crate) delimiter: Option<char>,
    pub(crate) no_inferiors: bool,
    pub(crate) no_select: bool,
}

/// What a server told of a message.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Fetched {
    pub(crate) uid: Option<u32>,
    pub(crate) seen: bool,
    /// Unix seconds.
    pub(crate) date: Option<i64>,
    pub(crate) body: Option<Bytes>,
}

/// Reads one response. What cannot be read is [`Response::Other`]: a server may send what it likes
/// beside the answers we wait for, and an answer that never comes runs into its timeout.
pub(crate) fn parse(frame: &Bytes) -> Response {
    match ResponseCodec::new().decode(frame) {
        Ok(([], response)) => convert(frame, response),
        _ => parse_leniently(frame),
    }
}

fn convert(frame: &Bytes, response: codec::Response<'_>) -> Response {
    match response {
        codec::Response::CommandContinuationRequest(
            CommandContinuationRequest::Basic(_) | CommandContinuationRequest::Base64(_),
        ) => Response::Continue,
        codec::Response::Status(status) => convert_status(status),
        codec::Response::Data(data) => convert_data(frame, data),
    }
}

fn convert_status(status: codec::Status<'_>) -> Response {
    match status {
        codec::Status::Untagged(body) => Response::Untagged(body_status(&body)),
        codec::Status::Tagged(tagged) => Response::Tagged {
            tag: tagged.tag.as_ref().to_owned(),
            status: body_status(&tagged.body),
        },
        codec::Status::Bye(bye) => Response::Bye(Status {
            kind: Kind::No,
            code: convert_code(bye.code.as_ref()),
            text: bye.text.as_ref().to_owned(),
        }),
    }
}

fn body_status(body: &codec::StatusBody<'_>) -> Status {
    let kind = match body.kind {
        codec::StatusKind::Ok => Kind::Ok,
        codec::StatusKind::No => Kind::No,
        codec::StatusKind::Bad => Kind::Bad,
    };
    Status {
        kind,
        code: convert_code(body.code.as_ref()),
        text: body.text.as_ref().to_owned(),
    }
}

fn convert_code(code: Option<&codec::Code<'_>>) -> Code {
    let named = |name: &str| Code::Named(name.to_owned());
    match code {
        Some(codec::Code::UidValidity(number)) => Code::UidValidity(number.get()),
        Some(codec::Code::UidNext(number)) => Code::UidNext(number.get()),
        Some(codec::Code::AppendUid { uid_validity, uid }) => Code::AppendUid(AppendUid {
            uid_validity: uid_validity.get(),
            uids: vec![(uid.get(), uid.get())],
        }),
        Some(codec::Code::Capability(list)) => Code::Capability(names(list.as_ref())),
        Some(codec::Code::TryCreate) => named("TRYCREATE"),
        Some(codec::Code::OverQuota) => named("OVERQUOTA"),
        Some(codec::Code::TooBig) => named("TOOBIG"),
        Some(codec::Code::Other(other)) => other_code(other.inner()),
        None | Some(_) => Code::None,
    }
}

fn other_code(code: &[u8]) -> Code {
    let text = String::from_utf8_lossy(code).to_ascii_uppercase();
    let mut words = text.split(' ');
    let name = words.next().unwrap_or_default();
    if name == "APPENDUID"
        && let Some(code) = append_uid(words.next(), words.next())
    {
        return Code::AppendUid(code);
    }
    Code::Named(name.to_owned())
}

/// imap-codec knows the form with one UID only; MULTIAPPEND answers with a set.
fn append_uid(uid_validity: Option<&str>, uids: Option<&str>) -> Option<AppendUid> {
    let range = |range: &str| {
        let (first, last) = range.split_once(':').unwrap_or((range, range));
        Some((first.parse().ok()?, last.parse().ok()?))
    };
    Some(AppendUid {
        uid_validity: uid_validity?.parse().ok()?,
        uids: uids?.split(',').map(range).collect::<Option<_>>()?,
    })
}

fn names(capabilities: &[codec::Capability<'_>]) -> Vec<String> {
    let names = capabilities.iter();
    names
        .map(|name| name.to_string().to_ascii_uppercase())
        .collect()
}

fn convert_data(frame: &Bytes, data: Data<'_>) -> Response {
    match data {
        Data::Capability(list) => Response::Capability(names(list.as_ref())),
        Data::Exists(count) => Response::Exists(count),
        Data::Search(uids) => Response::Search(uids.into_iter().map(Into::into).collect()),
        Data::List {
            items,
            delimiter,
            mailbox,
        } => Response::List(Listed {
            name: mailbox_name(&mailbox),
            delimiter: delimiter.map(|delimiter| delimiter.inner()),
            no_inferiors: items.contains(&FlagNameAttribute::Noinferiors),
            no_select: items.contains(&FlagNameAttribute::Noselect),
        }),
        Data::Namespace { personal, .. } => own_namespace(personal),
        Data::Fetch { items, .. } => {
            let mut fetched = Fetched::default();
            for item in items {
                take_item(frame, item, &mut fetched);
            }
            Response::Fetch(fetched)
        }
        _ => Response::Other,
    }
}

fn own_namespace(personal: Namespaces<'_>) -> Response {
    let Some(first) = personal.into_iter().next() else {
        return Response::Other;
    };
    let prefix = String::from_utf8_lossy(first.prefix.as_ref()).into_owned();
    let delimiter = first
        .delimiter
        .map(|delimiter: QuotedChar| delimiter.inner());
    Response::Namespace(prefix, delimiter)
}

fn mailbox_name(mailbox: &Mailbox<'_>) -> String {
    match mailbox {
        Mailbox::Inbox => "INBOX".to_owned(),
        Mailbox::Other(name) => String::from_utf8_lossy(name.as_ref()).into_owned(),
    }
}

fn take_item(frame: &Bytes, item: MessageDataItem<'_>, fetched: &mut Fetched) {
    match item {
        MessageDataItem::Uid(uid) => fetched.uid = Some(uid.get()),
        MessageDataItem::Flags(flags) => {
            fetched.seen = flags.contains(&FlagFetch::Flag(Flag::Seen));
        }
        MessageDataItem::InternalDate(date) => {
            fetched.date = Some(date.as_ref().timestamp());
        }
        MessageDataItem::BodyExt {
            data: NString(Some(data)),
            ..
        } => {
            fetched.body = Some(match data {
                IString::Literal(literal) => match literal.into_inner() {
                    // The message's bytes stay where they were received.
                    Cow::Borrowed(data) => frame.slice_ref(data),
                    Cow::Owned(data) => data.into(),
                },
                IString::Quoted(quoted) => quoted.into_inner().into_owned().into(),
            });
        }
        _ => {}
    }
}

/// Finds the end of a command in an answer that is not quite by the book, e.g. with text that is not
/// ASCII: without this a refusal in the server's own language would look like silence.
fn parse_leniently(frame: &Bytes) -> Response {
    if frame.starts_with(b"+") {
        return Response::Continue;
    }
    let line = String::from_utf8_lossy(frame);
    let mut words = line.trim_end().splitn(3, ' ');
    let (Some(tag), Some(kind)) = (words.next(), words.next()) else {
        return Response::Other;
    };
    let rest = words.next().unwrap_or_default();
    let (code, text) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((code, text)) => (other_code(code.as_bytes()), text.trim_start()),
        None => (Code::None, rest),
    };
    let status = |kind| Status {
        kind,
        code: code.clone(),
        text: text.to_owned(),
    };
    let ended = |kind| match tag {
        "*" => Response::Untagged(status(kind)),
        _ => Response::Tagged {
            tag: tag.to_owned(),
            status: status(kind),
        },
    };
    match kind.to_ascii_uppercase().as_str() {
        "OK" => ended(Kind::Ok),
        "NO" => ended(Kind::No),
        "BAD" => ended(Kind::Bad),
        "BYE" if tag == "*" => Response::Bye(status(Kind::No)),
        _ => Response::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(response: &'static str) -> Response {
        parse(&Bytes::from_static(response.as_bytes()))
    }

    #[test]
    fn the_uids_of_a_multiappend_are_read() {
        let Response::Tagged { status, .. } =
            parsed("a8 OK [APPENDUID 1795360973 1951:2000,2003] Append completed.\r\n")
        else {
            panic!("not tagged")
        };

        assert_eq!(
            status.code,
            Code::AppendUid(AppendUid {
                uid_validity: 1_795_360_973,
                uids: vec![(1951, 2000), (2003, 2003)],
            })
        );
    }

    #[test]
    fn refusals_in_the_servers_own_language_are_still_refusals() {
        let Response::Tagged { status, .. } = parsed("a1 NO [OVERQUOTA] Postfach überfüllt\r\n")
        else {
            panic!("not tagged")
        };

        assert_eq!(status.kind, Kind::No);
        assert_eq!(status.code, Code::Named("OVERQUOTA".to_owned()));
    }

    #[test]
    fn messages_are_not_copied_out_of_the_response() {
        let frame = Bytes::from_static(
            b"* 1 FETCH (UID 7 FLAGS (\\Seen) INTERNALDATE \"04-Mar-2019 10:00:00 +0000\" BODY[] {5}\r\nhello)\r\n",
        );

        let Response::Fetch(fetched) = parse(&frame) else {
            panic!("not a fetch")
        };

        assert_eq!(fetched.uid, Some(7));
        assert!(fetched.seen);
        assert_eq!(fetched.date, Some(1_551_693_600));
        assert_eq!(fetched.body.unwrap(), "hello");
    }

    #[test]
    fn what_nobody_asked_for_is_passed_over() {
        assert_eq!(parsed("* XSOMETHING (new 1)\r\n"), Response::Other);
        assert_eq!(parsed("* 5 EXISTS\r\n"), Response::Exists(5));
    }
}
