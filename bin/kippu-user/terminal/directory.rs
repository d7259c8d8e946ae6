//! The terminal's directory, which is its owner's alone.
//!
//! ```text
//! terminal.json               where the authentication server and the settlement servers answer
//! key                         the API key at the authentication server
//! purchases/{id}/purchase.json
//! purchases/{id}/lock         held by the process that goes on with it
//! purchases/{id}/files/       what was bought, where it goes nowhere else
//! ```

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::Error;
use super::purchase::{FORM, Purchase};

const SETTINGS: &str = "terminal.json";
const KEY: &str = "key";
const PURCHASES: &str = "purchases";
const PURCHASE: &str = "purchase.json";
const LOCK: &str = "lock";
const FILES: &str = "files";
/// Longer names of purchases are not typed.
const MOST_ID_CHARS: usize = 64;

/// See the module.
pub(super) struct Directory {
    path: PathBuf,
}

/// What is set once.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// Where the authentication server answers; none where approvals are only taken over.
    pub(super) authenticator: Option<String>,
    /// A file with authorities that are trusted besides those of browsers.
    pub(super) tls_roots: Option<PathBuf>,
    /// The settlement servers that are known.
    pub(super) settlers: Vec<Settler>,
}

/// A settlement server.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settler {
    pub(super) party: String,
    pub(super) url: String,
}

/// A purchase that this process, and no other, goes on with.
pub(super) struct Held {
    pub(super) id: String,
    pub(super) purchase: Purchase,
    folder: PathBuf,
    _lock: File,
}

impl Directory {
    /// The terminal at `path`, which is there.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let directory = Self { path: path.to_owned() };
        if directory.path.join(SETTINGS).is_file() {
            return Ok(directory);
        }
        Err(Error::Usage(format!("{} is no terminal: `kippu-user terminal init` makes one", path.display())))
    }

    /// The terminal at `path`, which is made where it is not there.
    pub(super) fn make(path: &Path) -> Result<Self, Error> {
        let purchases = path.join(PURCHASES);
        DirBuilder::new().recursive(true).mode(0o700).create(&purchases).map_err(Error::io(&purchases))?;
        Ok(Self { path: path.to_owned() })
    }

    pub(super) fn settings(&self) -> Result<Settings, Error> {
        Ok(read(&self.path.join(SETTINGS))?.unwrap_or_default())
    }

    pub(super) fn set(&self, settings: &Settings) -> Result<(), Error> {
        write(&self.path, SETTINGS, settings)
    }

    /// The API key at the authentication server.
    pub(super) fn key(&self) -> Result<String, Error> {
        let path = self.path.join(KEY);
        Ok(fs::read_to_string(&path).map_err(Error::io(&path))?.trim().to_owned())
    }

    pub(super) fn set_key(&self, key: &str) -> Result<(), Error> {
        write_bytes(&self.path, KEY, key.as_bytes())
    }

    /// Every purchase with its id, the oldest first, as they are this moment.
    pub(super) fn purchases(&self) -> Result<Vec<(String, Purchase)>, Error> {
        let folder = self.path.join(PURCHASES);
        let mut found = Vec::new();
        for entry in fs::read_dir(&folder).map_err(Error::io(&folder))? {
            let entry = entry.map_err(Error::io(&folder))?;
            let Ok(id) = entry.file_name().into_string() else { continue };
            // Without a file in it, nothing was begun yet.
            if let Some(purchase) = read_purchase(&entry.path())? {
                found.push((id, purchase));
            }
        }
        // Numbers by their value, names behind them.
        found.sort_by_key(|(id, _)| (id.parse::<u64>().unwrap_or(u64::MAX), id.clone()));
        Ok(found)
    }

    /// The purchase with this id, if there is one.
    pub(super) fn find(&self, id: &str) -> Result<Option<Held>, Error> {
        check_id(id)?;
        let folder = self.path.join(PURCHASES).join(id);
        if !folder.join(PURCHASE).exists() {
            return Ok(None);
        }
        let lock = lock(&folder)?.ok_or_else(|| Error::Busy(id.to_owned()))?;
        // Only now nobody else changes it.
        let Some(purchase) = read_purchase(&folder)? else { return Ok(None) };
        Ok(Some(Held { id: id.to_owned(), purchase, folder, _lock: lock }))
    }

    /// The purchase with this id.
    pub(super) fn get(&self, id: &str) -> Result<Held, Error> {
        self.find(id)?.ok_or_else(|| Error::Usage(format!("there is no purchase {id}")))
    }

    /// The first purchase that is as `wanted` says and that no other process is at.
    pub(super) fn first(&self, wanted: impl Fn(&Purchase) -> bool) -> Result<Option<Held>, Error> {
        for (id, _) in self.purchases()?.iter().filter(|(_, purchase)| wanted(purchase)) {
            match self.find(id) {
                // It may have gone on before it was locked.
                Ok(Some(held)) if wanted(&held.purchase) => return Ok(Some(held)),
                Ok(Some(_) | None) | Err(Error::Busy(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Begins `purchase` under this id, or under the next free number.
    pub(super) fn begin(&self, id: Option<&str>, purchase: Purchase) -> Result<Held, Error> {
        let folder = self.path.join(PURCHASES);
        let id = if let Some(id) = id {
            check_id(id)?;
            match make_folder(&folder.join(id)) {
                Err(Error::Io { source, .. }) if source.kind() == ErrorKind::AlreadyExists => {}
                made => made?,
            }
            id.to_owned()
        } else {
            self.free_number(&folder)?
        };
        let folder = folder.join(&id);
        let lock = lock(&folder)?.ok_or_else(|| Error::Busy(id.clone()))?;
        if folder.join(PURCHASE).exists() {
            return Err(Error::Busy(id));
        }
        let held = Held { id, purchase, folder, _lock: lock };
        held.save()?;
        Ok(held)
    }

    fn free_number(&self, folder: &Path) -> Result<String, Error> {
        let numbers = self.purchases()?.into_iter().filter_map(|(id, _)| id.parse::<u64>().ok());
        let mut number = numbers.max().unwrap_or_default();
        loop {
            number += 1;
            match make_folder(&folder.join(number.to_string())) {
                Ok(()) => return Ok(number.to_string()),
                // Another process is faster.
                Err(Error::Io { source, .. }) if source.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Held {
    /// Writes it to the disk. What is sent next MUST be in it.
    pub(super) fn save(&self) -> Result<(), Error> {
        write(&self.folder, PURCHASE, &self.purchase)
    }

    /// Where its files go.
    pub(super) fn files(&self) -> PathBuf {
        self.purchase.out.clone().unwrap_or_else(|| self.folder.join(FILES))
    }
}

fn check_id(id: &str) -> Result<(), Error> {
    let may = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if (1..=MOST_ID_CHARS).contains(&id.len()) && id.chars().all(may) {
        return Ok(());
    }
    Err(Error::Usage(format!("a purchase is named by 1 to {MOST_ID_CHARS} of a-z, 0-9 and -")))
}

fn make_folder(path: &Path) -> Result<(), Error> {
    DirBuilder::new().mode(0o700).create(path).map_err(Error::io(path))
}

/// The lock of a purchase; nothing where another process has it. The system lets go of it when a process ends, however it does.
fn lock(folder: &Path) -> Result<Option<File>, Error> {
    let path = folder.join(LOCK);
    let file = File::options().create(true).append(true).open(&path).map_err(Error::io(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(Error::Io { path, source }),
    }
}

fn read_purchase(folder: &Path) -> Result<Option<Purchase>, Error> {
    let path = folder.join(PURCHASE);
    let found: Option<Purchase> = read(&path)?;
    match found {
        Some(purchase) if purchase.form != FORM => {
            Err(Error::Usage(format!("{} is of another version of this program", path.display())))
        }
        found => Ok(found),
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::Io { path: path.to_owned(), source }),
    };
    serde_json::from_slice(&text).map(Some).map_err(|source| Error::NotOurs { path: path.to_owned(), source })
}

fn write(folder: &Path, name: &str, value: &impl Serialize) -> Result<(), Error> {
    let path = folder.join(name);
    let text = serde_json::to_vec_pretty(value).map_err(|source| Error::NotOurs { path, source })?;
    write_bytes(folder, name, &text)
}

/// Replaces a file as a whole: after a kill or a loss of power there is the one before, or this one. Its owner alone reads it.
pub(super) fn write_bytes(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), Error> {
    let written = || -> io::Result<()> {
        // Made with the mode 0600.
        let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(folder.join(name)).map_err(|error| error.error)?;
        File::open(folder)?.sync_all()
    };
    written().map_err(Error::io(&folder.join(name)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::purchase::{Keys, Manner, Stage};
    use super::*;

    fn purchase() -> Purchase {
        Purchase {
            form: FORM,
            manner: Manner::AtOnce,
            shop: "http://shop".to_owned(),
            wanted: Vec::new(),
            out: None,
            expires_in_secs: None,
            keys: Keys::random().unwrap(),
            stage: Stage::Asked,
        }
    }

    fn terminal() -> (tempfile::TempDir, Directory) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("terminal");
        let directory = Directory::make(&path).unwrap();
        directory.set(&Settings::default()).unwrap();
        (folder, Directory::open(&path).unwrap())
    }

    #[test]
    fn what_is_in_the_directory_is_its_owners_alone() {
        let (_folder, directory) = terminal();
        directory.set_key("kpk_secret").unwrap();
        let held = directory.begin(None, purchase()).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let file = held.folder.join(PURCHASE);
        assert_eq!([mode(&directory.path), mode(&held.folder)], [0o700; 2]);
        assert_eq!([mode(&directory.path.join(KEY)), mode(&file)], [0o600; 2]);
    }

    #[test]
    fn a_purchase_has_one_process_at_a_time_and_keeps_its_keys() {
        let (_folder, directory) = terminal();
        let held = directory.begin(None, purchase()).unwrap();
        let keys = held.purchase.keys.approval.clone();
        assert!(matches!(directory.find("1"), Err(Error::Busy(_))));
        assert!(directory.first(|_| true).unwrap().is_none());
        drop(held);
        assert_eq!(directory.first(|_| true).unwrap().unwrap().purchase.keys.approval, keys);
        assert_eq!(directory.begin(None, purchase()).unwrap().id, "2");
        assert_eq!(directory.begin(Some("mine"), purchase()).unwrap().id, "mine");
        let ids: Vec<String> = directory.purchases().unwrap().into_iter().map(|(id, _)| id).collect();
        assert_eq!(ids, ["1", "2", "mine"]);
    }

    #[test]
    fn a_name_of_a_purchase_leads_nowhere_else() {
        let (_folder, directory) = terminal();
        for name in ["", "..", "a/b", "Ä", "A", "."] {
            assert!(matches!(directory.find(name), Err(Error::Usage(_))), "{name}");
        }
    }
}
