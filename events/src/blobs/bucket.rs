//! Blobs in a store of objects as S3 has them. A blob is sent from a whole file, and an object is there whole or not at all.
//!
//! ```text
//! BUCKET/{identity of the log}/ab/cdef…        a blob; its name is ab and cdef…
//!                              aside/abcdef…   one that no event named, until it is deleted or put back
//!                              place           what this folder is known by, where nodes share it
//! ```

mod http;

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::{
    Error, MultipartUpload as _, ObjectStore, ObjectStoreExt as _, PutMode, PutMultipartOptions, PutOptions,
    RetryConfig,
};
use tempfile::TempPath;

use super::{BlobError, BlobId, Listed, folder};
use crate::log_id::LogId;

/// What is read of an object at once: some round trips a second are then enough for a film.
pub(super) const READ_BYTES: usize = 4 << 20;
/// An object is sent in parts of this size, all but the last: stores take none below 5 MiB, and at most 10,000.
const SEND_BYTES: u64 = 8 << 20;
/// How long an operation is tried again. Whoever waits for it has patience for little more.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where the objects are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BucketSettings {
    /// As `https://HOST[:PORT]`; nothing for Amazon's own.
    pub endpoint: Option<String>,
    /// The bucket, which MUST be there.
    pub bucket: String,
    /// Its region, as signatures name it.
    pub region: String,
    /// Whether the bucket is part of the host's name instead of the path. The endpoint, where there is one, then names it.
    pub virtual_hosted: bool,
}

/// Who may read and write there.
#[derive(Clone)]
pub struct Credentials {
    /// Names the key.
    pub access_key_id: String,
    /// The key.
    pub secret_access_key: String,
    /// What goes with a key that is only for a while.
    pub session_token: Option<String>,
}

/// A bucket, and in it the folder of one log.
#[derive(Clone)]
pub struct Bucket {
    store: Arc<dyn ObjectStore>,
    root: Path,
}

impl Bucket {
    /// The blobs of the log `log`. Nothing is asked of the store yet.
    ///
    /// # Errors
    /// Where the settings make no sense.
    pub fn new(
        settings: &BucketSettings,
        credentials: Credentials,
        log: LogId,
        client: reqwest::Client,
    ) -> Result<Self, BlobError> {
        let Credentials { access_key_id, secret_access_key, session_token } = credentials;
        let retry = RetryConfig { max_retries: 4, retry_timeout: PATIENCE, ..RetryConfig::default() };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&settings.bucket)
            .with_region(&settings.region)
            .with_virtual_hosted_style_request(settings.virtual_hosted)
            .with_access_key_id(access_key_id)
            .with_secret_access_key(secret_access_key)
            // Not every store knows how to delete many at once.
            .with_disable_bulk_delete(true)
            .with_retry(retry)
            .with_http_connector(http::Connector(client));
        if let Some(token) = session_token {
            builder = builder.with_token(token);
        }
        if let Some(endpoint) = &settings.endpoint {
            builder = builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http://"));
        }
        Ok(Self::over(Arc::new(builder.build()?), log))
    }

    /// The blobs of the log `log` in `store`.
    pub(super) fn over(store: Arc<dyn ObjectStore>, log: LogId) -> Self {
        Self { store, root: Path::from(log.to_string()) }
    }

    fn path(&self, id: BlobId, is_aside: bool) -> Path {
        let name = id.to_string();
        if is_aside {
            return self.root.clone().join("aside").join(name);
        }
        let (folder, rest) = name.split_at(2);
        self.root.clone().join(folder).join(rest)
    }

    /// Keeps the whole `file` under its name. Whether it had been there before.
    pub(super) async fn keep(&self, file: &TempPath, id: BlobId, size: u64) -> Result<bool, BlobError> {
        let path = self.path(id, false);
        let file = Arc::new(File::open(file).map_err(folder::about(file))?);
        if size <= SEND_BYTES {
            let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
            let bytes = part(file, 0..size).await?;
            return match self.store.put_opts(&path, bytes.into(), options).await {
                Ok(_) => Ok(false),
                Err(Error::AlreadyExists { .. }) => Ok(true),
                Err(error) => Err(error.into()),
            };
        }
        if self.size(id, false).await?.is_some() {
            return Ok(true);
        }
        let mut upload = self.store.put_multipart_opts(&path, PutMultipartOptions::default()).await?;
        let mut sent = Ok(());
        let mut from = 0;
        while from < size && sent.is_ok() {
            let to = size.min(from + SEND_BYTES);
            sent = match part(Arc::clone(&file), from..to).await {
                Ok(bytes) => upload.put_part(bytes.into()).await.map_err(BlobError::from),
                Err(error) => Err(error),
            };
            from = to;
        }
        match sent {
            Ok(()) => upload.complete().await.map(|_| false).map_err(BlobError::from),
            Err(error) => {
                // The first error is the one to tell; a rule of the bucket takes away what stays.
                let _stays = upload.abort().await;
                Err(error)
            }
        }
    }

    pub(super) async fn size(&self, id: BlobId, is_aside: bool) -> Result<Option<u64>, BlobError> {
        match self.store.head(&self.path(id, is_aside)).await {
            Ok(there) => Ok(Some(there.size)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// So many bytes from `offset` on, which MUST be there.
    pub(super) async fn read(
        &self,
        id: BlobId,
        is_aside: bool,
        offset: u64,
        most: usize,
    ) -> Result<Option<Bytes>, BlobError> {
        match self.store.get_range(&self.path(id, is_aside), offset..offset + most as u64).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn list(&self) -> Result<Vec<Listed>, BlobError> {
        let mut listed = Vec::new();
        let mut objects = self.store.list(Some(&self.root));
        while let Some(object) = objects.try_next().await? {
            let Some(parts) = object.location.prefix_match(&self.root) else { continue };
            let parts: Vec<String> = parts.map(|part| part.as_ref().to_owned()).collect();
            let (name, is_aside) = match parts.as_slice() {
                [aside, name] if aside == "aside" => (name.clone(), true),
                [first, rest] => (format!("{first}{rest}"), false),
                _other => continue,
            };
            // Others may keep things there, too.
            let Ok(id) = name.parse() else { continue };
            listed.push(Listed { id, size: object.size, since: object.last_modified.into(), is_aside });
        }
        Ok(listed)
    }

    /// Sets a blob aside, or puts it back. One that is gone stays so.
    pub(super) async fn shift(&self, id: BlobId, was_aside: bool) -> Result<(), BlobError> {
        let (from, to) = (self.path(id, was_aside), self.path(id, !was_aside));
        match self.store.copy(&from, &to).await {
            Ok(()) => self.remove(&from).await,
            Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// What this folder of the bucket is known by: `mark`, where nobody has said so before.
    pub(super) async fn mark(&self, mark: String) -> Result<String, BlobError> {
        let path = self.root.clone().join(folder::PLACE);
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.store.put_opts(&path, mark.into(), options).await {
            Ok(_) | Err(Error::AlreadyExists { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let there = self.store.get(&path).await?.bytes().await?;
        Ok(String::from_utf8_lossy(&there).into_owned())
    }

    /// Deletes a blob that was set aside.
    pub(super) async fn delete(&self, id: BlobId) -> Result<(), BlobError> {
        self.remove(&self.path(id, true)).await
    }

    async fn remove(&self, path: &Path) -> Result<(), BlobError> {
        match self.store.delete(path).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// The bytes of `file` in `range`.
async fn part(file: Arc<File>, range: std::ops::Range<u64>) -> Result<Bytes, BlobError> {
    let read = move || {
        // Parts are far smaller than memory.
        let mut bytes = vec![0; usize::try_from(range.end - range.start).unwrap_or_default()];
        file.read_exact_at(&mut bytes, range.start).map(|()| Bytes::from(bytes))
    };
    let read = tokio::task::spawn_blocking(read).await.map_err(|_panicked| BlobError::Panicked)?;
    read.map_err(folder::about(std::path::Path::new("uploads")))
}
