use super::wire::Malformed;

/// Options of PRELOGIN, [MS-TDS] 2.2.6.5.
const VERSION: u8 = 0;
const ENCRYPTION: u8 = 1;
const INSTANCE: u8 = 2;
const THREAD: u8 = 3;
const MARS: u8 = 4;
const TERMINATOR: u8 = 0xff;

/// What is encrypted, as one side of a connection sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encryption {
    /// Of a client: as little as the server allows. Of a server: the login, since it can.
    Off = 0,
    /// Everything.
    On = 1,
    /// This side has no TLS.
    NotSupported = 2,
    /// Everything, or nothing at all is said.
    Required = 3,
}

/// What a client opens a connection with.
#[derive(Debug)]
pub(super) struct Prelogin {
    pub(super) encryption: Encryption,
    /// The instance that the client means to talk to; empty for any.
    pub(super) instance: String,
}

impl Prelogin {
    pub(super) fn read(message: &[u8]) -> Result<Self, Malformed> {
        let encryption = match option(message, ENCRYPTION)?.and_then(<[u8]>::first) {
            Some(0) => Encryption::Off,
            Some(1) => Encryption::On,
            Some(2) | None => Encryption::NotSupported,
            Some(3) => Encryption::Required,
            Some(other) => {
                return Err(Malformed::Unexpected(format!(
                    "encryption {other} is unknown"
                )));
            }
        };
        let instance = option(message, INSTANCE)?.unwrap_or_default();
        let instance = instance.split(|byte| *byte == 0).next().unwrap_or_default();
        Ok(Self {
            encryption,
            instance: String::from_utf8_lossy(instance).into_owned(),
        })
    }
}

/// The value of an option, found by its offset and length, both big-endian.
fn option(message: &[u8], wanted: u8) -> Result<Option<&[u8]>, Malformed> {
    let mut rest = message;
    loop {
        match rest {
            [TERMINATOR, ..] => return Ok(None),
            [token, a, b, c, d, others @ ..] => {
                if *token == wanted {
                    let start = usize::from(u16::from_be_bytes([*a, *b]));
                    let length = usize::from(u16::from_be_bytes([*c, *d]));
                    let value = message.get(start..start + length);
                    return value.map(Some).ok_or(Malformed::Short);
                }
                rest = others;
            }
            _ => return Err(Malformed::Short),
        }
    }
}

/// What a server answers: one that has TLS or not, and that insists on it or not. The table is in
/// [MS-TDS] 2.2.6.5.
pub(super) fn agree(client: Encryption, has_tls: bool, insists: bool) -> Encryption {
    match client {
        _ if !has_tls => Encryption::NotSupported,
        Encryption::On | Encryption::Required => Encryption::On,
        Encryption::Off | Encryption::NotSupported if insists => Encryption::Required,
        Encryption::Off => Encryption::Off,
        Encryption::NotSupported => Encryption::NotSupported,
    }
}

/// The server's PRELOGIN.
pub(super) fn answer(encryption: Encryption, is_instance: bool) -> Vec<u8> {
    let options: [(u8, &[u8]); 5] = [
        // Of SQL Server 2019, so that a client that asks for a version gets one it knows.
        (VERSION, &[15, 0, 0x07, 0xd0, 0, 0]),
        (ENCRYPTION, &[encryption as u8]),
        (INSTANCE, &[u8::from(!is_instance)]),
        (THREAD, &[]),
        (MARS, &[0]),
    ];
    let mut offset = u16::try_from(options.len() * 5 + 1).unwrap_or(u16::MAX);
    let mut answer = Vec::new();
    for (token, value) in options {
        let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
        answer.push(token);
        answer.extend(offset.to_be_bytes());
        answer.extend(length.to_be_bytes());
        offset += length;
    }
    answer.push(TERMINATOR);
    answer.extend(options.iter().flat_map(|(_, value)| *value));
    answer
}

#[cfg(test)]
mod tests {
    use super::{
        Encryption::{NotSupported, Off, On, Required},
        Prelogin, agree, answer,
    };

    #[test]
    fn encryption_is_agreed_on_as_the_protocol_has_it() {
        let clients = [Off, On, NotSupported, Required];

        assert_eq!(
            clients.map(|client| agree(client, false, false)),
            [NotSupported; 4]
        );
        assert_eq!(
            clients.map(|client| agree(client, true, false)),
            [Off, On, NotSupported, On]
        );
        assert_eq!(
            clients.map(|client| agree(client, true, true)),
            [Required, On, Required, On]
        );
    }

    #[test]
    fn an_answer_reads_as_what_a_client_would_send() {
        let read = Prelogin::read(&answer(Off, true)).unwrap();

        assert_eq!((read.encryption, read.instance.as_str()), (Off, ""));
    }

    #[test]
    fn a_message_without_end_is_refused() {
        let mut message = answer(On, true);
        message.truncate(12);

        assert!(Prelogin::read(&message).is_err());
    }
}
