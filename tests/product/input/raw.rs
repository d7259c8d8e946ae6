//! Requests byte by byte, so that they can be as wrong as clients and attackers make them.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// No answer takes this long.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request as it goes over the wire.
pub(super) struct Request {
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// Sent in chunks instead of the body, without saying beforehand how much it is.
    pub(super) chunked: Option<Vec<u8>>,
    /// So many bytes at the end are never sent.
    pub(super) held_back: usize,
}

/// What came back.
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) content_type: Option<String>,
    /// The slug, where it is a problem.
    pub(super) problem: Option<String>,
}

impl Request {
    pub(super) fn post(path: &str) -> Self {
        let (path, headers, body) = (path.to_owned(), Vec::new(), Vec::new());
        Self { method: "POST", path, headers, body, chunked: None, held_back: 0 }
    }

    pub(super) fn get(path: &str) -> Self {
        Self { method: "GET", ..Self::post(path) }
    }

    pub(super) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(header, _)| header != name);
        self
    }

    pub(super) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends it to the node at `url`.
    pub(super) fn send(self, url: &str) -> Answered {
        let address = url.strip_prefix("http://").expect("a URL without TLS");
        let mut stream = TcpStream::connect(address).expect("the node listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        stream.set_write_timeout(Some(PATIENCE)).expect("a timeout can be set");
        let mut bytes = format!("{} {} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            bytes.push_str(&format!("{name}: {value}\r\n"));
        }
        let mut bytes = bytes.into_bytes();
        match self.chunked {
            Some(body) => {
                bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
                for chunk in body.chunks(4096) {
                    bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                    bytes.extend_from_slice(chunk);
                    bytes.extend_from_slice(b"\r\n");
                }
                bytes.extend_from_slice(b"0\r\n\r\n");
            }
            None => {
                bytes.extend_from_slice(format!("Content-Length: {}\r\n\r\n", self.body.len()).as_bytes());
                bytes.extend_from_slice(&self.body);
            }
        }
        bytes.truncate(bytes.len() - self.held_back);
        // A node that has seen enough may answer and close before it has read everything.
        let _closed = stream.write_all(&bytes);
        let mut answer = Vec::new();
        let mut buffer = [0; 16 * 1024];
        while let Ok(read @ 1..) = stream.read(&mut buffer) {
            answer.extend_from_slice(&buffer[..read]);
        }
        Answered::parse(&answer)
    }
}

impl Answered {
    fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split_whitespace().nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
        let content_type = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-type").then(|| value.trim().to_owned())
        });
        let problem = serde_json::from_str(body)
            .ok()
            .and_then(|body: Value| Some(body.get("type")?.as_str()?.strip_prefix("/problems/")?.to_owned()));
        Self { status, content_type, problem }
    }
}
