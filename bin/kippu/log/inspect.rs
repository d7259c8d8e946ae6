//! `kippu log inspect`: records as they lie in the log, those that do not count among them.

use std::num::NonZeroUsize;

use kippu_events::log::walk::{Step, Walk};
use kippu_events::log::{Bound, ReadLog};

use super::show::Shown;
use super::{LogError, Where, location};
use crate::config::Config;
use crate::exit::Exit;
use crate::output::Output;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// This partition; all of them where it is not given.
    #[arg(long, value_name = "P")]
    partition: Option<u16>,
    /// From this record of each partition on.
    #[arg(long, value_name = "N", default_value_t = 0)]
    from: u64,
    /// At most so many entries.
    #[arg(long, value_name = "N", default_value = "100")]
    limit: NonZeroUsize,
    #[command(flatten)]
    place: Where,
}

/// Shows records.
pub(crate) fn run(args: &Args, output: &Output) -> Exit {
    super::run(&args.place, output, |config| inspect(args, &config, output))
}

fn inspect(args: &Args, config: &Config, output: &Output) -> Result<Exit, LogError> {
    let reader = location(config)?.open_read_only(config)?;
    if let Some(concern) = reader.concern() {
        output.warn(concern);
    }
    let log = reader.log();
    let partitions = match args.partition {
        Some(partition) if partition >= log.partitions() => return Err(LogError::NoPartition(partition)),
        Some(partition) => partition..partition + 1,
        None => 0..log.partitions(),
    };
    let mut left = args.limit.get();
    let mut is_part = false;
    for partition in partitions {
        is_part |= show(log, partition, args.from, &mut left, output)?;
        if output.is_lost() {
            break;
        }
    }
    if is_part {
        output.warn(format_args!("there is more than --limit {} shows", args.limit));
    }
    Ok(Exit::Sound)
}

/// Shows `partition` from record `from` on; whether it leaves something out. What counts is known only from the beginning.
fn show(log: &dyn ReadLog, partition: u16, from: u64, left: &mut usize, output: &Output) -> Result<bool, LogError> {
    let (mut walk, end, before) = (Walk::new(log, partition), log.end(partition)?, *left);
    while walk.offset() < end {
        let page = log.read(partition, walk.offset(), Bound::default())?;
        if page.entries.is_empty() {
            return Err(walk.broken(format!("the log goes on to offset {end}, but nothing can be read")).into());
        }
        for entry in page.entries {
            let next = walk.head().map_or(0, |head| head.number + 1);
            let (record, skip) = match walk.take(entry.offset, &entry.stored)? {
                Step::Valid(record) => (record, None),
                Step::Skipped(record, skip) => (record, Some(skip)),
            };
            if next >= from {
                if *left == 0 {
                    return Ok(true);
                }
                *left -= 1;
                let head = walk.head().filter(|_| skip.is_none());
                let shown = Shown::of(partition, &entry, &record, head, skip);
                output.result(&shown, &shown);
                if output.is_lost() {
                    return Ok(false);
                }
            }
        }
    }
    if before > 0 && *left == before {
        let last = walk.head().map_or(0, |head| head.number);
        output.note(format_args!("partition {partition} ends with record {last}"));
    }
    Ok(false)
}
