//! What tests on the broker of `KAFKA_BROKERS` begin with.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminOptions, AlterConfig, ConfigSource, ResourceSpecifier};

use super::client::Access;
use super::fetch::Fetch;
use super::{Address, LogId, Settings, topic};

/// How long a broker that tests share may take.
pub(in crate::log) const PATIENCE: Duration = Duration::from_secs(60);

/// Tests have one broker.
pub(in crate::log) fn trying_out() -> Settings {
    Settings { accept_single_copy: true, ..Settings::default() }
}

/// Of a topic that is not there yet.
pub(in crate::log) fn address(name: &str) -> Address {
    let brokers = std::env::var("KAFKA_BROKERS").expect("KAFKA_BROKERS: `make test` starts a broker and sets it");
    Address { brokers, topic: format!("{name}-{}", LogId::random().unwrap()) }
}

pub(super) fn fetch(address: &Address) -> Fetch {
    Fetch::new(Access::new(address, &trying_out()).unwrap())
}

/// Changes one setting of a topic; the others that it has of its own stay.
pub(super) fn change(address: &Address, name: &str, value: &str) {
    let (admin, options) = (fetch(address).access.admin().unwrap(), AdminOptions::new());
    let topic = ResourceSpecifier::Topic(&address.topic);
    let told = futures_executor::block_on(admin.describe_configs([&topic], &options)).unwrap().remove(0).unwrap();
    let own = told.entries.iter().filter(|entry| entry.source == ConfigSource::DynamicTopic);
    let own =
        own.fold(AlterConfig::new(topic), |all, entry| all.set(&entry.name, entry.value.as_deref().unwrap_or("")));
    let changed = own.set(name, value);
    assert!(futures_executor::block_on(admin.alter_configs([&changed], &options)).unwrap().iter().all(Result::is_ok));
}

/// Deletes a topic. It is gone from a broker a moment after that is answered.
pub(super) fn delete(address: &Address) {
    let (fetch, options) = (fetch(address), AdminOptions::new());
    let admin = fetch.access.admin().unwrap();
    let deleted = futures_executor::block_on(admin.delete_topics(&[&address.topic], &options));
    assert!(deleted.unwrap().iter().all(Result::is_ok));
    let until = Instant::now() + PATIENCE;
    while topic::count(&fetch).is_ok() {
        assert!(Instant::now() < until, "{} stays", address.topic);
    }
}
