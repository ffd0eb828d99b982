use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header::CONTENT_TYPE};
use serde::{Serialize, de::DeserializeOwned};

use crate::GraphError;

/// A request to Graph.
#[derive(Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Below the endpoint, without a slash in front, already encoded: `users/{id}/messages?$top=1`. Or
    /// a whole address that Graph answered with (`@odata.nextLink`, `@odata.deltaLink`).
    pub path: String,
    /// Beside those that every request has.
    pub headers: HeaderMap,
    /// The body, JSON where no `Content-Type` says otherwise.
    pub body: Option<Bytes>,
}

impl Request {
    /// Asks for something.
    pub fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            headers: HeaderMap::new(),
            body: None,
        }
    }

    /// Sends JSON.
    pub fn post<T: Serialize + ?Sized>(
        path: impl Into<String>,
        json: &T,
    ) -> Result<Self, GraphError> {
        let body = serde_json::to_vec(json).map_err(|_| GraphError::Invalid)?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(Self {
            method: Method::POST,
            path: path.into(),
            headers,
            body: Some(body.into()),
        })
    }

    /// Deletes something.
    pub fn delete(path: impl Into<String>) -> Self {
        Self {
            method: Method::DELETE,
            ..Self::get(path)
        }
    }

    /// With another header.
    pub fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.append(name, HeaderValue::from_static(value));
        self
    }
}

/// An answer of Graph that is none of an error.
#[derive(Clone)]
pub struct Response {
    /// The status, one of success.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Response {
    /// Reads the body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, GraphError> {
        serde_json::from_slice(&self.body).map_err(|_| GraphError::Invalid)
    }
}
