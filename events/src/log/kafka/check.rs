//! What a topic has to be so that it keeps a history and takes records: nothing in it is deleted or compacted, no single
//! broker takes an answered record with it, and no limit of it is smaller than what a node writes.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use rdkafka::admin::{AdminOptions, ResourceSpecifier};
use rdkafka::consumer::Consumer as _;

use super::client::PATIENCE;
use super::error::is_not_allowed;
use super::fetch::Fetch;
use super::properties::most_message_bytes;
use super::topic::NewTopic;
use super::{OpenError, Settings};

/// Copies of each partition, and how many of them must have a record before it is answered: one broker may be gone, and
/// one more while it is.
const LEAST_REPLICAS: u16 = 3;
const LEAST_IN_SYNC: u16 = 2;
/// How far a node's clock may be from a broker's where the node's is what counts.
const LEAST_TIME_MS: i64 = 300_000;

/// What the brokers say of a topic.
struct Facts {
    /// Copies of the partition that has the fewest.
    replicas: u16,
    settings: BTreeMap<String, String>,
}

/// Refuses a topic that could lose history, or that does not take every record.
pub(super) fn check(fetch: &Fetch, settings: &Settings) -> Result<(), OpenError> {
    refuse(fetch.topic(), &complaints(&facts(fetch)?, settings))
}

/// Refuses to make a topic that [`check`] would refuse.
pub(super) fn check_new(topic: &str, new: &NewTopic, settings: &Settings) -> Result<(), OpenError> {
    refuse(topic, &too_few_copies(new.replicas, new.in_sync(), settings))
}

fn refuse(topic: &str, complaints: &[String]) -> Result<(), OpenError> {
    if complaints.is_empty() {
        return Ok(());
    }
    Err(OpenError::Unsafe { topic: topic.to_owned(), reasons: complaints.join("; ") })
}

/// Copies of the partition that has the fewest.
pub(super) fn replicas(fetch: &Fetch) -> Result<u16, OpenError> {
    let metadata = fetch.ask(|reader| reader.fetch_metadata(Some(fetch.topic()), PATIENCE))?;
    let partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
    let fewest = partitions.map(|partition| partition.replicas().len()).min().unwrap_or(0);
    Ok(u16::try_from(fewest).unwrap_or(u16::MAX))
}

fn facts(fetch: &Fetch) -> Result<Facts, OpenError> {
    let replicas = replicas(fetch)?;
    let admin = fetch.access.admin()?;
    let options = AdminOptions::new().request_timeout(Some(PATIENCE));
    let topic = ResourceSpecifier::Topic(fetch.topic());
    let told = futures_executor::block_on(admin.describe_configs([&topic], &options)).map_err(OpenError::client)?;
    let mut settings = BTreeMap::new();
    for resource in told {
        let resource = resource.map_err(|code| match code {
            code if is_not_allowed(code) => {
                OpenError::NotAllowed { what: format!("describe the settings of the topic {}", fetch.topic()), code }
            }
            code => OpenError::Client(format!("the settings of the topic {}: {code}", fetch.topic())),
        })?;
        settings.extend(resource.entries.into_iter().filter_map(|entry| Some((entry.name, entry.value?))));
    }
    Ok(Facts { replicas, settings })
}

/// Everything that is wrong with a topic, in words for its operator.
fn complaints(facts: &Facts, settings: &Settings) -> Vec<String> {
    let found = |name: &str| facts.settings.get(name).map_or("not told", String::as_str);
    let mut complaints = Vec::new();
    for (name, wanted, why) in [
        ("cleanup.policy", "delete", "compaction takes records out of the history"),
        ("retention.ms", "-1", "records would be deleted by age"),
        ("retention.bytes", "-1", "records would be deleted by size"),
        ("unclean.leader.election.enable", "false", "a broker that lags could lead and lose answered records"),
    ] {
        if found(name) != wanted {
            complaints.push(format!("{name} is {}, not {wanted}: {why}", found(name)));
        }
    }
    let most = most_message_bytes(&settings.properties);
    let mut at_least = vec![
        ("max.message.bytes", most, "a node writes as much at once"),
        ("segment.bytes", most, "a node writes as much at once"),
    ];
    // Otherwise the broker's clock counts.
    if found("message.timestamp.type") != "LogAppendTime" {
        let why = "records of a node whose clock is off would be refused";
        at_least.push(("message.timestamp.before.max.ms", LEAST_TIME_MS, why));
        at_least.push(("message.timestamp.after.max.ms", LEAST_TIME_MS, why));
    }
    for (name, least, why) in at_least {
        // A broker from before a setting was there has no such limit.
        let is_told = facts.settings.contains_key(name);
        if is_told && found(name).parse::<i64>().is_ok_and(|found| found < least) {
            complaints.push(format!("{name} is {}, less than {least}: {why}", found(name)));
        }
    }
    match found("min.insync.replicas").parse() {
        Ok(in_sync) if in_sync > facts.replicas => complaints.push(format!(
            "min.insync.replicas is {in_sync}, more than the replication factor {}: no record would be taken",
            facts.replicas
        )),
        Ok(in_sync) => complaints.extend(too_few_copies(facts.replicas, in_sync, settings)),
        Err(_) => complaints.push(format!("min.insync.replicas is {}, not a number", found("min.insync.replicas"))),
    }
    complaints
}

fn too_few_copies(replicas: u16, in_sync: u16, settings: &Settings) -> Vec<String> {
    let mut complaints = Vec::new();
    if !settings.accept_single_copy {
        if replicas < LEAST_REPLICAS {
            complaints.push(format!("its replication factor is {replicas}, not {LEAST_REPLICAS}"));
        }
        if in_sync < LEAST_IN_SYNC {
            complaints.push(format!("min.insync.replicas is {in_sync}, not {LEAST_IN_SYNC}"));
        }
    }
    complaints
}
