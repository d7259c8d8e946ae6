//! `kippu replay checkpoint`: brings the trees in a folder to what the history has, and signs that.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use kippu_events::whole::{PLAIN, write_whole};
use kippu_replay::Options;
use kippu_replay::evidence::{Asked, Folder, Grown, Kind, export, grow};
use serde_json::json;

use super::Where;
use super::trust::{self, NotDone, Own};
use crate::exit::Exit;
use crate::output::Output;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where the trees lie, the checkpoints' log and the newest checkpoint. A web server may serve this folder as it is.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// This is the first checkpoint of this history. A second first one would contradict those that others hold.
    #[arg(long)]
    begin: bool,
    /// Also write what `verify --checkpoint` compares a later history with: keep it where the log's keeper cannot write.
    #[arg(long, value_name = "FILE")]
    keep: Option<PathBuf>,
    /// Partitions that are read at once; all cores where it is not given.
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    #[command(flatten)]
    place: Where,
}

/// Signs.
pub(crate) fn run(args: &Args, output: &Output) -> Exit {
    trust::end("checkpoint", checkpoint(args, output), output)
}

fn checkpoint(args: &Args, output: &Output) -> Result<Exit, NotDone> {
    let threads = args.threads.map_or_else(|| Options::default().threads, NonZeroUsize::get);
    let config = args.place.config(threads)?;
    let history = args.place.open(&config, output)?;
    let log = &*history.log;
    let own = Own::open(&config, log)?;
    let signer = own.signer(Kind::Log).ok_or(NotDone::NoKeyStore)?;
    let folder = Folder::new(args.out.clone());
    let records = (0..log.partitions()).filter_map(|partition| log.end(partition).ok()).sum();
    let bar = output.progress(records, "checkpoint");
    let grown = grow(log, &folder, &signer, &own.of_the_log(), args.begin, threads, &|read| bar.inc(read));
    bar.finish_and_clear();
    let Grown { signed, cut, is_new } = grown?;
    if let Some(file) = &args.keep {
        let text = export(log, &folder, &[], &Asked::Checkpoint, &|_| {})?.to_text()?;
        write_whole(file, text.as_bytes(), PLAIN).map_err(|error| NotDone::Io(file.display().to_string(), error))?;
    }
    let (size, records) = (signed.size(), cut.0.iter().map(|tree| tree.size).sum::<u64>());
    let note = String::from_utf8_lossy(&signed.to_bytes()).into_owned();
    let key = signer.key.to_string();
    output.result(
        &json!({ "log": signed.origin(), "size": size, "root": signed.root().to_string(), "records": records, "new": is_new, "key": key, "checkpoint": note }),
        format_args!(
            "{note}\nkey {key}\ncheckpoint: {} of size {size} over {records} records",
            if is_new { "a new one" } else { "nothing has happened since the one" }
        ),
    );
    Ok(Exit::Sound)
}
