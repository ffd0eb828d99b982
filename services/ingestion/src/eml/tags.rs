/// What is left of HTML without its tags.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Text between tags. Entities stay as they are written: copies write them alike.
    Text(&'a [u8]),
    /// The begin or end of a block.
    Break,
}

/// Cuts HTML into pieces, in one pass.
pub(super) struct Pieces<'a> {
    rest: &'a [u8],
}

impl<'a> Pieces<'a> {
    pub(super) fn of(html: &'a [u8]) -> Self {
        Self { rest: html }
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        loop {
            let open = find(self.rest, b'<').unwrap_or(self.rest.len());
            if open > 0 {
                let (text, rest) = self.rest.split_at(open);
                self.rest = rest;
                return Some(Piece::Text(text));
            }
            let tag = self.rest.get(1..)?;
            let Some(after) = skip_tag(tag) else {
                // Not a tag after all: it and what follows are text.
                return Some(Piece::Text(std::mem::take(&mut self.rest)));
            };
            self.rest = after;
            if breaks_line(tag) {
                return Some(Piece::Break);
            }
        }
    }
}

/// What follows the tag; style sheets and scripts are part of theirs.
fn skip_tag(tag: &[u8]) -> Option<&[u8]> {
    if let Some(comment) = tag.strip_prefix(b"!--") {
        let end = comment.windows(3).position(|window| window == b"-->")?;
        return Some(&comment[end + 3..]);
    }
    let close = find(tag, b'>')?;
    let after = &tag[close + 1..];
    let raw: &[u8] = match &name(tag)[..] {
        b"style\0\0\0" => b"</style",
        b"script\0\0" => b"</script",
        _ => return Some(after),
    };
    if tag[..close].ends_with(b"/") {
        return Some(after);
    }
    let mut windows = after.windows(raw.len());
    let end = windows.position(|window| window.eq_ignore_ascii_case(raw))?;
    let after = &after[end..];
    find(after, b'>').map(|close| &after[close + 1..])
}

fn breaks_line(tag: &[u8]) -> bool {
    let tag = tag.strip_prefix(b"/").unwrap_or(tag);
    let name = name(tag);
    let end = name
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(name.len());
    matches!(
        &name[..end],
        b"br" | b"div" | b"p" | b"tr" | b"li" | b"table" | b"h1" | b"h2" | b"h3"
    )
}

/// The first letters of a tag's name, in lower case, the rest zero.
fn name(tag: &[u8]) -> [u8; 8] {
    let mut name = [0; 8];
    let letters = tag.iter().take_while(|byte| byte.is_ascii_alphanumeric());
    for (place, letter) in name.iter_mut().zip(letters) {
        *place = letter.to_ascii_lowercase();
    }
    name
}

fn find(bytes: &[u8], wanted: u8) -> Option<usize> {
    bytes.iter().position(|byte| *byte == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(html: &str) -> String {
        let pieces = Pieces::of(html.as_bytes()).map(|piece| match piece {
            Piece::Text(text) => String::from_utf8(text.to_vec()).unwrap(),
            Piece::Break => "|".to_owned(),
        });
        pieces.collect()
    }

    #[test]
    fn tags_go_and_blocks_break() {
        assert_eq!(text("<b>a</b> b<BR/>c<Div x='1'>d</div>e"), "a b|c|d|e");
        assert_eq!(
            text("a<style>p { }</STYLE >b<script src=x>1<2</script>c"),
            "abc"
        );
        assert_eq!(text("a<!-- <br> -->b<style/>c"), "abc");
    }

    #[test]
    fn what_is_no_tag_stays() {
        assert_eq!(text("1 < 2"), "1 < 2");
        assert_eq!(text("a<style>never ends"), "a<style>never ends");
        assert_eq!(text("<"), "<");
        assert_eq!(text(""), "");
    }
}
