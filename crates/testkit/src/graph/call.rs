use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, Method, Response, header::CONTENT_TYPE};
use http_body_util::Full;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

/// A request, taken apart. Also one inside a batch.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    /// The segments below the version, decoded.
    pub(super) path: Vec<String>,
    pub(super) query: BTreeMap<String, String>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Call {
    /// `address` is path and query, percent-encoded.
    pub(super) fn new(method: Method, address: &str, headers: HeaderMap, body: Bytes) -> Self {
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let path = path.split('/').filter(|segment| !segment.is_empty());
        let query = query.split('&').filter_map(|pair| pair.split_once('='));
        Self {
            method,
            path: path.map(decode).collect(),
            query: query
                .map(|(name, value)| (decode(name), decode(&value.replace('+', " "))))
                .collect(),
            headers,
            body,
        }
    }

    /// The segments, for matching.
    pub(super) fn segments(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }

    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    pub(super) fn number(&self, name: &str) -> Option<usize> {
        self.query(name)?.parse().ok()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON.
    pub(super) fn json(&self) -> Result<Value, Reply> {
        let json = serde_json::from_slice(&self.body);
        json.map_err(|_| Reply::error(400, "BadRequest", "Unable to read JSON request payload."))
    }
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// An answer.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Bytes,
}

impl Reply {
    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            headers: vec![(CONTENT_TYPE.as_str(), "application/json".to_owned())],
            body: body.to_string().into(),
        }
    }

    pub(super) fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    pub(super) fn text(status: u16, body: String) -> Self {
        Self {
            status,
            headers: vec![(CONTENT_TYPE.as_str(), "text/plain".to_owned())],
            body: body.into(),
        }
    }

    /// An error as Graph words it ("Microsoft Graph error responses and resource types").
    pub(super) fn error(status: u16, code: &str, message: &str) -> Self {
        Self::json(
            status,
            &json!({ "error": { "code": code, "message": message } }),
        )
    }

    pub(super) fn with(mut self, name: &'static str, value: &impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub(super) fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::builder().status(self.status);
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        response
            .body(Full::new(self.body))
            .unwrap_or_else(|_| Response::new(Full::default()))
    }
}
