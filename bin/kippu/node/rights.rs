//! Whose a data directory is, and what others may do there. Whoever may write in the directory may exchange history and
//! keys, so it is its owner's alone; what has been opened to others is taken back where this process may.

use std::fmt;
use std::fs::{self, Metadata, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use rustix::process::geteuid;

/// So far below the data directory lie the files of the stores.
const DEPTH: usize = 3;

/// Somebody's file, as people are told of it.
#[derive(Debug)]
pub(crate) struct Owned {
    pub(crate) path: PathBuf,
    owner: u32,
    group: u32,
    mode: u32,
}

impl Owned {
    fn new(path: &Path, about: &Metadata) -> Self {
        Self { path: path.to_owned(), owner: about.uid(), group: about.gid(), mode: about.mode() & 0o7777 }
    }
}

impl fmt::Display for Owned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, owner, group, mode } = self;
        let root = if *owner == 0 { " (root)" } else { "" };
        let path = path.display();
        write!(f, "{path} belongs to user {owner}{root} and group {group} (mode {mode:04o}), and not to user {}", us())
    }
}

/// The user that this process runs as.
pub(crate) fn us() -> u32 {
    geteuid().as_raw()
}

/// Whether this process may change the mode of what `about` is of.
fn is_ours(about: &Metadata) -> bool {
    us() == 0 || about.uid() == us()
}

/// The directory at `path`, if it is somebody else's.
pub(super) fn stranger(path: &Path) -> std::io::Result<Option<Owned>> {
    let about = fs::metadata(path)?;
    Ok((!is_ours(&about)).then(|| Owned::new(path, &about)))
}

/// Whose `path` is, where root is about to write there and it is not root's.
pub(super) fn other_owner(path: &Path) -> Option<u32> {
    let owner = fs::metadata(path).ok()?.uid();
    (us() == 0 && owner != 0).then_some(owner)
}

/// The first directory on the way to `path`, and itself, that this process may not enter; or else the last that there is, if
/// nothing can be made in it.
pub(super) fn shut_before(path: &Path) -> Option<Owned> {
    let path = std::path::absolute(path).ok()?;
    let mut way: Vec<&Path> = path.ancestors().collect();
    way.reverse();
    let mut last = None;
    for dir in way {
        let Ok(about) = fs::metadata(dir) else { break };
        if access(dir, Access::EXEC_OK).is_err() {
            return Some(Owned::new(dir, &about));
        }
        last = Some((dir, about));
    }
    let (dir, about) = last?;
    access(dir, Access::READ_OK | Access::WRITE_OK).is_err().then(|| Owned::new(dir, &about))
}

/// The first of `path` and what lies below it that this process may not read and write.
pub(crate) fn locked_out(path: &Path) -> Option<Owned> {
    locked_out_below(path, DEPTH)
}

fn locked_out_below(path: &Path, depth: usize) -> Option<Owned> {
    // What is gone meanwhile is nobody's.
    let about = fs::metadata(path).ok()?;
    let wanted = if about.is_dir() {
        Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK
    } else {
        Access::READ_OK | Access::WRITE_OK
    };
    match access(path, wanted) {
        Err(error) if error == rustix::io::Errno::ACCESS => return Some(Owned::new(path, &about)),
        // Anything else is told by whoever opens it.
        Ok(()) | Err(_) => {}
    }
    if !about.is_dir() || depth == 0 {
        return None;
    }
    fs::read_dir(path).ok()?.flatten().find_map(|entry| {
        let is_of_the_system = super::system_names::is_of_the_system(&entry.file_name());
        if is_of_the_system { None } else { locked_out_below(&entry.path(), depth - 1) }
    })
}

/// What under `path`, `depth` levels down, somebody but the owner may touch, with its mode.
pub(crate) fn open_to_others(path: &Path, depth: usize) -> Vec<(PathBuf, u32)> {
    let mut open = Vec::new();
    visit(path, depth, &mut |path, about| {
        let mode = about.mode() & 0o777;
        if mode & 0o077 != 0 {
            open.push((path.to_owned(), mode));
        }
    });
    open
}

/// Takes back what others may do under `path`, `depth` levels down, where that is ours to say. What was open.
pub(super) fn take_back(path: &Path, depth: usize) -> Vec<PathBuf> {
    let open = open_to_others(path, depth);
    for (path, mode) in &open {
        match fs::set_permissions(path, Permissions::from_mode(mode & 0o700)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                tracing::warn!(path = %path.display(), %error, "others may touch what is the owner's alone");
            }
            Ok(()) | Err(_) => {}
        }
    }
    open.into_iter().map(|(path, _)| path).collect()
}

/// Visits what is there; a link stands for what it leads to.
fn visit(path: &Path, depth: usize, visitor: &mut impl FnMut(&Path, &Metadata)) {
    let Ok(about) = fs::metadata(path) else { return };
    visitor(path, &about);
    if about.is_dir() && depth > 0 {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        entries.for_each(|entry| visit(&entry.path(), depth - 1, visitor));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_orchestrator_opens_to_a_group_is_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keyring.json");
        fs::write(&file, "{}").unwrap();
        for (path, mode) in [(folder.path(), 0o2770), (&file, 0o660)] {
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        }
        assert_eq!(take_back(folder.path(), 2), [folder.path(), &file]);
        assert_eq!(open_to_others(folder.path(), 2), []);
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_link_is_judged_by_what_it_leads_to() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        fs::create_dir(&real).unwrap();
        fs::set_permissions(&real, Permissions::from_mode(0o700)).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        assert_eq!(open_to_others(&link, 2), []);
    }
}
