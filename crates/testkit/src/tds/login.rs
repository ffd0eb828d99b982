use std::fmt;

use super::wire::{Input, Malformed, text};

/// Where the pairs of offset and length stand in LOGIN7, [MS-TDS] 2.2.6.4.
const PACKET_SIZE: usize = 8;
const OPTION_FLAGS_2: usize = 25;
const TYPE_FLAGS: usize = 26;
const OPTION_FLAGS_3: usize = 27;
const USER: usize = 40;
const PASSWORD: usize = 44;
const APPLICATION: usize = 48;
const DATABASE: usize = 68;

/// Who signs in, where to.
pub(super) struct Login {
    pub(super) user: String,
    pub(super) password: String,
    pub(super) application: String,
    /// Empty: the user's default one.
    pub(super) database: String,
    pub(super) packet_size: u32,
    /// Whether it only wants to read, and may be routed to a copy.
    pub(super) is_read_only: bool,
    /// Whether it proves who it is by Windows or Entra ID instead of a password.
    pub(super) is_integrated: bool,
}

impl Login {
    pub(super) fn read(message: &[u8]) -> Result<Self, Malformed> {
        let flags = |at: usize| message.get(at).copied().ok_or(Malformed::Short);
        let password: Vec<u8> = field(message, PASSWORD)?
            .iter()
            .copied()
            .map(reveal)
            .collect();
        Ok(Self {
            user: text(field(message, USER)?)?,
            password: text(&password)?,
            application: text(field(message, APPLICATION)?)?,
            database: text(field(message, DATABASE)?)?,
            packet_size: Input(message.get(PACKET_SIZE..).unwrap_or_default()).u32()?,
            is_read_only: flags(TYPE_FLAGS)? & 0x20 != 0,
            is_integrated: flags(OPTION_FLAGS_2)? & 0x80 != 0 || flags(OPTION_FLAGS_3)? & 0x10 != 0,
        })
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").finish_non_exhaustive()
    }
}

/// The characters that the pair of offset and length at this place points to.
fn field(message: &[u8], at: usize) -> Result<&[u8], Malformed> {
    let mut pair = Input(message.get(at..).unwrap_or_default());
    let start = usize::from(pair.u16()?);
    let units = usize::from(pair.u16()?);
    let bytes = message.get(start..start + units * 2);
    bytes.ok_or(Malformed::Short)
}

/// A byte of a password: its halves were swapped, then each bit of 0xA5 flipped.
fn reveal(byte: u8) -> u8 {
    (byte ^ 0xa5).rotate_left(4)
}

#[cfg(test)]
mod tests {
    use super::{Login, reveal};

    #[test]
    fn a_password_is_read_as_it_was_typed() {
        // `a` is 0x61: swapped 0x16, then flipped 0xB3.
        assert_eq!(reveal(0xb3), b'a');
        assert_eq!(reveal(0xa5), 0);
    }

    #[test]
    fn a_login_that_points_past_its_end_is_refused() {
        let mut message = vec![0; 94];
        message[40] = 94;
        message[42] = 1;

        assert!(Login::read(&message).is_err());
    }
}
