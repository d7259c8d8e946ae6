//! Files that are there whole or not at all: written beside their place, and renamed once they are durable.

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
    let mut file = begin(path, mode)?;
    file.write_all(bytes)?;
    finish(&file, path)
}

/// What becomes the file `path` once it is finished.
pub(crate) fn begin(path: &Path, mode: u32) -> io::Result<File> {
    let unfinished = unfinished(path);
    // What a crash left may have another mode, which opening would keep, or be a link to elsewhere.
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

fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}
