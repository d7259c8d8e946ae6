//! `kippu replay what-if`: takes the decisions of a history again, under other limits, or computes the fee of a month by another tariff.

mod tariff;

use std::num::NonZeroUsize;

use kippu_replay::what_if::{NotDecided, Options, Report, Setting, what_if};

use self::tariff::By;
use super::{NotRead, Where};
use crate::exit::Exit;
use crate::output::Output;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What is otherwise: `limits=500.00`, for every user whose limit the operator sets, or `limits=ID:500.00`, for one of them.
    #[arg(long, value_name = "SETTING", required_unless_present = "tariff")]
    set: Vec<Setting>,
    /// Users that are shown, those with the greatest differences first; with --json, every one is.
    #[arg(long, value_name = "N", default_value_t = 20)]
    users: usize,
    /// Partitions that are walked at once; all cores where it is not given.
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    place: Where,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum NotTold {
    #[error(transparent)]
    History(#[from] NotRead),
    #[error(transparent)]
    Decisions(#[from] NotDecided),
}

/// Decides anew.
pub(crate) fn run(args: &Args, output: &Output) -> Exit {
    if let Some(file) = &args.by.tariff {
        return match args.by.rate(&args.place, file) {
            Ok(rated) => {
                output.result(&rated, &rated);
                Exit::Sound
            }
            Err(reason) => output.failed(reason.exit(), reason),
        };
    }
    match args.decide(output) {
        Ok(report) => {
            output.result(&report, report.text(args.users));
            Exit::Sound
        }
        Err(reason) => {
            let exit = match &reason {
                NotTold::History(error) => error.exit(),
                NotTold::Decisions(NotDecided::Unreadable(error)) if error.is_damage() => Exit::Found,
                NotTold::Decisions(NotDecided::Unreadable(_)) => Exit::CouldNotRun,
                NotTold::Decisions(NotDecided::Amount { .. }) => Exit::Usage,
            };
            output.failed(exit, reason)
        }
    }
}

impl Args {
    fn decide(&self, output: &Output) -> Result<Report, NotTold> {
        let threads = self.threads.map_or_else(|| kippu_replay::Options::default().threads, NonZeroUsize::get);
        let config = self.place.config(threads)?;
        let history = self.place.open(&config, output)?;
        let log = &*history.log;
        let records = (0..log.partitions()).filter_map(|partition| log.end(partition).ok()).sum();
        let bar = output.progress(records, "what-if");
        let report = what_if(log, &Options { set: &self.set, threads, progress: &|read| bar.inc(read) });
        bar.finish_and_clear();
        if let Some(remark) = history.remark {
            output.note(remark);
        }
        Ok(report?)
    }
}
