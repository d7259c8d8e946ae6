//! The record format, pinned: golden files that were computed by other code than ours, and what every record must keep.

use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::record::{Header, MOST_BYTES};
use super::{Claim, Commit, Content, Genesis, Hash, LogId, NotARecord, Record, Seal, Verdict, judge};
use crate::log::Head;

const KINDS: [&str; 4] = ["genesis", "claim", "commit", "seal"];

/// A golden record: its bytes, and its fields next to them.
struct Golden {
    stored: Vec<u8>,
    fields: Value,
}

impl Golden {
    fn load(kind: &str) -> Self {
        let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden/records");
        let text = std::fs::read_to_string(dir.join(kind).with_extension("hex")).expect("a golden file");
        let digits: String = text.split_whitespace().collect();
        let stored = data_encoding::HEXLOWER.decode(digits.as_bytes()).expect("hexadecimal digits");
        let fields = std::fs::read(dir.join(kind).with_extension("json")).expect("a golden file");
        Self { stored, fields: serde_json::from_slice(&fields).expect("JSON") }
    }

    fn text(&self, field: &str) -> &str {
        self.fields[field].as_str().expect(field)
    }

    fn number(&self, field: &str) -> u64 {
        self.fields[field].as_u64().expect(field)
    }

    fn bytes<const N: usize>(&self, field: &str) -> [u8; N] {
        data_encoding::HEXLOWER.decode(self.text(field).as_bytes()).expect(field).try_into().expect(field)
    }

    fn hash(&self, field: &str) -> Hash {
        Hash(self.bytes(field))
    }

    /// The content that the fields say.
    fn content(&self) -> Content<'_> {
        let (number, prev) = (self.number("number"), self.hash("head"));
        let small = |field| u16::try_from(self.number(field)).expect(field);
        match self.text("kind") {
            "genesis" => Content::Genesis(Genesis {
                log: LogId(self.bytes("log")),
                partition: small("partition"),
                partitions: small("partitions"),
            }),
            "claim" => Content::Claim(Claim {
                epoch: self.number("epoch"),
                nonce: self.bytes("nonce"),
                node: self.text("node").to_owned(),
                url: self.text("url").to_owned(),
            }),
            "commit" => Content::Commit(Commit {
                epoch: self.number("epoch"),
                number,
                prev,
                acked: self.number("acked"),
                body: self.text("body").as_bytes(),
            }),
            "seal" => Content::Seal(Seal {
                epoch: self.number("epoch"),
                number,
                prev,
                acked: self.number("acked"),
                next: self.text("next").to_owned(),
            }),
            other => panic!("kind {other}"),
        }
    }
}

/// Shows F2, F37.
#[test]
fn golden_records_are_encoded_and_decoded_byte_for_byte() {
    for kind in KINDS {
        let golden = Golden::load(kind);
        let (stored, digest) = golden.content().encode();
        assert_eq!(stored, golden.stored, "{kind}");
        assert_eq!(digest, golden.hash("digest"), "{kind}");
        let record = Record::decode(&golden.stored).expect(kind);
        assert_eq!(record, Record { content: golden.content(), digest }, "{kind}");
        assert_eq!(record.hash(golden.number("number"), golden.hash("head")), golden.hash("hash"), "{kind}");
    }
}

#[test]
fn golden_records_are_one_valid_history() {
    let genesis = Golden::load(KINDS[0]);
    let mut head = Head::at_genesis(genesis.hash("digest"));
    for kind in &KINDS[1..] {
        let golden = Golden::load(kind);
        let record = Record::decode(&golden.stored).expect("a record");
        let Verdict::Valid(next) = judge::judge(&head, &record, |_| None) else { panic!("{kind} is not valid") };
        assert_eq!(next.hash, golden.hash("hash"));
        head = next;
    }
    assert!(head.sealed);
}

/// Shows F8.
#[test]
fn the_body_of_the_golden_commit_is_a_batch_of_cloud_events() {
    let golden = Golden::load("commit");
    let events = crate::event::read_body(golden.text("body").as_bytes()).expect("a batch");
    let kinds: Vec<_> = events.iter().map(|event| (event.id.to_string(), event.kind)).collect();
    assert_eq!(kinds, [("3-2.0".to_owned(), "approval.expired"), ("3-2.1".to_owned(), "approval.revoked")]);
}

/// Keeps L5.
#[test]
fn every_flipped_bit_of_a_stored_record_is_found() {
    for kind in KINDS {
        let golden = Golden::load(kind);
        for bit in 0..golden.stored.len() * 8 {
            let mut stored = golden.stored.clone();
            stored[bit / 8] ^= 1 << (bit % 8);
            assert!(Record::decode(&stored).is_err(), "{kind}: bit {bit}");
        }
    }
}

#[test]
fn a_record_that_ends_early_or_runs_on_is_none() {
    for kind in KINDS {
        let golden = Golden::load(kind);
        for end in 0..golden.stored.len() {
            assert!(Record::decode(&golden.stored[..end]).is_err(), "{kind}: cut at {end}");
        }
        assert!(Record::decode(&[&golden.stored[..], &[0]].concat()).is_err(), "{kind}: one byte more");
    }
}

#[test]
fn a_newer_record_format_is_named_as_such() {
    let mut stored = Golden::load("commit").stored;
    stored[0] = 2;
    assert_eq!(Record::decode(&stored), Err(NotARecord::Format(2)), "a byte that was changed is no newer format");
    let (bytes, _) = stored.split_at(stored.len() - 32);
    let digest = Sha256::new().chain_update("kippu.record.2").chain_update(bytes).finalize();
    let stored = [bytes, &digest].concat();
    assert_eq!(Record::decode(&stored), Err(NotARecord::Newer(2)));
}

#[test]
fn a_record_over_the_limit_is_none() {
    let stored = vec![1; MOST_BYTES + 1];
    assert_eq!(Record::decode(&stored), Err(NotARecord::TooLarge(MOST_BYTES + 1)));
}

fn hash() -> impl Strategy<Value = Hash> {
    any::<[u8; 32]>().prop_map(Hash)
}

/// Any content, with the bytes that a commit borrows.
fn content() -> impl Strategy<Value = (Content<'static>, Vec<u8>)> {
    let genesis = (any::<[u8; 16]>(), any::<u16>(), any::<u16>())
        .prop_map(|(log, partition, partitions)| Content::Genesis(Genesis { log: LogId(log), partition, partitions }));
    let claim = (any::<u64>(), any::<[u8; 16]>(), any::<String>(), any::<String>())
        .prop_map(|(epoch, nonce, node, url)| Content::Claim(Claim { epoch, nonce, node, url }));
    let commit = (any::<u64>(), any::<u64>(), hash(), any::<u64>())
        .prop_map(|(epoch, number, prev, acked)| Content::Commit(Commit { epoch, number, prev, acked, body: &[] }));
    let seal = (any::<u64>(), any::<u64>(), hash(), any::<u64>(), any::<String>())
        .prop_map(|(epoch, number, prev, acked, next)| Content::Seal(Seal { epoch, number, prev, acked, next }));
    (prop_oneof![genesis, claim, commit, seal], proptest::collection::vec(any::<u8>(), 0..600))
}

proptest! {
    #[test]
    fn any_record_is_decoded_as_it_was_encoded((content, body) in content()) {
        let content = match content {
            Content::Commit(commit) => Content::Commit(Commit { body: &body, ..commit }),
            other => other,
        };
        let (stored, digest) = content.encode();
        let record = Record::decode(&stored).expect("a record");
        prop_assert_eq!(record.digest, digest);
        let header = Header::read(&stored);
        match &content {
            Content::Genesis(_) | Content::Claim(_) => prop_assert_eq!(header, None),
            Content::Commit(Commit { epoch, number, prev, .. }) => {
                let (epoch, number, prev) = (*epoch, *number, *prev);
                prop_assert_eq!(header, Some(Header { seals: false, epoch, number, prev, digest }));
            }
            Content::Seal(Seal { epoch, number, prev, .. }) => {
                let (epoch, number, prev) = (*epoch, *number, *prev);
                prop_assert_eq!(header, Some(Header { seals: true, epoch, number, prev, digest }));
            }
        }
        prop_assert_eq!(record.content, content);
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(mut stored in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Record::decode(&stored).is_err());
        if let Some(format) = stored.first_mut() {
            *format = 1;
        }
        prop_assert!(Record::decode(&stored).is_err());
        // Whatever the header says, it is read without a panic; the digest says no.
        let _any = Header::read(&stored);
    }
}
