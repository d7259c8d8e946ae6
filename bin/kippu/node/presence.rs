//! Whether what a node has open still lies where it was opened. A directory that is moved, deleted or covered by another
//! file system stays writable for whoever has it open, and what is written there is lost all the same.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How often it is looked at: what is answered in between may be lost with the directory.
const LOOK: Duration = Duration::from_millis(500);

/// Files and directories that are held open, by their paths.
pub(crate) struct Presence(Arc<Vec<(PathBuf, File)>>);

impl Presence {
    /// Of those of `paths` that are there now.
    ///
    /// # Errors
    /// The path that cannot be opened.
    pub(crate) fn of(paths: impl IntoIterator<Item = PathBuf>) -> Result<Self, (PathBuf, io::Error)> {
        let mut held = Vec::new();
        for path in paths {
            match File::open(&path) {
                Ok(file) => held.push((path, file)),
                // A log on Kafka has no directory.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err((path, error)),
            }
        }
        Ok(Self(Arc::new(held)))
    }

    /// The first path that leads to something else than what is held, or to nothing. A file system that does not answer says
    /// neither.
    fn missing(&self) -> Option<&Path> {
        let is_there = |path: &Path, file: &File| match (std::fs::metadata(path), file.metadata()) {
            (Ok(there), Ok(held)) => (there.dev(), there.ino()) == (held.dev(), held.ino()),
            (Err(error), _) => !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory),
            (Ok(_), Err(_)) => true,
        };
        self.0.iter().find(|(path, file)| !is_there(path, file)).map(|(path, _)| path.as_path())
    }

    /// Waits until a path is lost.
    pub(crate) async fn lost(&self) -> PathBuf {
        let mut pace = tokio::time::interval(LOOK);
        loop {
            pace.tick().await;
            let held = Self(Arc::clone(&self.0));
            // A file system may keep whoever asks waiting; this thread has more to do.
            let looked = tokio::task::spawn_blocking(move || held.missing().map(Path::to_owned)).await;
            if let Ok(Some(path)) = looked {
                return path;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_deleted_moved_or_exchanged_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let (log, keys) = (folder.path().join("log"), folder.path().join("keys"));
        std::fs::create_dir(&log).unwrap();
        std::fs::create_dir(&keys).unwrap();
        let presence = Presence::of([log.clone(), keys.clone(), folder.path().join("nothing")]).unwrap();
        assert_eq!(presence.missing(), None);
        let aside = folder.path().join("aside");
        std::fs::rename(&keys, &aside).unwrap();
        assert_eq!(presence.missing(), Some(keys.as_path()));
        std::fs::create_dir(&keys).unwrap();
        assert_eq!(presence.missing(), Some(keys.as_path()), "another directory of the same name");
        std::fs::remove_dir(&keys).unwrap();
        std::fs::rename(&aside, &keys).unwrap();
        assert_eq!(presence.missing(), None);
        std::fs::remove_dir(&log).unwrap();
        assert_eq!(presence.missing(), Some(log.as_path()));
    }
}
