//! How far an import has come: the lines from the first on that have all come to their end, kept in a small file so that
//! the next run goes on behind them. Losing the file loses nothing: lines that the same caller runs again are answered, not
//! applied.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use kippu_events::Principal;
use kippu_events::log::{Hash, LogId};
use kippu_events::text_file;
use kippu_events::whole::{self, PLAIN, write_whole};
use serde::{Deserialize, Serialize};

use super::ImportError;

/// The only format that this code writes.
const FORMAT: u32 = 2;
/// A second's lines are quickly answered again.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// A number of lines, and the digest of the input up to their end: each line's is SHA-256 over the one before and it.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Place {
    pub(super) lines: u64,
    pub(super) digest: [u8; 32],
}

/// How a line ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    Applied,
    Replayed,
    Refused,
    Failed,
    /// It was empty.
    Blank,
}

/// How many lines ended how.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub(crate) struct Counts {
    /// Commands.
    pub(crate) lines: u64,
    /// Took effect now.
    pub(crate) applied: u64,
    /// Had taken effect before.
    pub(crate) replayed: u64,
    /// A rule said no.
    pub(crate) refused: u64,
    /// Not a command, or a defect.
    pub(crate) failed: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lines, applied, replayed, refused, failed } = self;
        write!(f, "import: {lines} lines, {applied} applied, {replayed} replayed, {refused} refused, {failed} failed")
    }
}

/// What is read first, since the rest depends on it.
#[derive(Deserialize)]
struct Form {
    format: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    format: u32,
    /// Progress into one log says nothing of another.
    log: LogId,
    /// Nor does that of one caller of another's: the same lines are other commands.
    caller: Principal,
    input_lines: u64,
    input_digest: Hash,
    counts: Counts,
}

/// See the module.
pub(super) struct Progress {
    file: Option<PathBuf>,
    log: LogId,
    caller: Principal,
    place: Place,
    counts: Counts,
    /// Lines that ended before one in front of them.
    ahead: BTreeMap<u64, (Place, End)>,
    /// Lines that were no commands, and had no end either: of this run alone.
    open: u64,
    /// When the file was written last.
    saved: Option<Instant>,
}

impl Progress {
    /// What `file` keeps, or a beginning.
    pub(super) fn open(file: Option<PathBuf>, log: LogId, caller: Principal) -> Result<Self, ImportError> {
        let mut progress = Self {
            file,
            log,
            caller,
            place: Place::default(),
            counts: Counts::default(),
            ahead: BTreeMap::new(),
            open: 0,
            saved: None,
        };
        let Some(path) = &progress.file else { return Ok(progress) };
        // Where progress cannot be kept, nothing is begun.
        whole::check(path).map_err(|source| ImportError::NotKept { path: path.clone(), source })?;
        // A device or a pipe keeps nothing.
        if path.exists() && !path.is_file() {
            return Ok(progress);
        }
        let text = match text_file::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(progress),
            Err(source) => return Err(ImportError::Io { path: path.clone(), source }),
        };
        // A file that was made for it.
        if text.trim().is_empty() {
            return Ok(progress);
        }
        let wrong = |reason: String| ImportError::Progress { path: path.clone(), reason };
        let no_progress = |e: serde_json::Error| wrong(format!("no progress file: {e}"));
        let Form { format } = serde_json::from_str(&text).map_err(no_progress)?;
        if format != FORMAT {
            let way_on =
                "as the caller that began, delete it and import again: what was done is answered, not done again";
            return Err(wrong(format!("progress format {format} is not {FORMAT}; {way_on}")));
        }
        let saved: Saved = serde_json::from_str(&text).map_err(no_progress)?;
        if saved.log != progress.log {
            return Err(wrong(format!("keeps progress into log {}, not {}", saved.log, progress.log)));
        }
        if saved.caller != caller {
            let reason =
                format!("keeps what {} has done, and for {caller} every line is a command of its own", saved.caller);
            return Err(wrong(format!(
                "{reason}: import as before, or into a --resume-file of its own to run all of it again"
            )));
        }
        progress.place = Place { lines: saved.input_lines, digest: saved.input_digest.0 };
        progress.counts = saved.counts;
        Ok(progress)
    }

    /// Behind the lines that have all ended.
    pub(super) const fn place(&self) -> Place {
        self.place
    }

    /// Of those lines, and of one that was left open.
    pub(super) const fn counts(&self) -> Counts {
        Counts { lines: self.counts.lines + self.open, failed: self.counts.failed + self.open, ..self.counts }
    }

    /// The last line was no command, and had no end: what it will be is not known.
    pub(super) const fn left_open(&mut self) {
        self.open += 1;
    }

    /// Lines that ended before one in front of them.
    pub(super) fn ahead(&self) -> usize {
        self.ahead.len()
    }

    /// The line at `place` has ended.
    pub(super) fn ended(&mut self, place: Place, end: End) -> Result<(), ImportError> {
        self.ahead.insert(place.lines, (place, end));
        while let Some((place, end)) = self.ahead.remove(&(self.place.lines + 1)) {
            self.place = place;
            self.counts.lines += u64::from(end != End::Blank);
            match end {
                End::Applied => self.counts.applied += 1,
                End::Replayed => self.counts.replayed += 1,
                End::Refused => self.counts.refused += 1,
                End::Failed => self.counts.failed += 1,
                End::Blank => {}
            }
        }
        // The first line says at once whose lines these are.
        if self.saved.is_none_or(|saved| saved.elapsed() >= SAVE_EVERY) { self.save() } else { Ok(()) }
    }

    /// Writes the file, whole or not at all.
    pub(super) fn save(&mut self) -> Result<(), ImportError> {
        self.saved = Some(Instant::now());
        let Some(path) = &self.file else { return Ok(()) };
        if self.place.lines == 0 && self.ahead.is_empty() {
            // Nothing was done, by nobody: the next caller is welcome.
            return Ok(());
        }
        let saved = Saved {
            format: FORMAT,
            log: self.log,
            caller: self.caller,
            input_lines: self.place.lines,
            input_digest: Hash(self.place.digest),
            counts: self.counts,
        };
        let written = serde_json::to_vec(&saved).map_err(Into::into).and_then(|text| write_whole(path, &text, PLAIN));
        written.map_err(|source| ImportError::NotKept { path: path.clone(), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: LogId = LogId([1; 16]);
    const BY: Principal = Principal::Operator;

    fn place(lines: u64) -> Place {
        Place { lines, digest: [u8::try_from(lines).unwrap(); 32] }
    }

    #[test]
    fn only_lines_without_a_gap_before_them_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let file = Some(dir.path().join("p"));
        let mut progress = Progress::open(file.clone(), LOG, BY).unwrap();
        for (line, end) in [(2, End::Refused), (1, End::Applied), (5, End::Failed), (3, End::Blank)] {
            progress.ended(place(line), end).unwrap();
        }
        progress.save().unwrap();
        let kept = Progress::open(file, LOG, BY).unwrap();
        assert_eq!(kept.place(), place(3));
        assert_eq!(kept.counts(), Counts { lines: 2, applied: 1, refused: 1, ..Counts::default() });
    }

    #[test]
    fn progress_into_another_log_or_of_another_caller_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = Some(dir.path().join("p"));
        let mut progress = Progress::open(file.clone(), LOG, BY).unwrap();
        progress.save().unwrap();
        assert!(!dir.path().join("p").exists(), "nothing was done");
        // Lines in front of it may still be under way.
        progress.ended(place(2), End::Applied).unwrap();
        progress.save().unwrap();
        let other = Progress::open(file.clone(), LogId([2; 16]), BY).map(|_| ()).unwrap_err();
        assert!(other.to_string().contains("not 0202"), "{other}");
        let client = Principal::Client("zwhn36e77jx4sgferlabfa7r".parse().unwrap());
        let other = Progress::open(file.clone(), LOG, client).map(|_| ()).unwrap_err();
        assert!(other.to_string().contains("what operator has done"), "{other}");
        std::fs::write(dir.path().join("p"), r#"{"format":1,"log":"ab"}"#).unwrap();
        let older = Progress::open(file.clone(), LOG, BY).map(|_| ()).unwrap_err().to_string();
        assert!(older.contains("progress format 1 is not 2"), "{older}");
        std::fs::write(dir.path().join("p"), "{").unwrap();
        let broken = Progress::open(file, LOG, BY).map(|_| ()).unwrap_err().to_string();
        assert!(broken.contains("no progress file"), "{broken}");
    }
}
