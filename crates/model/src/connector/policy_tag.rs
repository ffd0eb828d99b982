use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A retention tag for what is imported, as `Get-RetentionPolicyTag` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyTag {
    /// `RetentionId`.
    pub id: Guid,
    /// `AgeLimitForRetention`, in days.
    pub days: u16,
}

/// A globally unique identifier; written with hyphens, with or without braces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Guid(u128);

/// The text is no GUID.
#[derive(Debug, thiserror::Error)]
#[error("not a GUID; write it as 00000000-0000-0000-0000-000000000000")]
pub struct NotAGuid;

/// Where the hyphens stand.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

impl Guid {
    /// The bytes as Exchange stores them: the first three groups with the least byte first
    /// ([MS-DTYP] 2.3.4.2).
    pub fn bytes(self) -> [u8; 16] {
        let mut bytes = self.0.to_be_bytes();
        bytes[..4].reverse();
        bytes[4..6].reverse();
        bytes[6..8].reverse();
        bytes
    }
}

impl FromStr for Guid {
    type Err = NotAGuid;

    fn from_str(text: &str) -> Result<Self, NotAGuid> {
        let bare = text.strip_prefix('{').and_then(|it| it.strip_suffix('}'));
        let bare = bare.unwrap_or(text);
        let is_one = bare.len() == 36
            && bare.char_indices().all(|(place, c)| match c {
                '-' => HYPHENS.contains(&place),
                c => c.is_ascii_hexdigit() && !HYPHENS.contains(&place),
            });
        let digits = u128::from_str_radix(&bare.replace('-', ""), 16);
        match digits {
            Ok(number) if is_one => Ok(Self(number)),
            _ => Err(NotAGuid),
        }
    }
}

impl TryFrom<String> for Guid {
    type Error = NotAGuid;

    fn try_from(text: String) -> Result<Self, NotAGuid> {
        text.parse()
    }
}

impl From<Guid> for String {
    fn from(guid: Guid) -> Self {
        guid.to_string()
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:032x}", self.0);
        let groups = [
            &digits[..8],
            &digits[8..12],
            &digits[12..16],
            &digits[16..20],
        ];
        write!(f, "{}-{}", groups.join("-"), &digits[20..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_reads_as_itself_and_is_stored_with_the_least_byte_first() {
        let text = "id = \"00112233-4455-6677-8899-AABBCCDDEEFF\"\ndays = 3650";
        let tag: PolicyTag = toml::from_str(text).unwrap();
        let braces: Guid = "{00112233-4455-6677-8899-aabbccddeeff}".parse().unwrap();

        let stored = [
            0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd,
            0xee, 0xff,
        ];
        assert_eq!(tag.id.bytes(), stored);
        assert_eq!(tag.id, braces);
        assert_eq!(tag.id.to_string(), "00112233-4455-6677-8899-aabbccddeeff");
    }

    #[test]
    fn what_is_no_guid_is_refused() {
        for text in [
            "00112233445566778899aabbccddeeff",
            "00112233-4455-6677-8899-aabbccddeef",
            "0011223-34455-6677-8899-aabbccddeeff",
            "+0112233-4455-6677-8899-aabbccddeeff",
            "Seven years",
        ] {
            assert!(text.parse::<Guid>().is_err(), "{text}");
        }
    }
}
