//! `kippu replay evidence`: makes a bundle that shows what was in the history, and checks one without any history.

use std::path::{Path, PathBuf};

use kippu_events::whole::{PLAIN, write_whole};
use kippu_events::{EntityKey, Time, text_file};
use kippu_replay::evidence::{Asked, Bundle, EvidenceError, Folder, Key, export as make};
use serde_json::json;

use super::Where;
use super::trust::{self, NotDone, Trusted};
use crate::exit::Exit;
use crate::output::Output;

/// Arguments of `export`.
#[derive(clap::Args)]
pub(crate) struct ExportArgs {
    /// The entity whose records are shown, as `users/` and its id.
    #[arg(value_name = "FAMILY/ID", required_unless_present = "from")]
    entity: Option<EntityKey>,
    /// All records from this time on (RFC 3339), instead of those of an entity.
    #[arg(long, value_name = "TIME", requires = "to", conflicts_with = "entity")]
    from: Option<Time>,
    /// Up to before this time.
    #[arg(long, value_name = "TIME", requires = "from")]
    to: Option<Time>,
    /// The folder that `kippu replay checkpoint` has written for this history.
    #[arg(long, value_name = "DIR")]
    tiles: PathBuf,
    /// The verifier key of a witness whose cosignature of the newest checkpoint goes into the bundle. May be given several times.
    #[arg(long, value_name = "KEY")]
    witness: Vec<Key>,
    /// Where the bundle goes.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    place: Where,
}

/// Arguments of `verify`.
#[derive(clap::Args)]
pub(crate) struct VerifyArgs {
    /// The bundle.
    file: PathBuf,
    #[command(flatten)]
    trusted: Trusted,
}

/// Makes a bundle.
pub(crate) fn export(args: &ExportArgs, output: &Output) -> Exit {
    trust::end("evidence", exported(args, output), output)
}

fn exported(args: &ExportArgs, output: &Output) -> Result<Exit, NotDone> {
    let config = args.place.config(1)?;
    let history = args.place.open(&config, output)?;
    let log = &*history.log;
    let asked = match (args.entity, args.from, args.to) {
        (Some(entity), _, _) => Asked::Entity(entity),
        (None, Some(from), Some(to)) => Asked::Period { from, to },
        (None, _, _) => Asked::Checkpoint,
    };
    let bar = output.progress(0, "evidence");
    let bundle = make(log, &Folder::new(args.tiles.clone()), &args.witness, &asked, &|read| bar.inc(read));
    bar.finish_and_clear();
    let bundle = bundle?;
    // Whoever makes evidence sees first what others will see.
    let shown = bundle.verify(None, &[])?;
    let file = args.out.display().to_string();
    write_whole(&args.out, bundle.to_text()?.as_bytes(), PLAIN).map_err(|error| NotDone::Io(file.clone(), error))?;
    output.result(
        &json!({ "log": shown.log, "checkpoint": shown.checkpoint, "records": shown.records, "events": shown.events, "to": file }),
        format_args!("evidence: {} records with {} events in {file}", shown.records, shown.events),
    );
    Ok(Exit::Sound)
}

/// Checks a bundle.
pub(crate) fn verify(args: &VerifyArgs, output: &Output) -> Exit {
    trust::end("evidence", verified(args, output), output)
}

fn verified(args: &VerifyArgs, output: &Output) -> Result<Exit, NotDone> {
    let shown = read_bundle(&args.file)?.verify(args.trusted.keys()?.as_ref(), args.trusted.witnesses())?;
    output.result(&shown, &shown);
    Ok(if shown.anchored { Exit::Sound } else { Exit::CouldNotRun })
}

/// The bundle in `file`.
pub(super) fn read_bundle(file: &Path) -> Result<Bundle, NotDone> {
    let text = text_file::read(file).map_err(|source| match text_file::not_text(&source) {
        Some(reason) => kippu_replay::evidence::Fault::Malformed(reason.to_string()).into(),
        None => EvidenceError::Io { path: file.to_owned(), source },
    })?;
    Ok(Bundle::read(&text)?)
}
