//! What a topic has to be so that it keeps a history: nothing in it is deleted or compacted, and no single broker takes an
//! answered record with it.

use std::collections::BTreeMap;

use rdkafka::admin::{AdminOptions, ResourceSpecifier};
use rdkafka::consumer::Consumer as _;

use super::client::PATIENCE;
use super::fetch::Fetch;
use super::{OpenError, Settings};

/// Copies of each partition, and how many of them must have a record before it is answered: one broker may be gone, and
/// one more while it is.
const LEAST_REPLICAS: u16 = 3;
const LEAST_IN_SYNC: usize = 2;

/// What the brokers say of a topic.
struct Facts {
    /// Copies of the partition that has the fewest.
    replicas: u16,
    settings: BTreeMap<String, String>,
}

/// Refuses a topic that could lose history.
pub(super) fn check(fetch: &Fetch, settings: &Settings) -> Result<(), OpenError> {
    let complaints = complaints(&facts(fetch)?, settings);
    if complaints.is_empty() {
        return Ok(());
    }
    Err(OpenError::Unsafe { topic: fetch.topic().to_owned(), reasons: complaints.join("; ") })
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
        let resource = resource.map_err(|code| OpenError::Client(format!("the topic's settings: {code}")))?;
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
    if !settings.accept_single_copy {
        if facts.replicas < LEAST_REPLICAS {
            complaints.push(format!("its replication factor is {}, not {LEAST_REPLICAS}", facts.replicas));
        }
        let in_sync = found("min.insync.replicas");
        if in_sync.parse::<usize>().is_ok_and(|in_sync| in_sync < LEAST_IN_SYNC) || in_sync.parse::<usize>().is_err() {
            complaints.push(format!("min.insync.replicas is {in_sync}, not {LEAST_IN_SYNC}"));
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(facts: &Facts, accept_single_copy: bool) -> Vec<String> {
        super::complaints(facts, &Settings { accept_single_copy, ..Settings::default() })
    }

    fn safe() -> Facts {
        let settings = [
            ("cleanup.policy", "delete"),
            ("retention.ms", "-1"),
            ("retention.bytes", "-1"),
            ("unclean.leader.election.enable", "false"),
            ("min.insync.replicas", "2"),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Facts { replicas: 3, settings }
    }

    #[test]
    fn a_topic_that_loses_nothing_is_taken() {
        assert_eq!(complaints(&safe(), false), Vec::<String>::new());
    }

    #[test]
    fn each_setting_that_could_lose_history_is_named() {
        for (name, value) in [
            ("cleanup.policy", "compact"),
            ("cleanup.policy", "compact,delete"),
            ("retention.ms", "604800000"),
            ("retention.bytes", "1"),
            ("unclean.leader.election.enable", "true"),
            ("min.insync.replicas", "1"),
            ("min.insync.replicas", ""),
        ] {
            let mut facts = safe();
            facts.settings.insert(name.to_owned(), value.to_owned());
            let [complaint] = &complaints(&facts, false)[..] else { panic!("{name}") };
            assert!(complaint.starts_with(&format!("{name} is {value}, not ")), "{complaint}");
            facts.settings.remove(name);
            assert_eq!(complaints(&facts, false).len(), 1, "what is not told is not trusted");
        }
    }

    #[test]
    fn few_copies_are_taken_only_where_that_is_accepted() {
        let mut facts = Facts { replicas: 1, ..safe() };
        facts.settings.insert("min.insync.replicas".to_owned(), "1".to_owned());
        assert_eq!(complaints(&facts, false).len(), 2);
        assert!(complaints(&facts, true).is_empty());
        facts.settings.insert("retention.ms".to_owned(), "1".to_owned());
        assert_eq!(complaints(&facts, true).len(), 1);
    }
}
