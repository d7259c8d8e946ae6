//! How a server ends.

use std::time::{Duration, Instant};

use serde_json::json;

use super::served;

/// Shows F35.
#[test]
fn a_server_stops_at_once_beside_an_idle_connection() {
    served(
        |config| config.http.drain_secs = 60,
        async |fixture| {
            assert_eq!(fixture.get("/livez").await.status, 200);
            let started = Instant::now();
            let address = fixture.address;
            fixture.server.stop().await.unwrap();
            assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
            assert!(tokio::net::TcpStream::connect(address).await.is_err());
            super::Fixture::new(&crate::config::Config::default()).await
        },
    );
}

/// Shows F35.
#[test]
fn a_command_under_way_is_answered_before_the_server_ends() {
    served(
        |_| {},
        async |fixture| {
            use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
            let body = json!({ "role": "shop", "name": "last" }).to_string();
            let (first, rest) = body.split_at(5);
            let head = format!(
                "POST /v1/clients HTTP/1.1\r\nhost: kippu\r\nauthorization: Bearer {}\r\nidempotency-key: last\r\ncontent-type: application/json\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
                fixture.operator,
                body.len()
            );
            let mut stream = tokio::net::TcpStream::connect(fixture.address).await.unwrap();
            stream.write_all(head.as_bytes()).await.unwrap();
            // The server asks for the body: from here on the request is under way.
            let mut asked = vec![0; 25];
            stream.read_exact(&mut asked).await.unwrap();
            assert_eq!(asked, b"HTTP/1.1 100 Continue\r\n\r\n");
            stream.write_all(first.as_bytes()).await.unwrap();
            let stopping = tokio::task::spawn_local(fixture.server.stop());
            stream.write_all(rest.as_bytes()).await.unwrap();
            let mut answer = vec![0; 12];
            stream.read_exact(&mut answer).await.unwrap();
            assert_eq!(answer, b"HTTP/1.1 201");
            drop(stream);
            stopping.await.unwrap().unwrap();
            super::Fixture::new(&crate::config::Config::default()).await
        },
    );
}
