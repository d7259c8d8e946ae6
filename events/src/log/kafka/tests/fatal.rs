//! A producer that librdkafka gives up, provoked on librdkafka's own mock cluster.

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use super::history::History;
use super::*;

const LOG: LogId = LogId([1; 16]);
const PARTITIONS: u16 = 8;
const TOPIC: &str = "fatal";

type Mock = MockCluster<'static, DefaultProducerContext>;

/// A log on a mock cluster, which knows no settings of topics to check.
fn log_on(cluster: &Mock) -> Arc<KafkaLog> {
    cluster.create_topic(TOPIC, i32::from(PARTITIONS), 1).unwrap();
    let address = Address { brokers: cluster.bootstrap_servers(), topic: TOPIC.to_owned() };
    let fetch = fetch(&address);
    topic::begin(&fetch, LOG, PARTITIONS).unwrap();
    let identity = Identity { log: LOG, partitions: PARTITIONS, found: PARTITIONS, cluster: "mock".to_owned() };
    Arc::new(KafkaLog::follow(fetch, identity, sync_channel(1).0).unwrap())
}

/// A writer that can write: a claim that meets a producer which is about to be replaced is made again.
fn claimed(log: &Arc<KafkaLog>, partition: u16) -> TestWriter {
    let until = Instant::now() + PATIENCE;
    loop {
        match TestWriter::try_claim(log, partition) {
            Ok(writer) => return writer,
            Err(AppendError::Unavailable(_)) if Instant::now() < until => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// Shows F9.
/// Keeps L1, L4.
#[test]
fn a_producer_that_failed_for_good_ends_its_writers_and_the_next_claim_works() {
    let cluster = Mock::new(1).unwrap();
    let log = log_on(&cluster);
    // Partitions 1 and 5 share a producer, 2 has another.
    let [mut hit, mut idle, mut other] = [1, 5, 2].map(|partition| claimed(&log, partition));
    assert_eq!(hit.write(b"[1]"), 2);
    // Librdkafka has lost count of what it sent, as the broker sees it.
    let lost = RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
    cluster.request_errors(RDKafkaApiKey::Produce, &[lost]);
    hit.append(b"[2]").unwrap();
    assert!(matches!(hit.hear(), Progress::Ended(AppendError::Unknown(_))));
    let Progress::Ended(AppendError::Unknown(reason)) = idle.hear() else { panic!("the writer next to it should end") };
    assert!(reason.contains("failed for good") && reason.contains("desynchronization"), "{reason}");
    assert_eq!(other.write(b"[3]"), 2, "another producer goes on");

    for (partition, body) in [(1, b"[4]"), (5, b"[5]")] {
        let mut next = claimed(&log, partition);
        next.write(body);
        assert_eq!(History::of(&log, partition).bodies().pop(), Some(body.to_vec()));
    }
    assert_eq!(History::of(&log, 1).bodies()[0], b"[1]", "what was answered is there");
}
