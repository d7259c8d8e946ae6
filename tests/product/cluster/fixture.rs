//! Several nodes over one topic, in one line.

use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::fixture::{Node, assert_sound_at, run, until, utf8};
use crate::http::{Caller, Lost, Reply};
use crate::market::Market;

/// A node that does not answer within this is asked no more: it may be frozen, or cut off.
const PATIENCE: Duration = Duration::from_secs(3);
const PARTITIONS: &str = "6";

/// Nodes over one topic.
pub(super) struct Cluster {
    pub(super) nodes: Vec<Node>,
    /// The topic, as the first node names it.
    log: String,
    operator: Caller,
}

impl Cluster {
    /// A node behind each of `brokers`, over a topic with so many copies.
    pub(super) fn start(brokers: &[&str], replicas: usize) -> Self {
        let topic = format!("cluster-{:016x}", rand::random::<u64>());
        let logs: Vec<String> = brokers.iter().map(|brokers| format!("kafka://{brokers}/{topic}")).collect();
        let folders: Vec<TempDir> = brokers.iter().map(|_| TempDir::with_prefix("kippu-node-").unwrap()).collect();
        let replicas = replicas.to_string();
        let first = folders[0].path().join("data");
        let keyring = first.join("keys/keyring.json");
        let mut nodes = Vec::new();
        for (index, (folder, log)) in folders.into_iter().zip(&logs).enumerate() {
            let data = folder.path().join("data");
            let mut init = vec!["init", "--data", utf8(&data), "--log", log, "--accept-single-copy"];
            if index == 0 {
                init.extend(["--partitions", PARTITIONS, "--replicas", &replicas]);
            } else {
                init.extend(["--keyring", utf8(&keyring)]);
            }
            run(&init).ok();
            let name = format!("node-{index}");
            let flags = ["--accept-single-copy", "--name", &name, "--rate-per-second", "0"];
            let flags = flags.map(str::to_owned).to_vec();
            nodes.push((folder, flags));
        }
        let operator = std::fs::read_to_string(first.join("operator.key")).unwrap().trim().to_owned();
        let nodes: Vec<Node> = nodes.into_iter().map(|(folder, flags)| Node::start_in(folder, flags)).collect();
        let operator = Caller::nobody(nodes[0].url(), PATIENCE).with_key(&operator);
        Self { nodes, log: logs[0].clone(), operator }
    }

    /// An operator at each node.
    pub(super) fn operators(&self) -> Vec<Caller> {
        self.nodes.iter().map(|node| self.operator.at(node.url())).collect()
    }

    /// A market at the first node.
    pub(super) async fn market(&self, limit: u64) -> Market {
        self.settled().await;
        Market { operator: self.operators().remove(0), limit }
    }

    /// Waits until every node is ready and every partition is served by one of them.
    pub(super) async fn settled(&self) {
        for operator in self.operators() {
            let ready = |reply: &Result<Reply, Lost>| reply.as_ref().is_ok_and(|reply| reply.status == 200);
            until(async || operator.try_get("/readyz", None).await, ready).await;
        }
        self.served_by(0).await;
    }

    /// Waits until others serve what `node` did.
    pub(super) async fn succeeded(&self, node: usize) {
        self.served_by((node + 1) % self.nodes.len()).await;
    }

    /// Waits until a command of each partition is answered by `node`, or by those it knows of.
    async fn served_by(&self, node: usize) {
        let operator = &self.operators()[node];
        for probe in 0..64 {
            let (key, body) = (format!("probe-{probe}"), serde_json::json!({ "label": "a probe" }));
            let answered = |reply: &Result<Reply, Lost>| reply.as_ref().is_ok_and(|reply| reply.status < 500);
            until(async || operator.try_post("/v1/placements", &key, &body).await, answered).await;
        }
    }

    /// Waits until `kippu doctor` finds each node at work, and each partition at one of them.
    pub(super) async fn assert_found_by_doctor(&self) {
        let data = self.nodes[0].data();
        let told = |finding: &Value, index: usize| {
            let at_work = format!("node-{index} at {} serves partitions ", self.nodes[index].url());
            finding["verdict"] == "good"
                && finding["detail"].as_str().is_some_and(|detail| detail.starts_with(&at_work))
        };
        let all_at_work = |report: &Value| {
            let findings = report["findings"].as_array().into_iter().flatten();
            let nodes: Vec<_> = findings.filter(|finding| finding["check"] == "node").collect();
            nodes.len() == self.nodes.len()
                && (0..nodes.len()).all(|index| nodes.iter().any(|finding| told(finding, index)))
        };
        let ask = async || run(&["--json", "doctor", "--data", utf8(&data), "--accept-single-copy"]).json().remove(0);
        until(ask, all_at_work).await;
    }

    /// Panics where the history is not sound; gives the last lines of the report.
    #[track_caller]
    pub(super) fn assert_sound(&self) -> String {
        assert_sound_at(&self.log)
    }
}
