//! A running node as a command-line tool calls it: with an API key from a file, over HTTP.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kippu_events::secrets::Bearer;
use kippu_events::text_file;
use serde_json::Value;

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
    /// The file holds nothing.
    #[error("{} holds no API key: it is empty", .0.display())]
    EmptyKeyFile(PathBuf),
    /// No answer.
    #[error("{url} does not answer: {source}")]
    NoAnswer {
        /// What was asked.
        url: String,
        /// Why.
        source: reqwest::Error,
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
        let base = root(base);
        let http = reqwest::Client::builder().timeout(PATIENCE).build();
        let http = http.map_err(|source| RemoteError::NoAnswer { url: base.clone(), source })?;
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
        let status = response.status();
        if status.is_success() {
            return response.json().await.map_err(no_answer);
        }
        let problem: Value = response.json().await.unwrap_or_default();
        let text = |member: &str| problem.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
        Err(RemoteError::Problem { status: status.as_u16(), kind: text("type"), detail: text("detail") })
    }
}

/// Where a node's paths begin, for the address that somebody typed.
pub(crate) fn root(url: &str) -> String {
    let url = url.trim_end_matches('/');
    if url.contains("://") { url.to_owned() } else { format!("http://{url}") }
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
