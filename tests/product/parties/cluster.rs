//! Parties of two nodes, which share a log on Kafka and a folder of blobs.

use serde_json::Value;
use tempfile::TempDir;

use super::{Parties, Party, card};
use crate::fixture::{Node, first, run, topic, utf8};
use crate::http::{Caller, Lost, Reply};

/// Enough that each node has some.
const PARTITIONS: &str = "4";

/// The second node of a party.
pub(crate) struct Twin {
    pub(crate) node: Node,
    /// Where both keep their blobs.
    _blobs: TempDir,
}

impl Party {
    /// Starts a party of two nodes. To others its address is that of the first one.
    async fn start_twice(name: &str) -> Self {
        let (log, blobs) = (topic(name), TempDir::with_prefix("kippu-blobs-").expect("a temporary folder"));
        let folders = [(); 2].map(|()| TempDir::with_prefix("kippu-test-").expect("a temporary folder"));
        let data = [&folders[0], &folders[1]].map(|folder| folder.path().join("data"));
        let keyring = data[0].join("keys/keyring.json");
        let first_init = ["--partitions", PARTITIONS, "--replicas", "1"];
        for (data, more) in data.iter().zip([&first_init[..], &["--keyring", utf8(&keyring)]]) {
            run(&[&["init", "--log", &log, "--accept-single-copy", "--data", utf8(data)], more].concat()).ok();
        }
        let [node, twin] = {
            let mut number = 0;
            folders.map(|folder| {
                number += 1;
                let port = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port").local_addr();
                let own = format!("{name}-{number}");
                let flags = ["--name", &own, "--accept-single-copy", "--blobs-dir", utf8(blobs.path())];
                Node::start_at(folder, flags.map(str::to_owned).to_vec(), &port.expect("an address").to_string())
            })
        };
        let mut party = Self { node, twin: Some(Twin { node: twin, _blobs: blobs }), id: String::new() };
        party.share().await;
        party.id = card(&party.node).await["party"].as_str().expect("a party has an id").to_owned();
        party
    }

    /// Its nodes.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = &Node> {
        [&self.node].into_iter().chain(self.twin.as_ref().map(|twin| &twin.node))
    }

    /// One of its nodes.
    pub(crate) fn node_mut(&mut self, number: usize) -> &mut Node {
        match &mut self.twin {
            Some(twin) if number == 1 => &mut twin.node,
            Some(_) | None => &mut self.node,
        }
    }

    /// The operator at each node.
    pub(crate) fn operators(&self) -> Vec<Caller> {
        self.nodes().map(|node| self.operator().at(node.url())).collect()
    }

    /// Somebody who does not say who they are, at each node.
    pub(crate) fn guests(&self) -> Vec<Caller> {
        self.nodes().map(|node| node.caller("")).collect()
    }

    /// Waits until each node is ready, and serves a part of the partitions.
    pub(crate) async fn share(&self) {
        for operator in self.operators() {
            for path in ["/readyz", "/readyz?own"] {
                let ready = |reply: &Result<Reply, Lost>| {
                    let Ok(reply) = reply.as_ref().map(|reply| (reply.status, reply.json())) else { return false };
                    reply.0 == 200 && reply.1.get("partitions").is_none_or(|own| own != &Value::Array(Vec::new()))
                };
                let asked = first(async || operator.try_get(path, None).await, ready).await;
                assert!(ready(&asked), "{asked:?}");
            }
        }
    }
}

impl Parties {
    /// All five, shop and settlement server with two nodes each.
    pub(crate) async fn start_with_twins() -> Self {
        let authenticator = Party::start("authenticator").await;
        let reference = Party::start("reference").await;
        let shop = Party::start_twice("shop").await;
        let settler = Party::start_twice("settler").await;
        let rival = Party::start("rival").await;
        Self::of([authenticator, reference, shop, settler, rival], false).await
    }
}
