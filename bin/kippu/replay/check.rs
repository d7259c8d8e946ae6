//! `kippu replay check`: holds the rules of an auditor against the whole history.

use std::fmt;
use std::num::NonZeroUsize;

use kippu_replay::Options;
use kippu_replay::check::{Report, Rule, Rules, check};

use super::{NotRead, Where};
use crate::exit::Exit;
use crate::output::Output;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Rules, by their names; all of them where none is given.
    #[arg(value_name = "RULE")]
    rules: Vec<Rule>,
    /// Name every rule, and what holds where it is kept.
    #[arg(long)]
    list: bool,
    /// Print the findings in the Static Analysis Results Interchange Format, version 2.1.0.
    #[arg(long)]
    sarif: bool,
    /// Findings that are told in full, per partition.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    findings: usize,
    /// Partitions that are walked at once; all cores where it is not given.
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    #[command(flatten)]
    place: Where,
}

/// Checks.
pub(crate) fn run(args: &Args, output: &Output) -> Exit {
    if args.list {
        output.result(&List(args.chosen()), List(args.chosen()));
        return Exit::Sound;
    }
    match args.check(output) {
        Ok(report) => {
            if args.sarif {
                output.print(format_args!("{}\n", report.sarif()));
            } else {
                output.result(&report, &report);
            }
            match report {
                report if report.sound => Exit::Sound,
                report if report.is_only_newer() => Exit::CouldNotRun,
                _ => Exit::Found,
            }
        }
        Err(reason) => output.failed(reason.exit(), reason),
    }
}

impl Args {
    fn chosen(&self) -> Rules {
        if self.rules.is_empty() { Rules::ALL } else { self.rules.iter().copied().collect() }
    }

    fn check(&self, output: &Output) -> Result<Report, NotRead> {
        let threads = self.threads.map_or_else(|| Options::default().threads, NonZeroUsize::get);
        let config = self.place.config(threads)?;
        let history = self.place.open(&config, output)?;
        let log = &*history.log;
        let records = (0..log.partitions()).filter_map(|partition| log.end(partition).ok()).sum();
        let bar = output.progress(records, "check");
        let report = check(
            log,
            &Options {
                embedded: history.embedded,
                threads,
                rules: self.chosen(),
                most_breaches: self.findings,
                progress: &|read| bar.inc(read),
                ..Options::default()
            },
        );
        bar.finish_and_clear();
        if let Some(remark) = history.remark {
            output.note(remark);
        }
        Ok(report)
    }
}

/// Rules, and what holds where each is kept.
struct List(Rules);

impl serde::Serialize for List {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|rule| serde_json::json!({ "rule": rule, "holds": rule.holds() })))
    }
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, rule) in self.0.iter().enumerate() {
            let line = if index == 0 { "" } else { "\n" };
            write!(f, "{line}{rule:<16} {}", rule.holds())?;
        }
        Ok(())
    }
}
