//! `kippu access verify`: compares a log, line by line, with the lines of it that a node has on record.
//!
//! ```text
//! file ─▶ lines ─▶ hashes ┐
//!                          ├─▶ edited, dropped, doubled, out of order, not certified: each by its line
//! batches ─▶ roots, hashes ┘
//! ```

mod hashes;

use std::cmp::Reverse;
use std::collections::HashMap;
use std::io;
use std::path::PathBuf;

use kippu_client::{Client, Error};
use kippu_events::EntityId;
use kippu_events::partners::access_batches::root_in_hex;
use serde::Serialize;
use serde_json::Value;
use similar::{Algorithm, DiffOp, capture_diff_slices};

use self::hashes::Hashes;
use crate::exit::Exit;
use crate::node;
use crate::output::Output;
use crate::peer::Running;
use crate::remote::{self, RemoteError};

/// Where lines differ, so many more of the file are looked at to find where they are the same again.
const AHEAD: usize = 1_000;
/// So many differences are told.
const MOST_TOLD: usize = 1_000;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The log, plain or compressed with gzip or zstd.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Under which contract.
    #[arg(long, value_name = "ID")]
    contract: EntityId,
    /// The server whose log it is.
    #[arg(long, value_name = "NAME")]
    source: String,
    /// The name of this part of the log, in place of the file's.
    #[arg(long, value_name = "NAME")]
    segment: Option<String>,
    #[command(flatten)]
    node: Running,
}

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
enum VerifyError {
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{}: say what it is with --segment", .0.display())]
    NoName(PathBuf),
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error(transparent)]
    Call(#[from] Error),
    #[error("the node has no lines of {source_name} {segment} on record")]
    Nothing { source_name: String, segment: String },
    #[error("the node answers a batch without the members that batches have")]
    NotABatch,
}

impl VerifyError {
    const fn exit(&self) -> Exit {
        match self {
            Self::NoName(_) => Exit::Usage,
            Self::Nothing { .. } => Exit::Found,
            Self::Io { .. } | Self::Remote(_) | Self::Call(_) | Self::NotABatch => Exit::CouldNotRun,
        }
    }
}

/// How a line differs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Fault {
    /// On record is another line in its place.
    Edited,
    /// On record is a line that the file has not.
    Dropped,
    /// It is on record once less often.
    Doubled,
    /// It is on record elsewhere.
    OutOfOrder,
    /// It is not on record, between lines that are.
    NotCertified,
    /// On record it is twice, with several contents.
    Contradicted,
}

/// A line that differs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
struct Difference {
    /// Which line of the file, from 1; the one that it would be, where the file has it not.
    line: u64,
    fault: Fault,
    /// The batch in which it is on record, or would be.
    batch: String,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { line, fault, batch } = self;
        let what = match fault {
            Fault::Edited => "is another line on record",
            Fault::Dropped => "is on record, and the file has it not",
            Fault::Doubled => "is on record once less often",
            Fault::OutOfOrder => "is on record elsewhere",
            Fault::NotCertified => "is not on record, between lines that are",
            Fault::Contradicted => "is on record with several contents",
        };
        write!(f, "line {line} {what} (batch {batch})")
    }
}

/// What a comparison came to.
#[derive(Serialize)]
struct Verified {
    /// Lines of the file that are on record as they are.
    equal: u64,
    /// Lines behind those that are on record.
    behind: u64,
    differences: Vec<Difference>,
}

/// Compares.
pub(crate) fn run(args: &Args, output: &Output) -> Exit {
    match node::on_a_system(compared(args)) {
        Ok(verified) => {
            let exit = if verified.differences.is_empty() { Exit::Sound } else { Exit::Found };
            let Verified { equal, behind, differences } = &verified;
            let mut text = format!(
                "access verify: {equal} lines are on record as they are, {} differ, {behind} come after them",
                differences.len()
            );
            for difference in differences {
                text.push_str(&format!("\n{difference}"));
            }
            output.result(&verified, text);
            exit
        }
        Err(error) => output.failed(error.exit(), &error),
    }
}

/// A batch on record.
struct Batch {
    id: String,
    offset: u64,
    bytes: u64,
    lines: usize,
    root: String,
}

impl Batch {
    fn of(row: &Value) -> Option<Self> {
        let text = |name: &str| row[name].as_str().map(str::to_owned);
        let lines = row["lines"].as_u64().and_then(|lines| usize::try_from(lines).ok())?;
        let (offset, bytes) = (row["offset"].as_u64()?, row["bytes"].as_u64()?);
        Some(Self { id: text("id")?, offset, bytes, lines, root: text("root")? })
    }
}

async fn compared(args: &Args) -> Result<Verified, VerifyError> {
    let named = || args.file.file_name()?.to_str().map(str::to_owned);
    let segment = args.segment.clone().or_else(named).ok_or_else(|| VerifyError::NoName(args.file.clone()))?;
    let node = args.node.node()?;
    let rows = remote::all_rows(&node, &format!("/v1/access-batches?contract={}", args.contract)).await?;
    // Of what was announced alone there are no lines here.
    let is_here = |row: &Value| !matches!(row["state"].as_str(), Some("announced" | "called"));
    let is_of =
        |row: &&Value| row["source"] == args.source.as_str() && row["segment"] == segment.as_str() && is_here(row);
    let batches: Option<Vec<Batch>> = rows.iter().filter(is_of).map(Batch::of).collect();
    let mut batches = batches.ok_or(VerifyError::NotABatch)?;
    // Where a log has grown, the longer one of two that begin at the same place has all of the shorter one.
    batches.sort_by(|a, b| (a.offset, Reverse(a.bytes), &a.id).cmp(&(b.offset, Reverse(b.bytes), &b.id)));
    let Some(first) = batches.first() else {
        return Err(VerifyError::Nothing { source_name: args.source.clone(), segment });
    };
    let mut file = Hashes::open(&args.file, first.offset)?;
    let mut verified = Verified { equal: 0, behind: 0, differences: Vec::new() };
    let mut last: Option<Compared> = None;
    for batch in batches {
        match &last {
            // Of two batches of the same place the first lines are the same, or they contradict each other, whatever the file says.
            Some(last) if last.batch.offset == batch.offset => contradicted(&node, last, &batch, &mut verified).await?,
            // The log was cut otherwise, and this piece was compared before.
            Some(last) if batch.offset.saturating_add(batch.bytes) <= last.ends => {}
            Some(_) | None => {
                let (begins, ends) = (file.line, batch.offset.saturating_add(batch.bytes));
                let overlaps = last.as_ref().is_some_and(|last| batch.offset < last.ends);
                compare(&node, &batch, overlaps, &mut file, &mut verified).await?;
                last = Some(Compared { batch, begins, ends });
            }
        }
    }
    verified.behind = file.rest()?;
    verified.differences.truncate(MOST_TOLD);
    Ok(verified)
}

/// The hashes of the lines of a batch, as the node has them.
async fn leaves(node: &Client, batch: &Batch) -> Result<Vec<[u8; 32]>, VerifyError> {
    let found = node.done(node.query(&format!("/v1/access-batches/{}/leaves", batch.id), None)).await?;
    let hash = |leaf: &Value| {
        data_encoding::HEXLOWER.decode(leaf.as_str()?.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok())
    };
    let leaves = found["leaves"].as_array().and_then(|leaves| leaves.iter().map(hash).collect());
    leaves.ok_or(VerifyError::NotABatch)
}

/// A batch that was compared with the file.
struct Compared {
    batch: Batch,
    /// The line of the file with which it begins.
    begins: u64,
    /// Where it ends in its log.
    ends: u64,
}

/// Says where two batches of the same place differ, the first of which was compared with the file.
async fn contradicted(
    node: &Client,
    one: &Compared,
    other: &Batch,
    verified: &mut Verified,
) -> Result<(), VerifyError> {
    let (its, others) = (leaves(node, &one.batch).await?, leaves(node, other).await?);
    for (place, (leaf, other_leaf)) in its.iter().zip(&others).enumerate() {
        if leaf != other_leaf {
            let line = one.begins + place as u64;
            verified.differences.push(Difference { line, fault: Fault::Contradicted, batch: other.id.clone() });
        }
    }
    Ok(())
}

/// Compares the next lines of the file with a batch, whose first lines may have been compared before.
async fn compare(
    node: &Client,
    batch: &Batch,
    overlaps: bool,
    file: &mut Hashes,
    verified: &mut Verified,
) -> Result<(), VerifyError> {
    let next = file.ahead(batch.lines)?;
    if !overlaps && next.len() == batch.lines && root_in_hex(next) == batch.root {
        verified.equal += batch.lines as u64;
        file.skip(batch.lines);
        return Ok(());
    }
    let mut on_record = leaves(node, batch).await?;
    if overlaps {
        on_record.drain(..file.known(&on_record));
    }
    let (first, lines) = (file.line, file.ahead(on_record.len() + AHEAD)?);
    let (found, equal, read) = differences(&on_record, lines, first, &batch.id);
    verified.equal += equal;
    verified.differences.extend(found);
    file.skip(read);
    Ok(())
}

/// How `lines` of a file, from line `first` on, differ from those `on_record`, how many are the same, and how many of them were
/// looked at.
fn differences(on_record: &[[u8; 32]], lines: &[[u8; 32]], first: u64, batch: &str) -> (Vec<Difference>, u64, usize) {
    let mut operations = capture_diff_slices(Algorithm::Myers, on_record, lines);
    // What follows the last line of the batch is compared with the next one.
    let mut read = lines.len();
    if let Some(DiffOp::Insert { new_index, .. }) = operations.last().copied() {
        read = new_index;
        operations.pop();
    }
    if let Some(DiffOp::Replace { old_index, old_len, new_index, new_len }) = operations.last().copied()
        && new_len > old_len
    {
        read = new_index + old_len;
        operations.pop();
        operations.push(DiffOp::Replace { old_index, old_len, new_index, new_len: old_len });
    }
    let mut there: HashMap<&[u8; 32], i64> = HashMap::new();
    for leaf in on_record {
        *there.entry(leaf).or_default() += 1;
    }
    for leaf in lines.get(..read).unwrap_or_default() {
        *there.entry(leaf).or_default() -= 1;
    }
    let is_on_record = |leaf: &[u8; 32]| on_record.contains(leaf);
    let (mut found, mut equal) = (Vec::new(), 0);
    let mut add = |place: usize, fault| {
        found.push(Difference { line: first + place as u64, fault, batch: batch.to_owned() });
    };
    for operation in operations {
        let (old, new) = (operation.old_range(), operation.new_range());
        if let DiffOp::Equal { len, .. } = operation {
            equal += len as u64;
            continue;
        }
        let both = old.len().min(new.len());
        for (place, leaf) in new.clone().zip(lines.get(new.clone()).unwrap_or_default()) {
            let is_replaced = place < new.start + both;
            add(
                place,
                match there.get(leaf).copied().unwrap_or_default() {
                    0 if is_on_record(leaf) => Fault::OutOfOrder,
                    less if less < 0 && is_on_record(leaf) => Fault::Doubled,
                    _ if is_replaced => Fault::Edited,
                    _ => Fault::NotCertified,
                },
            );
        }
        // What the file has elsewhere is told there.
        let dropped = on_record.get(old.start + both..old.end).unwrap_or_default();
        for _ in dropped.iter().filter(|leaf| there.get(*leaf).copied().unwrap_or_default() > 0) {
            add(new.end, Fault::Dropped);
        }
    }
    (found, equal, read)
}

#[cfg(test)]
mod tests {
    use kippu_events::partners::access_batches::leaf;

    use super::*;

    /// Differences of a file whose lines are these letters from a batch of those, and how many lines were read.
    fn found(on_record: &str, lines: &str) -> (Vec<(u64, Fault)>, usize) {
        let hashes = |letters: &str| letters.bytes().map(|letter| leaf(&[letter])).collect::<Vec<_>>();
        let (found, _, read) = differences(&hashes(on_record), &hashes(lines), 1, "batch");
        (found.into_iter().map(|it| (it.line, it.fault)).collect(), read)
    }

    #[test]
    fn each_difference_is_named_by_its_line() {
        assert_eq!(found("abcdef", "abcdefghi"), (vec![], 6));
        assert_eq!(found("abcdef", "abXdefghi"), (vec![(3, Fault::Edited)], 6));
        assert_eq!(found("abcdef", "abdefghi"), (vec![(3, Fault::Dropped)], 5));
        assert_eq!(found("abcdef", "abccdefghi"), (vec![(4, Fault::Doubled)], 7));
        assert_eq!(found("abcdef", "abXcdefghi"), (vec![(3, Fault::NotCertified)], 7));
        assert_eq!(found("abcdef", "abcdeXghi"), (vec![(6, Fault::Edited)], 6));
        assert_eq!(found("abcdef", "acbdefghi").0.len(), 1);
        assert_eq!(found("abcdef", "acbdefghi").0[0].1, Fault::OutOfOrder);
        assert_eq!(found("abcdef", "abcd"), (vec![(5, Fault::Dropped), (5, Fault::Dropped)], 4));
    }
}
