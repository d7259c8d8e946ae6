//! `kippu users import`: registers the subscribers of a CSV file with a head line, or of a JSON array of objects.
//!
//! Nothing is sent where a row is wrong. A login is one user's, so who is registered already is left alone, a second import of a file
//! changes nothing, and one that was interrupted is gone on with by running it again.

pub(crate) mod forget;
mod subscriber;

use std::fmt;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use indicatif::ProgressBar;
use kippu_actors::problem::ALREADY_EXISTS;
use kippu_events::money::Currency;
use serde::Serialize;

use self::subscriber::{Subscriber, subscribers};
use crate::exit::Exit;
use crate::import::{Answer, ImportError, Target};
use crate::node;
use crate::output::Output;
use crate::table::{Table, Wrong};
use crate::which::{Named, Unnamed, Which};

/// Of rows that are wrong, so many are told.
const MOST_TOLD: usize = 20;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// CSV with a head line, or a JSON array of objects. Columns: login, limit (as 100.00), and where wanted pin, name, realm, currency,
    /// source (fixed, prepaid or points), charging and period.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The currency of limits, where no column says so.
    #[arg(long, value_name = "CODE")]
    currency: Option<Currency>,
    /// Read and check the file, and send nothing. No node is needed.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    which: Which,
    /// Subscribers under way at once.
    #[arg(long, value_name = "N", default_value = "16")]
    in_flight: NonZeroUsize,
    /// How long one subscriber is tried while the node does not take commands.
    #[arg(long, value_name = "SECONDS", default_value = "60")]
    deadline_secs: NonZeroU64,
}

/// Why an import did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UsersError {
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    /// The rows themselves have been told.
    #[error("{count} rows are wrong; nothing was sent")]
    Wrong { count: usize },
    #[error("{0}")]
    Columns(String),
    #[error(transparent)]
    Unnamed(#[from] Unnamed),
    #[error(transparent)]
    Target(#[from] ImportError),
    #[error("line {line}: {reason}; nothing is lost: run the same import again to go on")]
    Stopped { line: u64, reason: String },
}

impl UsersError {
    const fn exit(&self) -> Exit {
        match self {
            Self::Wrong { .. } => Exit::Found,
            Self::Columns(_) | Self::Unnamed(_) => Exit::Usage,
            Self::Io { .. } | Self::Target(_) | Self::Stopped { .. } => Exit::CouldNotRun,
        }
    }
}

/// How many subscribers ended how.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize)]
struct Counts {
    /// Of the file.
    subscribers: u64,
    /// New.
    registered: u64,
    /// Their logins were registered before, and they are left as they were.
    known: u64,
    /// A rule said no.
    refused: u64,
    /// A defect.
    failed: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subscribers, registered, known, refused, failed } = self;
        write!(
            f,
            "users import: {subscribers} subscribers, {registered} registered, {known} known before, {refused} refused, {failed} failed"
        )
    }
}

/// What was found in a file that is not sent.
#[derive(Serialize)]
struct Checked {
    subscribers: usize,
}

/// A subscriber who was not registered.
#[derive(Serialize)]
struct Remark<'a> {
    line: u64,
    outcome: &'a str,
    problem: &'a str,
    detail: &'a str,
}

/// Imports.
pub(crate) fn run(args: &Args, output: &Output) -> Exit {
    let done = read(args, output).and_then(|wanted| {
        if args.dry_run {
            let subscribers = wanted.len();
            let said = format_args!("users import: {subscribers} subscribers are well-formed");
            output.result(&Checked { subscribers }, said);
            return Ok(Exit::Sound);
        }
        let counts = node::on_a_system(import(args, output, &wanted))?;
        output.result(&counts, counts);
        Ok(if counts.refused + counts.failed == 0 { Exit::Sound } else { Exit::Found })
    });
    done.unwrap_or_else(|error| output.failed(error.exit(), &error))
}

fn read(args: &Args, output: &Output) -> Result<Vec<Subscriber>, UsersError> {
    let read = Table::read(&args.file).map_err(|source| UsersError::Io { path: args.file.clone(), source })?;
    let table = read.map_err(|wrong| tell(&wrong, output))?;
    subscriber::check_columns(&table, args.currency.is_some()).map_err(UsersError::Columns)?;
    subscribers(&table, args.currency).map_err(|wrong| tell(&wrong, output))
}

/// Says what is wrong with rows.
fn tell(wrong: &[Wrong], output: &Output) -> UsersError {
    for wrong in wrong.iter().take(MOST_TOLD) {
        if output.is_json() {
            output.result(wrong, "");
        } else {
            output.note(wrong);
        }
    }
    UsersError::Wrong { count: wrong.len() }
}

async fn import(args: &Args, output: &Output, wanted: &[Subscriber]) -> Result<Counts, UsersError> {
    let target = match args.which.named()? {
        Named::Running { url, key_file, roots } => Target::server(&url, &key_file, roots.as_deref()).await?,
        Named::Stopped(data) => Target::local(&data).await?,
    };
    let bar = output.progress(wanted.len() as u64, "users import");
    let deadline = Duration::from_secs(args.deadline_secs.get());
    let imported = register(&target, wanted, (args.in_flight.get(), deadline), output, &bar).await;
    bar.finish_and_clear();
    target.close().await;
    imported
}

async fn register(
    target: &Target,
    wanted: &[Subscriber],
    (in_flight, deadline): (usize, Duration),
    output: &Output,
    bar: &ProgressBar,
) -> Result<Counts, UsersError> {
    let mut counts = Counts::default();
    let each = stream::iter(wanted).map(|one| async { (one.line, target.settle(&one.command, deadline).await) });
    let mut ended = each.buffer_unordered(in_flight);
    let remark = |line: u64, outcome: &str, problem: &str, detail: &str| {
        if output.is_json() {
            output.result(&Remark { line, outcome, problem, detail }, "");
        } else {
            bar.suspend(|| output.note(format_args!("line {line}: {outcome}: {problem}: {detail}")));
        }
    };
    while let Some((line, answer)) = ended.next().await {
        match answer {
            // Replayed where the answer to the first try was lost on its way.
            Answer::Applied | Answer::Replayed => counts.registered += 1,
            Answer::Refused { problem, .. } if problem == ALREADY_EXISTS.slug => counts.known += 1,
            Answer::Refused { problem, detail } => {
                remark(line, "refused", &problem, &detail);
                counts.refused += 1;
            }
            Answer::Failed { problem, detail } => {
                remark(line, "failed", &problem, &detail);
                counts.failed += 1;
            }
            Answer::Later { detail, .. } | Answer::Never { detail } => {
                return Err(UsersError::Stopped { line, reason: detail });
            }
        }
        counts.subscribers += 1;
        bar.inc(1);
    }
    Ok(counts)
}
