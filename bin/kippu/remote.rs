//! A running node as a command-line tool calls it: with an API key from a file, over HTTP.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kippu_client::{Client, Roots, RootsError};
use kippu_events::secrets::Bearer;
use kippu_events::text_file;
use kippu_projections::queries::MOST_ROWS;
use serde_json::Value;

/// A node that does not answer in this time is reported rather than waited for.
const PATIENCE: Duration = Duration::from_secs(30);

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
    /// The file with authorities.
    #[error(transparent)]
    Roots(#[from] RootsError),
    /// The operating system gave none.
    #[error("no randomness to be had for an idempotency key")]
    Entropy,
    /// The call itself.
    #[error(transparent)]
    Call(#[from] kippu_client::Error),
}

/// The node at `address`, called with the key in `key_file`. The authorities in the file `roots` are trusted too.
///
/// # Errors
/// Where a file cannot be read, or holds something else, or the address is none.
pub(crate) fn node_at(address: &str, key_file: &Path, roots: Option<&Path>) -> Result<Client, RemoteError> {
    // What is wrong with the address is told first: a wrong one is no reason to open a key.
    let node = nobody_at(address, &trusted(roots)?)?;
    Ok(node.with_key(&read_key(key_file)?))
}

/// The node at `address`, called without a key.
///
/// # Errors
/// Where the address is none.
pub(crate) fn nobody_at(address: &str, roots: &Roots) -> Result<Client, kippu_client::Error> {
    Client::trusting(address, "", PATIENCE, roots)
}

/// All rows that the view at `path` answers.
///
/// # Errors
/// Where it does not.
pub(crate) async fn all_rows(node: &Client, path: &str) -> Result<Vec<Value>, kippu_client::Error> {
    let first = format!("{path}{}limit={MOST_ROWS}", if path.contains('?') { '&' } else { '?' });
    let (mut rows, mut next) = (Vec::new(), first.clone());
    loop {
        let mut page = node.done(node.query(&next, None)).await?;
        if let Some(Value::Array(more)) = page.get_mut("data").map(Value::take) {
            rows.extend(more);
        }
        match page.get("next").and_then(Value::as_str) {
            // Cursors are of base64url: they need no escaping.
            Some(cursor) => next = format!("{first}&cursor={cursor}"),
            None => return Ok(rows),
        }
    }
}

/// A key for a command that nobody named, which no other call has.
///
/// # Errors
/// Where there is no randomness.
pub(crate) fn random_key() -> Result<String, RemoteError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| RemoteError::Entropy)?;
    Ok(format!("cli-{}", data_encoding::HEXLOWER.encode(&bytes)))
}

/// The authorities that are trusted besides those that browsers trust: those in the file `roots`, where one is named.
///
/// # Errors
/// Where it cannot be read, or names none.
pub(crate) fn trusted(roots: Option<&Path>) -> Result<Roots, RootsError> {
    roots.map_or_else(|| Ok(Roots::default()), Roots::read)
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
