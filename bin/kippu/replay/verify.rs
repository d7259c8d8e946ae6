//! `kippu replay verify`: checks every record of every partition.

mod blobs;
mod watch;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use kippu_events::log::{self, LogId};
use kippu_projections::Moment;
use kippu_replay::check::Rules;
use kippu_replay::evidence::{Anchored, Cut, Fault, origin};
use kippu_replay::verify::Verified;
use kippu_replay::{Options, Report, blobs_of};
use serde::Serialize;

use super::evidence::read_bundle;
use super::past::At;
use super::trust::{self, NotDone, Trusted};
use super::{NotRead, Where, data_dir};
use crate::config::Config;
use crate::exit::Exit;
use crate::node::blobs::BlobsError;
use crate::output::Output;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Partitions that are walked at once; all cores where it is not given.
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Compare with the checkpoint in this bundle of evidence, as `checkpoint --keep` writes one: a tail cut off since, or a history
    /// written anew, is found.
    #[arg(long, value_name = "FILE", requires = "key")]
    checkpoint: Option<PathBuf>,
    #[command(flatten)]
    trusted: Trusted,
    /// Look only into what lies behind this cut, as `Kippu-Cut` of an answer says it: bytes, chain, numbers, and whether events can be
    /// read. No rules are held, since they look back.
    #[arg(long, value_name = "CUT", conflicts_with_all = ["checkpoint", "blobs"])]
    since: Option<At>,
    /// Go on as the history grows, next to the node that serves it, until something is found.
    #[arg(long, conflicts_with_all = ["blobs", "exported"])]
    watch: bool,
    /// Records that do not count and are told in full, per partition: of deposed writers, repeated, or without a predecessor.
    #[arg(long, value_name = "N", default_value_t = 20)]
    skipped: usize,
    /// Broken rules that are told in full, per partition.
    #[arg(long, value_name = "N", default_value_t = 20)]
    breaches: usize,
    /// Also read every blob that an event names, and compare its bytes with its name.
    #[arg(long)]
    blobs: bool,
    #[command(flatten)]
    place: Where,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
enum NotVerified {
    #[error(transparent)]
    History(#[from] NotRead),
    #[error(transparent)]
    Checkpoint(#[from] NotDone),
    #[error(transparent)]
    Blobs(#[from] BlobsError),
    #[error("{0}")]
    Since(String),
}

/// What came of it.
#[derive(Serialize)]
struct Told {
    #[serde(flatten)]
    report: Report,
    /// What cannot be told of the history.
    #[serde(skip_serializing_if = "Option::is_none")]
    remark: Option<&'static str>,
    /// What it was compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint: Option<Compared>,
}

/// A checkpoint that a history was compared with.
#[derive(Serialize)]
struct Compared {
    size: u64,
    #[serde(flatten)]
    by: Anchored,
    #[serde(skip)]
    cut: Cut,
}

/// Verifies.
pub(crate) fn run(args: &Args, output: &Output) -> Exit {
    let config = match args.place.config(threads(args)) {
        Ok(config) => config,
        Err(error) => return output.failed(error.exit(), error),
    };
    if args.blobs && config.data.is_none() && config.blobs.dir.is_none() && config.blobs.s3.is_none() {
        return output
            .failed(Exit::Usage, "no blobs: name a data directory with --data, or their own with --blobs-dir");
    }
    match verify(args, &config, output) {
        Ok(verified) => exit_of(&verified.report),
        Err(NotVerified::History(found)) if found.is_damage() => {
            let value = serde_json::json!({ "sound": false, "damage": found.to_string() });
            output.result(&value, format_args!("DAMAGE {found}\nverify: DAMAGED (before any partition was walked)"));
            Exit::Found
        }
        Err(NotVerified::Checkpoint(reason)) => trust::end("verify", Err(reason), output),
        Err(NotVerified::Since(reason)) => output.failed(Exit::Usage, reason),
        Err(reason) => output.failed(Exit::CouldNotRun, reason),
    }
}

/// The checkpoint to compare `log` with.
fn compared(args: &Args, log: LogId) -> Result<Option<Compared>, NotDone> {
    let Some(file) = &args.checkpoint else { return Ok(None) };
    let bundle = read_bundle(file)?;
    let (theirs, cut, by) = bundle.stated(&args.trusted.some_keys()?, args.trusted.witnesses())?;
    if theirs != log {
        return Err(Fault::OtherLog { theirs: origin(theirs), ours: origin(log) }.into());
    }
    Ok(Some(Compared { size: bundle.signed()?.size(), by, cut }))
}

fn threads(args: &Args) -> usize {
    args.threads.map_or_else(|| Options::default().threads, NonZeroUsize::get)
}

/// The cut of `--since`, of a history with so many partitions.
fn since(args: &Args, partitions: u16) -> Result<Option<&log::Cut>, NotVerified> {
    match &args.since {
        None => Ok(None),
        Some(At(Moment::Cut(cut))) if cut.0.len() == usize::from(partitions) => Ok(Some(cut)),
        Some(At(Moment::Cut(cut))) => {
            Err(NotVerified::Since(format!("a cut has {partitions} numbers here, not {}", cut.0.len())))
        }
        Some(At(Moment::Position(_) | Moment::Time(_))) => {
            Err(NotVerified::Since("--since is a cut: one number for each partition".to_owned()))
        }
    }
}

fn exit_of(report: &Report) -> Exit {
    match report {
        report if report.sound => Exit::Sound,
        report if report.is_only_newer() => Exit::CouldNotRun,
        _ => Exit::Found,
    }
}

fn tell(verified: &Told, output: &Output) {
    if let Some(remark) = verified.remark {
        output.note(remark);
    }
    if let Some(Compared { size, by, .. }) = &verified.checkpoint {
        let by = by.signed.join(" and ");
        output.note(format_args!("compared with the checkpoint of size {size}, signed by {by}"));
    }
    output.result(verified, &verified.report);
}

fn verify(args: &Args, config: &Config, output: &Output) -> Result<Told, NotVerified> {
    let history = args.place.open(config, output)?;
    let log = &*history.log;
    let checkpoint = compared(args, log.id())?;
    let known = checkpoint.as_ref().map(|checkpoint| checkpoint.cut.clone());
    // A partition whose end is not known is damage of that partition, and told by the walk.
    let records = (0..log.partitions()).filter_map(|partition| log.end(partition).ok()).sum();
    let bar = output.progress(records, "verify");
    let options = Options {
        embedded: history.embedded,
        threads: threads(args),
        rules: Rules::ALL,
        most_breaches: args.breaches,
        most_skipped: args.skipped,
        behind: since(args, log.partitions())?,
        since: known.as_ref(),
        blobs: args.blobs.then_some(blobs_of),
        progress: &|read| bar.inc(read),
    };
    let mut verified = Verified::new(log, &options);
    bar.finish_and_clear();
    let report = verified.report();
    let report = if args.blobs { blobs::look_at(report, config, &data_dir(config), output)? } else { report };
    let told = Told { report, remark: history.remark, checkpoint };
    tell(&told, output);
    if args.watch && told.report.sound {
        let report = watch::on(&history, &mut verified, output)?;
        return Ok(Told { report, ..told });
    }
    Ok(told)
}
