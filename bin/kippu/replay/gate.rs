//! `kippu replay gate`: before a new version serves an old history, whether it makes the same of it: of every entity, of every
//! view, and of every rule that decisions kept to.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kippu_actors::runtime::{StoreError, StoredEntities};
use kippu_events::log::Cut;
use kippu_events::whole::{PLAIN, write_whole};
use kippu_events::{Family, text_file};
use kippu_projections::NotOpened;
use kippu_projections::catalogue;
use kippu_projections::stored::StoredViews;
use kippu_replay::gate::{Compared, EntityMade, Made, NotMade, entities};
use kippu_replay::history::{Folding, NotTold, Past, rebuild};
use kippu_replay::{Options, Report, verify};
use serde::Serialize;
use tempfile::TempDir;

use super::past::exit_of;
use super::{History, NotRead, Where, data_dir};
use crate::config::Config;
use crate::exit::Exit;
use crate::output::Output;

/// What an expectation is called beside a history.
const EXPECTED: &str = "expected.json";

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The history: a data directory, or the folder that `kippu log export` wrote.
    #[arg(long, value_name = "DIR")]
    history: PathBuf,
    /// What an earlier version made of it, as `--write` writes it; `expected.json` in DIR, if there is one.
    #[arg(long, value_name = "FILE")]
    expected: Option<PathBuf>,
    /// Write down what this version makes of the history, for a later one to compare with. A file that is there stays as it is.
    #[arg(long)]
    write: bool,
    /// Differences that are told in full.
    #[arg(long, value_name = "N", default_value_t = 20)]
    differences: usize,
    /// Partitions that are walked at once; all cores where it is not given.
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
}

/// Why nothing was compared.
#[derive(Debug, thiserror::Error)]
enum NotCompared {
    #[error(transparent)]
    History(#[from] NotRead),
    #[error(transparent)]
    NotMade(#[from] NotMade),
    #[error(transparent)]
    Entities(#[from] StoreError),
    #[error(transparent)]
    Views(#[from] NotOpened),
    #[error("nothing to compare with: DIR has neither {EXPECTED} nor the stores of a node; --write writes the former")]
    Nothing,
    #[error("{0}: {1}")]
    Io(String, std::io::Error),
}

impl From<NotTold> for NotCompared {
    fn from(error: NotTold) -> Self {
        Self::NotMade(error.into())
    }
}

impl NotCompared {
    fn exit(&self) -> Exit {
        match self {
            Self::History(error) => error.exit(),
            Self::NotMade(NotMade::NotTold(error)) => exit_of(error),
            Self::Nothing => Exit::Usage,
            Self::NotMade(_) | Self::Entities(_) | Self::Views(_) | Self::Io(..) => Exit::CouldNotRun,
        }
    }
}

/// What came of it.
#[derive(Serialize)]
struct Passed {
    passed: bool,
    records: u64,
    events: u64,
    damaged: u64,
    /// Rules that are broken, where no expectation says that they were.
    broken: u64,
    #[serde(flatten)]
    compared: Compared,
}

/// Compares, or writes down what there is to compare with.
pub(crate) fn run(args: &Args, output: &Output) -> Exit {
    match args.pass(output) {
        Ok(exit) => exit,
        Err(reason) => output.failed(reason.exit(), reason),
    }
}

impl Args {
    fn pass(&self, output: &Output) -> Result<Exit, NotCompared> {
        let threads = self.threads.map_or_else(|| Options::default().threads, NonZeroUsize::get);
        let place = Where::history(&self.history);
        let config = place.config(threads)?;
        let scratch = kippu_events::files::scratch().map_err(|error| NotCompared::Io("scratch".to_owned(), error))?;
        // Before the log, which then has all that they reflect.
        let stores = if place.is_exported() { Stores::default() } else { Stores::open(&config, &scratch)? };
        let history = place.open(&config, output)?;
        let gate = Gate { history: &history, scratch: &scratch, threads, output };
        let file = self.expected.clone().unwrap_or_else(|| self.history.join(EXPECTED));
        if self.write {
            return gate.write(&file);
        }
        let is_expected = self.expected.is_some() || file.exists();
        if !is_expected && stores.is_empty() {
            return Err(NotCompared::Nothing);
        }
        let report = gate.verify();
        let (mut compared, mut broken) = (Compared::default(), report.totals.breaches);
        // What cannot be read cannot be folded.
        if report.totals.damaged == 0 && report.totals.newer == 0 {
            if is_expected {
                gate.expected(&file, &mut compared)?;
                broken = 0;
            }
            gate.entities(&stores, &mut compared)?;
            gate.views(&stores, &mut compared)?;
        }
        Ok(self.tell(&report, broken, compared, output))
    }

    fn tell(&self, report: &Report, broken: u64, compared: Compared, output: &Output) -> Exit {
        let totals = &report.totals;
        let is_read = totals.damaged == 0 && totals.newer == 0;
        let passed = is_read && broken == 0 && compared.differences.is_empty();
        let (records, events, damaged) = (totals.records, totals.events, totals.damaged);
        let result = Passed { passed, records, events, damaged, broken, compared };
        output.result(&result, Text { result: &result, report, most: self.differences });
        match () {
            () if passed => Exit::Sound,
            () if report.is_only_newer() => Exit::CouldNotRun,
            () => Exit::Found,
        }
    }
}

/// What a node keeps of a history.
#[derive(Default)]
struct Stores {
    entities: Option<StoredEntities>,
    views: Option<StoredViews>,
}

impl Stores {
    fn open(config: &Config, scratch: &TempDir) -> Result<Self, NotCompared> {
        let (dir, own) = (data_dir(config), scratch.path().join("entities"));
        std::fs::create_dir(&own).map_err(|error| NotCompared::Io(own.display().to_string(), error))?;
        let entities = StoredEntities::open(&dir.entities(), &own)?;
        Ok(Self { entities, views: StoredViews::open(&dir.views())? })
    }

    const fn is_empty(&self) -> bool {
        self.entities.is_none() && self.views.is_none()
    }
}

struct Gate<'a> {
    history: &'a History,
    scratch: &'a TempDir,
    threads: usize,
    output: &'a Output,
}

impl Gate<'_> {
    fn verify(&self) -> Report {
        let options = Options { embedded: self.history.embedded, threads: self.threads, ..Options::default() };
        verify(&*self.history.log, &options)
    }

    /// An empty directory for rows.
    fn dir(&self, name: &str) -> Result<PathBuf, NotCompared> {
        let dir = self.scratch.path().join(name);
        std::fs::create_dir(&dir).map_err(|error| NotCompared::Io(dir.display().to_string(), error))?;
        Ok(dir)
    }

    fn made(&self, cut: Option<&Cut>) -> Result<Made, NotCompared> {
        let (log, embedded) = (&self.history.log, self.history.embedded);
        let dir = self.dir("made")?;
        let past = Past { log: &**log, embedded, views: None, secrets: None };
        Ok(Made::of(&past, &Folding { log: Arc::clone(log), dir: &dir, progress: &|_| {} }, cut, self.threads)?)
    }

    fn write(&self, file: &Path) -> Result<Exit, NotCompared> {
        let told = |error| NotCompared::Io(file.display().to_string(), error);
        if file.exists() {
            return Err(told(std::io::ErrorKind::AlreadyExists.into()));
        }
        let made = self.made(None)?;
        write_whole(file, made.to_text().as_bytes(), PLAIN).map_err(told)?;
        let (entities, views, cut) = (made.entities(), made.views.len(), &made.cut);
        self.output.result(
            &serde_json::json!({ "to": file.display().to_string(), "cut": cut, "entities": entities, "views": views }),
            format_args!("gate: {entities} entities and {views} views at the cut {cut} in {}", file.display()),
        );
        Ok(Exit::Sound)
    }

    /// Compares with what an earlier version wrote down, as of then.
    fn expected(&self, file: &Path, compared: &mut Compared) -> Result<(), NotCompared> {
        let text = text_file::read(file).map_err(|error| NotCompared::Io(file.display().to_string(), error))?;
        let expected = Made::read(&text)?;
        *compared = self.made(Some(&expected.cut()?))?.compare(&expected)?;
        Ok(())
    }

    /// Compares with the entities that a node keeps, as of then.
    fn entities(&self, stores: &Stores, compared: &mut Compared) -> Result<(), NotCompared> {
        let log = &*self.history.log;
        let Some(stored) = stores.entities.as_ref().filter(|stored| stored.log() == log.id()) else { return Ok(()) };
        for partition in 0..log.partitions().min(stored.partitions()) {
            let Some(last) = stored.last(partition)? else { continue };
            let mut folded = entities(log, partition, Some(last), &|_| {})?;
            let mut anew = Vec::new();
            for family in Family::ALL {
                if !stored.is_current(partition, family)? {
                    let name = family.name();
                    compared
                        .declared
                        .push(format!("family {name}, partition {partition}: a node folds its states anew"));
                    anew.push(family);
                }
            }
            folded.retain(|key, _| !anew.contains(&key.family));
            stored.each(partition, |kept| -> Result<(), StoreError> {
                // What was written ahead of the cursor is written again with it.
                if kept.changed > last || anew.contains(&kept.entity.family) {
                    folded.remove(&kept.entity);
                    return Ok(());
                }
                let found = folded.remove(&kept.entity).map(|entity| EntityMade::of(&entity).to_string());
                let before = EntityMade::of_state(kept.version, &kept.state).to_string();
                compared.one(|| format!("entity {}", kept.entity), Some(before), found);
                Ok(())
            })?;
            for (key, entity) in folded {
                compared.one(|| format!("entity {key}"), None, Some(EntityMade::of(&entity).to_string()));
            }
        }
        Ok(())
    }

    /// Compares with the rows that a node keeps, as of then.
    fn views(&self, stores: &Stores, compared: &mut Compared) -> Result<(), NotCompared> {
        let Some(stored) = &stores.views else { return Ok(()) };
        for view in catalogue::views() {
            let (name, dir) = (view.name(), self.dir(&format!("kept-{}", view.name()))?);
            let folding = Folding { log: Arc::clone(&self.history.log), dir: &dir, progress: &|_| {} };
            let row = |key: String| format!("row {key} of {name}");
            let found = rebuild(&folding, stored, view, &mut |difference| {
                let text = |value: Option<serde_json::Value>| value.map(|value| value.to_string());
                let (before, now) = (text(difference.stored), text(difference.rebuilt));
                compared.one(|| row(difference.key), before, now);
                Ok(())
            });
            match found {
                Ok(rebuilt) => compared.compared += rebuilt.rows.saturating_sub(rebuilt.differences),
                // Rows of another revision are filled anew by a node of this version.
                Err(NotTold::NotKept(reason)) => compared.declared.push(format!("view {name}: {reason}")),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

struct Text<'a> {
    result: &'a Passed,
    report: &'a Report,
    most: usize,
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Passed { passed, records, events, broken, compared, .. } = self.result;
        if self.report.totals.damaged > 0 || self.report.totals.newer > 0 || *broken > 0 {
            writeln!(f, "{}", self.report)?;
        }
        let Compared { compared, differences, declared } = compared;
        for line in declared {
            writeln!(f, "DECLARED {line}")?;
        }
        for difference in differences.iter().take(self.most) {
            writeln!(f, "{difference}")?;
        }
        let more = differences.len().saturating_sub(self.most);
        if more > 0 {
            writeln!(f, "DIFFERS and {more} more")?;
        }
        if *passed {
            return write!(f, "gate: passed ({records} records, {events} events, {compared} things are the same)");
        }
        write!(f, "gate: NOT PASSED ({} of {compared} things differ, {broken} rules broken)", differences.len())
    }
}
