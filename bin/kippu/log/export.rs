//! `kippu log export`: a history in plain segment files. Once more on the same directory, it adds what has come since.

use std::path::PathBuf;

use kippu_events::log::segments::Export;
use serde_json::json;

use super::transfer::RecordTransfer;
use super::{LogError, Where, location};
use crate::config::Config;
use crate::exit::Exit;
use crate::output::Output;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where the segments go.
    dir: PathBuf,
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
    let mut transfer = RecordTransfer::new(log, to, bar.clone())?;
    let ends = transfer.ends()?;
    transfer.up_to(&ends)?;
    transfer.check()?;
    bar.finish_and_clear();
    let (id, count) = (log.id(), transfer.count());
    output.result(
        &json!({ "log": id.to_string(), "to": args.dir.display().to_string(), "records": count.records, "bytes": count.bytes, "found": count.found, "skipped": count.skipped }),
        format_args!(
            "log {id}: {} records exported, {} there already, {} that never counted left out",
            count.records, count.found, count.skipped
        ),
    );
    Ok(Exit::Sound)
}
