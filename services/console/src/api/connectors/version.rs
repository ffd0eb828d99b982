use axum::http::{HeaderMap, StatusCode, header::IF_MATCH};

use crate::api::Problem;

/// The tag of a connector's version (RFC 9110, 8.8.3).
pub(crate) fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

/// The version that a request changes; `None` where it takes whatever is there (RFC 9110, 13.1.1). Without
/// `If-Match` a change could undo another that its author never saw: it is refused (RFC 6585, 3).
pub(crate) fn expected(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(tag) = headers.get(IF_MATCH) else {
        let problem = "If-Match: send the ETag that you have read.";
        return Err(Problem::of(StatusCode::PRECONDITION_REQUIRED, problem));
    };
    let tag = tag.to_str().unwrap_or_default().trim();
    if tag == "*" {
        return Ok(None);
    }
    let version = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
    let version = version.and_then(|version| version.parse().ok());
    // 0 would mean that there must be none.
    let version = version.filter(|version| *version > 0);
    let problem = "If-Match: it is none of the connector's ETags.";
    let problem = || Problem::of(StatusCode::PRECONDITION_FAILED, problem);
    version.map(Some).ok_or_else(problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(tag: &str) -> Result<Option<i64>, Problem> {
        let mut headers = HeaderMap::new();
        headers.insert(IF_MATCH, tag.parse().unwrap());
        expected(&headers)
    }

    #[test]
    fn a_change_names_what_it_changes() {
        assert_eq!(read(&etag(7)).unwrap(), Some(7));
        assert_eq!(read("*").unwrap(), None);
        assert!(expected(&HeaderMap::new()).is_err());
        for other in ["7", "W/\"7\"", "\"0\"", "\"-1\"", "\"x\"", "\"1\", \"2\""] {
            assert!(read(other).is_err(), "{other}");
        }
    }
}
