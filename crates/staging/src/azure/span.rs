use bytes::Bytes;

use super::STRETCH;
use crate::BlobRange;

/// Bytes between two ranges that are rather read in vain than asked for in two requests.
const GAP: u64 = 128 << 10;

/// A stretch of one blob that holds ranges which lie close together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) key: String,
    pub(super) offset: u64,
    pub(super) size: u64,
    /// The ranges in it, by their place in the request.
    ranges: Vec<usize>,
}

impl Span {
    fn end(&self) -> u64 {
        self.offset + self.size
    }

    /// Cuts the ranges out of the span's bytes; a span that breaks off has not all of them.
    pub(super) fn cut<'a>(
        &'a self,
        ranges: &'a [BlobRange],
        bytes: &'a Bytes,
    ) -> impl Iterator<Item = (usize, Option<Bytes>)> + 'a {
        self.ranges.iter().map(move |&place| {
            let range = ranges.get(place);
            let start = range.and_then(|range| range.offset.checked_sub(self.offset));
            let bounds = start.zip(range).and_then(|(start, range)| {
                let start = usize::try_from(start).ok()?;
                Some((start, start.checked_add(usize::try_from(range.size).ok()?)?))
            });
            let cut = bounds.filter(|(_, end)| *end <= bytes.len());
            (place, cut.map(|(start, end)| bytes.slice(start..end)))
        })
    }
}

/// Joins ranges that lie close together. Ranges that are empty, or reach over the end of their blob, are
/// in no span.
pub(super) fn spans(ranges: &[BlobRange]) -> Vec<Span> {
    let mut places: Vec<usize> = (0..ranges.len())
        .filter(|&place| ranges[place].size > 0 && ranges[place].is_within_blob())
        .collect();
    places.sort_by_key(|&place| (&ranges[place].blob.key, ranges[place].offset));
    let mut spans: Vec<Span> = Vec::new();
    for place in places {
        let range = &ranges[place];
        let end = range.offset + range.size;
        match spans.last_mut() {
            Some(span) if joins(span, range, end) => {
                span.size = span.end().max(end) - span.offset;
                span.ranges.push(place);
            }
            _ => spans.push(Span {
                key: range.blob.key.clone(),
                offset: range.offset,
                size: range.size,
                ranges: vec![place],
            }),
        }
    }
    spans
}

fn joins(span: &Span, range: &BlobRange, end: u64) -> bool {
    let is_close = range.offset <= span.end().saturating_add(GAP);
    // A range within a larger one costs nothing, however large that is.
    let is_small = end <= span.end() || end - span.offset <= STRETCH;
    span.key == range.blob.key && is_close && is_small
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Blob;

    fn range(key: &str, offset: u64, size: u64) -> BlobRange {
        let blob = Blob {
            key: key.to_owned(),
            size: 100 << 20,
            ..Blob::default()
        };
        BlobRange { blob, offset, size }
    }

    fn found(ranges: &[BlobRange]) -> Vec<(String, u64, u64)> {
        let found = spans(ranges).into_iter();
        found
            .map(|span| (span.key, span.offset, span.size))
            .collect()
    }

    #[test]
    fn neighbours_of_one_blob_are_one_request() {
        let ranges = [
            range("b", 5_000, 100),
            range("a", 0, 100),
            range("b", 0, 100),
            range("b", 50, 10),
        ];

        let expected = [("a".to_owned(), 0, 100), ("b".to_owned(), 0, 5_100)];
        assert_eq!(found(&ranges), expected);
    }

    #[test]
    fn what_lies_far_apart_or_would_grow_too_large_is_asked_for_apart() {
        let far = [range("a", 0, 10), range("a", 10 + GAP + 1, 10)];
        assert_eq!(found(&far).len(), 2);
        let large = [range("a", 0, STRETCH), range("a", STRETCH, 10)];
        assert_eq!(found(&large).len(), 2);
        let within = [range("a", 0, 3 * STRETCH), range("a", STRETCH, 10)];
        assert_eq!(found(&within).len(), 1);
    }

    #[test]
    fn ranges_are_cut_out_of_their_span_in_their_places() {
        let ranges = [range("a", 4, 3), range("a", 2, 3), range("a", 9, 1)];

        let spans = spans(&ranges);
        let bytes = Bytes::from_static(b"2345678");
        let mut cut: Vec<_> = spans[0].cut(&ranges, &bytes).collect();

        cut.sort_by_key(|(place, _)| *place);
        let expected = [(0, Some("456".into())), (1, Some("234".into())), (2, None)];
        assert_eq!(cut, expected);
    }

    #[test]
    fn what_cannot_be_in_its_blob_is_not_asked_for() {
        let ranges = [
            range("a", 100 << 20, 1),
            range("a", u64::MAX, 2),
            range("a", 5, 0),
        ];

        assert!(spans(&ranges).is_empty());
    }
}
