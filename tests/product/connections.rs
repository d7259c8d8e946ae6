//! Connections that somebody would hold for as long as he likes.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::fixture::{Node, PATIENCE};
use crate::market::purchase;

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

/// A connection of a caller that has space for 4 KiB.
async fn connect_with_little_space(address: std::net::SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(address).await.unwrap()
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
    let mut stream = connect_with_little_space(address).await;
    let asked = "GET /openapi.json HTTP/1.1\r\nHost: node\r\n\r\n".repeat(64);
    stream.write_all(asked.as_bytes()).await.unwrap();
    let closed = timeout(PATIENCE, drip_until_closed(&mut stream, LIVEZ, false)).await;
    assert!(closed.is_ok(), "answers that are not taken hold the connection");
}

#[tokio::test]
async fn an_answer_that_is_taken_bit_by_bit_arrives_whole_however_long_that_takes() {
    let node = Node::start_with(&["--request-timeout-secs", "3", "--keep-alive-secs", "1"]);
    let terminal = node.market(1_000_000).buyer("ann").await.terminal;
    let mut body = purchase(1);
    body["purchase"]["description"] = "x".repeat(250).into();
    let keys: Vec<_> = (0..500).map(|n| format!("open-{n}")).collect();
    for opened in join_all(keys.iter().map(|key| terminal.post("/v1/approvals", key, &body))).await {
        opened.expect(201);
    }
    let last = terminal.post("/v1/approvals", "last", &body).await.expect(201).position();
    let list = "/v1/approvals?limit=1000";
    let whole = terminal.get_at(list, &last).await.expect(200).text;

    let mut stream = connect_with_little_space(node.url().strip_prefix("http://").unwrap().parse().unwrap()).await;
    let key = &terminal.key;
    let asked = format!("GET {list} HTTP/1.1\r\nHost: n\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\r\n");
    stream.write_all(asked.as_bytes()).await.unwrap();
    // Twice as long as a connection may be without a request.
    let mut bits = tokio::time::interval(DRIP);
    let mut bit = vec![0; whole.len() / 80];
    let mut answer = Vec::new();
    loop {
        bits.tick().await;
        match stream.read(&mut bit).await.unwrap() {
            0 => break,
            taken => answer.extend_from_slice(&bit[..taken]),
        }
    }
    assert!(answer.ends_with(whole.as_bytes()), "{} bytes of {} and a head", answer.len(), whole.len());
}
