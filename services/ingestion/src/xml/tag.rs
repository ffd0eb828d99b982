use std::borrow::Cow;

use quick_xml::events::BytesStart;

use super::Damage;

/// Compares an element's or attribute's name, without its prefix, in any case: the published schema
/// says `UserName`, the published style sheet reads `userName`.
pub(super) fn is_named(name: &str, expected: &str) -> bool {
    let local = name.rsplit_once(':').map_or(name, |(_, local)| local);
    local.eq_ignore_ascii_case(expected)
}

/// Calls back for every attribute with its name and its unescaped value.
pub(super) fn attributes(
    tag: &BytesStart<'_>,
    mut each: impl FnMut(&str, Cow<'_, str>),
) -> Result<(), Damage> {
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|_| Damage::Malformed)?;
        let value = unescape(&attribute.value)?;
        each(attribute.key.local_name().as_ref(), value);
    }
    Ok(())
}

/// Undoes the five predefined entities and character references; any other entity is refused.
///
/// The .NET writer refers to characters that XML does not allow (`&#x0;`, halves of a surrogate pair):
/// they are kept where they are characters at all.
pub(super) fn unescape(text: &str) -> Result<Cow<'_, str>, Damage> {
    if !text.contains('&') {
        return Ok(Cow::Borrowed(text));
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    let mut high = None;
    while let Some((before, after)) = rest.split_once('&') {
        let (entity, after) = after.split_once(';').ok_or(Damage::Malformed)?;
        if !before.is_empty() {
            flush_half(&mut high, &mut plain);
            plain.push_str(before);
        }
        push_code(code_of(entity)?, &mut high, &mut plain);
        rest = after;
    }
    flush_half(&mut high, &mut plain);
    plain.push_str(rest);
    Ok(Cow::Owned(plain))
}

fn code_of(entity: &str) -> Result<u32, Damage> {
    let code = match entity {
        "amp" => u32::from('&'),
        "lt" => u32::from('<'),
        "gt" => u32::from('>'),
        "quot" => u32::from('"'),
        "apos" => u32::from('\''),
        _ => {
            let number = entity.strip_prefix('#').ok_or(Damage::Entities)?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            code.map_err(|_| Damage::Malformed)?
        }
    };
    Ok(code)
}

/// Adds a character, two halves of a surrogate pair as the one they mean.
fn push_code(code: u32, high: &mut Option<u32>, plain: &mut String) {
    if let (Some(first), 0xDC00..=0xDFFF) = (*high, code) {
        *high = None;
        let joined = 0x1_0000 + ((first - 0xD800) << 10) + (code - 0xDC00);
        plain.push(char::from_u32(joined).unwrap_or(char::REPLACEMENT_CHARACTER));
        return;
    }
    flush_half(high, plain);
    if (0xD800..=0xDBFF).contains(&code) {
        *high = Some(code);
    } else {
        plain.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
    }
}

fn flush_half(high: &mut Option<u32>, plain: &mut String) {
    if high.take().is_some() {
        plain.push(char::REPLACEMENT_CHARACTER);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_become_characters_and_entities_are_refused() {
        assert_eq!(unescape("a &lt;b&gt; &#65;&#x42;").unwrap(), "a <b> AB");
        assert_eq!(unescape("x&#xD83D;&#xDE00;y").unwrap(), "x\u{1F600}y");
        assert_eq!(unescape("&#xD83D; &#0;").unwrap(), "\u{FFFD} \0");
        assert_eq!(unescape("&evil;"), Err(Damage::Entities));
        assert_eq!(unescape("&amp"), Err(Damage::Malformed));
        assert_eq!(unescape("&#xZZ;"), Err(Damage::Malformed));
    }
}
