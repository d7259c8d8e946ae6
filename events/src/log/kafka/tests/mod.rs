//! What a real broker may hold that is no log of ours.

mod changes;
mod fatal;
mod faults;
mod history;
mod races;

use std::time::Instant;

use rdkafka::consumer::Consumer as _;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{ClientConfig, TopicPartitionList};

use super::broker::{PATIENCE, address, change, delete, fetch, trying_out};
use super::*;
use crate::log::Progress;
use crate::log::suite::writer::TestWriter;

const NEW: NewTopic = NewTopic { partitions: 1, replicas: 1 };

fn created(name: &str) -> Address {
    let address = address(name);
    KafkaLog::create(&address, &trying_out(), LogId([1; 16]), &NEW).unwrap();
    address
}

/// Writes a message that no log of ours writes.
fn write_foreign(address: &Address) {
    let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", &address.brokers).create().unwrap();
    producer.send(BaseRecord::<str, str>::to(&address.topic).partition(0).payload("hello")).unwrap();
    producer.flush(PATIENCE).unwrap();
}

fn refusal(address: &Address) -> String {
    KafkaLog::open(address, &trying_out()).map(drop).unwrap_err().to_string()
}

#[test]
fn a_topic_that_is_not_there_is_named() {
    let address = address("nothing");
    assert_eq!(refusal(&address), format!("there is no topic {}: make it with init", address.topic));
}

#[test]
fn properties_of_an_operator_reach_every_client_and_a_bad_one_is_refused_before_anything_connects() {
    let address = created("properties");
    let with = |name: &str, value: &str| {
        let properties = [(name.to_owned(), value.to_owned())].into();
        KafkaLog::open(&address, &Settings { properties, ..trying_out() })
    };
    let log = with("socket.timeout.ms", "15000").unwrap();
    TestWriter::claim(&log, 0);
    assert_eq!(log.shared.fetch.access.producer().get("socket.timeout.ms"), Some("15000"));
    let nowhere = Address { brokers: "127.0.0.1:1".to_owned(), topic: "nowhere".to_owned() };
    let properties = [("acks".to_owned(), "1".to_owned())].into();
    let refused = KafkaLog::open(&nowhere, &Settings { properties, ..trying_out() }).map(drop).unwrap_err();
    assert!(matches!(refused, OpenError::Property { name, .. } if name == "acks"));
}

#[test]
fn a_topic_of_somebody_else_is_refused_and_stays_as_it_is() {
    let address = address("foreign");
    topic::make(&fetch(&address), &NEW).unwrap();
    write_foreign(&address);
    assert!(refusal(&address).contains("a message that is no record"), "{}", refusal(&address));
    assert!(KafkaLog::create(&address, &trying_out(), LogId([1; 16]), &NEW).is_err());
    assert_eq!(fetch(&address).end(0).unwrap(), 1);
}

#[test]
fn a_creation_is_done_again_for_the_same_log_alone() {
    let address = created("twice");
    KafkaLog::create(&address, &trying_out(), LogId([1; 16]), &NEW).unwrap();
    let other = KafkaLog::create(&address, &trying_out(), LogId([2; 16]), &NEW).unwrap_err().to_string();
    assert!(other.starts_with(&format!("the topic {} holds another log", address.topic)), "{other}");
    assert_eq!(fetch(&address).end(0).unwrap(), 1);
}

#[test]
fn a_foreign_message_halts_its_partition_by_place_and_nothing_is_written_after_it() {
    let address = created("visited");
    let log = KafkaLog::open(&address, &trying_out()).unwrap();
    let mut writer = TestWriter::claim(&log, 0);
    write_foreign(&address);
    let AppendError::Unknown(reason) = writer.until_ended() else { panic!("it cannot be told what was written") };
    assert!(reason.starts_with("offset 2: a message that is no record"), "{reason}");
    assert!(matches!(TestWriter::try_claim(&log, 0), Err(AppendError::Unavailable(_))));
    let bound = Bound::default();
    assert_eq!(log.read(0, 0, bound).unwrap().entries.len(), 2, "what lies before it is read");
    assert!(log.read(0, 2, bound).unwrap_err().to_string().contains("partition 0 cannot be read from offset 2"));
    assert_eq!(log.end(0).unwrap(), 3);
}

#[test]
fn a_topic_that_could_lose_history_is_refused_with_every_reason() {
    let address = created("leaky");
    let error = KafkaLog::open(&address, &Settings::default()).map(drop).unwrap_err().to_string();
    assert!(error.contains("its replication factor is 1, not 3; min.insync.replicas is 1, not 2"), "{error}");
    change(&address, "cleanup.policy", "compact");
    assert!(refusal(&address).contains("cleanup.policy is compact"), "{}", refusal(&address));
    assert_eq!(fetch(&address).end(0).unwrap(), 1, "nothing was written");
}

#[test]
fn clients_tell_figures_of_the_brokers_that_they_talk_to() {
    let log = KafkaLog::open(&created("figures"), &trying_out()).unwrap();
    // A partition is followed once it is claimed.
    TestWriter::claim(&log, 0);
    let until = Instant::now() + PATIENCE;
    let talks =
        |client: &figures::Client| client.sent_bytes > 0 && client.brokers.iter().any(|broker| broker.state == "UP");
    let names = ["follower", "producer-0", "producer-1"];
    // Each question is a way to the broker and back.
    while !names.iter().all(|name| log.figures().clients.get(*name).is_some_and(talks)) {
        assert!(log.end(0).is_ok() && Instant::now() < until, "{:?}", log.figures());
    }
    // The follower asks all the time, a producer only when there is something to write.
    while log.figures().clients["follower"].brokers.iter().all(|broker| broker.round_trip_us == 0) {
        assert!(log.end(0).is_ok() && Instant::now() < until, "{:?}", log.figures());
    }
}

/// Keeps L1.
#[test]
fn a_partition_that_the_client_library_reads_no_more_is_asked_for_anew() {
    let address = created("stalled");
    let log = KafkaLog::open(&address, &trying_out()).unwrap();
    let mut writer = TestWriter::claim(&log, 0);
    let mut list = TopicPartitionList::new();
    list.add_partition(&address.topic, 0);
    log.shared.follower.incremental_unassign(&list).unwrap();
    writer.write(b"[]");
    let until = Instant::now() + PATIENCE;
    // Each question is a way to the broker and back.
    while log.end(0).unwrap() > log.shared.places[0].state().offset {
        assert!(Instant::now() < until, "it is never read");
    }
}
