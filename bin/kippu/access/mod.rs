//! `kippu access import`: certifies the lines of access logs and hands them to the other party of a contract.
//!
//! ```text
//! file ─▶ (gzip, zstd) ─▶ batches of whole lines ─▶ POST /v1/access-batches, several at once
//! ```
//!
//! What a batch is follows from the bytes of its lines and from where they lie, so a file that is imported again, or that has grown
//! since, counts once. A last line without its end is left for the next time, unless the file is said to be complete.

mod split;
pub(crate) mod verify;

use std::io;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use kippu_actors::Commands;
use kippu_events::partners::access::Format;
use kippu_events::{EntityId, Family};
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use self::split::{Piece, Split};
use crate::exit::Exit;
use crate::import::{Answer, ImportError, Line, Target};
use crate::node;
use crate::output::Output;
use crate::which::{Named, Unnamed, Which};

/// Batches that are read ahead.
const AHEAD: usize = 8;
/// So much of a file is looked at to find its format.
const SAMPLE_BYTES: usize = 64 * 1024;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Logs, plain or compressed with gzip or zstd.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Under which contract.
    #[arg(long, value_name = "ID")]
    contract: EntityId,
    /// The server whose log it is.
    #[arg(long, value_name = "NAME")]
    source: String,
    /// The name of this part of the log, in place of the file's; for one file.
    #[arg(long, value_name = "NAME")]
    segment: Option<String>,
    /// Where the file begins in that part, in bytes: for a file that is a piece of it.
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    offset: u64,
    /// The format: auto, common, common-vhost, combined, combined-vhost, w3c, json, elb, alb, or nginx: and a log_format.
    #[arg(long, value_name = "FORMAT", default_value = "auto")]
    format: String,
    /// Nothing will be added to the files: a last line without its end is whole.
    #[arg(long)]
    complete: bool,
    #[command(flatten)]
    which: Which,
    /// Batches under way at once.
    #[arg(long, value_name = "N", default_value = "16")]
    in_flight: NonZeroUsize,
    /// How long one batch is tried while the node does not take commands.
    #[arg(long, value_name = "SECONDS", default_value = "60")]
    deadline_secs: NonZeroU64,
}

/// Why an import did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AccessError {
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{}: {reason}", path.display())]
    Format { path: PathBuf, reason: String },
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Unnamed(#[from] Unnamed),
    #[error(transparent)]
    Target(#[from] ImportError),
    #[error("{}, byte {offset}: {reason}; nothing is lost: run the same import again to go on", path.display())]
    Stopped { path: PathBuf, offset: u64, reason: String },
}

impl AccessError {
    const fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) | Self::Unnamed(_) | Self::Format { .. } => Exit::Usage,
            Self::Io { .. } | Self::Target(_) | Self::Stopped { .. } => Exit::CouldNotRun,
        }
    }
}

/// What became of the lines.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize)]
struct Counts {
    /// Of all files.
    lines: u64,
    /// With their ends.
    bytes: u64,
    batches: u64,
    /// On record now.
    certified: u64,
    /// On record before.
    known: u64,
    refused: u64,
    /// Lines that no batch takes, which were left out.
    too_long: u64,
    /// Of last lines without their ends, which were left.
    unfinished_bytes: u64,
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { lines, bytes, batches, certified, known, refused, too_long, unfinished_bytes } = self;
        write!(
            f,
            "access import: {lines} lines, {bytes} bytes, {batches} batches: {certified} certified, {known} known before, {refused} \
             refused; {too_long} lines too long, {unfinished_bytes} bytes of unfinished lines left"
        )
    }
}

/// Imports.
pub(crate) fn run(args: &Args, output: &Output) -> Exit {
    match node::on_a_system(import(args, output)) {
        Ok(counts) => {
            output.result(&counts, counts);
            if counts.refused + counts.too_long == 0 { Exit::Sound } else { Exit::Found }
        }
        Err(error) => output.failed(error.exit(), &error),
    }
}

async fn import(args: &Args, output: &Output) -> Result<Counts, AccessError> {
    if args.segment.is_some() && args.files.len() > 1 {
        return Err(AccessError::Usage("--segment names one file, and there are more".to_owned()));
    }
    let target = match args.which.named()? {
        Named::Running { url, key_file, roots } => Target::server(&url, &key_file, roots.as_deref()).await?,
        Named::Stopped(data) => Target::local(&data).await?,
    };
    let mut counts = Counts::default();
    let mut done = Ok(());
    for path in &args.files {
        done = file(args, path, output, &target, &mut counts).await;
        if done.is_err() {
            break;
        }
    }
    target.close().await;
    done.map(|()| counts)
}

/// The name of the part of the log that a file is.
fn segment(args: &Args, path: &Path) -> Result<String, AccessError> {
    let named = || path.file_name()?.to_str().map(str::to_owned);
    let segment = args.segment.clone().or_else(named);
    segment.ok_or_else(|| AccessError::Usage(format!("{}: say what it is with --segment", path.display())))
}

async fn file(
    args: &Args,
    path: &Path,
    output: &Output,
    target: &Target,
    counts: &mut Counts,
) -> Result<(), AccessError> {
    let segment = segment(args, path)?;
    let io = |source| AccessError::Io { path: path.to_owned(), source };
    let mut split = Split::open(path, args.offset, args.complete).map_err(io)?;
    let format = format(args, path, split.sample(SAMPLE_BYTES).map_err(io)?)?;
    let bar = output.progress(split.size(), "access import");
    let (sender, mut pieces) = mpsc::channel(AHEAD);
    let reading = tokio::task::spawn_blocking(move || {
        let mut split = split;
        while let Some(piece) = split.next_piece().transpose() {
            let is_over = piece.is_err();
            // Nobody listens once a batch could not be sent.
            if sender.blocking_send(piece).is_err() || is_over {
                break;
            }
        }
        (split.unfinished(), split.too_long())
    });
    let deadline = Duration::from_secs(args.deadline_secs.get());
    let given = stream::poll_fn(move |context| pieces.poll_recv(context)).map(|piece| {
        let (format, segment, target) = (&format, &segment, target);
        async move {
            let piece = piece.map_err(io)?;
            let line = line(args, segment, format, &piece).map_err(|error| io(error.into()))?;
            Ok::<_, AccessError>((target.settle(&line, deadline).await, piece))
        }
    });
    let mut ended = given.buffer_unordered(args.in_flight.get());
    while let Some(one) = ended.next().await {
        let (answer, piece) = one?;
        counts.batches += 1;
        counts.lines += piece.lines;
        counts.bytes += piece.bytes.len() as u64;
        bar.inc(piece.read);
        match answer {
            Answer::Applied => counts.certified += 1,
            Answer::Replayed => counts.known += 1,
            // Somebody else, or another way to cut it, has them on record.
            Answer::Refused { problem, .. } if problem == "access-batch-known" => counts.known += 1,
            Answer::Refused { problem, detail } | Answer::Failed { problem, detail } => {
                counts.refused += 1;
                let at = piece.offset;
                bar.suspend(|| output.note(format_args!("{}, byte {at}: {problem}: {detail}", path.display())));
            }
            Answer::Later { detail, .. } | Answer::Never { detail } => {
                return Err(AccessError::Stopped { path: path.to_owned(), offset: piece.offset, reason: detail });
            }
        }
    }
    drop(ended);
    let (unfinished, too_long) = reading.await.unwrap_or_default();
    counts.unfinished_bytes += unfinished;
    counts.too_long += too_long;
    bar.finish_and_clear();
    Ok(())
}

fn format(args: &Args, path: &Path, sample: &[u8]) -> Result<Format, AccessError> {
    let wrong = |reason: String| AccessError::Format { path: path.to_owned(), reason };
    if args.format == "auto" {
        let hint = || wrong("its format is none of those that are known: say which it is with --format".to_owned());
        return Format::detect(sample).ok_or_else(hint);
    }
    args.format.parse().map_err(|error| wrong(format!("{error}")))
}

/// The command that has a piece certified. Its key follows from what it asks.
fn line(args: &Args, segment: &str, format: &Format, piece: &Piece) -> Result<Line, serde_json::Error> {
    let (encoding, text) = kippu_events::partners::access_batches::Encoding::text(&piece.bytes);
    let body = json!({
        "contract": args.contract,
        "source": args.source,
        "segment": segment,
        "offset": piece.offset,
        "format": format,
        "directives": piece.directives,
        "encoding": encoding,
        "text": text,
    });
    let body = body.to_string();
    let hash = Sha256::digest(&body);
    let key = format!("access-import-{}", data_encoding::HEXLOWER.encode(&hash[..20]));
    let family = Family::AccessBatches;
    let spec = Commands::spec(family, "open", None);
    let spec = spec.ok_or_else(|| serde::ser::Error::custom("batches have no command to open one"))?;
    Ok(Line { family, spec, id: None, key, body: RawValue::from_string(body)? })
}
