//! `kippu replay witness NOTE`: cosigns a checkpoint of another log with the key of this node, if it goes on from the one before.

use std::path::PathBuf;

use kippu_events::whole::{PLAIN, write_whole};
use kippu_replay::evidence::{Folder, Keys, Kind, witness};
use serde_json::json;

use super::Where;
use super::consistency::read_checkpoint;
use super::trust::{self, NotDone, Own};
use crate::exit::Exit;
use crate::output::Output;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The checkpoint: a signed note.
    note: PathBuf,
    /// A key that the log may sign with: a verifier key, or a file with the JWK set of its node. May be given several times.
    #[arg(long, value_name = "KEY", required = true)]
    key: Vec<String>,
    /// The folder with the trees of that checkpoint. Nothing in it is believed.
    #[arg(long, value_name = "DIR")]
    tiles: PathBuf,
    /// Where the last checkpoint of this log that was cosigned is kept: one file for each log.
    #[arg(long, value_name = "FILE")]
    state: PathBuf,
    /// Where the cosigned checkpoint goes; standard output where it is not given.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    place: Where,
}

/// Cosigns.
pub(crate) fn run(args: &Args, output: &Output) -> Exit {
    trust::end("witness", cosign(args, output), output)
}

fn cosign(args: &Args, output: &Output) -> Result<Exit, NotDone> {
    let keys = Keys::read(&args.key)?;
    let config = args.place.config(1)?;
    let history = args.place.open(&config, output)?;
    let own = Own::open(&config, &*history.log)?;
    let signer = own.signer(Kind::Witness).ok_or(NotDone::NoKeyStore)?;
    let folder = Folder::new(args.tiles.clone());
    let witnessed = witness(read_checkpoint(&args.note)?, &keys, &folder, &args.state, &signer)?;
    let note = witnessed.signed.to_bytes();
    if let Some(out) = &args.out {
        write_whole(out, &note, PLAIN).map_err(|error| NotDone::Io(out.display().to_string(), error))?;
    }
    let (note, key) = (String::from_utf8_lossy(&note), signer.key.to_string());
    let since = witnessed.since.as_ref().map(|since| since.sizes[0]);
    output.result(
        &json!({ "log": witnessed.signed.origin(), "size": witnessed.signed.size(), "since": since, "key": key, "checkpoint": note }),
        format_args!(
            "{note}\nkey {key}\nwitness: cosigned size {}, {}",
            witnessed.signed.size(),
            since.map_or("the first that this witness sees of the log".to_owned(), |size| format!("which goes on from size {size}"))
        ),
    );
    Ok(Exit::Sound)
}
