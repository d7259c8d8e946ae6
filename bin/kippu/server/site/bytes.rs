//! The bytes of a page: read whole and hashed each time, so that what somebody changed on the disk is shown to nobody.

use actix_web::web::Bytes;
use futures_util::TryStreamExt as _;
use kippu_actors::erased::Ready;
use kippu_actors::partners::pages::request::Command;
use kippu_actors::runtime::{Runtime, Submission};
use kippu_events::blobs::{BlobError, BlobId, BlobStore};
use kippu_events::event::Mac;
use kippu_events::partners::pages::{Content, MOST_PAGE_BYTES};
use kippu_events::secrets::Secrets;
use kippu_events::{EntityKey, Principal};

use crate::parties::itself;

/// What there is of the bytes of a page.
pub(super) enum Read {
    /// All of them.
    Whole(Bytes),
    /// Others, which hash to this; nothing where there are none.
    Other(Option<BlobId>),
}

/// Reads the bytes of `content`.
///
/// # Errors
/// Where the store does not say what it has.
pub(super) async fn read(store: &BlobStore, content: &Content) -> Result<Read, BlobError> {
    let Some(found) = store.open(content.sha256).await? else { return Ok(Read::Other(None)) };
    let size = found.size();
    // What was made larger is not read.
    let mut bytes = Vec::with_capacity(usize::try_from(content.size).unwrap_or_default());
    let mut parts = std::pin::pin!(found.bytes(0..size.min(content.size)));
    loop {
        match parts.try_next().await {
            Ok(Some(part)) => bytes.extend_from_slice(&part),
            Ok(None) => break,
            // It became shorter meanwhile.
            Err(BlobError::Cut(_)) => break,
            Err(error) => return Err(error),
        }
    }
    let id = BlobId::of(&bytes);
    Ok(if id == content.sha256 && size == content.size { Read::Whole(bytes.into()) } else { Read::Other(Some(id)) })
}

/// All bytes of the blob `id`, if they are those that it is named by.
///
/// # Errors
/// Where the store does not say what it has.
pub(super) async fn whole(store: &BlobStore, id: BlobId) -> Result<Option<Vec<u8>>, BlobError> {
    let Some(found) = store.open(id).await? else { return Ok(None) };
    let size = found.size();
    if size > MOST_PAGE_BYTES {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let mut parts = std::pin::pin!(found.bytes(0..size));
    while let Some(part) = parts.try_next().await? {
        bytes.extend_from_slice(&part);
    }
    Ok((BlobId::of(&bytes) == id).then_some(bytes))
}

/// Has it on record what the bytes that are to hash to `sha256` were found to be, where that is new of the page `key`, which was at
/// `version`.
pub(super) async fn note(
    runtime: &Runtime,
    secrets: &Secrets,
    (key, version): (EntityKey, u64),
    (sha256, found): (BlobId, Option<BlobId>),
) {
    let Some((name, caller)) = itself() else { return };
    let command = secrets.command(&Principal::Reaction(name), &format!("looked-{version}"), key);
    let looked = Command::Looked { sha256, found };
    let ready = Ready { entity: key, body: Mac::default(), command: Ok(Box::new(looked)) };
    match runtime.submit(Submission::new(ready, command, caller)).await {
        Ok(_) if found == Some(sha256) => tracing::info!(%key, %sha256, "a page was restored"),
        Ok(_) => tracing::warn!(%key, %sha256, ?found, "the bytes of a page are others than those that were written"),
        Err(problem) => tracing::debug!(%key, %problem, "that a page was looked at is not on record"),
    }
}
