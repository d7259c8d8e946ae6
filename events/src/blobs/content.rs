//! A blob to be read: its size, and its bytes in parts.

use std::ops::Range;

use bytes::Bytes;
use futures_util::stream::{self, Stream};

use super::{BlobError, BlobId, BlobStore};

/// A blob that is there.
pub struct Content {
    store: BlobStore,
    id: BlobId,
    size: u64,
}

impl Content {
    pub(super) const fn new(store: BlobStore, id: BlobId, size: u64) -> Self {
        Self { store, id, size }
    }

    /// Its name.
    #[must_use]
    pub const fn id(&self) -> BlobId {
        self.id
    }

    /// How many bytes it has.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The bytes in `range`, which MUST lie within [`Content::size`]. Nothing is open between two parts.
    pub fn bytes(self, range: Range<u64>) -> impl Stream<Item = Result<Bytes, BlobError>> + use<> {
        stream::try_unfold((self, range), |(content, range)| async move {
            let left = range.end.saturating_sub(range.start);
            if left == 0 {
                return Ok(None);
            }
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(content.store.part_bytes());
            let part = content.store.read(content.id, range.start, most).await?.unwrap_or_default();
            if part.is_empty() {
                return Err(BlobError::Cut(content.id));
            }
            let next = range.start + part.len() as u64..range.end;
            Ok(Some((part, (content, next))))
        })
    }
}
