//! A broker of the test's own, whose topics are changed under a node.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, NewPartitions, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use tempfile::TempDir;

/// A broker that deletes and compacts nothing by itself while the test runs, whatever its topics are set to.
const PROPERTIES: &str = "log.retention.check.interval.ms=86400000\nlog.cleaner.backoff.ms=86400000\n";

/// Whoever does not say who it is.
const ANYBODY: &str = "User:ANONYMOUS";

pub(super) struct Broker {
    folder: TempDir,
    pub(super) address: String,
    admin: AdminClient<DefaultClientContext>,
}

impl Broker {
    pub(super) fn start() -> Self {
        Self::start_with("")
    }

    /// One that asks everybody for rights, of which everybody has all.
    pub(super) fn start_with_rights() -> Self {
        let authorizer = "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer";
        let broker = Self::start_with(&format!("{authorizer}\nallow.everyone.if.no.acl.found=true\n"));
        broker.rights(&[
            "--add",
            "--allow-principal",
            ANYBODY,
            "--operation",
            "All",
            "--topic",
            "*",
            "--group",
            "*",
            "--cluster",
        ]);
        broker
    }

    /// Takes a right away from everybody, as `Write` on `--topic kept`.
    pub(super) fn deny(&self, operation: &str, on: [&str; 2]) {
        self.rights(&["--add", "--deny-principal", ANYBODY, "--operation", operation, on[0], on[1]]);
    }

    /// Gives it back.
    pub(super) fn allow(&self, operation: &str, on: [&str; 2]) {
        self.rights(&["--remove", "--force", "--deny-principal", ANYBODY, "--operation", operation, on[0], on[1]]);
    }

    /// Kafka's own command for rights.
    fn rights(&self, arguments: &[&str]) {
        script(&[&["rights", &self.address], arguments].concat(), "");
    }

    fn start_with(properties: &str) -> Self {
        let folder = TempDir::with_prefix("kippu-topics-").unwrap();
        let address = script(&["start", folder.path().to_str().unwrap(), "1"], properties).trim().to_owned();
        let admin = ClientConfig::new().set("bootstrap.servers", &address).create().unwrap();
        Self { folder, address, admin }
    }

    /// What a topic is set to, by name.
    pub(super) fn settings(&self, topic: &str) -> BTreeMap<String, String> {
        let (resource, options) = (ResourceSpecifier::Topic(topic), AdminOptions::new());
        let told = futures_executor::block_on(self.admin.describe_configs([&resource], &options)).unwrap();
        let entries = told.into_iter().flat_map(|resource| resource.unwrap().entries);
        entries.filter_map(|entry| Some((entry.name, entry.value?))).collect()
    }

    /// Sets what a topic has of its own; false where the broker does not take it.
    pub(super) fn set(&self, topic: &str, settings: &BTreeMap<String, String>) -> bool {
        let start = AlterConfig::new(ResourceSpecifier::Topic(topic));
        let change = settings.iter().fold(start, |change, (name, value)| change.set(name, value));
        let options = AdminOptions::new();
        let done = futures_executor::block_on(self.admin.alter_configs([&change], &options)).unwrap();
        done.iter().all(Result::is_ok)
    }

    pub(super) fn add_partitions(&self, topic: &str, count: usize) {
        let (more, options) = (NewPartitions::new(topic, count), AdminOptions::new());
        let done = futures_executor::block_on(self.admin.create_partitions([&more], &options)).unwrap();
        assert!(done.iter().all(Result::is_ok), "{done:?}");
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        script(&["stop", self.folder.path().to_str().unwrap()], "");
    }
}

fn script(arguments: &[&str], properties: &str) -> String {
    let properties = format!("{PROPERTIES}{properties}");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kafka/kafka.sh");
    let mut command = Command::new("sh");
    command.arg(script).args(arguments).env("KIPPU_KAFKA_PROPERTIES", properties).stdin(Stdio::null());
    let output = command.output().expect("sh runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
