//! What somebody does to a topic while a node has it open, and what is refused at the next start.

use std::time::Duration;

use rdkafka::admin::AdminOptions;
use rdkafka::{Offset, TopicPartitionList};

use super::*;

const OURS: LogId = LogId([1; 16]);
const THEIRS: LogId = LogId([2; 16]);

fn often() -> Settings {
    Settings { check_every: Duration::from_millis(100), ..trying_out() }
}

/// A node that has claimed the one partition of `address`.
struct Node {
    log: Arc<KafkaLog>,
    seat: Seat,
}

impl Node {
    fn open(address: &Address) -> Self {
        let log = KafkaLog::open(address, &often()).unwrap();
        Self { seat: Seat::claim(&log, 0), log }
    }

    /// The writer ends, and sooner or later every claim is refused for a reason that has `text`.
    fn halts_with(&mut self, text: &str) {
        let told = self.seat.hear();
        assert!(matches!(told, Progress::Ended(AppendError::Unknown(_))), "{told:?}");
        assert!(self.seat.append(b"[]").is_err(), "nothing is written any more");
        let until = Instant::now() + PATIENCE;
        loop {
            match Seat::try_claim(&self.log, 0) {
                Err(AppendError::Unavailable(reason)) if reason.contains(text) => return,
                Err(AppendError::Unavailable(_)) if Instant::now() < until => {}
                other => panic!("{:?}", other.map(|seat| seat.head)),
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
fn a_topic_of_keys_that_is_made_unsafe_halts_every_partition_with_the_reason() {
    let address = created("unsafe-keys");
    let mut node = Node::open(&address);
    change(&address.keys(), "cleanup.policy", "compact");
    node.halts_with("cleanup.policy is compact, not delete");
    assert_eq!(node.log.read(0, 0, Bound::default()).unwrap().entries.len(), 2, "reading goes on");
}

/// Shows F36.
#[test]
fn the_topic_of_owners_is_made_anew_where_it_is_gone_and_refused_where_it_has_another_size() {
    struct Nobody;
    impl Owner for Nobody {
        fn assigned(&self, _: &[u16]) {}
        fn revoked(&self, _: &[u16]) {}
        fn expelled(&self, _: &str) {}
    }
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
    let refused = join().unwrap_err().to_string();
    assert!(refused.contains("it has 2 partitions, and the log has 1: delete it"), "{refused}");
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
    let elsewhere = Settings { cluster: Some("elsewhere".to_owned()), ..trying_out() };
    let refused = KafkaLog::open(&address, &elsewhere).map(drop).unwrap_err();
    let named = format!("the brokers belong to the cluster {}, not elsewhere: ", log.cluster());
    assert!(refused.to_string().starts_with(&named), "{refused}");
    assert_eq!(cluster_of(&address, &trying_out()).unwrap(), log.cluster());
    assert!(cluster_of(&address, &elsewhere).is_err());
    let new = super::address("cluster");
    let refused = KafkaLog::create(&new, &elsewhere, OURS, &NEW).unwrap_err();
    assert!(matches!(refused, OpenError::OtherCluster { .. }), "{refused}");
    assert!(refusal(&new).starts_with("there is no topic"));
}
