//! Calls another party's node: the request is signed, and so has to be the answer.

use jiff::Timestamp;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};

use super::{
    AUDIENCE, CONTENT_DIGEST, IDEMPOTENCY_KEY, Keys, Refused, Request, Response, SIGNATURE_INPUT, Signer, combined,
    digest, request, response,
};
use crate::address;
use crate::answer::Answer;
use crate::error::Lost;

/// A longer answer is not read to its end: no command's is a hundredth of it, and files are asked for in pieces.
pub const MOST_ANSWER_BYTES: usize = 1024 * 1024;

/// Another party, and where its node answers.
pub struct PeerAddress {
    /// Scheme, host and port.
    pub url: String,
    /// The party's id.
    pub party: String,
    /// The party's keys.
    pub keys: Keys,
}

/// Why a call of another party brought no answer of it.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Its address is none. Nothing was sent.
    #[error("{0}")]
    Address(String),
    /// The request cannot be signed. Nothing was sent.
    #[error("the request to {url} cannot be signed: {reason}")]
    Unsignable {
        /// What was to be asked.
        url: String,
        /// Why.
        reason: Refused,
    },
    /// There is no whole answer, or there could be no request. Whether it was done is not known: the same key tells.
    #[error(transparent)]
    Lost(#[from] Lost),
    /// Somebody answers without an end. Whether it was done is not known.
    #[error("{url} answers with more than {MOST_ANSWER_BYTES} bytes")]
    TooLong {
        /// What was asked.
        url: String,
    },
    /// An answer, but not of that party to this request. Whether it was done is not known.
    #[error("{url}: the answer does not count: {reason}; {told}")]
    NotGenuine {
        /// What was asked.
        url: String,
        /// Why.
        reason: Refused,
        /// What was answered, by whomever.
        told: String,
    },
}

/// Somebody who calls nodes of other parties. Clones share their connections.
#[derive(Clone)]
pub struct Caller {
    http: reqwest::Client,
}

impl Caller {
    /// Calls with a client that [`crate::builder`] made.
    #[must_use]
    pub const fn over(http: reqwest::Client) -> Self {
        Self { http }
    }

    /// Sends a request once, signed by `signer` for `peer`; gives what that party has answered, whatever its status is. `path` may have a
    /// query; `body` is JSON. Whoever sends it again MUST do so with the same `idempotency_key`: it is signed anew.
    ///
    /// # Errors
    /// Where there is no answer of that party to this request.
    pub async fn call(
        &self,
        signer: &Signer,
        peer: &PeerAddress,
        method: Method,
        path: &str,
        idempotency_key: Option<&str>,
        body: Option<Vec<u8>>,
    ) -> Result<Answer, CallError> {
        let url = format!("{}{path}", address::root(&peer.url).map_err(CallError::Address)?);
        let lost = |source| Lost { url: url.clone(), source };
        let mut request = self.http.request(method, &url).header(AUDIENCE, &peer.party);
        if let Some(key) = idempotency_key {
            request = request.header(IDEMPOTENCY_KEY, key);
        }
        if let Some(body) = body {
            let json = HeaderValue::from_static("application/json");
            request = request.header(CONTENT_TYPE, json).header(CONTENT_DIGEST, digest::of(&body)).body(body);
        }
        let mut request = request.build().map_err(lost)?;
        let asked = Asked::sign(&mut request, signer);
        let asked = asked.map_err(|reason| CallError::Unsignable { url: url.clone(), reason })?;
        let mut answer = self.http.execute(request).await.map_err(lost)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut body = Vec::new();
        while let Some(bytes) = answer.chunk().await.map_err(lost)? {
            if body.len() + bytes.len() > MOST_ANSWER_BYTES {
                return Err(CallError::TooLong { url });
            }
            body.extend_from_slice(&bytes);
        }
        let answer = Answer { url, status, headers, body };
        match asked.is_answered_by(&answer, peer) {
            Ok(()) => Ok(answer),
            Err(reason) => Err(CallError::NotGenuine { told: answer.told(""), url: answer.url, reason }),
        }
    }
}

/// What was sent, as its answer has to cover it.
struct Asked {
    method: String,
    path: String,
    query: String,
    headers: HeaderMap,
}

fn field(headers: &HeaderMap) -> impl Fn(&str) -> Option<String> {
    |name| combined(headers.get_all(name).iter().map(HeaderValue::as_bytes))
}

impl Asked {
    fn sign(request: &mut reqwest::Request, signer: &Signer) -> Result<Self, Refused> {
        let (url, headers) = (request.url(), request.headers().clone());
        let (path, query) = (url.path().to_owned(), url.query().unwrap_or_default().to_owned());
        let mut asked = Self { method: request.method().to_string(), path, query, headers };
        let field = field(&asked.headers);
        let signed = request::sign(asked.request(&field), signer, Timestamp::now().as_second())?;
        drop(field);
        for (name, value) in signed.fields() {
            let value = HeaderValue::from_str(value).map_err(|_| Refused::Malformed(SIGNATURE_INPUT))?;
            asked.headers.insert(name, value);
        }
        request.headers_mut().clone_from(&asked.headers);
        Ok(asked)
    }

    fn request<'a>(&'a self, field: &'a dyn Fn(&str) -> Option<String>) -> Request<'a> {
        Request { method: &self.method, path: &self.path, query: &self.query, field }
    }

    fn is_answered_by(&self, answer: &Answer, peer: &PeerAddress) -> Result<(), Refused> {
        let (asked, answered) = (field(&self.headers), field(&answer.headers));
        let response = Response { status: answer.status.as_u16(), field: &answered };
        response::verify(response, &answer.body, self.request(&asked), &peer.party, &peer.keys)
    }
}
