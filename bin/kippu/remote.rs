//! A running node as a command-line tool calls it: with an API key from a file, over HTTP.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kippu_events::secrets::Bearer;
use kippu_events::text_file;
use serde_json::Value;

use crate::calls::{self, root, told, what_answered};

/// A node that does not answer in this time is reported rather than waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// A node and the key for it.
pub(crate) struct Remote {
    base: String,
    key: Option<String>,
    http: reqwest::Client,
}

/// Why a call brought nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RemoteError {
    /// The file with the key.
    #[error("{}: {source}", path.display())]
    KeyFile {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file holds something else.
    #[error("{} holds no API key, which is one line that begins with kpk_, and nothing else", .0.display())]
    NoKey(PathBuf),
    /// The address is none.
    #[error("{0}")]
    Address(String),
    /// The file holds nothing.
    #[error("{} holds no API key: it is empty", .0.display())]
    EmptyKeyFile(PathBuf),
    /// No answer.
    #[error("{url} does not answer: {}", told(source))]
    NoAnswer {
        /// What was asked.
        url: String,
        /// Why.
        source: reqwest::Error,
    },
    /// An answer of somebody else.
    #[error("{url}: {told}")]
    NoNode {
        /// What was asked.
        url: String,
        /// What was answered.
        told: String,
    },
    /// A problem.
    #[error("{status} {kind}: {detail}")]
    Problem {
        /// HTTP status.
        status: u16,
        /// The problem's type.
        kind: String,
        /// What is special about it.
        detail: String,
    },
}

impl Remote {
    /// The node at `base`, called with the key in `key_file`.
    ///
    /// # Errors
    /// Where the file cannot be read, or holds no key.
    pub(crate) fn new(base: &str, key_file: Option<&Path>) -> Result<Self, RemoteError> {
        let key = key_file.map(read_key);
        let base = root(base).map_err(RemoteError::Address)?;
        let http = calls::client(PATIENCE).map_err(|source| RemoteError::NoAnswer { url: base.clone(), source })?;
        Ok(Self { base, key: key.transpose()?, http })
    }

    /// Gives a command.
    ///
    /// # Errors
    /// [`RemoteError`].
    pub(crate) async fn post(&self, path: &str, key: &str, body: &Value) -> Result<Value, RemoteError> {
        let url = format!("{}{path}", self.base);
        let request = self.http.post(&url).header("idempotency-key", key).json(body);
        self.send(url, request).await
    }

    /// Asks.
    ///
    /// # Errors
    /// [`RemoteError`].
    pub(crate) async fn get(&self, path: &str) -> Result<Value, RemoteError> {
        let url = format!("{}{path}", self.base);
        let request = self.http.get(&url);
        self.send(url, request).await
    }

    async fn send(&self, url: String, request: reqwest::RequestBuilder) -> Result<Value, RemoteError> {
        let request = match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        };
        let no_answer = |source| RemoteError::NoAnswer { url: url.clone(), source };
        let response = request.send().await.map_err(no_answer)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes().await.map_err(no_answer)?;
        // Whoever answers in place of a node may repeat what he was sent.
        let told = || {
            let told = what_answered(status, &headers, &body);
            self.key.as_ref().map_or_else(|| told.clone(), |key| told.replace(key.as_str(), "…"))
        };
        let answer = serde_json::from_slice::<Value>(&body).ok().filter(Value::is_object);
        let answer = answer.ok_or_else(|| RemoteError::NoNode { url: url.clone(), told: told() })?;
        if status.is_success() {
            return Ok(answer);
        }
        let text = |member: &str| answer.get(member).and_then(Value::as_str).map(str::to_owned);
        match (text("type"), text("detail")) {
            (Some(kind), Some(detail)) => Err(RemoteError::Problem { status: status.as_u16(), kind, detail }),
            // What is not ready says so without a problem.
            (None | Some(_), None | Some(_)) => Err(RemoteError::NoNode { url: url.clone(), told: told() }),
        }
    }
}

/// The API key in a file.
///
/// # Errors
/// Where it cannot be read, or holds no key.
pub(crate) fn read_key(path: &Path) -> Result<String, RemoteError> {
    let text = text_file::read(path).map_err(|source| RemoteError::KeyFile { path: path.to_owned(), source })?;
    let key = text.trim();
    if key.is_empty() {
        return Err(RemoteError::EmptyKeyFile(path.to_owned()));
    }
    Bearer::unchecked(key).map(|_| key.to_owned()).ok_or_else(|| RemoteError::NoKey(path.to_owned()))
}
