//! A producer that librdkafka gives up, provoked on librdkafka's own mock cluster.

use std::sync::mpsc::{Receiver, channel};

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use super::history::History;
use super::*;
use crate::log::{Commit, Head};

const LOG: LogId = LogId([1; 16]);
const PARTITIONS: u16 = 8;
const TOPIC: &str = "fatal";

type Mock = MockCluster<'static, DefaultProducerContext>;

/// A log on a mock cluster, which knows no settings of topics to check.
fn log_on(cluster: &Mock) -> KafkaLog {
    cluster.create_topic(TOPIC, i32::from(PARTITIONS), 1).unwrap();
    let address = Address { brokers: cluster.bootstrap_servers(), topic: TOPIC.to_owned() };
    let fetch = fetch(&address);
    topic::begin(&fetch, LOG, PARTITIONS).unwrap();
    let identity = Identity { log: LOG, partitions: PARTITIONS, cluster: "mock".to_owned() };
    KafkaLog::follow(fetch, identity, sync_channel(1).0).unwrap()
}

struct Writing {
    writer: Box<dyn crate::log::Writer>,
    head: Head,
    progress: Receiver<Progress>,
}

impl Writing {
    /// A writer that can write: a claim that meets a producer which is about to be replaced is made again.
    fn claimed(log: &KafkaLog, partition: u16) -> Self {
        let until = Instant::now() + PATIENCE;
        loop {
            let (sender, progress) = channel();
            match log.claim(partition, &claimant(), Arc::new(move |news| drop(sender.send(news)))) {
                Ok(Claimed { writer, head }) => return Self { writer, head, progress },
                Err(AppendError::Unavailable(_)) if Instant::now() < until => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn append(&mut self, body: &[u8]) {
        let Head { epoch, number, hash: prev, .. } = self.head;
        let commit = Commit { epoch, number: number + 1, prev, acked: number, body };
        let (stored, hash) = Content::Commit(commit).encode();
        self.writer.append(number + 1, stored).unwrap();
        self.head = Head { number: number + 1, hash, ..self.head };
    }

    fn hear(&self) -> Progress {
        self.progress.recv_timeout(PATIENCE).unwrap()
    }
}

/// Shows F9.
/// Keeps L1, L4.
#[test]
fn a_producer_that_failed_for_good_ends_its_writers_and_the_next_claim_works() {
    let cluster = Mock::new(1).unwrap();
    let log = log_on(&cluster);
    // Partitions 1 and 5 share a producer, 2 has another.
    let [mut hit, idle, mut other] = [1, 5, 2].map(|partition| Writing::claimed(&log, partition));
    hit.append(b"[1]");
    assert_eq!(hit.hear(), Progress::Durable(2));
    // Librdkafka has lost count of what it sent, as the broker sees it.
    let lost = RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
    cluster.request_errors(RDKafkaApiKey::Produce, &[lost]);
    hit.append(b"[2]");
    assert!(matches!(hit.hear(), Progress::Ended(AppendError::Unknown(_))));
    let Progress::Ended(AppendError::Unknown(reason)) = idle.hear() else { panic!("the writer beside it should end") };
    assert!(reason.contains("failed for good") && reason.contains("desynchronization"), "{reason}");
    other.append(b"[3]");
    assert_eq!(other.hear(), Progress::Durable(2), "another producer goes on");

    for (partition, body) in [(1, b"[4]"), (5, b"[5]")] {
        let mut next = Writing::claimed(&log, partition);
        next.append(body);
        assert_eq!(next.hear(), Progress::Durable(next.head.number));
        assert_eq!(History::of(&log, partition).bodies().last(), Some(&&body[..]));
    }
    assert_eq!(History::of(&log, 1).bodies().first(), Some(&&b"[1]"[..]), "what was answered is there");
}
