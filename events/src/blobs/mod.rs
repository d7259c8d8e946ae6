//! Blobs: bytes that are named by what they hash to, kept beside the log. Events name them and never hold them, so a blob MUST
//! be durable before an event names it.
//!
//! ```text
//! begin ─▶ write … ─▶ finish ─▶ kept ─┬─▶ named by an event: stays
//!            │           │            └─▶ named by none ─▶ set aside ─▶ deleted
//!            ▼           ▼                                    └─▶ put back, if an event came to name it meanwhile
//!         dropped   other bytes than
//!          = gone    were told = gone
//! ```
//!
//! A blob lies in a folder, or in a store of objects as S3 has them. In either it is there whole or not at all. While a caller
//! is waited for, no file and no connection is open: there may be many callers, and a store that cannot open a file ends the node.

mod bucket;
mod content;
mod folder;
mod id;
#[cfg(test)]
mod tests;
mod upload;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

use crate::log_id::LogId;

pub use self::bucket::{Bucket, BucketSettings, Credentials};
pub use self::content::Content;
use self::folder::Folder;
pub use self::id::BlobId;
pub use self::upload::Upload;

/// So many files or connections are open for blobs at once. Others wait for a moment.
pub const MOST_OPEN: usize = 16;
/// What is read or written of a file at once.
const PART_BYTES: usize = 256 * 1024;
/// What nobody has written to for so long is of an upload that ended with its process.
const ABANDONED: Duration = Duration::from_secs(60 * 60);

/// Why something was not done with a blob.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The bytes are others than were told. Nothing is kept.
    #[error("the bytes hash to {found}, and not to {expected}")]
    Mismatch {
        /// Which were told.
        expected: BlobId,
        /// Which came.
        found: BlobId,
    },
    /// Too little space is left for them.
    #[error("{free} bytes are free, and {least} are to stay free")]
    NoSpace {
        /// How many are.
        free: u64,
        /// How many are to be.
        least: u64,
    },
    /// The file system said no.
    #[error("{path}: {source}")]
    Io {
        /// To what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The store of objects said no, or nothing.
    #[error("the store of objects: {0}")]
    Bucket(#[from] object_store::Error),
    /// What was read ends before its end.
    #[error("blob {0} is shorter than it was")]
    Cut(BlobId),
    /// Nobody else would find them there.
    #[error(
        "blobs would lie where the other nodes of the log do not find them: blobs.dir or blobs.s3 names a place that all reach"
    )]
    NotShared,
    /// No randomness to be had.
    #[error("no randomness to be had: {0}")]
    Entropy(getrandom::Error),
    /// A defect.
    #[error("work on a blob panicked")]
    Panicked,
}

/// What was kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kept {
    /// Its name.
    pub id: BlobId,
    /// Its bytes.
    pub size: u64,
    /// Whether it had been there before.
    pub was_there: bool,
}

/// A blob that is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Listed {
    /// Its name.
    pub id: BlobId,
    /// Its bytes.
    pub size: u64,
    /// When it was kept last, or set aside.
    pub since: SystemTime,
    /// Whether it was set aside.
    pub is_aside: bool,
}

/// What a look at all bytes of a blob showed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Checked {
    /// They are the ones that it is named by.
    Whole {
        /// How many.
        size: u64,
    },
    /// There is none of this name.
    Missing,
    /// They are others.
    Altered {
        /// What they hash to.
        found: BlobId,
    },
}

/// Where a blob is looked for. One that is put back meanwhile is found at the second look.
const ASIDE: [bool; 3] = [false, true, false];

/// Where blobs are kept. Clones are of one store. MUST be used on a tokio runtime.
#[derive(Clone)]
pub struct BlobStore(Arc<Inner>);

struct Inner {
    place: Place,
    /// Where uploads lie until they are whole.
    uploads: PathBuf,
    /// So many bytes stay free; nothing where no more blobs are taken.
    least_free_bytes: Option<u64>,
    open: Arc<Semaphore>,
}

enum Place {
    Folder(Folder),
    Bucket(Bucket),
}

impl BlobStore {
    /// Blobs in `dir`, which is made with the first of them. So many bytes of its file system stay free.
    #[must_use]
    pub fn in_folder(dir: &Path, least_free_bytes: u64) -> Self {
        Self::new(Place::Folder(Folder::new(dir)), dir, Some(least_free_bytes))
    }

    /// The blobs that lie in `dir`, which only one node of several reaches: no more are taken.
    #[must_use]
    pub fn not_shared(dir: &Path) -> Self {
        Self::new(Place::Folder(Folder::new(dir)), dir, None)
    }

    /// Blobs in `bucket`; in `dir` they lie until they are whole.
    #[must_use]
    pub fn in_bucket(bucket: Bucket, dir: &Path, least_free_bytes: u64) -> Self {
        Self::new(Place::Bucket(bucket), dir, Some(least_free_bytes))
    }

    fn new(place: Place, dir: &Path, least_free_bytes: Option<u64>) -> Self {
        let (open, uploads) = (Arc::new(Semaphore::new(MOST_OPEN)), dir.join("uploads"));
        Self(Arc::new(Inner { place, uploads, least_free_bytes, open }))
    }

    /// What the place where they lie is known by, the same for all who reach it; nothing for a place of one node. It is made by
    /// the first who asks.
    ///
    /// # Errors
    /// Where the place cannot be read, or written to for the first time.
    pub async fn mark(&self) -> Result<Option<String>, BlobError> {
        if self.0.least_free_bytes.is_none() {
            return Ok(None);
        }
        let mark = LogId::random().map_err(BlobError::Entropy)?.to_string();
        match &self.0.place {
            Place::Folder(folder) => {
                let folder = folder.clone();
                self.blocking(move || folder.mark(&mark)).await.map(Some)
            }
            Place::Bucket(bucket) => {
                let _permit = self.permit().await?;
                bucket.mark(mark).await.map(Some)
            }
        }
    }

    /// Begins to take bytes, of which so many were announced.
    ///
    /// # Errors
    /// Where there is no space for them, or no file can be made.
    pub async fn begin(&self, announced: Option<u64>) -> Result<Upload, BlobError> {
        Upload::begin(self.clone(), announced.unwrap_or_default()).await
    }

    /// The size of the blob `id`, where it is there for events to name it: one that was set aside is not.
    ///
    /// # Errors
    /// Where the store does not say.
    pub async fn size(&self, id: BlobId) -> Result<Option<u64>, BlobError> {
        self.size_in(id, false).await
    }

    async fn size_in(&self, id: BlobId, is_aside: bool) -> Result<Option<u64>, BlobError> {
        match &self.0.place {
            Place::Folder(folder) => {
                let folder = folder.clone();
                self.blocking(move || folder.size(id, is_aside)).await
            }
            Place::Bucket(bucket) => {
                let _permit = self.permit().await?;
                bucket.size(id, is_aside).await
            }
        }
    }

    /// The blob `id`, to be read, also where it was set aside.
    ///
    /// # Errors
    /// Where the store does not say whether it is there.
    pub async fn open(&self, id: BlobId) -> Result<Option<Content>, BlobError> {
        for is_aside in ASIDE {
            if let Some(size) = self.size_in(id, is_aside).await? {
                return Ok(Some(Content::new(self.clone(), id, size)));
            }
        }
        Ok(None)
    }

    /// Up to so many bytes of the blob `id` from `offset` on, wherever it is; none where it is nowhere.
    async fn read(&self, id: BlobId, offset: u64, most: usize) -> Result<Option<Bytes>, BlobError> {
        for is_aside in ASIDE {
            let part = match &self.0.place {
                Place::Folder(folder) => {
                    let folder = folder.clone();
                    self.blocking(move || folder.read(id, is_aside, offset, most)).await?
                }
                Place::Bucket(bucket) => {
                    let _permit = self.permit().await?;
                    bucket.read(id, is_aside, offset, most).await?
                }
            };
            if part.is_some() {
                return Ok(part);
            }
        }
        Ok(None)
    }

    /// How much of a blob is read at once: a question to a store of objects takes longer than one to a disk.
    fn part_bytes(&self) -> usize {
        match &self.0.place {
            Place::Folder(_) => PART_BYTES,
            Place::Bucket(_) => bucket::READ_BYTES,
        }
    }

    /// Everything that is there.
    ///
    /// # Errors
    /// Where the store does not say.
    pub async fn list(&self) -> Result<Vec<Listed>, BlobError> {
        match &self.0.place {
            Place::Folder(folder) => {
                let folder = folder.clone();
                self.blocking(move || folder.list()).await
            }
            Place::Bucket(bucket) => {
                let _permit = self.permit().await?;
                bucket.list().await
            }
        }
    }

    /// Takes the blob `id` out of the way of events that would name it. It can still be read, and put back.
    ///
    /// # Errors
    /// Where the store does not do it.
    pub async fn set_aside(&self, id: BlobId) -> Result<(), BlobError> {
        self.shift(id, false).await
    }

    /// Puts a blob back that was set aside.
    ///
    /// # Errors
    /// Where the store does not do it.
    pub async fn put_back(&self, id: BlobId) -> Result<(), BlobError> {
        self.shift(id, true).await
    }

    async fn shift(&self, id: BlobId, was_aside: bool) -> Result<(), BlobError> {
        match &self.0.place {
            Place::Folder(folder) => {
                let folder = folder.clone();
                self.blocking(move || folder.shift(id, was_aside)).await
            }
            Place::Bucket(bucket) => {
                let _permit = self.permit().await?;
                bucket.shift(id, was_aside).await
            }
        }
    }

    /// Deletes the blob `id`, which was set aside. Where it is gone already nothing is done.
    ///
    /// # Errors
    /// Where the store does not do it.
    pub async fn delete(&self, id: BlobId) -> Result<(), BlobError> {
        match &self.0.place {
            Place::Folder(folder) => {
                let folder = folder.clone();
                self.blocking(move || folder.delete(id)).await
            }
            Place::Bucket(bucket) => {
                let _permit = self.permit().await?;
                bucket.delete(id).await
            }
        }
    }

    /// Reads all bytes of the blob `id`, and compares what they hash to with its name.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub async fn check(&self, id: BlobId) -> Result<Checked, BlobError> {
        let Some(content) = self.open(id).await? else { return Ok(Checked::Missing) };
        let (mut hash, size) = (Sha256::new(), content.size());
        let mut bytes = std::pin::pin!(content.bytes(0..size));
        while let Some(part) = bytes.try_next().await? {
            hash.update(&part);
        }
        let found = BlobId::of_hash(hash);
        Ok(if found == id { Checked::Whole { size } } else { Checked::Altered { found } })
    }

    /// Deletes what is left of uploads whose process ended. Gives how many there were.
    ///
    /// # Errors
    /// Where the file system says no.
    pub async fn clear_uploads(&self) -> Result<usize, BlobError> {
        let uploads = self.0.uploads.clone();
        self.blocking(move || folder::clear(&uploads, ABANDONED)).await
    }

    /// Refuses `more` bytes where they would use up what is to stay free.
    fn admit(&self, more: u64) -> Result<(), BlobError> {
        let least = self.0.least_free_bytes.ok_or(BlobError::NotShared)?;
        let about = |source: io::Error| BlobError::Io { path: self.0.uploads.clone(), source };
        let space = rustix::fs::statvfs(&self.0.uploads).map_err(|error| about(error.into()))?;
        let free = space.f_bavail.saturating_mul(space.f_frsize);
        if free.saturating_sub(more) < least { Err(BlobError::NoSpace { free, least }) } else { Ok(()) }
    }

    async fn permit(&self) -> Result<tokio::sync::OwnedSemaphorePermit, BlobError> {
        // It is never closed.
        Arc::clone(&self.0.open).acquire_owned().await.map_err(|_closed| BlobError::Panicked)
    }

    /// Runs `work`, which blocks and has a file open, where that is allowed.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, BlobError> + Send + 'static,
    ) -> Result<T, BlobError> {
        let permit = self.permit().await?;
        let work = move || {
            // Kept until the file is closed, also where nobody waits for the outcome any more.
            let _permit = permit;
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|_panicked| BlobError::Panicked)?
    }
}
