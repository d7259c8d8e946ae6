//! A caller with an API key, and what it is answered.

use std::ops::Deref;
use std::time::Duration;

use kippu_client::{Client, Roots};
use reqwest::RequestBuilder;
use reqwest::header::HeaderMap;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Somebody who calls a node.
#[derive(Clone)]
pub(crate) struct Caller(Client);

impl Deref for Caller {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.0
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

/// There was no answer: the node is gone, or went in the middle of it.
#[derive(Debug)]
pub(crate) struct Lost;

impl Caller {
    /// Somebody without a key at the node at `url`, who waits for each answer for as long as `patience`.
    pub(crate) fn nobody(url: &str, patience: Duration) -> Self {
        Self::trusting(url, patience, &Roots::default())
    }

    /// The same, who trusts `roots` besides the authorities of browsers.
    pub(crate) fn trusting(url: &str, patience: Duration, roots: &Roots) -> Self {
        Self(Client::trusting(url, "", patience, roots).expect("a node's address"))
    }

    /// Another caller at the same node.
    pub(crate) fn with_key(&self, key: &str) -> Self {
        Self(self.0.with_key(key))
    }

    /// The same caller at another node.
    pub(crate) fn at(&self, url: &str) -> Self {
        Self(self.0.at(url))
    }

    /// Sends a command; panics where there is no answer.
    pub(crate) async fn post(&self, path: &str, key: &str, body: &Value) -> Reply {
        self.try_post(path, key, body).await.unwrap_or_else(|Lost| panic!("POST {path} was not answered"))
    }

    /// Sends a command to a node that may be gone.
    pub(crate) async fn try_post(&self, path: &str, key: &str, body: &Value) -> Result<Reply, Lost> {
        self.send(self.command(path, key, body.to_string())).await
    }

    /// Asks; panics where there is no answer.
    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.try_get(path, None).await.unwrap_or_else(|Lost| panic!("GET {path} was not answered"))
    }

    /// Asks for what reflects at least `position`.
    pub(crate) async fn get_at(&self, path: &str, position: &str) -> Reply {
        self.try_get(path, Some(position)).await.unwrap_or_else(|Lost| panic!("GET {path} was not answered"))
    }

    /// Asks a node that may be gone.
    pub(crate) async fn try_get(&self, path: &str, position: Option<&str>) -> Result<Reply, Lost> {
        self.send(self.query(path, position)).await
    }

    /// Sends any request of this caller.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Reply, Lost> {
        let answer = self.0.send(request).await.map_err(|_| Lost)?;
        Ok(Reply { status: answer.status.as_u16(), text: answer.text().into_owned(), headers: answer.headers })
    }
}

impl Reply {
    /// This, if its status is `status`; panics otherwise.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// This, if it is the problem `slug`, written as all of them are; panics otherwise.
    #[track_caller]
    pub(crate) fn expect_problem(self, status: u16, slug: &str) -> Self {
        assert_eq!((self.status, self.slug().as_deref()), (status, Some(slug)), "{}", self.text);
        assert_eq!(self.header("Content-Type"), Some("application/problem+json"), "{self:?}");
        let problem = self.json();
        assert_eq!((&problem["status"], problem["request_id"].as_str()), (&status.into(), self.header("X-Request-Id")));
        assert!(problem["title"].is_string() && problem["detail"].is_string(), "{problem}");
        self
    }

    /// The body.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    /// The text in `field`.
    #[track_caller]
    pub(crate) fn field(&self, field: &str) -> String {
        self.json()[field].as_str().unwrap_or_else(|| panic!("no {field} in {}", self.text)).to_owned()
    }

    /// The stable name of the problem, where this is one.
    pub(crate) fn slug(&self) -> Option<String> {
        let body: Value = serde_json::from_str(&self.text).ok()?;
        Some(body["type"].as_str()?.strip_prefix("/problems/")?.to_owned())
    }

    /// A header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The position that this reflects.
    #[track_caller]
    pub(crate) fn position(&self) -> String {
        self.header("Kippu-Position").unwrap_or_else(|| panic!("no position next to {}", self.text)).to_owned()
    }

    /// Whether `other` says the same: the same status, and the same body but for the name of the request.
    pub(crate) fn says_the_same_as(&self, other: &Self) -> bool {
        let said = |reply: &Self| {
            let mut body = serde_json::from_str(&reply.text).unwrap_or_else(|_| Value::from(reply.text.as_str()));
            if let Some(body) = body.as_object_mut() {
                body.remove("instance");
                body.remove("request_id");
            }
            (reply.status, body)
        };
        said(self) == said(other)
    }
}

/// A command whose head has arrived, and whose body the node waits for.
pub(crate) struct Begun {
    stream: TcpStream,
    body: String,
}

impl Begun {
    /// Sends the head.
    pub(crate) async fn post(caller: &Caller, path: &str, key: &str, body: &Value) -> Self {
        let (address, body) = (caller.url.strip_prefix("http://").unwrap(), body.to_string());
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\nIdempotency-Key: {key}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\
             Expect: 100-continue\r\n\r\n",
            caller.key,
            body.len()
        );
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut asked = [0; 25];
        stream.read_exact(&mut asked).await.unwrap();
        assert_eq!(asked, *b"HTTP/1.1 100 Continue\r\n\r\n");
        Self { stream, body }
    }

    /// Sends the body; gives the whole answer.
    pub(crate) async fn finish(mut self) -> String {
        self.stream.write_all(self.body.as_bytes()).await.unwrap();
        let mut answer = String::new();
        self.stream.read_to_string(&mut answer).await.unwrap();
        answer
    }
}
