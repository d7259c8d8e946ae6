//! Fetches bytes from another party into the blob store. What opens them is a capability; what they hash to was agreed before, so
//! nothing of the answer has to be believed.

use kippu_actors::activity::{NoOutcome, Outcome};
use kippu_events::blobs::{BlobError, BlobId, BlobStore, Checked};

use super::executor::none;

/// What is to be fetched.
pub(super) struct Wanted<'a> {
    pub(super) url: &'a str,
    pub(super) path: &'a str,
    pub(super) capability: &'a str,
    pub(super) sha256: &'a str,
    pub(super) size: u64,
}

/// One try: nothing is kept but the very bytes that were agreed.
pub(super) async fn fetch(http: &reqwest::Client, blobs: &BlobStore, wanted: Wanted<'_>) -> Result<Outcome, NoOutcome> {
    let done = || Outcome { status: 200, body: b"{}".to_vec() };
    let failed = |error: &BlobError| none(format!("the blob store: {error}"));
    let id: BlobId = wanted.sha256.parse().map_err(|_| none("what was agreed is no digest"))?;
    // One that was set aside goes with the next sweep, and one that was altered is replaced.
    let is_there = blobs.size(id).await.map_err(|error| failed(&error))?.is_some();
    if is_there && matches!(blobs.check(id).await.map_err(|error| failed(&error))?, Checked::Whole { .. }) {
        return Ok(done());
    }
    let url = format!("{}{}", wanted.url, wanted.path);
    let mut answer =
        http.get(&url).bearer_auth(wanted.capability).send().await.map_err(|error| none(error.to_string()))?;
    let status = answer.status().as_u16();
    if !answer.status().is_success() {
        let text = answer.bytes().await.unwrap_or_default();
        let is_final = matches!(status, 403 | 404 | 409 | 410);
        let outcome = Outcome { status, body: text.to_vec() };
        return if is_final { Ok(outcome) } else { Err(none(format!("{url} answers {status}"))) };
    }
    let mut upload = blobs.begin(Some(wanted.size)).await.map_err(|error| failed(&error))?;
    while let Some(part) = answer.chunk().await.map_err(|error| none(error.to_string()))? {
        if upload.size() + part.len() as u64 > wanted.size {
            return Err(none(format!("{url} sends more than the {} bytes that were agreed", wanted.size)));
        }
        upload.write(&part).await.map_err(|error| failed(&error))?;
    }
    match upload.finish(Some(id)).await {
        Ok(_) => Ok(done()),
        Err(BlobError::Mismatch { .. }) => Err(none(format!("{url} sends other bytes than were agreed"))),
        Err(error) => Err(failed(&error)),
    }
}
