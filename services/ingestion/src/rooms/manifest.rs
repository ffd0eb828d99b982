use std::{collections::HashMap, fs::File, io::Read as _, path::Path};

use encoding_rs::{UTF_8, UTF_16LE};

use super::companion::is_stored_name;

/// A manifest beyond this is no manifest.
const LARGEST: u64 = 4 << 20;

/// What an `.ATTACH` manifest says: original names by stored names.
///
/// Its format is not documented. Read is what can be read in any text: a line, or an XML tag, that
/// names one stored file (a GUID) and one other file. Everything else is tolerated and means nothing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Manifest(HashMap<String, String>);

impl Manifest {
    /// The manifest of a compliance file: same name, `.ATTACH` instead of or behind its extension. A
    /// missing or unreadable one says nothing.
    pub(super) fn beside(xml: &Path) -> Self {
        let mut behind = xml.as_os_str().to_owned();
        behind.push(".ATTACH");
        let candidates = [
            xml.with_extension("ATTACH"),
            xml.with_extension("attach"),
            behind.into(),
        ];
        let bytes = candidates.iter().find_map(|path| {
            let mut bytes = Vec::new();
            let file = File::open(path).ok()?;
            file.take(LARGEST).read_to_end(&mut bytes).ok()?;
            Some(bytes)
        });
        bytes.map_or_else(Self::default, |bytes| parse(&bytes))
    }

    /// The name a stored file had before it was put into the room.
    pub(super) fn original_name(&self, stored: &str) -> Option<String> {
        self.0.get(&stored.to_ascii_lowercase()).cloned()
    }
}

/// Reads a manifest.
pub(crate) fn parse(bytes: &[u8]) -> Manifest {
    let is_utf16 = bytes.get(1) == Some(&0) && bytes.first() != Some(&0);
    let encoding = if is_utf16 { UTF_16LE } else { UTF_8 };
    let (text, _, _) = encoding.decode(bytes);
    let mut manifest = Manifest::default();
    for entry in text.split(['\n', '\r', '<']) {
        if let Some((stored, original)) = parse_entry(entry) {
            manifest.0.insert(stored, original);
        }
    }
    manifest
}

fn parse_entry(entry: &str) -> Option<(String, String)> {
    let words = entry.split(['"', '\'', '\t', ',', ';', '=', '|', '>']);
    let names = words.map(|word| word.rsplit(['/', '\\']).next().unwrap_or(word).trim());
    let mut stored = None;
    let mut original = None;
    for name in names.filter(|name| !name.is_empty()) {
        if is_stored_name(name) {
            stored.get_or_insert(name);
        } else if is_file_name(name) {
            original.get_or_insert(name);
        }
    }
    Some((stored?.to_ascii_lowercase(), original?.to_owned()))
}

/// True for a name with an extension as documents have them.
fn is_file_name(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(stem, extension)| {
        let is_extension = extension.bytes().all(|byte| byte.is_ascii_alphanumeric());
        !stem.trim().is_empty()
            && (1..=8).contains(&extension.len())
            && is_extension
            && !extension.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUID: &str = "0988239A-bb66-4616-90a4-b07771a2097c.txt";

    #[test]
    fn names_are_found_in_lines_and_in_tags() {
        let line = format!("\\\\share\\{GUID}\tC:\\docs\\Budget 2017.xlsx\n");
        let tag = format!("<a><File stored=\"{GUID}\" name=\"Budget 2017.xlsx\"/></a>");
        let utf16: Vec<u8> = tag.encode_utf16().flat_map(u16::to_le_bytes).collect();

        for text in [line.into_bytes(), tag.into_bytes(), utf16] {
            let name = parse(&text).original_name(GUID);

            assert_eq!(name.as_deref(), Some("Budget 2017.xlsx"));
        }
    }

    #[test]
    fn anything_else_means_nothing() {
        assert_eq!(parse(b"\xFF\x00\x01 \x00<<<\"\""), Manifest::default());
        assert_eq!(parse(GUID.as_bytes()), Manifest::default());
    }
}
