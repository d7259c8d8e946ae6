//! `kippu replay verify`: checks every record of every partition, of a stopped node or next to a running one. It opens
//! the store for reading only and keeps nothing in the data directory.

mod blobs;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use kippu_events::log::ReadError;
use kippu_events::log::rocks::{self, OpenError};
use kippu_replay::checkpoint::CheckpointError;
use kippu_replay::{Checkpoint, Options, Report, blobs_of};

use crate::config::{Config, Flags};
use crate::exit::Exit;
use crate::limits::{self, Need};
use crate::node::blobs::BlobsError;
use crate::node::{DataDir, Found, LocationError, LogLocation};
use crate::output::Output;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Configuration file.
    #[arg(long, env = "KIPPU_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Partitions that are walked at once; all cores where it is not given.
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Compare with the heads in this file, so that a tail cut off since is found.
    #[arg(long, value_name = "FILE")]
    since_checkpoint: Option<PathBuf>,
    /// Write the heads to this file if the history is sound. It is not signed: keep it where the log's keeper cannot write.
    #[arg(long, value_name = "FILE")]
    write_checkpoint: Option<PathBuf>,
    /// Broken rules that are told in full, per partition.
    #[arg(long, value_name = "N", default_value_t = 20)]
    breaches: usize,
    /// Also read every blob that an event names, and compare its bytes with its name.
    #[arg(long)]
    blobs: bool,
    #[command(flatten)]
    flags: Flags,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
enum NotVerified {
    #[error(transparent)]
    LogLocation(#[from] LocationError),
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error(transparent)]
    Blobs(#[from] BlobsError),
}

/// What came of it.
#[derive(serde::Serialize)]
struct Verified {
    #[serde(flatten)]
    report: Report,
    /// What cannot be told of the history.
    #[serde(skip_serializing_if = "Option::is_none")]
    remark: Option<&'static str>,
}

/// Verifies.
pub(crate) fn run(args: &Args, output: &Output) -> Exit {
    let config = match Config::load(args.config.as_deref(), &args.flags) {
        Ok(config) => config,
        Err(error) => return output.failed(error.exit(), error),
    };
    if config.data.is_none() && config.log.is_none() {
        return output.failed(Exit::Usage, "no history: name a data directory with --data, or a topic with --log");
    }
    if args.blobs && config.data.is_none() && config.blobs.dir.is_none() && config.blobs.s3.is_none() {
        return output
            .failed(Exit::Usage, "no blobs: name a data directory with --data, or their own with --blobs-dir");
    }
    if let Err(too_low) = limits::check(&Need::reading(threads(args))) {
        return output.failed(Exit::CouldNotRun, too_low);
    }
    match verify(args, &config, output) {
        Ok(verified) => {
            if let Some(remark) = verified.remark {
                output.note(remark);
            }
            output.result(&verified, &verified.report);
            match &verified.report {
                report if report.sound => Exit::Sound,
                report if report.is_only_newer() => Exit::CouldNotRun,
                _ => Exit::Found,
            }
        }
        Err(NotVerified::LogLocation(LocationError::Embedded(found))) if is_damage(&found) => {
            let value = serde_json::json!({ "sound": false, "damage": found.to_string() });
            output.result(&value, format_args!("DAMAGE {found}\nverify: DAMAGED (before any partition was walked)"));
            Exit::Found
        }
        Err(reason) => output.failed(Exit::CouldNotRun, reason),
    }
}

/// Whether the store itself already shows that history is lost or changed.
fn is_damage(error: &OpenError) -> bool {
    match error {
        OpenError::Partitions { .. }
        | OpenError::Genesis { .. }
        | OpenError::Damaged { .. }
        | OpenError::Cut { .. }
        | OpenError::Format(_) => true,
        OpenError::Store { reason, .. } | OpenError::Read(ReadError::Medium { reason, .. }) => {
            rocks::is_corruption(reason)
        }
        OpenError::Read(ReadError::NoPartition { .. } | ReadError::Newer { .. })
        | OpenError::Thread(_)
        | OpenError::Lock(_)
        | OpenError::Exists(_)
        | OpenError::NotALog { .. }
        | OpenError::Newer { .. }
        | OpenError::NoPartitions
        | OpenError::Io { .. } => false,
    }
}

fn threads(args: &Args) -> usize {
    args.threads.map_or_else(|| Options::default().threads, NonZeroUsize::get)
}

fn verify(args: &Args, config: &Config, output: &Output) -> Result<Verified, NotVerified> {
    let dir = DataDir::new(config.data.as_deref().unwrap_or(Path::new("")));
    // A directory that does not say what it is may still hold a log.
    let found = if config.data.is_some() { dir.look().unwrap_or(Found::Unfinished) } else { Found::Unfinished };
    let location = LogLocation::of(config, &dir, &found)?;
    let reader = location.open_read_only(config)?;
    if let Some(concern) = reader.concern() {
        output.warn(concern);
    }
    let log = reader.log();
    let since = args.since_checkpoint.as_deref().map(|file| Checkpoint::read(file, log.id())).transpose()?;
    // A partition whose end is not known is damage of that partition, and told by the walk.
    let records = (0..log.partitions()).filter_map(|partition| log.end(partition).ok()).sum();
    let bar = output.progress(records, "verify");
    let report = kippu_replay::verify(
        log,
        &Options {
            embedded: matches!(location, LogLocation::Embedded(_)),
            threads: threads(args),
            most_breaches: args.breaches,
            since: since.as_ref(),
            blobs: args.blobs.then_some(blobs_of),
            progress: &|read| bar.inc(read),
        },
    );
    bar.finish_and_clear();
    let report = if args.blobs { blobs::look_at(report, config, &dir, output)? } else { report };
    let remark = reader.remark()?;
    if let (true, Some(file)) = (report.sound, &args.write_checkpoint) {
        report.checkpoint().write(file)?;
    }
    Ok(Verified { report, remark })
}
