//! Making a bundle: what was asked for, out of the history, with proofs out of the tiles, up to the newest checkpoint.

use data_encoding::BASE64;
use kippu_events::event::read_body;
use kippu_events::log::{Content, ReadLog};
use kippu_events::{EntityKey, Time};
use memchr::memmem::Finder;
use tlog_tiles::{TileHashReader, check_record, prove_record, record_hash};

use super::bundle::{Bundle, Inclusion};
use super::cut::{Cut, Tree};
use super::error::{EvidenceError, Fault};
use super::folder::Folder;
use super::key::Key;
use super::records::{Counted, each_record};

/// Bytes of records in one bundle: it is made and read as a whole, in memory.
const MOST_BYTES: usize = 64 << 20;

/// What is to be shown.
#[derive(Clone, Copy, Debug)]
pub enum Asked {
    /// Each record with an event of this entity.
    Entity(EntityKey),
    /// Of each partition, all records from the first to the last commit in this time: `from` to before `to`.
    Period {
        /// When it begins.
        from: Time,
        /// When it is over.
        to: Time,
    },
    /// Nothing but the checkpoint and the cut that it states: what a later history is compared with.
    Checkpoint,
}

/// The bundle of what was `asked`. Of the signatures of the checkpoint it has those of the log and of `witnesses`, each of which
/// MUST have cosigned.
///
/// # Errors
/// [`Fault`] where the history is not what was signed; there is no bundle then.
pub fn export(
    log: &dyn ReadLog,
    folder: &Folder,
    witnesses: &[Key],
    asked: &Asked,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Bundle, EvidenceError> {
    let newest = folder.newest()?;
    newest.is_of(log.id())?;
    let keys: Vec<Key> = folder.keys()?.into_iter().chain(witnesses.iter().cloned()).collect();
    let (signed, signers) = newest.only(&keys)?;
    if let Some(missing) = witnesses.iter().find(|witness| !signers.contains(witness)) {
        return Err(Fault::NotWitnessed(missing.short()).into());
    }
    let cut = folder.cut(&signed)?;
    let tree = Tree { size: signed.size(), root: signed.root() };
    let proof = folder.proof(&folder.cuts(), tree, |reader| prove_record(tree.size, tree.size - 1, reader))?;
    let mut taken = Taken { folder, cut: &cut, bytes: 0, records: Vec::new() };
    match asked {
        Asked::Entity(entity) => taken.entity(log, *entity, progress)?,
        Asked::Period { from, to } => {
            for partition in 0..log.partitions() {
                taken.period(log, partition, *from, *to, progress)?;
            }
        }
        Asked::Checkpoint => return Ok(Bundle::new(&signed, &signers, &cut, &proof, Vec::new())?),
    }
    let Taken { records, .. } = taken;
    if records.is_empty() {
        return Err(EvidenceError::Nothing(match asked {
            Asked::Entity(entity) => entity.to_string(),
            Asked::Period { .. } | Asked::Checkpoint => "that time".to_owned(),
        }));
    }
    Ok(Bundle::new(&signed, &signers, &cut, &proof, records)?)
}

/// Records with their proofs.
struct Taken<'a> {
    folder: &'a Folder,
    cut: &'a Cut,
    bytes: usize,
    records: Vec<Inclusion>,
}

impl Taken<'_> {
    fn entity(
        &mut self,
        log: &dyn ReadLog,
        entity: EntityKey,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(), EvidenceError> {
        let partition = entity.id.slot().partition(log.partitions());
        let size = self.cut.tree(partition)?.size;
        // An event names its entity in one spelling; what else has that text in it is not looked at further.
        let subject = Finder::new(&format!("\"subject\":\"{entity}\"")).into_owned();
        let mut there = 0;
        each_record(log, partition, progress, &mut |counted| {
            if let Content::Commit(commit) = &counted.record.content
                && subject.find(commit.body).is_some()
            {
                self.take(partition, counted)?;
            }
            there = counted.head.number + 1;
            Ok(there < size)
        })?;
        is_all_there(partition, size, there)
    }

    fn period(
        &mut self,
        log: &dyn ReadLog,
        partition: u16,
        from: Time,
        to: Time,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(), EvidenceError> {
        let size = self.cut.tree(partition)?.size;
        let first = self.records.len();
        // How many records there are up to the last commit of the period.
        let (mut within, mut there) = (first, 0);
        each_record(log, partition, progress, &mut |counted| {
            let number = counted.head.number;
            let time = match &counted.record.content {
                Content::Commit(commit) => {
                    let wrong = |error: kippu_events::NotAnEvent| Fault::Record {
                        partition,
                        number,
                        reason: error.to_string(),
                    };
                    read_body(commit.body).map_err(wrong)?.first().map(|event| event.time)
                }
                Content::Genesis(_) | Content::Claim(_) | Content::Seal(_) => None,
            };
            there = number + 1;
            if time.is_some_and(|time| time >= to) {
                // What comes behind it does not matter.
                there = size;
                return Ok(false);
            }
            // A claim has no time: it is of the period if commits before and behind it are.
            if time.is_some_and(|time| time >= from) || self.records.len() > first {
                self.take(partition, counted)?;
            }
            if time.is_some_and(|time| time >= from) {
                within = self.records.len();
            }
            Ok(there < size)
        })?;
        self.records.truncate(within);
        is_all_there(partition, size, there)
    }

    /// Adds a record, if it is the one that was signed.
    fn take(&mut self, partition: u16, counted: &Counted<'_>) -> Result<(), EvidenceError> {
        let (number, Tree { size, root }) = (counted.head.number, self.cut.tree(partition)?);
        self.bytes += counted.stored.len();
        if self.bytes > MOST_BYTES {
            return Err(EvidenceError::TooLarge(format!(
                "a bundle has at most {MOST_BYTES} bytes of records: ask for less"
            )));
        }
        let tiles = self.folder.partition(partition);
        let prove = |reader: &TileHashReader<'_>| prove_record(size, number, reader);
        let proof = self.folder.proof(&tiles, Tree { size, root }, prove)?;
        let leaf = record_hash(&counted.head.hash.0);
        check_record(&proof, size, root, number, leaf).map_err(|_| Fault::Rewritten {
            partition,
            size,
            number: Some(number),
        })?;
        let is_claim = matches!(counted.record.content, Content::Claim(_));
        self.records.push(Inclusion {
            partition,
            number,
            proof: proof.iter().map(ToString::to_string).collect(),
            prev: counted.prev.filter(|_| is_claim).map(|head| head.hash),
            record: BASE64.encode(counted.stored),
        });
        Ok(())
    }
}

/// Refuses a partition whose walk ended before the tree does that was signed.
fn is_all_there(partition: u16, size: u64, there: u64) -> Result<(), EvidenceError> {
    if there < size { Err(Fault::CutOff { partition, size, there }.into()) } else { Ok(()) }
}
