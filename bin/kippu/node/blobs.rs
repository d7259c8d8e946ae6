//! Where the blobs of a data directory are: in a folder of it, in another one, or in a store of objects.

use std::path::PathBuf;
use std::time::Duration;

use kippu_client::Roots;
use kippu_events::blobs::{BlobError, BlobStore, Bucket, BucketSettings, Credentials, MOST_OPEN};
use kippu_events::log::LogId;

use super::DataDir;
use crate::config::{Config, KeyFile, S3};

/// How long one request to a store of objects may take; the largest sends 8 MiB.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why blobs cannot be kept, or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BlobsError {
    /// It is not known as whom to call.
    #[error("no key of the store of blobs: {0}")]
    NoKey(String),
    /// There can be no client.
    #[error("no client of the store of blobs: {0}")]
    Client(#[from] reqwest::Error),
    /// The settings make no sense.
    #[error(transparent)]
    Store(#[from] BlobError),
}

/// The blobs of the log `log`. Nothing is made or asked yet.
///
/// # Errors
/// [`BlobsError`].
pub(crate) fn open(config: &Config, dir: &DataDir, log: LogId) -> Result<BlobStore, BlobsError> {
    open_for(config, dir, log, false)
}

/// The same, for a node that `shares` the log with others: those that lie in its data directory stay there, and no more are taken,
/// since the others would not find them.
///
/// # Errors
/// [`BlobsError`].
pub(super) fn open_for(config: &Config, dir: &DataDir, log: LogId, shares: bool) -> Result<BlobStore, BlobsError> {
    let least_free_bytes = config.ready.least_free_bytes;
    // Another folder may be several nodes': each log has its own in it.
    let folder = config.blobs.dir.as_ref().map_or_else(|| dir.blobs(), |dir| dir.join(log.to_string()));
    match &config.blobs.s3 {
        None if shares && config.blobs.dir.is_none() => Ok(BlobStore::not_shared(&folder)),
        None => Ok(BlobStore::in_folder(&folder, least_free_bytes)),
        Some(s3) => Ok(BlobStore::in_bucket(bucket(s3, log)?, &folder, least_free_bytes)),
    }
}

/// What the place of `blobs` is known by, where other nodes reach it; where none do, that is said.
pub(super) async fn at(blobs: &BlobStore) -> Option<String> {
    match blobs.mark().await {
        Ok(None) => {
            tracing::warn!("this node takes no blobs: {}", BlobError::NotShared);
            None
        }
        Ok(mark) => mark,
        Err(error) => {
            tracing::warn!(%error, "it is not known whether the other nodes of the log have the same blobs");
            None
        }
    }
}

fn bucket(s3: &S3, log: LogId) -> Result<Bucket, BlobsError> {
    let client = kippu_client::builder(PATIENCE, &Roots::default()).pool_max_idle_per_host(MOST_OPEN).build()?;
    let S3 { endpoint, bucket, region, virtual_hosted, key_file } = s3.clone();
    let settings = BucketSettings { endpoint, bucket, region, virtual_hosted };
    Ok(Bucket::new(&settings, credentials(key_file)?, log, client)?)
}

/// From the file, or from the environment by the names that other programs have for it.
fn credentials(key_file: Option<PathBuf>) -> Result<Credentials, BlobsError> {
    if let Some(path) = key_file {
        let KeyFile { access_key_id, secret_access_key, session_token } =
            KeyFile::read(&path).map_err(BlobsError::NoKey)?;
        return Ok(Credentials { access_key_id, secret_access_key, session_token });
    }
    let given = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let wanted = |name: &str| {
        given(name).ok_or_else(|| {
            BlobsError::NoKey(format!("blobs.s3.key_file names no file, and the environment has no {name}"))
        })
    };
    Ok(Credentials {
        access_key_id: wanted("AWS_ACCESS_KEY_ID")?,
        secret_access_key: wanted("AWS_SECRET_ACCESS_KEY")?,
        session_token: given("AWS_SESSION_TOKEN"),
    })
}
