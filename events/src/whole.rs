//! Files that are there whole or not at all: written next to their place, and renamed once they are durable. What is no
//! file – a pipe, a device – is written to as it is.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The mode of a file that is nobody's secret, before the process's mask.
pub const PLAIN: u32 = 0o666;

/// Writes the file `path`, which is durable when this returns.
///
/// # Errors
/// Where the file system says no; what was there before is still there.
pub fn write_whole(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let path = match place(path)? {
        Place::File(path) => path,
        Place::Open => return OpenOptions::new().write(true).open(path)?.write_all(bytes),
    };
    let written = begin(&path, mode).and_then(|mut file| {
        file.write_all(bytes)?;
        finish(&file, &path)
    });
    if written.is_err() {
        // On a full disk it would take the space of what is tried next. The first error is the one to tell.
        let _left = fs::remove_file(unfinished(&path));
    }
    written
}

/// Whether [`write_whole`] could write `path` now, as far as that shows without writing it.
///
/// # Errors
/// As there.
pub fn check(path: &Path) -> io::Result<()> {
    match place(path)? {
        Place::File(path) => begin(&path, PLAIN).and_then(|_| fs::remove_file(unfinished(&path))),
        Place::Open => Ok(()),
    }
}

/// Whether a file can lie next to `path`: it is a file by that name, and not one that another process holds open for this
/// one, as `/dev/stdin`.
#[must_use]
pub fn has_neighbours(path: &Path) -> bool {
    path.is_file() && !is_handed_over(path)
}

/// Where bytes for a path go.
enum Place {
    /// Next to this path first.
    File(PathBuf),
    /// Straight to what is there: a rename would put a file in place of a device.
    Open,
}

fn place(path: &Path) -> io::Result<Place> {
    let there = match fs::metadata(path) {
        Ok(there) => there,
        // A link that leads nowhere is replaced.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Place::File(path.to_owned())),
        Err(error) => return Err(error),
    };
    if there.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    if !there.is_file() || is_handed_over(path) {
        return Ok(Place::Open);
    }
    // A link stays, and leads to what was written.
    let is_link = fs::symlink_metadata(path)?.is_symlink();
    Ok(Place::File(if is_link { path.canonicalize()? } else { path.to_owned() }))
}

fn is_handed_over(path: &Path) -> bool {
    let is_link = || fs::symlink_metadata(path).is_ok_and(|there| there.is_symlink());
    (path.starts_with("/dev") || path.starts_with("/proc")) && is_link()
}

/// What becomes the file `path` once it is finished.
pub(crate) fn begin(path: &Path, mode: u32) -> io::Result<File> {
    let unfinished = unfinished(path);
    // What a crash left may have another mode, which opening would keep, or be a link to another place.
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    OpenOptions::new().write(true).create_new(true).mode(mode).open(&unfinished)
}

/// Gives what was written its name, durably.
pub(crate) fn finish(file: &File, path: &Path) -> io::Result<()> {
    file.sync_all()?;
    fs::rename(unfinished(path), path)?;
    sync_parent(path)
}

/// Makes the name of `path` durable.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

/// Under which name `path` is written before it is finished.
pub(crate) fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{FileTypeExt as _, symlink};

    use super::*;

    #[test]
    fn a_device_is_written_to_and_stays_a_device() {
        // A link to it, so that a mistake here replaces the link and not the machine's own.
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("null");
        symlink("/dev/null", &link).unwrap();
        write_whole(&link, b"text", PLAIN).unwrap();
        assert!(fs::metadata(&link).unwrap().file_type().is_char_device());
        symlink("/dev/full", dir.path().join("full")).unwrap();
        let error = write_whole(&dir.path().join("full"), b"text", PLAIN).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull);
    }

    #[test]
    fn a_link_stays_and_leads_to_what_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let [file, link] = ["file", "link"].map(|name| dir.path().join(name));
        fs::write(&file, "before").unwrap();
        symlink(&file, &link).unwrap();
        write_whole(&link, b"after", PLAIN).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), "after");
    }

    #[test]
    fn a_directory_is_refused_and_nothing_is_left_next_to_it() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("folder");
        fs::create_dir(&folder).unwrap();
        assert_eq!(write_whole(&folder, b"", PLAIN).unwrap_err().kind(), ErrorKind::IsADirectory);
        assert_eq!(check(&folder).unwrap_err().kind(), ErrorKind::IsADirectory);
        check(&dir.path().join("new")).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
