//! What a real broker may hold that is no log of ours, and writers that race on one.

use std::sync::mpsc::channel;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use super::*;
use crate::log::{Commit, Head, Progress, Record, Verdict, judge};

const NEW: NewTopic = NewTopic { partitions: 1, replicas: 1, in_sync: 1 };

/// Tests have one broker.
fn trying_out() -> Settings {
    Settings { accept_single_copy: true, ..Settings::default() }
}

fn fetch(address: &Address) -> Fetch {
    Fetch::new(Access::new(address, &trying_out()).unwrap())
}

fn address(name: &str) -> Address {
    let brokers = std::env::var("KAFKA_BROKERS").expect("KAFKA_BROKERS: `make test` starts a broker and sets it");
    Address { brokers, topic: format!("{name}-{}", LogId::random().unwrap()) }
}

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

fn claimant() -> Claimant {
    Claimant { node: "test".to_owned(), url: String::new() }
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
    assert!(log.claim(0, &claimant(), Arc::new(|_| {})).is_ok());
    assert_eq!(log.shared.fetch.access.producer().get("socket.timeout.ms"), Some("15000"));
    let nowhere = Address { brokers: "127.0.0.1:1".to_owned(), topic: "nowhere".to_owned() };
    let properties = [("acks".to_owned(), "1".to_owned())].into();
    let refused = KafkaLog::open(&nowhere, &Settings { properties, ..trying_out() }).map(drop).unwrap_err();
    assert!(matches!(refused, OpenError::Property { name, .. } if name == "acks"));
}

#[test]
fn a_topic_of_somebody_else_is_refused_and_stays_as_it_is() {
    let address = address("foreign");
    topic::make(&fetch(&address), &address.topic, &NEW).unwrap();
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
    assert_eq!(other, format!("the topic {} holds another log", address.topic));
    assert_eq!(fetch(&address).end(0).unwrap(), 1);
}

#[test]
fn a_foreign_message_halts_its_partition_by_place_and_nothing_is_written_after_it() {
    let address = created("visited");
    let log = KafkaLog::open(&address, &trying_out()).unwrap();
    let (sender, progress) = channel();
    let listener: Listener = Arc::new(move |news| drop(sender.send(news)));
    let claimed = log.claim(0, &claimant(), listener.clone()).unwrap();
    write_foreign(&address);
    let Ok(Progress::Ended(AppendError::Unknown(reason))) = progress.recv_timeout(PATIENCE) else {
        panic!("the writer should end")
    };
    assert!(reason.starts_with("offset 2: a message that is no record"), "{reason}");
    assert!(matches!(log.claim(0, &claimant(), listener), Err(AppendError::Unavailable(_))));
    let bound = Bound::default();
    assert_eq!(log.read(0, 0, bound).unwrap().entries.len(), 2, "what lies before it is read");
    assert!(log.read(0, 2, bound).unwrap_err().to_string().contains("partition 0 cannot be read from offset 2"));
    assert_eq!(log.end(0).unwrap(), 3);
    drop(claimed);
}

#[test]
fn a_topic_that_could_lose_history_is_refused_with_every_reason() {
    let address = created("leaky");
    let error = KafkaLog::open(&address, &Settings::default()).map(drop).unwrap_err().to_string();
    assert!(error.ends_with("its replication factor is 1, not 3; min.insync.replicas is 1, not 2"), "{error}");
    let admin = fetch(&address).access.admin().unwrap();
    let change = rdkafka::admin::AlterConfig::new(rdkafka::admin::ResourceSpecifier::Topic(&address.topic));
    let change = change.set("cleanup.policy", "compact").set("retention.ms", "60000");
    let changed = admin.alter_configs([&change], &rdkafka::admin::AdminOptions::new());
    assert!(futures_executor::block_on(changed).unwrap().iter().all(Result::is_ok));
    let refused = |error: &str| error.contains("cleanup.policy is compact") && error.contains("retention.ms is 60000");
    assert!(refused(&refusal(&address)), "{}", refusal(&address));
    assert_eq!(fetch(&address).end(0).unwrap(), 1, "nothing was written");
}

/// What one writer was told of one claim: each number with the body behind it.
type Answered = Vec<(u64, Vec<u8>)>;

/// Claims, appends a few records in bursts, and gives up at a moment of its own; what it was answered.
fn race(log: &Arc<KafkaLog>, rng: &mut StdRng, me: usize, round: u64) -> Answered {
    let (sender, progress) = channel();
    let listener: Listener = Arc::new(move |news| drop(sender.send(news)));
    let Ok(Claimed { mut writer, mut head }) = log.claim(0, &claimant(), listener) else { return Vec::new() };
    let (first, mut durable) = (head.number + 1, head.number);
    let mut sent = Vec::new();
    let mut ended = false;
    for burst in 0..rng.random_range(1..4) {
        for index in 0..rng.random_range(0..6) {
            let body = format!("[{{\"id\":\"{me}-{round}-{burst}-{index}\"}}]").into_bytes();
            let commit =
                Commit { epoch: head.epoch, number: head.number + 1, prev: head.hash, acked: durable, body: &body };
            let (stored, hash) = Content::Commit(commit).encode();
            if writer.append(head.number + 1, stored).is_err() {
                break;
            }
            head = Head { number: head.number + 1, hash, ..head };
            sent.push(body);
        }
        while durable < head.number && rng.random_bool(0.9) && !ended {
            match progress.recv_timeout(PATIENCE).unwrap() {
                Progress::Durable(number) => durable = number,
                Progress::Owned(_) => {}
                Progress::Ended(_) => ended = true,
            }
        }
    }
    let answered = usize::try_from(durable - (first - 1)).unwrap();
    (first..).zip(sent).take(answered).collect()
}

/// Shows F6.
/// Keeps L4, T1.
#[test]
fn writers_that_race_are_never_answered_for_what_does_not_count() {
    let seed: u64 = std::env::var("KIPPU_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    let rounds: u64 = std::env::var("KIPPU_RACES").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(30);
    println!("races: KIPPU_SEED={seed}");
    let address = created("race");
    let logs: Vec<_> = (0..3).map(|_| KafkaLog::open(&address, &trying_out()).unwrap()).collect();
    let racing = |(me, log): (usize, &Arc<KafkaLog>)| {
        let (log, mut rng) = (log.clone(), StdRng::seed_from_u64(seed + me as u64));
        std::thread::spawn(move || (0..rounds).flat_map(|round| race(&log, &mut rng, me, round)).collect::<Answered>())
    };
    let threads: Vec<_> = logs.iter().enumerate().map(racing).collect();
    let answered: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    drop(logs);

    let log = KafkaLog::open(&address, &trying_out()).unwrap();
    let (mut head, mut valid, mut skipped, mut offset) = (None, Vec::new(), 0, 0);
    while offset < log.end(0).unwrap() {
        for entry in log.read(0, offset, Bound::default()).unwrap().entries {
            offset = entry.offset + 1;
            let record = Record::decode(&entry.stored).unwrap();
            let verdict = head.map(|head| judge::judge(&head, &record, |_| None));
            match verdict {
                None => head = Some(Head::at_genesis(record.digest)),
                Some(Verdict::Valid(next)) => head = Some(next),
                Some(Verdict::Damage(damage)) => panic!("offset {}: {damage}", entry.offset),
                Some(_) => {
                    skipped += 1;
                    continue;
                }
            }
            assert_eq!(log.offset_of(0, valid.len() as u64).unwrap(), entry.offset);
            valid.push(entry.stored);
        }
    }
    for (number, body) in &answered {
        let Content::Commit(commit) = Record::decode(&valid[usize::try_from(*number).unwrap()]).unwrap().content else {
            panic!("record {number} was answered and is no commit")
        };
        assert_eq!(commit.body, body, "record {number} was answered to another writer");
    }
    println!(
        "races: {rounds} rounds of 3 writers, {} answered, {} valid, {skipped} skipped",
        answered.len(),
        valid.len()
    );
    assert!(!answered.is_empty());
}
