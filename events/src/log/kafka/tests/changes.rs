//! What somebody does to a topic while a node has it open, and what is refused at the next start.

use std::time::Duration;

use rdkafka::admin::{AdminOptions, NewPartitions};
use rdkafka::{Offset, TopicPartitionList};

use super::*;
use crate::EntityId;
use crate::secrets::{SharedKey, SharedKeys as _};

const OURS: LogId = LogId([1; 16]);
const THEIRS: LogId = LogId([2; 16]);

fn often() -> Settings {
    Settings { check_every: Duration::from_millis(100), ..trying_out() }
}

struct Nobody;

impl Owner for Nobody {
    fn assigned(&self, _: &[u16]) {}
    fn revoked(&self, _: &[u16]) {}
    fn troubled(&self, _: Option<&str>) {}
    fn expelled(&self, _: &str) {}
}

/// A node that has claimed the one partition of `address`.
struct Node {
    log: Arc<KafkaLog>,
    writer: TestWriter,
}

impl Node {
    fn open(address: &Address) -> Self {
        let log = KafkaLog::open(address, &often()).unwrap();
        Self { writer: TestWriter::claim(&log, 0), log }
    }

    /// Claims are taken again, sooner or later.
    fn claims_again(&mut self) {
        let until = Instant::now() + PATIENCE;
        self.writer = loop {
            match TestWriter::try_claim(&self.log, 0) {
                Ok(writer) => break writer,
                Err(error) => assert!(Instant::now() < until, "{error}"),
            }
        };
    }

    /// The writer ends, and sooner or later every claim is refused for a reason that has `text`.
    fn halts_with(&mut self, text: &str) {
        let told = self.writer.hear();
        assert!(matches!(told, Progress::Ended(AppendError::Unknown(_))), "{told:?}");
        assert!(self.writer.append(b"[]").is_err(), "nothing is written any more");
        let until = Instant::now() + PATIENCE;
        loop {
            match TestWriter::try_claim(&self.log, 0) {
                Err(AppendError::Unavailable(reason)) if reason.contains(text) => return,
                Err(AppendError::Unavailable(_)) if Instant::now() < until => {}
                other => panic!("{:?}", other.map(|writer| writer.head)),
            }
        }
    }
}

/// Shows F5.
#[test]
fn a_topic_that_is_made_unsafe_halts_every_partition_with_the_reason() {
    let address = created("unsafe");
    let mut node = Node::open(&address);
    change(&address, "retention.ms", "60000000");
    node.halts_with("retention.ms is 60000000, not -1: records would be deleted by age");
    assert_eq!(fetch(&address).end(0).unwrap(), 2, "genesis and claim");
    assert_eq!(node.log.read(0, 0, Bound::default()).unwrap().entries.len(), 2, "reading goes on");
}

/// Shows F5.
#[test]
fn a_topic_that_is_made_safe_again_takes_writes_again() {
    let address = created("mended");
    let mut node = Node::open(&address);
    change(&address, "retention.ms", "60000000");
    node.halts_with("retention.ms is 60000000");
    assert!(node.log.trouble().is_some_and(|trouble| trouble.contains("retention.ms")));
    change(&address, "retention.ms", "-1");
    node.claims_again();
    assert_eq!(node.log.trouble(), None);
}

/// Shows F5.
#[test]
fn a_topic_that_no_longer_takes_the_largest_record_is_named_before_one_is_refused() {
    for (name, value) in [("max.message.bytes", "100000"), ("min.insync.replicas", "2")] {
        let address = created("small");
        let mut node = Node::open(&address);
        change(&address, name, value);
        node.halts_with(&format!("{name} is {value}, "));
        assert!(refusal(&address).contains(&format!("{name} is {value}, ")), "{}", refusal(&address));
    }
}

/// Shows F5, F7.
#[test]
fn partitions_that_are_added_are_named_and_those_of_the_log_stay_readable() {
    let address = created("grown");
    let mut node = Node::open(&address);
    let (admin, options) = (fetch(&address).access.admin().unwrap(), AdminOptions::new());
    let more = NewPartitions::new(&address.topic, 3);
    assert!(futures_executor::block_on(admin.create_partitions([&more], &options)).unwrap().iter().all(Result::is_ok));
    let grown = format!("the topic {} has 3 partitions, and its log 1", address.topic);
    node.halts_with(&grown);
    assert!(refusal(&address).contains(&grown), "{}", refusal(&address));
    let read_only = ReadOnly::open(&address, &trying_out()).unwrap();
    assert_eq!((read_only.partitions(), read_only.end(0).unwrap()), (1, 2));
    assert_eq!(read_only.read(0, 0, Bound::default()).unwrap().entries.len(), 2);
    assert!(read_only.concern().is_some_and(|concern| concern.to_string().contains(&grown)));
    // It can be ended there, so that it goes on at another location.
    let leaving = KafkaLog::open(&address, &Settings { accept_unsafe: true, ..trying_out() }).unwrap();
    TestWriter::claim(&leaving, 0);
}

#[test]
fn a_topic_that_was_made_again_and_is_empty_is_named_and_the_log_that_it_lacks() {
    let address = created("emptied");
    delete(&address);
    topic::make(&fetch(&address), &NEW).unwrap();
    topic::wait_until_there(&fetch(&address), 1).unwrap();
    let refused = KafkaLog::open(&address, &Settings { log: Some(OURS), ..trying_out() }).map(drop).unwrap_err();
    assert!(matches!(refused, OpenError::Empty { partition: 0, expected: Some(OURS), .. }), "{refused}");
    assert!(
        refused.to_string().contains(&format!("is empty in partition 0 and does not hold the log {OURS}")),
        "{refused}"
    );
}

/// Shows F30.
#[test]
fn a_topic_of_keys_that_is_emptied_under_a_node_halts_every_partition_with_the_reason() {
    let address = created("lost-keys");
    let keys = KeysTopic::open(&address, &trying_out(), OURS).unwrap();
    let key = SharedKey { person: EntityId::from_hash(&[3; 32]), wrapped: vec![1; 8] };
    keys.append(&key).unwrap();
    let mut node = Node::open(&address);
    // Once writes are taken again, it has been seen with its key.
    change(&address.keys(), "retention.bytes", "1");
    node.halts_with("retention.bytes is 1");
    change(&address.keys(), "retention.bytes", "-1");
    node.claims_again();
    delete(&address.keys());
    topic::make(&fetch(&address.keys()), &NEW).unwrap();
    node.halts_with(&format!("the topic {} has lost persons' keys: it has 0 entries, and had 1", address.keys().topic));
    assert!(keys.read(0, 1).is_err(), "nothing is shown as a key");
}

/// Shows F5.
#[test]
fn what_is_compressed_in_any_way_that_a_topic_can_ask_for_is_read() {
    for codec in ["uncompressed", "gzip", "snappy", "lz4", "zstd", "producer"] {
        let address = created(codec);
        change(&address, "compression.type", codec);
        let log = KafkaLog::open(&address, &trying_out()).unwrap();
        let mut writer = TestWriter::claim(&log, 0);
        for _ in 0..3 {
            writer.write(format!("[{}]", "\"again\",".repeat(100)).as_bytes());
        }
        let read_only = ReadOnly::open(&address, &trying_out()).unwrap();
        assert_eq!(read_only.read(0, 0, Bound::default()).unwrap().entries.len(), 5, "{codec}");
        assert_eq!(fetch(&address).page(0, 0, 5, Bound::default()).unwrap().entries.len(), 5, "{codec}");
    }
}

#[test]
fn a_refused_creation_has_made_nothing() {
    let (address, twice) = (super::address("refused"), NewTopic { partitions: 1, replicas: 2 });
    let strict = Settings::default();
    for (settings, new) in [(&trying_out(), &twice), (&strict, &NEW)] {
        let refused = KafkaLog::create(&address, settings, OURS, new).unwrap_err();
        for address in [address.clone(), address.keys(), address.owners()] {
            let found = topic::count(&fetch(&address));
            assert!(matches!(found, Err(OpenError::NoTopic(_))), "{refused}: {found:?}");
        }
    }
    let taken = super::address("taken");
    topic::make(&fetch(&taken), &NEW).unwrap();
    change(&taken, "cleanup.policy", "compact");
    assert!(KafkaLog::create(&taken, &trying_out(), OURS, &NEW).is_err());
    assert_eq!(fetch(&taken).end(0).unwrap(), 0);
    assert!(matches!(topic::count(&fetch(&taken.keys())), Err(OpenError::NoTopic(_))));
}

/// Shows F36.
#[test]
fn the_topic_of_owners_is_made_anew_under_a_node_where_it_is_gone() {
    let address = created("owners-gone");
    let log = KafkaLog::open(&address, &often()).unwrap();
    let _membership = log.join("test", Arc::new(Nobody)).unwrap();
    delete(&address.owners());
    let until = Instant::now() + PATIENCE;
    while topic::count(&fetch(&address.owners())).is_err() {
        assert!(Instant::now() < until, "it stays away");
    }
}

/// Shows F5.
#[test]
fn a_topic_of_keys_that_is_made_unsafe_halts_every_partition_with_the_reason() {
    let address = created("unsafe-keys");
    let mut node = Node::open(&address);
    change(&address.keys(), "cleanup.policy", "compact");
    node.halts_with("cleanup.policy is compact, not delete");
    assert_eq!(node.log.read(0, 0, Bound::default()).unwrap().entries.len(), 2, "reading goes on");
}

/// Shows F36.
#[test]
fn the_topic_of_owners_is_made_anew_where_it_is_gone_and_refused_where_it_is_too_small() {
    let address = created("owners");
    let log = KafkaLog::open(&address, &trying_out()).unwrap();
    let join = || log.join("test", Arc::new(Nobody)).map(drop);
    let owners = address.owners();
    delete(&owners);
    join().unwrap();
    assert_eq!(topic::count(&fetch(&owners)).unwrap(), 1);
    delete(&owners);
    topic::make(&fetch(&owners), &NewTopic { partitions: 2, ..NEW }).unwrap();
    topic::wait_until_there(&fetch(&owners), 2).unwrap();
    join().unwrap();
    let wide = super::address("wide");
    KafkaLog::create(&wide, &trying_out(), OURS, &NewTopic { partitions: 2, ..NEW }).unwrap();
    let log = KafkaLog::open(&wide, &trying_out()).unwrap();
    delete(&wide.owners());
    topic::make(&fetch(&wide.owners()), &NEW).unwrap();
    topic::wait_until_there(&fetch(&wide.owners()), 1).unwrap();
    let refused = log.join("test", Arc::new(Nobody)).map(drop).unwrap_err().to_string();
    assert!(refused.contains("it has 1 partitions, and the log has 2: delete it"), "{refused}");
}

/// Shows F5.
#[test]
fn records_that_are_deleted_from_the_front_halt_every_partition_by_place() {
    let address = created("trimmed");
    let mut node = Node::open(&address);
    let (admin, options) = (fetch(&address).access.admin().unwrap(), AdminOptions::new());
    let mut before = TopicPartitionList::new();
    before.add_partition_offset(&address.topic, 0, Offset::Offset(1)).unwrap();
    assert!(futures_executor::block_on(admin.delete_records(&before, &options)).is_ok());
    node.halts_with("partition 0 begins at offset 1: records were deleted");
    assert!(
        refusal(&address).ends_with("partition 0 begins at offset 1: records were deleted"),
        "{}",
        refusal(&address)
    );
    assert_eq!(fetch(&address).end(0).unwrap(), 2, "genesis and claim were all that was written");
}

#[test]
fn a_topic_that_is_deleted_halts_every_partition_and_stays_deleted() {
    let address = created("deleted");
    let mut node = Node::open(&address);
    delete(&address);
    node.halts_with(&format!("there is no topic {}", address.topic));
    assert!(node.log.end(0).is_err());
    assert!(refusal(&address).starts_with("there is no topic"), "{}", refusal(&address));
}

#[test]
fn another_log_under_the_same_name_is_named_and_nothing_is_written_to_it() {
    let address = created("remade");
    let mut node = Node::open(&address);
    delete(&address);
    KafkaLog::create(&address, &trying_out(), THEIRS, &NEW).unwrap();
    node.halts_with(&format!("holds the log {THEIRS}, not {OURS}"));
    assert!(node.log.read(0, 2, Bound::default()).is_err(), "nothing of it is shown as ours");
    let next = KafkaLog::open(&address, &Settings { log: Some(OURS), ..trying_out() }).map(drop);
    assert!(matches!(next, Err(OpenError::OtherLog { expected: OURS, found: THEIRS, .. })), "{next:?}");
    assert_eq!(fetch(&address).end(0).unwrap(), 1, "its genesis alone");
}

#[test]
fn another_cluster_is_refused_and_nothing_is_made_in_it() {
    let address = created("cluster");
    let log = KafkaLog::open(&address, &trying_out()).unwrap();
    let here = Settings { cluster: Some(log.cluster().to_owned()), ..trying_out() };
    assert!(KafkaLog::open(&address, &here).is_ok());
    let other = Settings { cluster: Some("other".to_owned()), ..trying_out() };
    let refused = KafkaLog::open(&address, &other).map(drop).unwrap_err();
    let named = format!("the brokers belong to the cluster {}, not other: ", log.cluster());
    assert!(refused.to_string().starts_with(&named), "{refused}");
    assert_eq!(cluster_of(&address, &trying_out()).unwrap(), log.cluster());
    assert!(cluster_of(&address, &other).is_err());
    let new = super::address("cluster");
    let refused = KafkaLog::create(&new, &other, OURS, &NEW).unwrap_err();
    assert!(matches!(refused, OpenError::OtherCluster { .. }), "{refused}");
    assert!(refusal(&new).starts_with("there is no topic"));
}
