//! Requests through the whole server, on a real port, over a node on the memory log.

mod bad_input;
mod clients;
mod edge;
mod lifetime;

use std::net::{SocketAddr, TcpListener};

use kippu_actors::runtime::RuntimeConfig;
use kippu_events::Family;
use kippu_events::log::LogId;
use kippu_events::log::memory::MemoryLog;
use kippu_events::secrets::Secrets;
use serde_json::{Value, json};

use super::Server;
use super::metrics::Commits;
use crate::config::Config;
use crate::node::{self, DataDir, Node, key_of};

/// A served node and an operator of it.
struct Fixture {
    server: Server,
    address: SocketAddr,
    operator: String,
    http: reqwest::Client,
    _dir: tempfile::TempDir,
}

/// An answer, read to its end.
struct Reply {
    status: u16,
    headers: reqwest::header::HeaderMap,
    text: String,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {:?}", self.text))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Status and slug of a problem, which MUST be one as we write them.
    fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{} {}", self.status, self.text);
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        assert_eq!(problem["request_id"], self.header("x-request-id"));
        assert!(problem["title"].is_string() && problem["detail"].is_string(), "{problem}");
        let slug = problem["type"].as_str().and_then(|kind| kind.strip_prefix("/problems/")).unwrap();
        (self.status, slug.to_owned())
    }
}

/// Runs `test` against a node that is served as `config` says.
fn served<F: Future<Output = Fixture>>(configure: impl FnOnce(&mut Config), test: impl FnOnce(Fixture) -> F) {
    let mut config = Config::default();
    config.http.workers = 1;
    config.ready.least_free_bytes = 1;
    configure(&mut config);
    node::on_a_system(async {
        let fixture = Fixture::new(&config).await;
        let fixture = test(fixture).await;
        fixture.server.stop().await.unwrap();
    });
}

impl Fixture {
    async fn new(config: &Config) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(dir.path());
        let id = LogId([9; 16]);
        let secrets = std::sync::Arc::new(Secrets::ephemeral(9, id));
        let runtime = RuntimeConfig::new(data.entities());
        let node = Node::start(MemoryLog::new(id, 4), Commits::default(), secrets, data, runtime).await.unwrap();
        let body = json!({ "role": "operator", "name": "first" });
        let outcome = node.command(Family::Clients, "open", None, "first", &body).await.unwrap();
        let operator = key_of(&outcome.answer).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let server = Server::start(node, config, listener).unwrap();
        Self { server, address, operator, http: reqwest::Client::new(), _dir: dir }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Reply {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Reply { status, headers, text: response.text().await.unwrap() }
    }

    /// A command as the operator.
    async fn post(&self, path: &str, key: &str, body: &Value) -> Reply {
        self.post_as(&self.operator, path, key, body).await
    }

    async fn post_as(&self, token: &str, path: &str, key: &str, body: &Value) -> Reply {
        let request = self.http.post(self.url(path)).bearer_auth(token).header("idempotency-key", key).json(body);
        self.send(request).await
    }

    async fn get_as(&self, token: &str, path: &str) -> Reply {
        self.send(self.http.get(self.url(path)).bearer_auth(token)).await
    }

    async fn get(&self, path: &str) -> Reply {
        self.send(self.http.get(self.url(path))).await
    }
}
