//! A client of kippu nodes: commands with their keys, queries, problems as RFC 9457 has them, and what may be tried again.
//!
//! It names nothing of the server, which other programs do not have either. It is the one place where HTTP clients are made: what the
//! environment says of proxies and of authorities counts for none of them, since a proxy would read API keys and tokens, and nobody is
//! followed to another address, which would get them too. Behind `https://` they speak TLS 1.2 or 1.3.

mod address;
mod answer;
mod error;
mod feed;
mod retry;
mod roots;
pub mod signature;

use std::time::Duration;

pub use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Body, ClientBuilder, RequestBuilder};
use serde_json::Value;

pub use self::answer::{Answer, Problem};
pub use self::error::{Error, Lost};
pub use self::feed::{Event, Feed};
pub use self::retry::{Nodes, Pauses, Unanswered};
pub use self::roots::{Roots, RootsError};

/// HTTP clients that wait for each answer for as long as `patience`, and trust `roots` besides the authorities of browsers.
pub fn builder(patience: Duration, roots: &Roots) -> ClientBuilder {
    let builder = reqwest::Client::builder().no_proxy().redirect(Policy::none()).referer(false).timeout(patience);
    roots.trusted_by(builder)
}

/// Somebody who calls a node. Clones share their connections.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    /// Where the node's paths begin.
    pub url: String,
    /// The API key; empty for somebody without one.
    pub key: String,
}

impl Client {
    /// Calls the node at `address`, as somebody typed it, and waits for each answer for as long as `patience`.
    ///
    /// # Errors
    /// Where that is no address, or there can be no client.
    pub fn new(address: &str, key: &str, patience: Duration) -> Result<Self, Error> {
        Self::trusting(address, key, patience, &Roots::default())
    }

    /// The same, with `roots` trusted too.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn trusting(address: &str, key: &str, patience: Duration, roots: &Roots) -> Result<Self, Error> {
        let url = address::root(address).map_err(Error::Address)?;
        let http = builder(patience, roots).build().map_err(|source| Lost { url: url.clone(), source })?;
        Ok(Self { http, url, key: key.to_owned() })
    }

    /// Calls the node at `url`, which is one, as nobody, with a client that [`builder`] made.
    pub fn over(http: reqwest::Client, url: &str) -> Self {
        Self { http, url: url.trim_end_matches('/').to_owned(), key: String::new() }
    }

    /// The same caller at another node.
    #[must_use]
    pub fn at(&self, url: &str) -> Self {
        Self { key: self.key.clone(), ..Self::over(self.http.clone(), url) }
    }

    /// Another caller at the same node.
    #[must_use]
    pub fn with_key(&self, key: &str) -> Self {
        Self { key: key.to_owned(), ..self.clone() }
    }

    /// Any request with this caller's key.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        if self.key.is_empty() { request } else { request.bearer_auth(&self.key) }
    }

    /// A command, which takes effect once however often it is sent with `key`; `body` is JSON.
    pub fn command(&self, path: &str, key: &str, body: impl Into<Body>) -> RequestBuilder {
        let json = HeaderValue::from_static("application/json");
        self.request(Method::POST, path).header("idempotency-key", key).header(CONTENT_TYPE, json).body(body)
    }

    /// A question, whose answer is to reflect at least `position`.
    pub fn query(&self, path: &str, position: Option<&str>) -> RequestBuilder {
        let request = self.request(Method::GET, path);
        match position {
            Some(position) => request.header("kippu-min-position", position),
            None => request,
        }
    }

    /// Sends `request` once; gives whatever is answered.
    ///
    /// # Errors
    /// Where there is no whole answer.
    pub async fn send(&self, request: RequestBuilder) -> Result<Answer, Lost> {
        let lost = |source: reqwest::Error| {
            let url = source.url().map_or_else(|| self.url.clone(), ToString::to_string);
            Lost { url, source }
        };
        let response = request.send().await.map_err(lost)?;
        let (url, status, headers) = (response.url().to_string(), response.status(), response.headers().clone());
        let body = response.bytes().await.map_err(|source| Lost { url: url.clone(), source })?;
        Ok(Answer { url, status, headers, body: body.into() })
    }

    /// Sends `request` once; gives what was done or asked for, which is an object.
    ///
    /// # Errors
    /// Where there is no answer, it is no node's, or it is a problem.
    pub async fn done(&self, request: RequestBuilder) -> Result<Value, Error> {
        let answer = self.send(request).await?;
        let object = answer.json::<Value>().filter(Value::is_object);
        match (object, answer.problem()) {
            (Some(object), _) if answer.status.is_success() => Ok(object),
            (Some(_), Some(problem)) => Err(Error::Problem(problem)),
            // What is not ready says so without a problem.
            (Some(_) | None, _) => Err(Error::NoNode { told: self.what_answered(&answer), url: answer.url }),
        }
    }

    /// Sends a command once; gives what was done. Only a node names the record that holds it.
    ///
    /// # Errors
    /// As [`Client::done`].
    pub async fn give(&self, path: &str, key: &str, body: impl Into<Body>) -> Result<Value, Error> {
        let answer = self.send(self.command(path, key, body)).await?;
        let object = answer.json::<Value>().filter(Value::is_object);
        match (object, answer.problem()) {
            (Some(object), _) if answer.status.is_success() && answer.header("kippu-position").is_some() => Ok(object),
            (Some(_), Some(problem)) if !answer.status.is_success() => Err(Error::Problem(problem)),
            (Some(_) | None, _) => Err(Error::NoNode { told: self.what_answered(&answer), url: answer.url }),
        }
    }

    /// Who answered instead of a node, as far as it shows. Whoever does may repeat what he was sent: the key is left out.
    pub fn what_answered(&self, answer: &Answer) -> String {
        answer.what_answered(&self.key)
    }
}
