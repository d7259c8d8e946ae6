//! `kippu replay export`: the history as tables that DuckDB, pandas or Spark read.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use kippu_projections::catalogue;
use kippu_replay::Options;
use kippu_replay::export::{Export, Form, Manifest, NotExported};

use super::past::{At, Untold, exit_of, view_of};
use super::{NotRead, Where};
use crate::exit::Exit;
use crate::output::Output;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// To this folder: a new or empty one, or that of an export that was ended, which goes on.
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// The form of the tables.
    #[arg(long, value_enum, default_value_t = Format::Parquet)]
    format: Format,
    /// As of this time or cut; of now where it is not given.
    #[arg(long, value_name = "TIME|CUT")]
    at: Option<At>,
    /// The rows of this view, and no others. May be given again.
    #[arg(long, value_name = "VIEW")]
    view: Vec<String>,
    /// Rows of views alone.
    #[arg(long)]
    no_events: bool,
    /// Partitions that are read at once; all cores where it is not given.
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    #[command(flatten)]
    place: Where,
}

/// Forms on the command line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
enum Format {
    /// Apache Parquet.
    Parquet,
    /// A JSON object in each line.
    Ndjson,
}

/// Why there is no export.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    NotRead(#[from] NotRead),
    #[error(transparent)]
    Untold(#[from] Untold),
    #[error(transparent)]
    NotExported(#[from] NotExported),
}

impl Failed {
    fn exit(&self) -> Exit {
        match self {
            Self::NotRead(error) => error.exit(),
            Self::Untold(error) => error.exit(),
            Self::NotExported(NotExported::NotTold(error)) => exit_of(error),
            Self::NotExported(NotExported::Begun(_)) => Exit::Usage,
            Self::NotExported(
                NotExported::Io { .. }
                | NotExported::NotEmpty(_)
                | NotExported::Manifest(..)
                | NotExported::OtherLog { .. }
                | NotExported::Lock(_),
            ) => Exit::CouldNotRun,
        }
    }
}

/// Exports.
pub(crate) fn run(args: &Args, output: &Output) -> Exit {
    match export(args, output) {
        Ok(manifest) => {
            output.result(&manifest, Exported(&manifest));
            Exit::Sound
        }
        Err(error) => output.failed(error.exit(), error),
    }
}

fn export(args: &Args, output: &Output) -> Result<Manifest, Failed> {
    let threads = args.threads.map_or_else(|| Options::default().threads, NonZeroUsize::get);
    let config = args.place.config(threads)?;
    let history = args.place.open(&config, output)?;
    let views: Vec<_> = if args.view.is_empty() {
        catalogue::views().into_iter().filter(|view| view.table().is_some()).collect()
    } else {
        args.view.iter().map(|name| view_of(name)).collect::<Result<_, _>>()?
    };
    let scratch = kippu_events::files::scratch().map_err(Untold::Scratch)?;
    let entries: u64 = (0..history.log.partitions()).filter_map(|partition| history.log.end(partition).ok()).sum();
    let folds = u64::try_from(views.len()).unwrap_or_default() + u64::from(!args.no_events);
    let bar = output.progress(entries * folds, "export");
    let exported = Export {
        log: history.log,
        embedded: history.embedded,
        to: &args.to,
        form: match args.format {
            Format::Parquet => Form::Parquet,
            Format::Ndjson => Form::Ndjson,
        },
        at: args.at.as_ref().map(|At(at)| at),
        events: !args.no_events,
        views,
        threads,
        scratch: scratch.path(),
        progress: &|read| bar.inc(read),
    }
    .run();
    bar.finish_and_clear();
    Ok(exported?)
}

struct Exported<'a>(&'a Manifest);

impl fmt::Display for Exported<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Manifest { log, cut, partitions, views, .. } = self.0;
        let events: u64 = partitions.iter().map(|(_, events)| events).sum();
        for (view, rows) in views {
            writeln!(f, "{rows} rows of {view}")?;
        }
        write!(f, "{events} events of {} partitions of the log {log}, at the cut {cut}", partitions.len())
    }
}
