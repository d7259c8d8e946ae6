//! Connections that somebody would hold for as long as he likes.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::fixture::{Node, PATIENCE};

/// How long it is between one byte and the next.
const DRIP: Duration = Duration::from_millis(100);
const LIVEZ: &str = "GET /livez HTTP/1.1\r\nHost: node\r\n\r\n";

/// A node that waits a second for a request, and as long for the next one.
fn node() -> (Node, std::net::SocketAddr) {
    let node = Node::start_with(&["--request-timeout-secs", "1", "--keep-alive-secs", "1"]);
    let address = node.url().strip_prefix("http://").unwrap().parse().unwrap();
    (node, address)
}

/// Adds `drip` every now and then, until the node has enough. Answers are taken if `reads`.
async fn drip_until_closed(stream: &mut TcpStream, drip: &str, reads: bool) {
    let mut taken = [0; 4096];
    let mut dripping = tokio::time::interval(DRIP);
    loop {
        tokio::select! {
            read = stream.read(&mut taken), if reads => match read {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            },
            _ = dripping.tick() => if stream.write_all(drip.as_bytes()).await.is_err() {
                return;
            },
        }
    }
}

/// Shows F31.
#[tokio::test]
async fn a_connection_is_not_held_by_a_request_that_never_is_whole() {
    let (_node, address) = node();
    let unread = "POST /v1/approvals HTTP/1.1\r\nHost: node\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (what, first, drip) in [
        ("a second head", format!("{LIVEZ}G"), "E"),
        ("a second head behind an answer", format!("{LIVEZ}{LIVEZ}GET /livez HTTP/1.1\r\n"), "A: b\r\n"),
        ("the rest of a body that nobody reads", unread.to_owned(), "1\r\n{\r\n"),
        ("nothing", LIVEZ.to_owned(), ""),
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(first.as_bytes()).await.unwrap();
        let closed = timeout(PATIENCE, drip_until_closed(&mut stream, drip, true)).await;
        assert!(closed.is_ok(), "{what} holds the connection");
    }
}

/// Shows F31.
#[tokio::test]
async fn a_connection_is_not_held_by_answers_that_are_not_taken() {
    let (_node, address) = node();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let asked = "GET /openapi.json HTTP/1.1\r\nHost: node\r\n\r\n".repeat(64);
    stream.write_all(asked.as_bytes()).await.unwrap();
    let closed = timeout(PATIENCE, drip_until_closed(&mut stream, LIVEZ, false)).await;
    assert!(closed.is_ok(), "answers that are not taken hold the connection");
}
