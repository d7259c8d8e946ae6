//! Blobs in a folder.
//!
//! ```text
//! DIR/                 0700
//!   ab/cdef…           a blob, 0600; its name is ab and cdef…
//!   aside/abcdef…      one that no event named, until it is deleted or put back
//!   uploads/           what is on its way
//!   place              what this folder is known by, where nodes share it
//! ```
//!
//! A blob comes by a rename of a whole, synced file, and is never written to: what lies under its name is all there.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, DirEntry, File};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tempfile::TempPath;

use super::{BlobError, BlobId, Listed, PART_BYTES};

/// How often a blob is kept again that is set aside at the same moment.
const MOST_TRIES: usize = 8;

/// The file, or object, that says what a place is known by.
pub(super) const PLACE: &str = "place";

/// An error about `path`.
pub(super) fn about(path: &Path) -> impl Fn(io::Error) -> BlobError {
    move |source| BlobError::Io { path: path.to_owned(), source }
}

/// See the module.
#[derive(Clone)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(dir: &Path) -> Self {
        Self(dir.to_owned())
    }

    fn path(&self, id: BlobId, is_aside: bool) -> PathBuf {
        let name = id.to_string();
        if is_aside {
            return self.0.join("aside").join(name);
        }
        let (folder, rest) = name.split_at(2);
        self.0.join(folder).join(rest)
    }

    /// Keeps the whole `file` under its name. Whether it had been there before.
    pub(super) fn keep(&self, mut file: TempPath, id: BlobId) -> Result<bool, BlobError> {
        let path = self.path(id, false);
        File::open(&file).and_then(|file| file.sync_all()).map_err(about(&file))?;
        make_parent(&path)?;
        for _try in 0..MOST_TRIES {
            let there = match file.persist_noclobber(&path) {
                Ok(()) => return sync_parent(&path).map(|()| false),
                Err(there) if there.error.kind() == ErrorKind::AlreadyExists => there.path,
                Err(other) => return Err(about(&path)(other.error)),
            };
            match hash(&path) {
                Ok(found) if found == id => match touch(&path) {
                    Ok(()) => return sync_parent(&path).map(|()| true),
                    Err(error) if error.kind() == ErrorKind::NotFound => file = there,
                    Err(error) => return Err(about(&path)(error)),
                },
                Ok(found) => {
                    tracing::warn!(%id, %found, "a blob had been altered, and was replaced by what it is named by");
                    there.persist(&path).map_err(|error| about(&path)(error.error))?;
                    return sync_parent(&path).map(|()| false);
                }
                Err(error) if error.kind() == ErrorKind::NotFound => file = there,
                Err(error) => return Err(about(&path)(error)),
            }
        }
        Err(about(&path)(ErrorKind::ResourceBusy.into()))
    }

    pub(super) fn size(&self, id: BlobId, is_aside: bool) -> Result<Option<u64>, BlobError> {
        let path = self.path(id, is_aside);
        match fs::metadata(&path) {
            Ok(there) => Ok(Some(there.len())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(about(&path)(error)),
        }
    }

    /// Bytes from `offset` on: as many as asked for, unless the end comes before.
    pub(super) fn read(
        &self,
        id: BlobId,
        is_aside: bool,
        offset: u64,
        most: usize,
    ) -> Result<Option<Bytes>, BlobError> {
        let path = self.path(id, is_aside);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(about(&path)(error)),
        };
        let mut bytes = vec![0; most];
        let mut filled = 0;
        while let Some(space) = bytes.get_mut(filled..).filter(|space| !space.is_empty()) {
            match file.read_at(space, offset + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(about(&path)(error)),
            }
        }
        bytes.truncate(filled);
        Ok(Some(bytes.into()))
    }

    pub(super) fn list(&self) -> Result<Vec<Listed>, BlobError> {
        let mut listed = Vec::new();
        for folder in entries(&self.0)? {
            let (path, name) = (folder.path(), folder.file_name());
            let Some(first) = name.to_str().filter(|name| *name == "aside" || name.len() == 2) else { continue };
            let is_aside = first == "aside";
            let first = if is_aside { "" } else { first };
            for entry in entries(&path)? {
                let Some(id) = named(first, &entry.file_name()) else { continue };
                let about_it = entry.metadata().and_then(|there| Ok((there.len(), there.modified()?)));
                match about_it {
                    Ok((size, since)) => listed.push(Listed { id, size, since, is_aside }),
                    // It was set aside or put back meanwhile.
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    Err(error) => return Err(about(&entry.path())(error)),
                }
            }
        }
        Ok(listed)
    }

    /// Sets a blob aside, or puts it back. One that is gone stays so.
    pub(super) fn shift(&self, id: BlobId, was_aside: bool) -> Result<(), BlobError> {
        let (from, to) = (self.path(id, was_aside), self.path(id, !was_aside));
        make_parent(&to)?;
        // Before it moves: what looks old where it lies aside is deleted.
        match touch(&from).and_then(|()| fs::rename(&from, &to)) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(about(&from)(error)),
        }
        sync_parent(&to)?;
        sync_parent(&from)
    }

    /// What this folder is known by: `mark`, where nobody has said so before.
    pub(super) fn mark(&self, mark: &str) -> Result<String, BlobError> {
        let path = self.0.join(PLACE);
        make_parent(&path)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.0).map_err(about(&path))?;
        file.write_all(mark.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(about(&path))?;
        match file.persist_noclobber(&path) {
            Ok(_) => sync_parent(&path)?,
            Err(there) if there.error.kind() == ErrorKind::AlreadyExists => {}
            Err(other) => return Err(about(&path)(other.error)),
        }
        fs::read_to_string(&path).map_err(about(&path))
    }

    /// Deletes a blob that was set aside.
    pub(super) fn delete(&self, id: BlobId) -> Result<(), BlobError> {
        let path = self.path(id, true);
        match fs::remove_file(&path) {
            Ok(()) => sync_parent(&path),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(about(&path)(error)),
        }
    }
}

/// The blob whose file is called so, in a folder that is called by its first digits.
fn named(first: &str, rest: &OsStr) -> Option<BlobId> {
    format!("{first}{}", rest.to_str()?).parse().ok()
}

/// What lies in `dir`; nothing where there is none.
fn entries(dir: &Path) -> Result<Vec<DirEntry>, BlobError> {
    match fs::read_dir(dir) {
        Ok(entries) => entries.collect::<io::Result<_>>().map_err(about(dir)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(Vec::new()),
        Err(error) => Err(about(dir)(error)),
    }
}

/// Makes `dir` for its owner alone, durably.
pub(super) fn make(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    if dir.parent().is_some() {
        make(parent(dir))?;
    }
    match DirBuilder::new().mode(0o700).create(dir) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists && dir.is_dir() => {}
        Err(error) => return Err(error),
    }
    sync(parent(dir))
}

/// The folder that `path` lies in.
fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    }
}

fn sync(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

fn make_parent(path: &Path) -> Result<(), BlobError> {
    make(parent(path)).map_err(about(path))
}

fn sync_parent(path: &Path) -> Result<(), BlobError> {
    sync(parent(path)).map_err(about(path))
}

/// It is of today: a sweep leaves it where it is.
fn touch(path: &Path) -> io::Result<()> {
    File::options().append(true).open(path)?.set_modified(SystemTime::now())
}

fn hash(path: &Path) -> io::Result<BlobId> {
    let (file, mut hash, mut offset) = (File::open(path)?, Sha256::new(), 0);
    let mut bytes = vec![0; PART_BYTES];
    loop {
        match file.read_at(&mut bytes, offset) {
            Ok(0) => return Ok(BlobId::of_hash(hash)),
            Ok(read) => {
                hash.update(bytes.get(..read).unwrap_or_default());
                offset += read as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Deletes what lies in `uploads` and was not written to for so long. Gives how many there were.
pub(super) fn clear(uploads: &Path, for_so_long: Duration) -> Result<usize, BlobError> {
    let mut cleared = 0;
    for entry in entries(uploads)? {
        let modified = entry.metadata().and_then(|there| there.modified());
        let is_abandoned =
            modified.is_ok_and(|modified| modified.elapsed().is_ok_and(|elapsed| elapsed >= for_so_long));
        if is_abandoned {
            fs::remove_file(entry.path()).map_err(about(&entry.path()))?;
            cleared += 1;
        }
    }
    Ok(cleared)
}
