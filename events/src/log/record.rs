//! The record: what the log stores, byte for byte. This file owns the format in both directions; `docs/log-format.md`
//! draws it field by field.
//!
//! ```text
//! 0        1      2                                              len-32          len
//! ┌────────┬──────┬───────┬────────┬───────┬────────┬── … ──────┬────────────────┐
//! │ format │ kind │ len₁  │ field₁ │ len₂  │ field₂ │           │ digest         │
//! │ u8 = 1 │ u8   │ u32be │        │ u32be │        │           │ SHA-256 (32 B) │
//! └────────┴──────┴───────┴────────┴───────┴────────┴── … ──────┴────────────────┘
//! digest = SHA-256("kippu.record.1" ‖ every byte before it)
//! ```
//!
//! A record's *hash*, which the next record names as `prev`, is its digest; only a claim cannot know where it lands,
//! so its hash is `SHA-256("kippu.claim.1" ‖ its digest ‖ its number ‖ the head's hash)`.

use sha2::{Digest as _, Sha256};

/// The only format that this code writes.
pub const FORMAT: u8 = 1;
/// The largest record, on every backend: an order of magnitude below Kafka's default `message.max.bytes`.
pub const MOST_BYTES: usize = 256 * 1024;
const RECORD_TAG: &[u8] = b"kippu.record.1";
const CLAIM_TAG: &[u8] = b"kippu.claim.1";
const DIGEST_BYTES: usize = 32;
const GENESIS: u8 = 1;
const CLAIM: u8 = 2;
const COMMIT: u8 = 3;
const SEAL: u8 = 4;

/// A SHA-256 hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// Before the first record there is nothing to name.
    pub const ZERO: Self = Self([0; 32]);
}

crate::text::hex!(Hash, 32, "a hash of 64 hexadecimal digits");

/// Opens a partition. Always record 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Genesis {
    /// The log that the partition belongs to.
    pub log: super::LogId,
    /// The partition's index.
    pub partition: u16,
    /// How many partitions the log has, for ever.
    pub partitions: u16,
}

impl Genesis {
    /// What `partition` of `log` begins with.
    #[must_use]
    pub fn of(log: &dyn super::ReadLog, partition: u16) -> Self {
        Self { log: log.id(), partition, partitions: log.partitions() }
    }
}

impl std::fmt::Display for Genesis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "partition {} of {} of the log {}", self.partition, self.partitions, self.log)
    }
}

/// Takes a partition over: everyone who wrote with a lower epoch has lost it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claim {
    /// One more than the epoch that it ends.
    pub epoch: u64,
    /// By which the claimant knows its own claim.
    pub nonce: [u8; 16],
    /// The claimant's name.
    pub node: String,
    /// Where the claimant answers.
    pub url: String,
}

/// All events of one command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Commit<'a> {
    /// The writer's epoch.
    pub epoch: u64,
    /// Dense in its partition.
    pub number: u64,
    /// The hash of the record before.
    pub prev: Hash,
    /// The highest number that the writer knew to be durable and valid when it built this record.
    pub acked: u64,
    /// A JSON array of CloudEvents.
    pub body: &'a [u8],
}

/// Ends a partition in this location.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seal {
    /// The writer's epoch.
    pub epoch: u64,
    /// Dense in its partition.
    pub number: u64,
    /// The hash of the record before.
    pub prev: Hash,
    /// As in a commit.
    pub acked: u64,
    /// Where the history goes on.
    pub next: String,
}

/// A record's content.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Content<'a> {
    /// Opens a partition.
    Genesis(Genesis),
    /// Takes a partition over.
    Claim(Claim),
    /// Adds events.
    Commit(Commit<'a>),
    /// Ends a partition.
    Seal(Seal),
}

/// A record as decoded from its stored bytes, which its digest has been checked against.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record<'a> {
    /// What it says.
    pub content: Content<'a>,
    /// SHA-256 over its stored bytes.
    pub digest: Hash,
}

/// Bytes that are no record: damaged, or written by a later format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotARecord {
    /// Written by a later version of this software, or by no version.
    #[error("field format: this version reads record format {FORMAT}, not {0}")]
    Format(u8),
    /// A later version of kippu has written it, and reads it: the digest, which every format keeps at the end, is right.
    #[error(
        "field format: it has record format {0}, and this version of kippu reads {FORMAT}; use the version that wrote it"
    )]
    Newer(u8),
    /// No record kind.
    #[error("field kind: there is no record kind {0}")]
    Kind(u8),
    /// Ends early, runs on, or has a field of another length.
    #[error("field {0}: wrong length")]
    Length(&'static str),
    /// Text that is not UTF-8.
    #[error("field {0}: not UTF-8")]
    Text(&'static str),
    /// The digest is not that of the bytes.
    #[error("field digest: stored {stored}, but the bytes hash to {computed}")]
    Digest {
        /// As stored.
        stored: Hash,
        /// As computed.
        computed: Hash,
    },
    /// Larger than [`MOST_BYTES`].
    #[error("field body: a record is at most {MOST_BYTES} bytes, not {0}")]
    TooLarge(usize),
}

impl Content<'_> {
    const fn kind(&self) -> u8 {
        match self {
            Self::Genesis(_) => GENESIS,
            Self::Claim(_) => CLAIM,
            Self::Commit(_) => COMMIT,
            Self::Seal(_) => SEAL,
        }
    }

    /// The stored bytes, digest included, and the digest.
    #[must_use]
    pub fn encode(&self) -> (Vec<u8>, Hash) {
        let mut out = self.fields();
        let digest = digest(&out);
        out.extend_from_slice(&digest.0);
        (out, digest)
    }

    /// The stored bytes with `digest`, whatever it is: as they were, where they come from another location.
    #[must_use]
    pub fn encode_as(&self, digest: Hash) -> Vec<u8> {
        let mut out = self.fields();
        out.extend_from_slice(&digest.0);
        out
    }

    /// What the digest covers.
    fn fields(&self) -> Vec<u8> {
        let body = if let Content::Commit(commit) = self { commit.body.len() } else { 0 };
        let mut out = Vec::with_capacity(160 + body);
        out.extend_from_slice(&[FORMAT, self.kind()]);
        let mut put = |field: &[u8]| {
            // Every field is bounded far below 4 GiB by `MOST_BYTES`, which is checked before a record is handed over.
            #[allow(clippy::cast_possible_truncation)]
            out.extend_from_slice(&(field.len() as u32).to_be_bytes());
            out.extend_from_slice(field);
        };
        match self {
            Self::Genesis(genesis) => {
                put(&genesis.log.0);
                put(&genesis.partition.to_be_bytes());
                put(&genesis.partitions.to_be_bytes());
            }
            Self::Claim(claim) => {
                put(&claim.epoch.to_be_bytes());
                put(&claim.nonce);
                put(claim.node.as_bytes());
                put(claim.url.as_bytes());
            }
            Self::Commit(commit) => {
                put(&commit.epoch.to_be_bytes());
                put(&commit.number.to_be_bytes());
                put(&commit.prev.0);
                put(&commit.acked.to_be_bytes());
                put(commit.body);
            }
            Self::Seal(seal) => {
                put(&seal.epoch.to_be_bytes());
                put(&seal.number.to_be_bytes());
                put(&seal.prev.0);
                put(&seal.acked.to_be_bytes());
                put(seal.next.as_bytes());
            }
        }
        out
    }
}

impl<'a> Content<'a> {
    fn read(kind: u8, fields: &mut Fields<'a>) -> Result<Self, NotARecord> {
        Ok(match kind {
            GENESIS => Self::Genesis(Genesis {
                log: super::LogId(fields.array("log")?),
                partition: u16::from_be_bytes(fields.array("partition")?),
                partitions: u16::from_be_bytes(fields.array("partitions")?),
            }),
            CLAIM => Self::Claim(Claim {
                epoch: fields.number("epoch")?,
                nonce: fields.array("nonce")?,
                node: fields.text("node")?,
                url: fields.text("url")?,
            }),
            COMMIT => Self::Commit(Commit {
                epoch: fields.number("epoch")?,
                number: fields.number("number")?,
                prev: Hash(fields.array("prev")?),
                acked: fields.number("acked")?,
                body: fields.next("body")?,
            }),
            SEAL => Self::Seal(Seal {
                epoch: fields.number("epoch")?,
                number: fields.number("number")?,
                prev: Hash(fields.array("prev")?),
                acked: fields.number("acked")?,
                next: fields.text("next")?,
            }),
            kind => return Err(NotARecord::Kind(kind)),
        })
    }
}

impl<'a> Record<'a> {
    /// The record that `stored` is.
    ///
    /// # Errors
    /// [`NotARecord`], naming the first field that is wrong.
    pub fn decode(stored: &'a [u8]) -> Result<Self, NotARecord> {
        if stored.len() > MOST_BYTES {
            return Err(NotARecord::TooLarge(stored.len()));
        }
        match stored.first() {
            None => return Err(NotARecord::Length("format")),
            Some(&format) if format > FORMAT && has_its_digest(stored, format) => {
                return Err(NotARecord::Newer(format));
            }
            Some(&format) if format != FORMAT => return Err(NotARecord::Format(format)),
            Some(_) => {}
        }
        let end = stored.len().checked_sub(DIGEST_BYTES).filter(|end| *end >= 2).ok_or(NotARecord::Length("digest"))?;
        let (bytes, tail) = stored.split_at(end);
        let computed = digest(bytes);
        let digest = Hash(tail.try_into().map_err(|_| NotARecord::Length("digest"))?);
        if digest != computed {
            return Err(NotARecord::Digest { stored: digest, computed });
        }
        let mut fields = Fields { rest: &bytes[2..] };
        let content = Content::read(bytes[1], &mut fields)?;
        if fields.rest.is_empty() { Ok(Self { content, digest }) } else { Err(NotARecord::Length("end")) }
    }

    /// The hash by which the next record names this one, if this is record `number` and comes after `head`.
    #[must_use]
    pub fn hash(&self, number: u64, head: Hash) -> Hash {
        match &self.content {
            Content::Claim(_) => claim_hash(self.digest, number, head),
            Content::Genesis(_) | Content::Commit(_) | Content::Seal(_) => self.digest,
        }
    }
}

/// What a log checks before it takes a commit or a seal: read at fixed offsets, nothing is hashed or copied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// Whether it ends the partition.
    pub seals: bool,
    /// The writer's epoch.
    pub epoch: u64,
    /// Dense in its partition.
    pub number: u64,
    /// The hash of the record before.
    pub prev: Hash,
    /// The digest as stored, unchecked.
    pub digest: Hash,
}

impl Header {
    /// The header of `stored` if it has the shape of a commit or a seal. [`Record::decode`] alone knows whether the
    /// digest is that of the bytes.
    #[must_use]
    pub fn read(stored: &[u8]) -> Option<Self> {
        let (&[format, kind], rest) = stored.split_first_chunk::<2>()?;
        let seals = match (format, kind) {
            (FORMAT, COMMIT) => false,
            (FORMAT, SEAL) => true,
            (_, _) => return None,
        };
        let mut fields = Fields { rest };
        let epoch = fields.number("epoch").ok()?;
        let number = fields.number("number").ok()?;
        let prev = Hash(fields.array("prev").ok()?);
        let _acked: [u8; 8] = fields.array("acked").ok()?;
        let _body = fields.next("body").ok()?;
        Some(Self { seals, epoch, number, prev, digest: Hash(fields.rest.try_into().ok()?) })
    }
}

/// The hash of a claim with `digest` that landed as `number` after `head`.
#[must_use]
pub fn claim_hash(digest: Hash, number: u64, head: Hash) -> Hash {
    let mut sha = Sha256::new();
    sha.update(CLAIM_TAG);
    sha.update(digest.0);
    sha.update(number.to_be_bytes());
    sha.update(head.0);
    Hash(sha.finalize().into())
}

/// Whether `stored` ends with the digest of what lies before it, as every format has it under its own number.
fn has_its_digest(stored: &[u8], format: u8) -> bool {
    stored.split_last_chunk::<DIGEST_BYTES>().is_some_and(|(bytes, tail)| {
        let sha = Sha256::new().chain_update(format!("kippu.record.{format}")).chain_update(bytes);
        sha.finalize()[..] == tail[..]
    })
}

fn digest(bytes: &[u8]) -> Hash {
    let mut sha = Sha256::new();
    sha.update(RECORD_TAG);
    sha.update(bytes);
    Hash(sha.finalize().into())
}

/// Takes length-prefixed fields off the front.
struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    fn next(&mut self, name: &'static str) -> Result<&'a [u8], NotARecord> {
        let (length, rest) = self.rest.split_first_chunk::<4>().ok_or(NotARecord::Length(name))?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| NotARecord::Length(name))?;
        let (field, rest) = rest.split_at_checked(length).ok_or(NotARecord::Length(name))?;
        self.rest = rest;
        Ok(field)
    }

    fn array<const N: usize>(&mut self, name: &'static str) -> Result<[u8; N], NotARecord> {
        self.next(name)?.try_into().map_err(|_| NotARecord::Length(name))
    }

    fn number(&mut self, name: &'static str) -> Result<u64, NotARecord> {
        self.array(name).map(u64::from_be_bytes)
    }

    fn text(&mut self, name: &'static str) -> Result<String, NotARecord> {
        String::from_utf8(self.next(name)?.to_vec()).map_err(|_| NotARecord::Text(name))
    }
}
