//! `kippu log export`: a history in plain segment files. Once more on the same directory, it adds what has come since.

use std::path::PathBuf;

use kippu_events::blobs::BlobStore;
use kippu_events::log::LogId;
use kippu_events::log::segments::Export;
use serde_json::json;

use super::blobs::{self, BlobTransfer};
use super::transfer::RecordTransfer;
use super::{LogError, Where, location};
use crate::config::Config;
use crate::exit::Exit;
use crate::node::DataDir;
use crate::output::Output;

/// The folder of an export in which blobs are.
pub(super) const BLOBS: &str = "blobs";

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where the segments go, and blobs in `blobs`.
    dir: PathBuf,
    /// Leave the blobs that events name where they are.
    #[arg(long)]
    without_blobs: bool,
    #[command(flatten)]
    place: Where,
}

/// Exports.
pub(crate) fn run(args: &Args, output: &Output) -> Exit {
    super::run(&args.place, output, |config| export(args, &config, output))
}

fn export(args: &Args, config: &Config, output: &Output) -> Result<Exit, LogError> {
    let reader = location(config)?.open_read_only(config)?;
    if let Some(concern) = reader.concern() {
        output.warn(concern);
    }
    let log = reader.log();
    let to = Box::new(Export::open(&args.dir, log.id(), log.partitions())?);
    let bar = output.progress(0, "export");
    let blobs = if args.without_blobs { None } else { Some(with_blobs(args, config, log.id())?) };
    let mut transfer = RecordTransfer::new(log, to, blobs, bar.clone())?;
    let ends = transfer.ends()?;
    transfer.up_to(&ends)?;
    transfer.check()?;
    transfer.check_blobs()?;
    bar.finish_and_clear();
    let (id, count, blobs) = (log.id(), transfer.count(), transfer.blobs());
    output.result(
        &json!({ "log": id.to_string(), "to": args.dir.display().to_string(), "records": count.records, "bytes": count.bytes, "found": count.found, "skipped": count.skipped, "blobs": blobs }),
        format_args!(
            "log {id}: {} records exported, {} there already, {} that never counted left out{}",
            count.records,
            count.found,
            count.skipped,
            blobs.text()
        ),
    );
    Ok(Exit::Sound)
}

/// The blobs of `log`, on their way into the directory of the export.
fn with_blobs(args: &Args, config: &Config, log: LogId) -> Result<BlobTransfer, LogError> {
    let dir = config.data.as_deref().map(DataDir::new);
    let to = BlobStore::in_folder(&args.dir.join(BLOBS), config.ready.least_free_bytes);
    BlobTransfer::new(blobs::source(config, dir.as_ref(), log)?, Some(to))
}
