//! Taking a blob. It may take as long as it likes, as long as it moves: what a caller is given is patience for each stretch of
//! it, so that no connection is held by single bytes.

use std::time::Duration;

use actix_web::http::header::{self, HeaderMap};
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::StreamExt as _;
use kippu_actors::http::still;
use kippu_actors::problem::{self, Problem};
use kippu_events::access::Role;
use kippu_events::blobs::{BlobId, Kept};
use serde_json::json;
use tokio::time::{Instant, timeout};

use super::{Shared, told};

/// So much of a blob comes within `http.request_timeout_secs`, or its end. As much as has to be taken of an answer.
const LEAST_BYTES: usize = 16 * 1024;

/// Takes the blob `id` from a caller of `role`.
pub(super) async fn take(
    request: &HttpRequest,
    shared: &Shared,
    role: Role,
    id: BlobId,
    body: Payload,
) -> Result<HttpResponse, Problem> {
    let most = shared.config.blobs.most_bytes;
    let too_large = || Problem::new(&problem::TOO_LARGE, format!("a blob has at most {most} bytes"));
    let announced = announced(request.headers())?;
    if announced.is_some_and(|bytes| bytes > most) {
        return Err(too_large());
    }
    let mut room = shared.ledger.reserve(role, id, announced.unwrap_or_default())?;
    let mut upload = shared.node.blobs.begin(announced).await.map_err(|error| told(&error))?;
    let mut coming = Coming::new(body, Duration::from_secs(shared.config.http.request_timeout_secs.into()));
    while let Some(bytes) = coming.next().await? {
        let size = upload.size() + bytes.len() as u64;
        if size > most {
            return Err(too_large());
        }
        room.grow_to(size)?;
        upload.write(&bytes).await.map_err(|error| told(&error))?;
    }
    // It may have come for hours, and its caller's key ended meanwhile.
    still(request)?;
    let kept = upload.finish(Some(id)).await.map_err(|error| told(&error))?;
    // The caller is not told that it failed: the blob is there.
    if let Ok(Err(error)) = tokio::task::spawn_blocking(move || room.keep(kept)).await {
        tracing::warn!(%error, "it is not noted who uploaded a blob: after the next start it counts for nobody");
    }
    Ok(answer(kept))
}

fn answer(Kept { id, size, was_there }: Kept) -> HttpResponse {
    let body = json!({ "id": id, "size": size });
    if was_there {
        return HttpResponse::Ok().json(body);
    }
    HttpResponse::Created().insert_header((header::LOCATION, format!("/v1/blobs/{id}"))).json(body)
}

/// How many bytes the headers say will come, where they do.
fn announced(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    if headers.get(header::CONTENT_ENCODING).is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
    {
        return Err(Problem::new(&problem::INVALID_REQUEST, "a blob comes as it is, without content coding"));
    }
    if headers.contains_key(header::CONTENT_RANGE) {
        return Err(Problem::new(&problem::INVALID_REQUEST, "a blob comes whole"));
    }
    Ok(headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok()))
}

/// A body on its way.
struct Coming {
    body: Payload,
    patience: Duration,
    /// What is left of it for this stretch.
    left: Duration,
    came: usize,
}

impl Coming {
    fn new(body: Payload, patience: Duration) -> Self {
        Self { body, patience, left: patience, came: 0 }
    }

    /// More of it; nothing at its end.
    async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        // What the disk takes is nobody's fault: only waiting counts.
        let begun = Instant::now();
        let late = |_| {
            let detail = format!("less than {LEAST_BYTES} bytes came within {:?}", self.patience);
            Problem::new(&problem::TIMEOUT, detail)
        };
        let more = timeout(self.left, self.body.next()).await.map_err(late)?;
        let more = more.transpose().map_err(|error| {
            Problem::new(&problem::INVALID_REQUEST, format!("the body did not arrive whole: {error}"))
        })?;
        self.left = self.left.saturating_sub(begun.elapsed());
        self.came += more.as_ref().map_or(0, Bytes::len);
        if self.came >= LEAST_BYTES {
            (self.left, self.came) = (self.patience, 0);
        }
        Ok(more)
    }
}
