//! A broker of the test's own, whose topics are changed under a node.

use std::collections::BTreeMap;

use rdkafka::ClientConfig;
use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, ConfigEntry, ConfigSource, NewPartitions, ResourceSpecifier,
};
use rdkafka::client::DefaultClientContext;

use crate::cluster::brokers::Brokers;

/// A broker that deletes and compacts nothing by itself while the test runs, whatever its topics are set to.
const KEEPS: &str = "log.retention.check.interval.ms=86400000\nlog.cleaner.backoff.ms=86400000\n";
/// One that asks for rights.
const ASKS: &str = "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=true";
/// Whoever does not say who it is.
const ANYBODY: &str = "User:ANONYMOUS";

pub(super) struct Broker {
    brokers: Brokers,
    pub(super) address: String,
    admin: AdminClient<DefaultClientContext>,
}

impl Broker {
    pub(super) fn start() -> Self {
        Self::start_with("")
    }

    /// One that asks everybody for rights, of which everybody has all.
    pub(super) fn start_with_rights() -> Self {
        let broker = Self::start_with(ASKS);
        let all = ["--operation", "All", "--topic", "*", "--group", "*", "--cluster"];
        broker.brokers.acl(&[&["--add", "--allow-principal", ANYBODY][..], &all].concat());
        broker
    }

    fn start_with(properties: &str) -> Self {
        let brokers = Brokers::start_with(1, 0, &format!("{KEEPS}{properties}"));
        let address = brokers.address(0);
        let admin = ClientConfig::new().set("bootstrap.servers", &address).create().unwrap();
        Self { brokers, address, admin }
    }

    /// Takes a right away from everybody, as `Write` on `--topic kept`.
    pub(super) fn deny(&self, operation: &str, on: [&str; 2]) {
        self.brokers.acl(&["--add", "--deny-principal", ANYBODY, "--operation", operation, on[0], on[1]]);
    }

    /// Gives it back.
    pub(super) fn allow(&self, operation: &str, on: [&str; 2]) {
        self.brokers.acl(&["--remove", "--force", "--deny-principal", ANYBODY, "--operation", operation, on[0], on[1]]);
    }

    /// What a topic is set to, by name.
    pub(super) fn settings(&self, topic: &str) -> BTreeMap<String, String> {
        self.entries(topic).filter_map(|entry| Some((entry.name, entry.value?))).collect()
    }

    /// What a topic has of its own, besides what the broker has for all.
    pub(super) fn own(&self, topic: &str) -> BTreeMap<String, String> {
        let own = self.entries(topic).filter(|entry| entry.source == ConfigSource::DynamicTopic);
        own.filter_map(|entry| Some((entry.name, entry.value?))).collect()
    }

    fn entries(&self, topic: &str) -> impl Iterator<Item = ConfigEntry> {
        let (resource, options) = (ResourceSpecifier::Topic(topic), AdminOptions::new());
        let told = futures_executor::block_on(self.admin.describe_configs([&resource], &options)).unwrap();
        told.into_iter().flat_map(|resource| resource.unwrap().entries)
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
