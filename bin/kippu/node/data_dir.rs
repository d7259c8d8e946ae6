//! The data directory: what lies where, who may read it, and how a new one is made so that a crash at any step is
//! repaired by the next start.
//!
//! ```text
//! DIR/            0700
//!   LOCK          held by the process that runs here; holds its id
//!   plan          the identity of a log that is being made
//!   location          where that log is being made, if not here, until it is
//!   copying       the identity of a log that is being copied to here for the first time, until it is all there
//!   log/          the history                       true; not where it lies on Kafka
//!   keys/         the key store                     true
//!   blobs/        bytes that events name            true; not where they lie elsewhere
//!   blob-owners   who uploaded how much of them     counted for quotas
//!   access/       who asked for pages of the site     an access log for each day
//!   entities/     states of entities                a cache
//!   views/        rows of views                     a cache
//!   operator.key  the first operator's API key, 0600; move it to where operators keep secrets
//!   kippu.json    written last: the directory is whole
//! ```

mod error;
#[cfg(test)]
mod tests;

use std::fs::{self, DirBuilder, File};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use kippu_events::log::LogId;
use kippu_events::log::kafka::Address;
use kippu_events::log::lock::Lock;
use kippu_events::log::rocks::RocksLog;
use kippu_events::text_file;
use serde::{Deserialize, Serialize};

pub(crate) use error::DataDirError;

use super::presence::Presence;
use super::rights::{self, Owned};
use super::system_names::is_of_the_system;

/// The layout that this version writes.
const LAYOUT: u32 = 1;
/// What may lie in a data directory that is not whole yet.
const OURS: [&str; 17] = [
    "LOCK",
    "plan",
    "plan.new",
    "location",
    "location.new",
    "log",
    "keys",
    "blobs",
    "blob-owners",
    "blob-owners.new",
    "entities",
    "views",
    "operator.key",
    "operator.key.new",
    "copying",
    "copying.new",
    "kippu.json.new",
];

/// Secrets lie so far below the directory of the keys: those of persons in one of their own.
const SECRETS_DEPTH: usize = 2;

/// A path with our layout below it.
#[derive(Clone, Debug)]
pub(crate) struct DataDir(PathBuf);

/// What a directory holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Found {
    /// Nothing, or an initialisation that did not end.
    Unfinished,
    /// A node's data.
    Whole(Label),
}

/// What `kippu.json` says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Label {
    /// See [`LAYOUT`].
    pub(crate) layout: u32,
    /// The log's identity.
    pub(crate) log: LogId,
    /// Where it lies, if not in this directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) location: Option<String>,
    /// Kafka's id of the cluster there: on another cluster, a topic of the same name is another history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cluster: Option<String>,
    /// The version of kippu that made it.
    pub(crate) made_by: String,
}

/// What every layout's label says.
#[derive(Deserialize)]
struct AnyLabel {
    layout: u32,
    made_by: String,
}

impl Label {
    /// As this version writes it.
    pub(crate) fn new(log: LogId, location: Option<String>, cluster: Option<String>) -> Self {
        Self { layout: LAYOUT, log, location, cluster, made_by: env!("CARGO_PKG_VERSION").to_owned() }
    }

    /// The name of the topic, where the log lies in one.
    pub(crate) fn topic(&self) -> Option<String> {
        Some(self.location.as_ref()?.parse::<Address>().ok()?.topic)
    }
}

impl DataDir {
    /// The directory at `path`, whatever it holds.
    pub(crate) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Itself.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The log's directory.
    pub(crate) fn log(&self) -> PathBuf {
        self.0.join("log")
    }

    /// The key store's directory.
    pub(crate) fn keys(&self) -> PathBuf {
        self.0.join("keys")
    }

    /// Whether there are keys without a history here, which is made before them: it lies on Kafka, or is lost.
    pub(crate) fn lacks_its_history(&self) -> bool {
        self.keys().exists() && !RocksLog::is_in(&self.log())
    }

    /// The directory of blobs, where they lie here.
    pub(crate) fn blobs(&self) -> PathBuf {
        self.0.join("blobs")
    }

    /// The folder of the access logs of the site.
    pub(crate) fn access(&self) -> PathBuf {
        self.0.join("access")
    }

    /// The file that says which role has uploaded which blob.
    pub(crate) fn blob_owners(&self) -> PathBuf {
        self.0.join("blob-owners")
    }

    /// The entity store's directory.
    pub(crate) fn entities(&self) -> PathBuf {
        self.0.join("entities")
    }

    /// The views' directory.
    pub(crate) fn views(&self) -> PathBuf {
        self.0.join("views")
    }

    /// The file with the first operator's API key.
    pub(crate) fn operator_key(&self) -> PathBuf {
        self.0.join("operator.key")
    }

    fn copying(&self) -> PathBuf {
        self.0.join("copying")
    }

    fn label(&self) -> PathBuf {
        self.0.join("kippu.json")
    }

    /// What is there. Nothing that could be used, while a first copy of a history has not ended.
    pub(crate) fn look(&self) -> Result<Found, DataDirError> {
        let found = self.look_inside()?;
        let copying = self.copying();
        match (&found, copying.try_exists()) {
            // The label came last, and what is added to a whole history leaves it whole.
            (Found::Whole(_), _) | (Found::Unfinished, Ok(false)) => Ok(found),
            (Found::Unfinished, Ok(true)) => Err(DataDirError::Copying { dir: self.0.clone() }),
            (Found::Unfinished, Err(source)) => Err(DataDirError::Io { path: copying, source }),
        }
    }

    /// The same for the copy itself.
    fn look_inside(&self) -> Result<Found, DataDirError> {
        let io = |source| DataDirError::Io { path: self.0.clone(), source };
        self.check_path()?;
        match text_file::read(&self.label()) {
            Ok(text) => {
                let wrong = |reason: String| DataDirError::Label { path: self.label(), reason };
                let AnyLabel { layout, made_by } = text_file::json(&text).map_err(wrong)?;
                if layout > LAYOUT {
                    let reason =
                        format!("layout {layout} is of kippu {made_by}, which reads it; this version reads {LAYOUT}");
                    return Err(wrong(reason));
                }
                let label: Label = text_file::json(&text).map_err(wrong)?;
                if label.layout != LAYOUT {
                    return Err(wrong(format!("layout {} is not {LAYOUT}, which this version reads", label.layout)));
                }
                return Ok(Found::Whole(label));
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) if error.kind() == ErrorKind::NotADirectory => {
                return Err(DataDirError::NoDirectory(self.0.clone()));
            }
            Err(source) => return Err(self.refused(self.label(), source)),
        }
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return match fs::read_link(&self.0) {
                    Ok(to) => Err(DataDirError::Dangling { link: self.0.clone(), to }),
                    Err(_) => Ok(Found::Unfinished),
                };
            }
            Err(source) => return Err(self.refused(self.0.clone(), source)),
        };
        for entry in entries {
            let name = entry.map_err(io)?.file_name();
            if !OURS.iter().any(|ours| name == *ours) && !is_of_the_system(&name) {
                return Err(DataDirError::Foreign { dir: self.0.clone(), other: name.to_string_lossy().into_owned() });
            }
        }
        Ok(Found::Unfinished)
    }

    /// Why the file system said no to `path`: where it is for somebody's directory, whose.
    fn refused(&self, path: PathBuf, source: std::io::Error) -> DataDirError {
        let shut = if source.kind() == ErrorKind::PermissionDenied { rights::shut_before(&self.0) } else { None };
        shut.map_or(DataDirError::Io { path, source }, DataDirError::Shut)
    }

    /// Refuses a path that the stores cannot be given: they would write to another.
    pub(crate) fn check_path(&self) -> Result<(), DataDirError> {
        if self.0.to_str().is_none() { Err(DataDirError::NotUtf8(self.0.clone())) } else { Ok(()) }
    }

    /// Makes the directory, for its owner alone.
    pub(crate) fn make(&self) -> Result<(), DataDirError> {
        let io = |source| DataDirError::Io { path: self.0.clone(), source };
        self.check_path()?;
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.0);
        made.map_err(|source| self.refused(self.0.clone(), source))?;
        if let Some(owned) = rights::stranger(&self.0).map_err(io)? {
            return Err(DataDirError::NotOurs(owned));
        }
        fs::set_permissions(&self.0, fs::Permissions::from_mode(0o700)).map_err(io)
    }

    /// Takes back what others may do with the directory and the keys, as an orchestrator lets them that hands a volume to a
    /// group at each mount, and refuses what this process may not use.
    pub(crate) fn keep_to_the_owner(&self) -> Result<(), DataDirError> {
        let mut open = rights::take_back(&self.0, 0);
        for secret in [self.keys(), self.operator_key()] {
            open.extend(rights::take_back(&secret, SECRETS_DEPTH));
        }
        if let Some(owner) = rights::other_owner(&self.0) {
            tracing::warn!(
                owner,
                "root runs this on a directory of another user, who cannot read what root writes there"
            );
        }
        if let Some(first) = open.first() {
            tracing::warn!(
                first = %first.display(),
                count = open.len(),
                "others than the owner could touch the directory or its keys, which was taken back: who could read the keys \
                 may have them"
            );
        }
        match self.locked_out() {
            Some(owned) => Err(DataDirError::LockedOut(owned)),
            None => Ok(()),
        }
    }

    /// The first of what a node uses here that this process may not read and write.
    pub(crate) fn locked_out(&self) -> Option<Owned> {
        let used = [self.0.join("LOCK"), self.label(), self.log(), self.keys(), self.entities(), self.views()];
        used.iter().find_map(|path| rights::locked_out(path))
    }

    /// What others than the owner may touch of the directory and its keys, with its mode.
    pub(crate) fn open_to_others(&self) -> Vec<(PathBuf, u32)> {
        let mut open = rights::open_to_others(&self.0, 0);
        for secret in [self.keys(), self.operator_key()] {
            open.extend(rights::open_to_others(&secret, SECRETS_DEPTH));
        }
        open
    }

    /// What a node has open here, to be missed once it is gone. Caches are not among it, since they come back, nor is a log
    /// that has moved to Kafka.
    pub(crate) fn presence(&self, has_log: bool) -> Result<Presence, DataDirError> {
        let (log, keys) = (self.log(), self.keys());
        let logs = [log.join("store"), log].into_iter().filter(|_| has_log);
        let paths = [self.0.clone(), self.0.join("LOCK"), keys.join("persons"), keys];
        let held = Presence::of(paths.into_iter().chain(logs));
        held.map_err(|(path, source)| DataDirError::Io { path, source })
    }

    fn location(&self) -> PathBuf {
        self.0.join("location")
    }

    /// Where the log is being made that this directory is for, if not here: whoever goes on with it makes no other.
    pub(crate) fn begun_for(&self) -> Result<Option<String>, DataDirError> {
        match fs::read_to_string(self.location()) {
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
            Err(source) => Err(DataDirError::Io { path: self.location(), source }),
        }
    }

    /// Notes where the log is made that this directory is for, before anything of it is made.
    pub(crate) fn begin_for(&self, location: &str) -> Result<(), DataDirError> {
        write_whole(&self.location(), format!("{location}\n").as_bytes(), 0o600)
    }

    /// Writes the first operator's key, durably and for its owner alone.
    pub(crate) fn write_operator_key(&self, key: &str) -> Result<(), DataDirError> {
        write_whole(&self.operator_key(), format!("{key}\n").as_bytes(), 0o600)
    }

    /// Keeps a second process out, for as long as what this gives is kept.
    pub(crate) fn lock(&self) -> Result<Lock, DataDirError> {
        Ok(Lock::take(&self.0)?)
    }

    /// The identity of the log that is being made here: an initialisation that is done again makes the same.
    pub(crate) fn plan(&self) -> Result<LogId, DataDirError> {
        let path = self.0.join("plan");
        let wrong = |reason: String| DataDirError::Label { path: path.clone(), reason };
        match text_file::read(&path) {
            Ok(text) => text.trim().parse().map_err(|_| wrong("it is no log's identity".to_owned())),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let id = LogId::random().map_err(|error| wrong(error.to_string()))?;
                write_whole(&path, format!("{id}\n").as_bytes(), 0o600)?;
                Ok(id)
            }
            Err(source) => Err(DataDirError::Io { path: path.clone(), source }),
        }
    }

    /// Says that the log `log` is being copied to here. A directory that holds an earlier copy of it stays whole: keys come
    /// before the records that need them, so that it can be opened after each. Gives what was there.
    pub(crate) fn begin_copy(&self, log: LogId) -> Result<Found, DataDirError> {
        let wrong = |reason: &str| DataDirError::Label { path: self.label(), reason: reason.to_owned() };
        let found = self.look_inside()?;
        match &found {
            Found::Whole(Label { location: Some(_), .. }) => return Err(wrong("its log lies on Kafka")),
            Found::Whole(label) if label.log != log => return Err(wrong("it is of another log")),
            Found::Whole(_) => {}
            Found::Unfinished => write_whole(&self.copying(), format!("{log}\n").as_bytes(), 0o600)?,
        }
        Ok(found)
    }

    /// Says that the copy is whole.
    pub(crate) fn end_copy(&self) -> Result<(), DataDirError> {
        let path = self.copying();
        let io = |source| DataDirError::Io { path: path.clone(), source };
        match fs::remove_file(&path) {
            Ok(()) => File::open(&self.0).and_then(|dir| dir.sync_all()).map_err(io),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(source) => Err(io(source)),
        }
    }

    /// Says that the directory is whole, or that its log has moved.
    pub(crate) fn finish(&self, label: &Label) -> Result<(), DataDirError> {
        // Strings and a number always serialise.
        let text = serde_json::to_vec_pretty(label).unwrap_or_default();
        write_whole(&self.label(), &text, 0o600)?;
        match fs::remove_file(self.location()) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(DataDirError::Io { path: self.location(), source: error })
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

/// Writes a file so that it is there whole or not at all, and durable when this returns.
pub(crate) fn write_whole(path: &Path, text: &[u8], mode: u32) -> Result<(), DataDirError> {
    kippu_events::whole::write_whole(path, text, mode)
        .map_err(|source| DataDirError::Io { path: path.to_owned(), source })
}
