//! Nodes over a topic of persons' keys on a real broker.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use rdkafka::ClientConfig;
use rdkafka::message::Headers as _;
use rdkafka::producer::{BaseProducer, Producer as _};
use tempfile::TempDir;

use super::*;
use crate::log::kafka::KafkaLog;
use crate::log::kafka::broker::{PATIENCE, address, delete, fetch, trying_out};
use crate::secrets::{Secrets, SecretsError};

const LOG: LogId = LogId([1; 16]);
const NEW: NewTopic = NewTopic { partitions: 3, replicas: 1 };

/// A log with a topic for keys, and folders for its nodes.
struct Place {
    address: Address,
    folder: TempDir,
}

impl Place {
    fn new(name: &str) -> Self {
        let address = address(name);
        KafkaLog::create(&address, &trying_out(), LOG, &NEW).unwrap();
        Self { address, folder: tempfile::tempdir().unwrap() }
    }

    fn topic(&self) -> Arc<KeysTopic> {
        KeysTopic::open(&self.address, &trying_out(), LOG).unwrap()
    }

    fn dir(&self, node: &str) -> PathBuf {
        self.folder.path().join(node)
    }

    /// Two nodes, the second of which has joined the first.
    fn two(&self) -> (Secrets, Secrets) {
        let one = Secrets::create_shared(&self.dir("one"), LOG, self.topic()).unwrap();
        let keyring = self.dir("one").join("keyring.json");
        (one, Secrets::join(&self.dir("two"), LOG, &keyring, self.topic()).unwrap())
    }

    fn open(&self, node: &str) -> Result<Secrets, SecretsError> {
        Secrets::open_shared(&self.dir(node), LOG, self.topic())
    }

    /// Writes a message as it is, with these headers.
    fn write(&self, key: &str, value: &[u8], headers: &[(&str, &str)]) {
        let producer: BaseProducer =
            ClientConfig::new().set("bootstrap.servers", &self.address.brokers).create().unwrap();
        let headers = headers
            .iter()
            .fold(OwnedHeaders::new(), |all, (key, value)| all.insert(Header { key, value: Some(*value) }));
        let topic = self.address.keys().topic;
        producer.send(BaseRecord::to(&topic).partition(0).key(key).payload(value).headers(headers)).unwrap();
        producer.flush(PATIENCE).unwrap();
    }

    /// Every message as it lies in the topic: key, headers and value in one.
    fn raw(&self) -> Vec<Vec<u8>> {
        let topic = self.topic();
        let reader = topic.fetch.reader().unwrap();
        assign(&reader, topic.fetch.topic(), [(PARTITION, 0)]).unwrap();
        let messages = (0..topic.end().unwrap()).map(|_| {
            let message = reader.poll(PATIENCE).unwrap().unwrap();
            let mut raw = message.key().unwrap_or_default().to_vec();
            for header in message.headers().unwrap().iter() {
                raw.extend(header.key.bytes().chain(header.value.unwrap_or_default().iter().copied()));
            }
            raw.extend(message.payload().unwrap_or_default());
            raw
        });
        messages.collect()
    }
}

fn person(n: u16) -> EntityId {
    let mut hash = [0; 32];
    hash[..2].copy_from_slice(&n.to_be_bytes());
    hash[14] = n.to_be_bytes()[1];
    EntityId::from_hash(&hash)
}

/// A topic in which every entry is appended together with another node's.
struct Together {
    topic: Arc<KeysTopic>,
    here: SyncSender<()>,
    there: Mutex<Receiver<()>>,
}

impl SharedKeys for Together {
    fn name(&self) -> &str {
        self.topic.name()
    }

    fn end(&self) -> Result<u64, SharedError> {
        self.topic.end()
    }

    fn read(&self, from: u64, end: u64) -> Result<Vec<SharedKey>, SharedError> {
        self.topic.read(from, end)
    }

    fn append(&self, entry: &SharedKey) -> Result<(), SharedError> {
        self.here.send(()).unwrap();
        self.there.lock().unwrap().recv_timeout(PATIENCE).unwrap();
        self.topic.append(entry)
    }
}

/// Shows F30.
#[test]
fn nodes_that_race_to_make_keys_end_with_the_same_and_none_lies_in_the_topic_in_the_clear() {
    const PERSONS: u16 = 200;
    let place = Place::new("key-race");
    drop(place.two());
    let node = |name, here, there| {
        let keys = Together { topic: place.topic(), here, there: Mutex::new(there) };
        Secrets::open_shared(&place.dir(name), LOG, Arc::new(keys)).unwrap()
    };
    let ((first, of_first), (second, of_second)) = (sync_channel(1), sync_channel(1));
    let (one, two) = (node("one", first, of_second), node("two", second, of_first));
    let name = |n| format!("name {n}");
    let all = |secrets: &Secrets| -> Vec<_> {
        (0..PERSONS).map(|n| secrets.encrypt(person(n), "name", &name(n)).unwrap()).collect()
    };
    let encrypted =
        std::thread::scope(|scope| [&one, &two].map(|node| scope.spawn(move || all(node))).map(|made| made.join()));
    for encrypted in encrypted {
        for (n, encrypted) in (0..).zip(encrypted.unwrap()) {
            for secrets in [&one, &two] {
                assert_eq!(secrets.decrypt(person(n), "name", &encrypted).unwrap(), name(n));
            }
        }
    }
    // The first of each person in the topic is the one: a third node that reads nothing else agrees.
    let topic = place.topic();
    let end = topic.end().unwrap();
    let mut first: HashMap<EntityId, Vec<u8>> = HashMap::new();
    let mut next = 0;
    while next < end {
        for entry in topic.read(next, end).unwrap() {
            next += 1;
            first.entry(entry.person).or_insert(entry.wrapped);
        }
    }
    assert_eq!((first.len(), end), (usize::from(PERSONS), 2 * u64::from(PERSONS)), "every key was made twice");
    let only_first = Place::new("key-first");
    let (dir, keyring) = (only_first.dir("node"), place.dir("one").join("keyring.json"));
    let alone = only_first.topic();
    for (person, wrapped) in first {
        alone.append(&SharedKey { person, wrapped }).unwrap();
    }
    let third = Secrets::join(&dir, LOG, &keyring, alone).unwrap();
    let raw = place.raw();
    for n in 0..PERSONS {
        let key = one.key_of(person(n));
        assert_eq!((key, key), (two.key_of(person(n)), third.key_of(person(n))));
        assert!(raw.iter().all(|message| message.windows(8).all(|run| run != &key[..8])), "{n} lies in the clear");
        let id = person(n).to_string();
        assert!(raw.iter().any(|message| message.starts_with(id.as_bytes())), "looked in the right place");
    }
}

#[test]
fn a_key_is_spelt_as_documented() {
    let place = Place::new("key-spelt");
    place.topic().append(&SharedKey { person: person(0x0102), wrapped: b"wrapped".to_vec() }).unwrap();
    let spelt = "aebaaaaaaaaaaaaaaaaaaaackippu-format1kippu-log01010101010101010101010101010101wrapped";
    assert_eq!(place.raw().iter().map(|raw| std::str::from_utf8(raw).unwrap()).collect::<Vec<_>>(), [spelt]);
}

/// The entry that a message of this key, these headers and this value is.
fn parse(key: &str, headers: &[(&str, &str)], value: Option<&[u8]>) -> Result<SharedKey, Foreign> {
    parsed(headers.iter().map(|(name, value)| (*name, value.as_bytes())), Some(key.as_bytes()), value, LOG)
}

#[test]
fn a_message_of_another_form_is_no_key() {
    let (ours, ann) = (LOG.to_string(), person(7).to_string());
    let (format, log) = (("kippu-format", "1"), ("kippu-log", &*ours));
    assert!(parse(&ann, &[format, log], Some(b"wrapped")).is_ok());
    for (key, headers, expected) in [
        (&*ann, &[("kippu-format", "2"), log][..], Foreign::Newer(2)),
        (&ann, &[format], Foreign::Missing("kippu-log")),
        (&ann, &[log, format], Foreign::Missing("kippu-format")),
        (&ann, &[format, log, ("traceparent", "00")], Foreign::Unknown("traceparent".to_owned())),
        ("ann", &[format, log], Foreign::Key),
        ("", &[format, log], Foreign::Key),
    ] {
        assert_eq!(parse(key, headers, Some(b"wrapped")), Err(expected));
    }
}

#[test]
fn a_message_of_somebody_else_is_named_by_its_place_and_nothing_is_written_after_it() {
    let theirs = LogId([9; 16]).to_string();
    for (headers, reason) in [
        (&[][..], "header kippu-format: missing"),
        (&[("kippu-format", "1"), ("kippu-log", &theirs)], "header kippu-log: not as"),
    ] {
        let place = Place::new("key-foreign");
        let (one, two) = place.two();
        let encrypted = one.encrypt(person(1), "name", "Ann").unwrap();
        place.write(&person(7).to_string(), b"hello", headers);
        for _ in 0..2 {
            let error = one.encrypt(person(2), "name", "Bob").unwrap_err();
            assert!(matches!(error, SecretsError::Shared(SharedError::Damaged { .. })), "{error}");
            let named = format!("topic {}, offset 1: a message that is no key: {reason}", place.address.keys().topic);
            assert!(error.to_string().contains(&named), "{error}");
        }
        assert_eq!(place.topic().end().unwrap(), 2);
        for secrets in [&one, &two] {
            assert_eq!(secrets.decrypt(person(1), "name", &encrypted).unwrap(), "Ann", "what lies before it is read");
        }
        let missed = two.decrypt(person(3), "name", &encrypted).unwrap_err();
        assert!(matches!(missed, SecretsError::Shared(SharedError::Damaged { .. })), "{missed}");
    }
}

#[test]
fn a_tombstone_of_either_kind_forgets_for_every_node() {
    let place = Place::new("key-forgotten");
    let (one, two) = place.two();
    let encrypted = one.encrypt(person(1), "name", "Ann").unwrap();
    place.topic().append(&SharedKey { person: person(1), wrapped: Vec::new() }).unwrap();
    for result in
        [two.decrypt(person(1), "name", &encrypted), two.encrypt(person(1), "name", "Ann").map(|_| String::new())]
    {
        assert!(matches!(result, Err(SecretsError::Forgotten(_))));
    }
    drop(one);
    // This node had read the key before.
    let one = place.open("one").unwrap();
    assert!(matches!(one.decrypt(person(2), "name", &encrypted), Err(SecretsError::NoPerson(_))));
    assert!(matches!(one.decrypt(person(1), "name", &encrypted), Err(SecretsError::Forgotten(_))));
    let log = LOG.to_string();
    for value in [None, Some(&b""[..])] {
        let forgotten = parse(&person(3).to_string(), &[("kippu-format", "1"), ("kippu-log", &log)], value);
        assert_eq!(forgotten, Ok(SharedKey { person: person(3), wrapped: Vec::new() }));
    }
}

#[test]
fn brokers_that_are_gone_are_an_error_for_the_caller_and_no_forgotten_person() {
    let place = Place::new("key-gone");
    let topic = place.topic();
    let nowhere = Address { brokers: "127.0.0.1:1".to_owned(), topic: place.address.topic.clone() };
    let access = Access::new(&nowhere, &trying_out()).unwrap().keys();
    let soon = access.producer().set("message.timeout.ms", "100").create_with_context(Reports).unwrap();
    let away = KeysTopic { producer: soon, ..KeysTopic::over(Fetch::new(access), LOG).unwrap() };
    let entry = SharedKey { person: person(1), wrapped: vec![1] };
    assert!(matches!(away.append(&entry), Err(SharedError::Unavailable(_))));
    assert_eq!(topic.end().unwrap(), 0);
}

#[test]
fn a_topic_that_is_missing_or_could_lose_keys_is_refused_and_not_made_next_to_a_log_that_is_there() {
    let place = Place::new("key-unsafe");
    let refused = |settings| KeysTopic::open(&place.address, &settings, LOG).map(drop).unwrap_err().to_string();
    assert!(refused(Settings::default()).contains("its replication factor is 1, not 3"));
    KafkaLog::create(&place.address, &trying_out(), LOG, &NEW).unwrap();
    let keys = place.address.keys();
    delete(&keys);
    assert_eq!(
        refused(trying_out()),
        format!("the topic {} has lost persons' keys: it is gone; restore it", keys.topic)
    );
    let error = KafkaLog::create(&place.address, &trying_out(), LOG, &NEW).unwrap_err().to_string();
    assert!(error.contains(&keys.topic) && error.contains("it is gone, but the log next to it is there"), "{error}");
    assert!(topic::count(&fetch(&keys)).is_err(), "nothing was made");
}
