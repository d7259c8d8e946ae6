//! `kippu replay consistency A B`: whether one checkpoint goes on from another. It needs no history.

use std::path::{Path, PathBuf};

use kippu_events::text_file;
use kippu_replay::evidence::{Bundle, EvidenceError, Folder, Signed, compare};

use super::trust::{self, NotDone, Trusted};
use crate::exit::Exit;
use crate::output::Output;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A checkpoint: a signed note, or a bundle of evidence, which has one.
    a: PathBuf,
    /// Another one.
    b: PathBuf,
    /// The folder with the trees of the later one. Nothing in it is believed. Needed where the two are of different sizes.
    #[arg(long, value_name = "DIR")]
    tiles: Option<PathBuf>,
    #[command(flatten)]
    trusted: Trusted,
}

/// Compares.
pub(crate) fn run(args: &Args, output: &Output) -> Exit {
    trust::end("consistency", consistency(args, output), output)
}

fn consistency(args: &Args, output: &Output) -> Result<Exit, NotDone> {
    let keys = args.trusted.some_keys()?;
    let [a, b] = [&args.a, &args.b].map(|file| {
        let signed = read_checkpoint(file)?;
        signed.verify(&keys, args.trusted.witnesses())?;
        Ok::<_, NotDone>(signed)
    });
    let (a, b) = (a?, b?);
    let folder = args.tiles.clone().map(Folder::new);
    let consistent = compare(&a, &b, folder.as_ref())?;
    let [before, after] = consistent.sizes;
    output.result(
        &consistent,
        match before == after {
            true => format!("consistency: both are of size {after}, with one root"),
            false => format!(
                "consistency: size {after} goes on from size {before}, in the log of cuts and in every partition"
            ),
        },
    );
    Ok(Exit::Sound)
}

/// The checkpoint in `file`.
pub(super) fn read_checkpoint(file: &Path) -> Result<Signed, NotDone> {
    let text = text_file::read(file).map_err(|source| EvidenceError::Io { path: file.to_owned(), source })?;
    if text.starts_with('{') { Ok(Bundle::read(&text)?.signed()?) } else { Ok(Signed::read(text.as_bytes())?) }
}
