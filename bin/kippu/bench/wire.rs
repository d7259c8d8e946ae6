//! As little of an HTTP/1.1 client as a measurement needs: one kept-alive connection, one request at a time. A full
//! client would take more of the cores that are measured.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Larger than any answer here.
const MOST_BYTES: usize = 1 << 16;

/// A kept-alive connection.
pub(super) struct Wire {
    stream: TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
}

/// An answer. The body lies in the connection until the next request.
pub(super) struct Reply<'a> {
    pub(super) status: u16,
    pub(super) body: &'a [u8],
}

impl Wire {
    pub(super) async fn connect(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, request: Vec::new(), answer: Vec::new() })
    }

    /// Posts JSON; `headers` are whole lines.
    pub(super) async fn post(&mut self, path: &str, headers: &str, body: &str) -> std::io::Result<Reply<'_>> {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{headers}\r\n",
            body.len()
        );
        self.exchange(&head, body).await
    }

    /// Asks for `path`; `headers` are whole lines.
    pub(super) async fn get(&mut self, path: &str, headers: &str) -> std::io::Result<Reply<'_>> {
        self.exchange(&format!("GET {path} HTTP/1.1\r\nhost: bench\r\n{headers}\r\n"), "").await
    }

    async fn exchange(&mut self, head: &str, body: &str) -> std::io::Result<Reply<'_>> {
        self.request.clear();
        self.request.extend_from_slice(head.as_bytes());
        self.request.extend_from_slice(body.as_bytes());
        self.stream.write_all(&self.request).await?;
        self.answer.clear();
        let (status, from, to) = loop {
            if let Some(whole) = whole(&self.answer)? {
                break whole;
            }
            if self.answer.len() > MOST_BYTES || self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err(malformed());
            }
        };
        Ok(Reply { status, body: &self.answer[from..to] })
    }
}

/// Status and the body's place, once all of it is there.
fn whole(answer: &[u8]) -> std::io::Result<Option<(u16, usize, usize)>> {
    let Some(head) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(&answer[..head]).map_err(|_| malformed())?;
    let status = text.get(9..12).and_then(|status| status.parse().ok()).ok_or_else(malformed)?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let (from, to) = (head + 4, head + 4 + length.ok_or_else(malformed)?);
    Ok((answer.len() >= to).then_some((status, from, to)))
}

fn malformed() -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidData, "an answer that the bench's own client does not read")
}
