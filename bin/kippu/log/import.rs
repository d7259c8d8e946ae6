//! `kippu log import`: an export becomes a log again, in a data directory to which its keys are added, or without any in a
//! topic. Every segment is checked before anything is written, and every record as it is.

use std::path::PathBuf;

use kippu_events::blobs::BlobStore;
use kippu_events::log::ReadLog as _;
use kippu_events::log::restore::RestoreError;
use kippu_events::log::segments::Segments;
use serde_json::json;

use super::blobs::{self, BlobArgs};
use super::ends::{Place, Target};
use super::export::BLOBS;
use super::transfer::RecordTransfer;
use super::{LogError, Where};
use crate::config::Config;
use crate::exit::Exit;
use crate::output::Output;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where the segments are.
    dir: PathBuf,
    /// Import to a topic although persons' keys are not part of an export: no name is ever read again.
    #[arg(long)]
    without_keys: bool,
    #[command(flatten)]
    blobs: BlobArgs,
    #[command(flatten)]
    place: Where,
}

/// Imports.
pub(crate) fn run(args: &Args, output: &Output) -> Exit {
    super::run(&args.place, output, |config| import(args, &config, output))
}

fn import(args: &Args, config: &Config, output: &Output) -> Result<Exit, LogError> {
    let to: Place = match (&config.log, &config.data) {
        (Some(address), _) => address.parse()?,
        (None, Some(dir)) => Place::Data(dir.clone()),
        (None, None) => return Err(LogError::Nowhere),
    };
    if matches!(to, Place::Topic(_)) && !args.without_keys {
        return Err(LogError::WithoutKeys(to.to_string()));
    }
    let segments = Segments::open(&args.dir)?;
    let bar = output.progress(segments.bytes(), "check");
    segments.check(|bytes| bar.inc(bytes))?;
    segments.check_history()?;
    bar.finish_and_clear();
    let bar = output.progress(0, "import");
    let target = Target::make(&to, &segments, config)?;
    if target.was_whole() {
        return Err(LogError::HasNode(to.to_string()));
    }
    let from = BlobStore::in_folder(&args.dir.join(BLOBS), 0);
    let blobs =
        args.blobs.transfer(Some(from), (&to, blobs::source(config, None, segments.id())?), segments.id(), config)?;
    let mut transfer = RecordTransfer::new(&segments, target.restore(config)?, blobs, bar.clone())?;
    let ends = transfer.ends()?;
    transfer.up_to(&ends)?;
    transfer.check()?;
    for partition in 0..segments.partitions() {
        if transfer.last(partition) != segments.head(partition) {
            let number = segments.head(partition).map_or(0, |head| head.number);
            return Err(RestoreError::Diverged { partition, number }.into());
        }
    }
    target.finish(false)?;
    transfer.check_blobs()?;
    bar.finish_and_clear();
    let (id, count, blobs) = (segments.id(), transfer.count(), transfer.blobs());
    blobs.note(output);
    output.result(
        &json!({ "log": id.to_string(), "to": to.to_string(), "records": count.records, "bytes": count.bytes, "found": count.found, "blobs": blobs }),
        format_args!(
            "log {id}: {} records imported, {} there already{}; its keys are not among them",
            count.records,
            count.found,
            blobs.text()
        ),
    );
    Ok(Exit::Sound)
}
