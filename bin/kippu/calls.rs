//! The one place where HTTP clients are made, for every call that kippu makes itself: those of the commands to a node, and
//! those of a node to another. What the environment says of proxies counts for none of them, since a proxy would read API keys and
//! tokens; nobody is followed to another address, which would get them too.

use std::time::Duration;

use reqwest::header::{HeaderMap, LOCATION, SERVER};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, StatusCode, Url};

/// Of an answer that is nobody's we know, so many characters are told.
const MOST_TOLD: usize = 100;

/// A client that waits for each answer for as long as `patience`.
///
/// # Errors
/// Where there can be none.
pub(crate) fn client(patience: Duration) -> reqwest::Result<Client> {
    builder(patience).build()
}

/// As [`client`], to a node that takes a connection within `connect`.
///
/// # Errors
/// As [`client`].
pub(crate) fn client_between_nodes(connect: Duration, patience: Duration) -> reqwest::Result<Client> {
    builder(patience).connect_timeout(connect).build()
}

fn builder(patience: Duration) -> ClientBuilder {
    Client::builder().no_proxy().redirect(Policy::none()).referer(false).timeout(patience)
}

/// Where a node's paths begin, for the address that somebody typed.
///
/// # Errors
/// What is wrong with it. It is not repeated, since it may hold a password.
pub(crate) fn root(address: &str) -> Result<String, String> {
    let text = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
    let url = Url::parse(&text).map_err(|error| format!("the address of the node is no URL: {error}"))?;
    if url.scheme() != "http" {
        return Err("a node is called by http://HOST:PORT: TLS is for a proxy before it".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "the address of a node holds no user and no password: keys are in the file of --key-file".to_owned()
        );
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("the address of a node ends with its host, its port and perhaps a path".to_owned());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// Who answered instead of a node, as far as it shows.
pub(crate) fn what_answered(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> String {
    let text = |name| headers.get(name).and_then(|value: &reqwest::header::HeaderValue| value.to_str().ok());
    let by = text(SERVER).map(|server| format!(" from {}", shown(server.as_bytes()))).unwrap_or_default();
    let to = text(LOCATION).map(|place| format!(", leading to {}", shown(place.as_bytes()))).unwrap_or_default();
    let body = if body.is_empty() { "no body".to_owned() } else { shown(body) };
    format!("no kippu node answers here; the answer is {status}{by}{to}: {body}")
}

/// The beginning of what somebody else wrote, on one line and without what a terminal could take for its own.
fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ").replace(char::is_control, "");
    let mut shown: String = words.chars().take(MOST_TOLD).collect();
    if shown.len() < words.len() {
        shown.push('…');
    }
    shown
}

/// An error and its causes: reqwest tells only the outermost by itself.
pub(crate) fn told(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_holds_no_password() {
        for (typed, meant) in [
            ("127.0.0.1:7701", "http://127.0.0.1:7701"),
            ("http://n1:7701/", "http://n1:7701"),
            ("http://[::1]:7701/kippu/", "http://[::1]:7701/kippu"),
        ] {
            assert_eq!(root(typed).unwrap(), meant);
        }
        for typed in
            ["http://ann:secret@n1", "ann:secret@n1", "https://n1", "http://n1/?a=secret", "http://", "file:///x"]
        {
            let error = root(typed).unwrap_err();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn who_answers_instead_of_a_node_is_told_on_one_line() {
        let mut headers = HeaderMap::new();
        headers.insert(SERVER, "nginx/1.22.1".parse().unwrap());
        let said =
            what_answered(StatusCode::BAD_GATEWAY, &headers, b"<html>\r\n<title>\x1b[31mBad\x07 gateway</title>");
        assert!(said.ends_with("502 Bad Gateway from nginx/1.22.1: <html> <title>[31mBad gateway</title>"), "{said}");
        let said = what_answered(StatusCode::OK, &HeaderMap::new(), &[b'x'; 1000]);
        assert!(said.ends_with(&format!(": {}…", "x".repeat(MOST_TOLD))), "{said}");
    }
}
