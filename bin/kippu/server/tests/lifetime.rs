//! How a server ends.

use std::time::{Duration, Instant};

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
