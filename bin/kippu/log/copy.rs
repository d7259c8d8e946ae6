//! `kippu log copy`: copies a history to another location, next to the nodes that serve it, and with `--seal` ends it where it
//! was, so that it goes on there. Bytes, numbers and hashes stay; a copy that was interrupted goes on where the target
//! ends. Blobs that events name go along, where they have a place there.

use std::path::PathBuf;
use std::time::Duration;

use kippu_events::secrets::KeyTransfer;
use serde_json::json;

use super::blobs::BlobArgs;
use super::ends::{Place, Source, Target};
use super::sealing::Sealing;
use super::transfer::RecordTransfer;
use super::{LogError, Where};
use crate::config::Config;
use crate::exit::Exit;
use crate::output::Output;

/// How often a live source is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// Rounds that catch up with a source under load, before it is sealed: each is shorter than the one before.
const ROUNDS: usize = 4;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The history: a data directory, or kafka://HOST:PORT/TOPIC.
    from: String,
    /// Where it is copied to, the same; made where there is none.
    to: String,
    /// Go on as the source grows, until interrupted.
    #[arg(long, conflicts_with = "seal")]
    follow: bool,
    /// End the source, so that the history goes on at the target.
    #[arg(long)]
    seal: bool,
    /// The file with an operator's API key, by which a node that serves the source is asked to seal it.
    #[arg(long, value_name = "FILE", requires = "seal")]
    key_file: Option<PathBuf>,
    /// That node; by default where it said itself that it answers.
    #[arg(long, value_name = "URL", requires = "seal")]
    server: Option<String>,
    /// A copy of the history's keys/keyring.json, where only topics know the history and a data directory is to.
    #[arg(long, value_name = "FILE")]
    keyring: Option<PathBuf>,
    /// Copy the history although keys of persons are missing: their names are never read again.
    #[arg(long)]
    without_keys: bool,
    #[command(flatten)]
    blobs: BlobArgs,
    #[command(flatten)]
    place: Where,
}

/// Copies.
pub(crate) fn run(args: &Args, output: &Output) -> Exit {
    super::run(&args.place, output, |config| copy(args, &config, output))
}

fn copy(args: &Args, config: &Config, output: &Output) -> Result<Exit, LogError> {
    let (from, to): (Place, Place) = (args.from.parse()?, args.to.parse()?);
    let source = Source::open(&from, config)?;
    if let Some(concern) = source.concern() {
        output.warn(concern);
    }
    if to.is(&source.location, config)? {
        return Err(LogError::Same(to.to_string()));
    }
    let keyring = args.keyring.clone().or_else(|| source.keyring());
    if matches!(to, Place::Data(_)) && keyring.is_none() {
        return Err(LogError::NoKeyring);
    }
    let target = Target::make(&to, source.log(), config)?;
    let keys = KeyTransfer::new(source.keys(config)?, target.keys(keyring.as_deref(), config)?)?;
    let bar = output.progress(0, "copy");
    let blobs = args.blobs.transfer(source.blobs(config)?, (&to, None), source.log().id(), config)?;
    let transfer = RecordTransfer::new(source.log(), target.restore(config)?, blobs, bar.clone())?;
    let mut copying = Copying { source: &source, keys, transfer, persons: 0 };
    copying.round()?;
    if args.seal {
        copying.catch_up()?;
        // Before it is ended where it was: keys and blobs may be found again.
        copying.check_keys(args.without_keys)?;
        copying.transfer.check_blobs()?;
        copying.transfer.check_left()?;
        let next = to.to_string();
        let sealing = Sealing { source: &source, key_file: args.key_file.as_deref(), server: args.server.as_deref() };
        sealing.seal(&copying.transfer, &next, config)?;
        copying.end(&next)?;
    }
    copying.transfer.check()?;
    copying.check_keys(args.without_keys)?;
    target.finish(true)?;
    copying.transfer.check_blobs()?;
    if args.follow {
        output.note(format_args!("{to} has caught up, and follows"));
        return copying.follow();
    }
    bar.finish_and_clear();
    tell(args, &to, &copying, output);
    Ok(Exit::Sound)
}

fn tell(args: &Args, to: &Place, copying: &Copying<'_>, output: &Output) {
    let (log, count, blobs) = (copying.source.log().id(), copying.transfer.count(), copying.transfer.blobs());
    blobs.note(output);
    let without = copying.keys.lacks(copying.transfer.named());
    let value = json!({
        "log": log.to_string(), "to": to.to_string(), "sealed": args.seal, "persons": copying.persons,
        "without_keys": without,
        "records": count.records, "bytes": count.bytes, "found": count.found, "skipped": count.skipped, "blobs": blobs,
    });
    let ended = if args.seal { format!("\nthe history has ended here and goes on at {to}") } else { String::new() };
    let text = format!(
        "log {log}: {} records copied, {} there already, {} that never counted left out, {} persons' keys copied{}{ended}",
        count.records,
        count.found,
        count.skipped,
        copying.persons,
        blobs.text()
    );
    output.result(&value, text);
}

/// A copy under way.
struct Copying<'a> {
    source: &'a Source,
    keys: KeyTransfer,
    transfer: RecordTransfer<'a>,
    persons: u64,
}

impl Copying<'_> {
    /// Copies what there is now; how many records that were. A person's key is durable before what is encrypted under it, so
    /// the keys go first: the target can be opened after every round.
    fn round(&mut self) -> Result<u64, LogError> {
        let before = self.transfer.count().records;
        self.source.refresh()?;
        let ends = self.transfer.ends()?;
        self.persons += self.keys.transfer()?;
        self.transfer.up_to(&ends)?;
        Ok(self.transfer.count().records - before)
    }

    /// Refuses what lacks the keys of persons whose names are encrypted in it, unless that is accepted.
    fn check_keys(&self, without_keys: bool) -> Result<(), LogError> {
        match self.keys.lacks(self.transfer.named()) {
            persons if persons > 0 && !without_keys => Err(LogError::PersonsMissing(persons)),
            _ => Ok(()),
        }
    }

    /// Copies most of what a source under load has written meanwhile, so that little is left when it is sealed.
    fn catch_up(&mut self) -> Result<(), LogError> {
        for _ in 0..ROUNDS {
            if self.round()? == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Copies what comes, until the process is interrupted or something is in the way.
    fn follow(&mut self) -> Result<Exit, LogError> {
        loop {
            std::thread::sleep(LOOK);
            self.round()?;
            self.transfer.check_blobs()?;
        }
    }

    /// Copies what lies before the seals, which MUST be there.
    fn end(&mut self, next: &str) -> Result<(), LogError> {
        self.round()?;
        for (partition, found) in (0..).zip(self.transfer.nexts()) {
            match found {
                Some(found) if found == next => {}
                Some(found) => return Err(LogError::SealedTo { partition, next: found.to_owned() }),
                None => return Err(LogError::NoSeal(partition)),
            }
        }
        Ok(())
    }
}
