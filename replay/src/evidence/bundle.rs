//! The file in which evidence travels: one JSON text with all that a verifier needs, and no byte that is not checked.
//!
//! `docs/evidence.md` says step by step how it is checked with other tools.

use data_encoding::BASE64;
use kippu_events::log::{Genesis, Hash, LogId, Record};
use serde::{Deserialize, Serialize};
use tlog_tiles::{Hash as TreeHash, check_record, record_hash};

use super::cut::Cut;
use super::error::Fault;
use super::key::{Key, Keys, Kind};
use super::signed::{Anchored, Signed};
use super::verdict::Shown;
use kippu_events::log::Content;

/// The only format that this code writes.
const FORMAT: u32 = 1;

/// See the module. Members are written in this order, as `serde_json` writes them prettily, and in no other way.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    format: u32,
    /// The signed note.
    checkpoint: String,
    /// Verifier keys: exactly those whose signatures it has. Who verifies has better ones of its own.
    keys: Vec<String>,
    /// The text of the cut that the checkpoint states.
    cut: String,
    /// That it is the last leaf of the log of cuts.
    cut_proof: Vec<String>,
    /// In order of partitions and numbers.
    records: Vec<Inclusion>,
}

/// A record, and that it is in the tree of its partition.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inclusion {
    pub(super) partition: u16,
    pub(super) number: u64,
    pub(super) proof: Vec<String>,
    /// The hash of the record before, for a claim: its own depends on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) prev: Option<Hash>,
    /// As it lies in the log, in base64.
    pub(super) record: String,
}

impl Bundle {
    pub(super) fn new(
        signed: &Signed,
        keys: &[&Key],
        cut: &Cut,
        cut_proof: &[TreeHash],
        records: Vec<Inclusion>,
    ) -> Result<Self, Fault> {
        let text = |hash: &TreeHash| hash.to_string();
        Ok(Self {
            format: FORMAT,
            checkpoint: String::from_utf8(signed.to_bytes()).map_err(|error| Fault::Malformed(error.to_string()))?,
            keys: keys.iter().map(ToString::to_string).collect(),
            cut: cut.to_string(),
            cut_proof: cut_proof.iter().map(text).collect(),
            records,
        })
    }

    /// The text of the file.
    ///
    /// # Errors
    /// Never.
    pub fn to_text(&self) -> Result<String, Fault> {
        let text = serde_json::to_string_pretty(self).map_err(|error| Fault::Malformed(error.to_string()))?;
        Ok(text + "\n")
    }

    /// Reads the text of a file. Nothing of it is believed yet.
    ///
    /// # Errors
    /// It is no bundle, or one in other spelling than ours.
    pub fn read(text: &str) -> Result<Self, Fault> {
        let bundle: Self = serde_json::from_str(text).map_err(|error| Fault::Malformed(error.to_string()))?;
        if bundle.format != FORMAT {
            return Err(Fault::Malformed(format!(
                "format {} is not {FORMAT}, which this version reads",
                bundle.format
            )));
        }
        if bundle.to_text()? != text {
            return Err(Fault::Malformed("written otherwise than bundles are".to_owned()));
        }
        Ok(bundle)
    }

    /// The checkpoint.
    ///
    /// # Errors
    /// It is none.
    pub fn signed(&self) -> Result<Signed, Fault> {
        Signed::read(self.checkpoint.as_bytes())
    }

    /// The cut that the checkpoint states, and by whom of `keys` and `witnesses` it is signed.
    ///
    /// # Errors
    /// [`Fault`] where a byte of it is not what was signed, or nobody of these has signed it.
    pub fn stated(&self, keys: &Keys, witnesses: &[Key]) -> Result<(LogId, Cut, Anchored), Fault> {
        let (signed, cut) = self.whole()?;
        Ok((signed.log()?, cut, signed.verify(keys, witnesses)?))
    }

    /// The checkpoint and the cut that it states, which are whole: each signature is by a key beside it.
    fn whole(&self) -> Result<(Signed, Cut), Fault> {
        let signed = self.signed()?;
        let own = self.keys.iter().map(|key| key.parse()).collect::<Result<Vec<Key>, _>>();
        let own = own.map_err(|error| Fault::Malformed(error.to_string()))?;
        signed.is_signed_by_all_of(&own)?;
        if !own.iter().any(|key| key.kind == Kind::Log && key.name == signed.origin()) {
            return Err(Fault::Unsigned(signed.origin().to_owned()));
        }
        let cut: Cut = self.cut.parse()?;
        let (size, last) = (signed.size(), signed.size() - 1);
        is_in(&self.cut_proof, size, signed.root(), last, cut.leaf(), || "the cut".to_owned())?;
        Ok((signed, cut))
    }

    /// What the bundle shows. Without `keys` it shows nothing but that it is whole.
    ///
    /// # Errors
    /// [`Fault`], where a byte of it is not what was signed.
    pub fn verify(&self, keys: Option<&Keys>, witnesses: &[Key]) -> Result<Shown, Fault> {
        let (signed, cut) = self.whole()?;
        let log = signed.log()?;
        let anchored = keys.map(|keys| signed.verify(keys, witnesses)).transpose()?;
        let mut shown = Shown::new(log, &cut, signed.size(), anchored);
        let mut before = None;
        for inclusion in &self.records {
            let Inclusion { partition, number, proof, prev, record } = inclusion;
            let place = (*partition, *number);
            let wrong = |reason: String| Fault::Record { partition: *partition, number: *number, reason };
            if before.is_some_and(|before| before >= place) {
                return Err(wrong("not in the order of partitions and numbers".to_owned()));
            }
            before = Some(place);
            let stored = BASE64.decode(record.as_bytes()).map_err(|error| wrong(error.to_string()))?;
            let record = Record::decode(&stored).map_err(|error| wrong(error.to_string()))?;
            let genesis =
                Genesis { log, partition: *partition, partitions: u16::try_from(cut.0.len()).unwrap_or(u16::MAX) };
            let is_itself = match &record.content {
                Content::Genesis(found) => *number == 0 && *found == genesis && prev.is_none(),
                Content::Commit(commit) => commit.number == *number && prev.is_none(),
                Content::Claim(_) => prev.is_some(),
                Content::Seal(_) => false,
            };
            if !is_itself {
                return Err(wrong("another record than it is said to be".to_owned()));
            }
            let tree = cut.tree(*partition)?;
            let leaf = record_hash(&record.hash(*number, prev.unwrap_or(Hash::ZERO)).0);
            is_in(proof, tree.size, tree.root, *number, leaf, || format!("record {number} of partition {partition}"))?;
            shown.add(*partition, *number, &record.content).map_err(wrong)?;
        }
        Ok(shown)
    }
}

/// Whether `leaf` is the leaf `index` of the tree with this size and root.
fn is_in(
    proof: &[String],
    size: u64,
    root: TreeHash,
    index: u64,
    leaf: TreeHash,
    what: impl FnOnce() -> String,
) -> Result<(), Fault> {
    let hashes = proof.iter().map(|hash| TreeHash::parse_hash(hash)).collect::<Result<Vec<_>, _>>();
    let hashes = hashes.map_err(|error| Fault::Malformed(error.to_string()))?;
    check_record(&hashes, size, root, index, leaf).map_err(|_| Fault::NotIncluded { what: what() })
}
