//! A record as a message: its body is the value, which ordinary tools read, its other fields are headers in plain
//! text, its key is the slot. This file owns the form in both directions; `docs/log-format.md` shows it.
//!
//! ```text
//! key      abcd
//! headers  kippu-format=1 kippu-kind=commit kippu-epoch=3 kippu-number=17 kippu-prev=<64 hex> kippu-acked=16
//!          content-type=application/cloudevents-batch+json kippu-digest=<64 hex>
//! value    [{"specversion":"1.0",…}]
//! ```
//!
//! The digest is that of the stored bytes, so a record has one hash wherever it lies.

use std::cmp::Ordering;

use data_encoding::HEXLOWER;
use memchr::memmem;
use rdkafka::message::{Header, OwnedHeaders};

use crate::log::record::{Claim, Commit, Content, FORMAT, Genesis, Hash, NotARecord, Record, Seal};

const BATCH: &str = "application/cloudevents-batch+json";
const GENESIS: &str = "genesis";
const CLAIM: &str = "claim";
const COMMIT: &str = "commit";
const SEAL: &str = "seal";
/// Characters of a slot, as a message's key holds them.
const SLOT_CHARS: usize = 4;

/// A record on its way to a topic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Message<'a> {
    pub(super) key: Option<[u8; SLOT_CHARS]>,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) value: &'a [u8],
}

/// A message by itself, as any producer sends it: its key, if it has one, its headers and its value.
pub type Plain = (Option<Vec<u8>>, OwnedHeaders, Vec<u8>);

/// The message that holds `stored`, for whoever measures what the same bytes cost without a log.
///
/// # Errors
/// It is no record.
pub fn plain(stored: &[u8]) -> Result<Plain, NotARecord> {
    let message = Message::of(stored)?;
    Ok((message.key.map(Vec::from), message.owned_headers(), message.value.to_vec()))
}

/// A message that is no record of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Foreign {
    #[error("header {0}: missing, or not where it belongs")]
    Missing(&'static str),
    #[error("header {0}: not as a record has it")]
    Wrong(&'static str),
    #[error("header kippu-format: this version of kippu reads record format {FORMAT}, not {0}")]
    Format(u64),
    #[error(
        "header kippu-format: it has record format {0}, and this version of kippu reads {FORMAT}; use the version that wrote it"
    )]
    Newer(u64),
    #[error("header {0}: no record has it")]
    Unknown(String),
    #[error("only a commit has a value")]
    Value,
    #[error("its key names no person")]
    Key,
}

impl<'a> Message<'a> {
    /// The message that holds `stored`.
    pub(super) fn of(stored: &'a [u8]) -> Result<Self, NotARecord> {
        let Record { content, digest } = Record::decode(stored)?;
        let mut headers = Vec::with_capacity(8);
        let mut put = |name, value: String| headers.push((name, value));
        put("kippu-format", FORMAT.to_string());
        let mut value: &[u8] = &[];
        let chained = |put: &mut dyn FnMut(&'static str, String), epoch: u64, number: u64, prev: Hash, acked: u64| {
            put("kippu-epoch", epoch.to_string());
            put("kippu-number", number.to_string());
            put("kippu-prev", prev.to_string());
            put("kippu-acked", acked.to_string());
        };
        match content {
            Content::Genesis(genesis) => {
                put("kippu-kind", GENESIS.to_owned());
                put("kippu-log", genesis.log.to_string());
                put("kippu-partition", genesis.partition.to_string());
                put("kippu-partitions", genesis.partitions.to_string());
            }
            Content::Claim(claim) => {
                put("kippu-kind", CLAIM.to_owned());
                put("kippu-epoch", claim.epoch.to_string());
                put("kippu-nonce", HEXLOWER.encode(&claim.nonce));
                put("kippu-node", claim.node);
                put("kippu-url", claim.url);
            }
            Content::Commit(commit) => {
                put("kippu-kind", COMMIT.to_owned());
                chained(&mut put, commit.epoch, commit.number, commit.prev, commit.acked);
                put("content-type", BATCH.to_owned());
                value = commit.body;
            }
            Content::Seal(seal) => {
                put("kippu-kind", SEAL.to_owned());
                chained(&mut put, seal.epoch, seal.number, seal.prev, seal.acked);
                put("kippu-next", seal.next);
            }
        }
        put("kippu-digest", digest.to_string());
        Ok(Self { key: slot_of(value), headers, value })
    }

    /// The headers, as the client library takes them.
    pub(super) fn owned_headers(&self) -> OwnedHeaders {
        let none = OwnedHeaders::new_with_capacity(self.headers.len());
        self.headers
            .iter()
            .fold(none, |headers, (key, value)| headers.insert(Header { key, value: Some(value.as_bytes()) }))
    }
}

/// The stored bytes of the record that a message holds. Whether they are sound is for [`Record::decode`] to say: the
/// digest is taken as the message has it.
pub(super) fn stored<'a>(headers: impl Iterator<Item = (&'a str, &'a [u8])>, value: &[u8]) -> Result<Vec<u8>, Foreign> {
    let mut headers = Headers(headers);
    let format: u64 = headers.number("kippu-format")?;
    match format.cmp(&u64::from(FORMAT)) {
        Ordering::Less => return Err(Foreign::Format(format)),
        Ordering::Greater => return Err(Foreign::Newer(format)),
        Ordering::Equal => {}
    }
    let content = match headers.text("kippu-kind")? {
        GENESIS => Content::Genesis(Genesis {
            log: headers.text("kippu-log")?.parse().map_err(|_| Foreign::Wrong("kippu-log"))?,
            partition: headers.number("kippu-partition")?,
            partitions: headers.number("kippu-partitions")?,
        }),
        CLAIM => Content::Claim(Claim {
            epoch: headers.number("kippu-epoch")?,
            nonce: headers.hex("kippu-nonce")?,
            node: headers.text("kippu-node")?.to_owned(),
            url: headers.text("kippu-url")?.to_owned(),
        }),
        COMMIT => {
            let (epoch, number, prev, acked) = headers.chained()?;
            if headers.text("content-type")? != BATCH {
                return Err(Foreign::Wrong("content-type"));
            }
            Content::Commit(Commit { epoch, number, prev, acked, body: value })
        }
        SEAL => {
            let (epoch, number, prev, acked) = headers.chained()?;
            Content::Seal(Seal { epoch, number, prev, acked, next: headers.text("kippu-next")?.to_owned() })
        }
        _ => return Err(Foreign::Wrong("kippu-kind")),
    };
    let digest = Hash(headers.hex("kippu-digest")?);
    headers.end()?;
    if !value.is_empty() && !matches!(content, Content::Commit(_)) {
        return Err(Foreign::Value);
    }
    Ok(content.encode_as(digest))
}

/// The slot of the first event in `body`, by which ordinary clients would choose the same partition.
fn slot_of(body: &[u8]) -> Option<[u8; SLOT_CHARS]> {
    const SUBJECT: &[u8] = br#","subject":""#;
    let subject = &body[memmem::find(body, SUBJECT)? + SUBJECT.len()..];
    let slot = &subject[memchr::memchr(b'/', subject)? + 1..];
    slot.first_chunk().filter(|slot| slot.iter().all(u8::is_ascii_alphanumeric)).copied()
}

/// Headers, one after the other.
pub(super) struct Headers<I>(pub(super) I);

impl<'a, I: Iterator<Item = (&'a str, &'a [u8])>> Headers<I> {
    pub(super) fn text(&mut self, name: &'static str) -> Result<&'a str, Foreign> {
        let (found, value) = self.0.next().ok_or(Foreign::Missing(name))?;
        if found != name {
            return Err(Foreign::Missing(name));
        }
        std::str::from_utf8(value).map_err(|_| Foreign::Wrong(name))
    }

    /// There MUST be no more of them.
    pub(super) fn end(&mut self) -> Result<(), Foreign> {
        self.0.next().map_or(Ok(()), |(name, _)| Err(Foreign::Unknown(name.to_owned())))
    }

    /// A number in the one way in which it is written here.
    pub(super) fn number<N: std::str::FromStr + ToString>(&mut self, name: &'static str) -> Result<N, Foreign> {
        let text = self.text(name)?;
        text.parse::<N>().ok().filter(|number| number.to_string() == text).ok_or(Foreign::Wrong(name))
    }

    fn hex<const N: usize>(&mut self, name: &'static str) -> Result<[u8; N], Foreign> {
        let bytes = HEXLOWER.decode(self.text(name)?.as_bytes()).map_err(|_| Foreign::Wrong(name))?;
        bytes.try_into().map_err(|_| Foreign::Wrong(name))
    }

    fn chained(&mut self) -> Result<(u64, u64, Hash, u64), Foreign> {
        let (epoch, number) = (self.number("kippu-epoch")?, self.number("kippu-number")?);
        Ok((epoch, number, Hash(self.hex("kippu-prev")?), self.number("kippu-acked")?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::LogId;

    const BODY: &[u8] = br#"[{"specversion":"1.0","data":{},"subject":"placements/abcdefghijklmnopqrstuvwx"}]"#;

    fn all() -> Vec<Content<'static>> {
        let prev = Hash([9; 32]);
        vec![
            Content::Genesis(Genesis { log: LogId([7; 16]), partition: 3, partitions: 16 }),
            Content::Claim(Claim { epoch: 4, nonce: [5; 16], node: "n=\u{e9}".to_owned(), url: String::new() }),
            Content::Commit(Commit { epoch: 4, number: 17, prev, acked: 16, body: BODY }),
            Content::Commit(Commit { epoch: u64::MAX, number: u64::MAX, prev, acked: 0, body: b"" }),
            Content::Seal(Seal { epoch: 4, number: 18, prev, acked: 17, next: "kafka://there".to_owned() }),
        ]
    }

    fn back(message: &Message<'_>) -> Result<Vec<u8>, Foreign> {
        stored(message.headers.iter().map(|(name, value)| (*name, value.as_bytes())), message.value)
    }

    #[test]
    fn a_record_is_the_same_bytes_after_its_way_through_a_message() {
        for content in all() {
            let (bytes, _) = content.encode();
            let message = Message::of(&bytes).unwrap();
            assert_eq!(back(&message), Ok(bytes.clone()), "{message:?}");
        }
    }

    #[test]
    fn a_commit_is_spelt_as_documented() {
        let (bytes, digest) = all()[2].encode();
        let message = Message::of(&bytes).unwrap();
        assert_eq!(message.key, Some(*b"abcd"));
        assert_eq!(message.value, BODY);
        let spelt: Vec<String> = message.headers.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let expected = format!(
            "kippu-format=1 kippu-kind=commit kippu-epoch=4 kippu-number=17 kippu-prev={} kippu-acked=16 \
             content-type=application/cloudevents-batch+json kippu-digest={digest}",
            "09".repeat(32)
        );
        assert_eq!(spelt.join(" "), expected);
    }

    #[test]
    fn a_message_that_was_changed_is_foreign_or_no_record_any_more() {
        for content in all() {
            let (bytes, _) = content.encode();
            let message = Message::of(&bytes).unwrap();
            let changes = message.headers.len();
            for at in 0..changes {
                let mut other = message.clone();
                other.headers[at].1.push('0');
                assert!(back(&other).map_or(true, |bytes| Record::decode(&bytes).is_err()), "{other:?}");
                let mut other = message.clone();
                other.headers.remove(at);
                assert!(back(&other).is_err(), "{other:?}");
            }
            let mut other = message.clone();
            other.headers.push(("traceparent", "00".to_owned()));
            assert_eq!(back(&other), Err(Foreign::Unknown("traceparent".to_owned())));
            let other = Message { value: b"[{}]", ..message.clone() };
            assert!(back(&other).map_or(true, |bytes| Record::decode(&bytes).is_err()), "{other:?}");
        }
    }

    #[test]
    fn a_message_of_somebody_else_is_named() {
        assert_eq!(stored(std::iter::empty(), b"hello"), Err(Foreign::Missing("kippu-format")));
        let later = [("kippu-format", &b"2"[..]), ("kippu-kind", b"commit")];
        assert_eq!(stored(later.into_iter(), b"[]"), Err(Foreign::Newer(2)));
    }
}
