//! `kippu import`: runs commands from a file of JSON lines, on a stopped node's data directory or through a running node.
//!
//! ```text
//! {"family":"users","command":"open","key":"u-1","body":{"login":"ada",…}}
//! {"family":"users","id":"mfrg…","command":"credit","key":"c-1","body":{"amount":500,"currency":"EUR"}}
//! ```
//!
//! Many lines are under way at once. Those that name the same entity – by `id`, or by a token in the body – run in the
//! order of the file, and behind every `open` before them, since what an `open` makes is named by its answer. The
//! `key` of a line is its idempotency key: a line that the same caller runs again takes no effect again.

mod drive;
mod line;
mod order;
mod progress;
mod read;
mod target;

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

use kippu_events::whole;

use crate::exit::Exit;
use crate::output::Output;
use crate::which::{Named, Unnamed, Which};
use drive::Drive;
pub(crate) use line::Line;
use progress::{Counts, Progress};
use read::Input;
pub(crate) use target::{Answer, Target};

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The commands, one JSON object a line; `-` is standard input.
    #[arg(value_name = "FILE|-")]
    input: PathBuf,
    #[command(flatten)]
    which: Which,
    /// Where progress is kept, so that an interrupted import goes on; by default next to an input that is a file, as FILE.progress.
    #[arg(long, value_name = "FILE")]
    resume_file: Option<PathBuf>,
    /// Lines under way at once.
    #[arg(long, value_name = "N", default_value = "1024")]
    in_flight: NonZeroUsize,
    /// How long one line is tried while the node does not take commands.
    #[arg(long, value_name = "SECONDS", default_value = "60")]
    deadline_secs: NonZeroU64,
}

/// Why an import did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImportError {
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{}: {reason}", path.display())]
    Progress { path: PathBuf, reason: String },
    #[error("{}: progress cannot be kept: {source}; nothing is lost: run the same import again to go on", path.display())]
    NotKept { path: PathBuf, source: std::io::Error },
    #[error("line {line}: {reason}; nothing is lost: run the same import again to go on")]
    Stopped { line: u64, reason: String },
    #[error("{0}")]
    Target(String),
    #[error(transparent)]
    Unnamed(#[from] Unnamed),
}

impl ImportError {
    fn exit(&self) -> Exit {
        match self {
            Self::Progress { .. } | Self::Unnamed(_) => Exit::Usage,
            Self::Io { .. } | Self::NotKept { .. } | Self::Stopped { .. } | Self::Target(_) => Exit::CouldNotRun,
        }
    }
}

/// Imports.
pub(crate) fn run(args: &Args, output: &Output) -> Exit {
    match actix_rt::System::new().block_on(import(args, output)) {
        Ok(counts) => {
            output.result(&counts, counts);
            if counts.refused + counts.failed == 0 { Exit::Sound } else { Exit::Found }
        }
        Err(error) => output.failed(error.exit(), &error),
    }
}

async fn import(args: &Args, output: &Output) -> Result<Counts, ImportError> {
    let target = match args.which.named()? {
        Named::Running { url, key_file, roots } => Target::server(&url, &key_file, roots.as_deref()).await?,
        Named::Stopped(data) => Target::local(&data).await?,
    };
    let imported = pump(args, output, &target).await;
    target.close().await;
    imported
}

async fn pump(args: &Args, output: &Output, target: &Target) -> Result<Counts, ImportError> {
    let mut progress = Progress::open(progress_file(args), target.log(), target.caller())?;
    let input = Input::open(&args.input, progress.place())?;
    let bar = output.progress(input.bytes, "import");
    bar.set_style(
        indicatif::ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} {eta}").unwrap_or_else(
            // The template is a constant.
            |_| indicatif::ProgressStyle::default_bar(),
        ),
    );
    let drive = Drive {
        target,
        output,
        bar: &bar,
        in_flight: args.in_flight.get(),
        deadline: Duration::from_secs(args.deadline_secs.get()),
        input: &args.input,
    };
    let driven = drive.run(input, &mut progress).await;
    bar.finish_and_clear();
    let saved = progress.save();
    // What ended the import comes first: it may be why progress is not kept.
    driven?;
    saved?;
    Ok(progress.counts())
}

fn progress_file(args: &Args) -> Option<PathBuf> {
    args.resume_file.clone().or_else(|| {
        // What was handed over by another process has no place of its own, and the next of that name is another.
        if args.input == Path::new("-") || args.input.exists() && !whole::has_neighbours(&args.input) {
            return None;
        }
        let mut reader = args.input.clone().into_os_string();
        reader.push(".progress");
        Some(reader.into())
    })
}
