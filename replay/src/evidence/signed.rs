//! A checkpoint as it is signed and sent: a C2SP signed note, whose text is a C2SP tlog-checkpoint.

use std::fmt;

use ed25519_dalek::SignatureError;
use kippu_events::Time;
use kippu_events::log::LogId;
use serde::Serialize;
use signed_note::{Note, NoteError, Signature, Verifier, VerifierList};
use tlog_tiles::{Checkpoint, Hash};

use super::MOST_LEAVES;
use super::error::Fault;
use super::key::{Key, Keys, Kind, cosigned};

/// What the origin of every log of kippu begins with.
const ORIGIN: &str = "kippu/";

/// The name of the log of cuts of `log`, in its checkpoints and signatures.
#[must_use]
pub fn origin(log: LogId) -> String {
    format!("{ORIGIN}{log}")
}

/// Signs with one key.
pub struct Signer<'a> {
    /// The key.
    pub key: Key,
    /// Signs with it.
    pub sign: &'a dyn Fn(&[u8]) -> [u8; 64],
    /// When: of account for a witness alone.
    pub at: Time,
}

impl signed_note::Signer for Signer<'_> {
    fn name(&self) -> &str {
        &self.key.name
    }

    fn key_id(&self) -> u32 {
        self.key.key_id()
    }

    fn sign(&self, text: &[u8]) -> Result<Vec<u8>, SignatureError> {
        Ok(match self.key.kind {
            Kind::Log => (self.sign)(text).to_vec(),
            Kind::Witness => {
                let unix_secs = u64::try_from(self.at.micros() / 1_000_000).unwrap_or_default();
                [&unix_secs.to_be_bytes()[..], &(self.sign)(&cosigned(unix_secs, text))].concat()
            }
        })
    }
}

/// A signed checkpoint. Nobody has looked at its signatures yet.
#[derive(Debug, PartialEq)]
pub struct Signed {
    checkpoint: Checkpoint,
    note: Note,
}

/// Who has signed a checkpoint, of those that the caller knows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Anchored {
    /// Keys of the log, as `name+id`.
    pub signed: Vec<String>,
    /// Witnesses.
    pub cosigned: Vec<Cosigned>,
}

/// One witness, and when.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Cosigned {
    /// Its key, as `name+id`.
    pub by: String,
    /// When, as it says.
    pub at: Time,
}

impl Signed {
    /// The checkpoint of the log of cuts with `size` cuts and this root.
    ///
    /// # Errors
    /// Never, with a key whose name is an origin of ours.
    pub fn new(size: u64, root: Hash, signer: &Signer<'_>) -> Result<Self, Fault> {
        let checkpoint = Checkpoint::new(&signer.key.name, size, root, "").map_err(|error| malformed(&error))?;
        let mut signed =
            Self { note: Note::new(&checkpoint.to_bytes(), &[]).map_err(|error| malformed(&error))?, checkpoint };
        signed.add(signer)?;
        Ok(signed)
    }

    /// Adds a signature.
    ///
    /// # Errors
    /// Never, with a name that may be one.
    pub fn add(&mut self, signer: &Signer<'_>) -> Result<(), Fault> {
        self.note.add_sigs(&[signer]).map_err(|error| malformed(&error))
    }

    /// Reads a note.
    ///
    /// # Errors
    /// It is none, or its text is no checkpoint of a log of ours.
    pub fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let note = Note::from_bytes(bytes).map_err(|error| malformed(&error))?;
        let checkpoint = Checkpoint::from_bytes(note.text()).map_err(|error| malformed(&error))?;
        let signed = Self { checkpoint, note };
        signed.log()?;
        if !(1..=MOST_LEAVES).contains(&signed.size()) || !signed.checkpoint.extension().is_empty() {
            return Err(Fault::Malformed("no checkpoint of a log of cuts".to_owned()));
        }
        if signed.note.to_bytes() != bytes {
            return Err(Fault::Malformed("a note that is written otherwise than notes are".to_owned()));
        }
        Ok(signed)
    }

    /// The name of the log.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.checkpoint.origin()
    }

    /// The log.
    ///
    /// # Errors
    /// It is none of ours.
    pub fn log(&self) -> Result<LogId, Fault> {
        let id = self.origin().strip_prefix(ORIGIN).and_then(|id| id.parse().ok());
        id.filter(|id| origin(*id) == self.origin())
            .ok_or_else(|| Fault::Malformed(format!("{:?} is no log of kippu", self.origin())))
    }

    /// How many cuts there are. This states the last of them.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.checkpoint.size()
    }

    /// The root over them.
    #[must_use]
    pub fn root(&self) -> Hash {
        *self.checkpoint.hash()
    }

    /// The note.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.note.to_bytes()
    }

    /// Whether this is a checkpoint of `log`.
    ///
    /// # Errors
    /// [`Fault::OtherLog`].
    pub fn is_of(&self, log: LogId) -> Result<(), Fault> {
        let ours = origin(log);
        if self.origin() == ours { Ok(()) } else { Err(Fault::OtherLog { theirs: self.origin().to_owned(), ours }) }
    }

    /// Whether one of `keys` has signed it for its log, and each of `witnesses` has cosigned it.
    ///
    /// # Errors
    /// Where not, and where a signature by one of these is over something else.
    pub fn verify(&self, keys: &Keys, witnesses: &[Key]) -> Result<Anchored, Fault> {
        let keys = keys.of_log(self.origin());
        let (found, _) = self.signatures(keys.iter().chain(witnesses))?;
        let by = |key: &&Key| found.iter().any(|signature| is_by(signature, key));
        let signed: Vec<_> = keys.iter().filter(by).map(Key::short).collect();
        if signed.is_empty() {
            return Err(Fault::Unsigned(self.origin().to_owned()));
        }
        if let Some(missing) = witnesses.iter().find(|key| !by(key)) {
            return Err(Fault::NotWitnessed(missing.short()));
        }
        let time = |key: &Key| {
            let signature = found.iter().find(|signature| is_by(signature, key))?.signature();
            let unix_secs = i64::try_from(u64::from_be_bytes(*signature.first_chunk()?)).ok()?;
            Some(Cosigned { by: key.short(), at: Time::from_micros(unix_secs.checked_mul(1_000_000)?) })
        };
        let cosigned = witnesses.iter().map(|key| time(key).ok_or_else(|| Fault::Forged { key: key.short() }));
        Ok(Anchored { signed, cosigned: cosigned.collect::<Result<_, _>>()? })
    }

    /// Whether each signature is by one of `keys`, and each of them has signed once.
    ///
    /// # Errors
    /// Where not.
    pub(super) fn is_signed_by_all_of(&self, keys: &[Key]) -> Result<(), Fault> {
        let (found, unknown) = self.signatures(keys.iter())?;
        // One line each behind the text and the empty line; of two by one key the library looks at the first alone.
        let signatures = self.to_bytes().iter().skip(self.note.text().len() + 1).filter(|byte| **byte == b'\n').count();
        let is_exact = unknown.is_empty() && found.len() == keys.len() && signatures == keys.len();
        if is_exact { Ok(()) } else { Err(Fault::StrangeSignature) }
    }

    /// The same with no other signatures than those by `keys`, and the keys that have signed.
    ///
    /// # Errors
    /// None has, or one of these signatures is over something else.
    pub(super) fn only<'a>(&self, keys: &'a [Key]) -> Result<(Self, Vec<&'a Key>), Fault> {
        let (found, _) = self.signatures(keys.iter())?;
        let note = Note::new(self.note.text(), &found).map_err(|error| malformed(&error))?;
        let signers = keys.iter().filter(|key| found.iter().any(|signature| is_by(signature, key))).collect();
        Ok((
            Self { checkpoint: Checkpoint::from_bytes(note.text()).map_err(|error| malformed(&error))?, note },
            signers,
        ))
    }

    /// The signatures by `keys`, and the others.
    fn signatures<'a>(&self, keys: impl Iterator<Item = &'a Key>) -> Result<(Vec<Signature>, Vec<Signature>), Fault> {
        let mut known: Vec<Key> = Vec::new();
        for key in keys {
            // The library refuses to choose between two of one id.
            if !known.contains(key) {
                known.push(key.clone());
            }
        }
        let known = known.into_iter().map(|key| Box::new(key) as Box<dyn Verifier>).collect();
        self.note.verify(&VerifierList::new(known)).map_err(|error| match error {
            NoteError::InvalidSignature { name, id } => Fault::Forged { key: format!("{name}+{id:08x}") },
            NoteError::UnverifiedNote => Fault::Unsigned(self.origin().to_owned()),
            other => malformed(&other),
        })
    }
}

fn is_by(signature: &Signature, key: &Key) -> bool {
    signature.name() == key.name && signature.id() == key.key_id()
}

fn malformed(error: &dyn fmt::Display) -> Fault {
    Fault::Malformed(error.to_string())
}
