//! Bytes on their way into the store: they lie in a file of their own, and are hashed, until all of them are there.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use bytes::{Bytes, BytesMut};
use sha2::{Digest as _, Sha256};
use tempfile::TempPath;

use super::{BlobError, BlobId, BlobStore, Kept, PART_BYTES, Place, folder};

/// After so many bytes it is looked again how much space is left.
const LOOK_BYTES: u64 = 8 << 20;

/// A blob that is being taken. Dropped, it is gone.
pub struct Upload {
    store: BlobStore,
    /// What has come and is not in the file yet.
    pending: BytesMut,
    /// Nothing once writing it failed.
    written: Option<Written>,
}

/// What is in the file.
struct Written {
    file: TempPath,
    hash: Sha256,
    size: u64,
    looked_at: u64,
}

impl Written {
    fn begin(store: &BlobStore, announced: u64) -> Result<Self, BlobError> {
        let uploads = &store.0.uploads;
        folder::make(uploads).map_err(folder::about(uploads))?;
        store.admit(announced)?;
        let readable = fs::Permissions::from_mode(0o600);
        let file = tempfile::Builder::new().prefix("").permissions(readable).tempfile_in(uploads);
        let file = file.map_err(folder::about(uploads))?.into_temp_path();
        Ok(Self { file, hash: Sha256::new(), size: 0, looked_at: 0 })
    }

    fn write(mut self, store: &BlobStore, bytes: &[u8]) -> Result<Self, BlobError> {
        if self.size - self.looked_at >= LOOK_BYTES {
            store.admit(bytes.len() as u64)?;
            self.looked_at = self.size;
        }
        append(&self.file, bytes).map_err(folder::about(&self.file))?;
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        Ok(self)
    }
}

impl Upload {
    pub(super) async fn begin(store: BlobStore, announced: u64) -> Result<Self, BlobError> {
        let there = store.clone();
        let written = store.blocking(move || Written::begin(&there, announced)).await?;
        Ok(Self { store, pending: BytesMut::new(), written: Some(written) })
    }

    /// How many bytes have come.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.written.as_ref().map_or(0, |written| written.size) + self.pending.len() as u64
    }

    /// Takes more bytes.
    ///
    /// # Errors
    /// Where they cannot be written. The upload is then of no use any more.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), BlobError> {
        self.pending.extend_from_slice(bytes);
        if self.pending.len() >= PART_BYTES { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> Result<(), BlobError> {
        let written = self.written.take().ok_or(BlobError::Panicked)?;
        let (store, bytes): (_, Bytes) = (self.store.clone(), self.pending.split().freeze());
        self.written = Some(self.store.blocking(move || written.write(&store, &bytes)).await?);
        Ok(())
    }

    /// Keeps the blob, which is durable when this returns. Where it is told which one is `expected`, no other is kept.
    ///
    /// # Errors
    /// [`BlobError::Mismatch`], or where it cannot be kept; whether it was is then not known where a store of objects did not
    /// answer.
    pub async fn finish(mut self, expected: Option<BlobId>) -> Result<Kept, BlobError> {
        self.flush().await?;
        let Some(Written { file, hash, size, .. }) = self.written else { return Err(BlobError::Panicked) };
        let found = BlobId::of_hash(hash);
        if let Some(expected) = expected.filter(|expected| *expected != found) {
            return Err(BlobError::Mismatch { expected, found });
        }
        let was_there = match &self.store.0.place {
            Place::Folder(folder) => {
                let folder = folder.clone();
                self.store.blocking(move || folder.keep(file, found)).await?
            }
            Place::Bucket(bucket) => {
                let _permit = self.store.permit().await?;
                bucket.keep(&file, found, size).await?
            }
        };
        Ok(Kept { id: found, size, was_there })
    }
}

fn append(path: &Path, bytes: &[u8]) -> io::Result<()> {
    File::options().append(true).open(path)?.write_all(bytes)
}
