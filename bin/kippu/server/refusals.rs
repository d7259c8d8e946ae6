//! Commands that were refused because of the node and not of what they ask: `/readyz` says so before the first such answer
//! leaves, and for a while after the last, whatever the cause. So nobody who routes by it sees 200 next to a refusal.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use actix_web::Error;
use actix_web::body::{BoxBody, MessageBody as _};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use kippu_actors::problem;

use super::forward::KIPPU_FORWARDED;

/// For so long after a refusal the node is not ready: whoever asks once a second sees it.
const KEEP: Duration = Duration::from_secs(2);
/// So long after that was first so, refusals wait: answers of `/readyz` that were decided before have arrived by then.
const SETTLE: Duration = Duration::from_millis(50);

/// The one thing under `/v1` that is no command and changes something: what is in its way need not be in theirs.
const SEAL: &str = "/v1/log/seal";

/// See the module.
#[derive(Default)]
pub(crate) struct Refusals(Mutex<Option<Run>>);

/// Refusals that follow each other closely.
struct Run {
    first: Instant,
    last: Instant,
    /// The slug of the last one's problem.
    slug: String,
    /// Its detail.
    detail: String,
}

impl Refusals {
    fn lock(&self) -> MutexGuard<'_, Option<Run>> {
        // Nothing in here can be left half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was refused a moment ago: the slug of its problem, and the detail.
    pub(crate) fn latest(&self) -> Option<(String, String)> {
        let run = self.lock();
        let run = run.as_ref().filter(|run| run.last.elapsed() < KEEP)?;
        Some((run.slug.clone(), run.detail.clone()))
    }

    /// A command is about to be refused; gives when it may be.
    fn add(&self, slug: String, detail: String) -> Instant {
        let (mut run, now) = (self.lock(), Instant::now());
        let first = run.as_ref().filter(|run| run.last.elapsed() < KEEP).map_or(now, |run| run.first);
        *run = Some(Run { first, last: now, slug, detail });
        first + SETTLE
    }
}

/// The middleware of what lies under `/v1`. Of what another node has brought here that node answers.
///
/// # Errors
/// None of its own.
pub(crate) async fn remember(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
    let is_command = request.method() == Method::POST && request.path() != SEAL;
    let is_asked_here = !request.headers().contains_key(&KIPPU_FORWARDED);
    let refusals = request.app_data::<Data<Refusals>>().filter(|_| is_command && is_asked_here).cloned();
    let mut response = next.call(request).await?;
    let Some(refusals) = refusals.filter(|_| may_be_the_nodes(response.status())) else { return Ok(response) };
    let mut said = None;
    response = response.map_body(|_, body| match body.try_into_bytes() {
        Ok(bytes) => {
            said = refusal(&bytes);
            BoxBody::new(bytes)
        }
        Err(body) => body,
    });
    if let Some((slug, detail)) = said {
        tokio::time::sleep_until(refusals.add(slug, detail).into()).await;
    }
    Ok(response)
}

fn may_be_the_nodes(status: StatusCode) -> bool {
    matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::INSUFFICIENT_STORAGE)
}

/// What the problem in `body` says, unless there is only too much to do: that is no reason to send nobody any more.
fn refusal(body: &[u8]) -> Option<(String, String)> {
    let said: serde_json::Value = serde_json::from_slice(body).ok()?;
    let slug = said["type"].as_str()?.strip_prefix("/problems/")?;
    (slug != problem::OVERLOADED.slug)
        .then(|| (slug.to_owned(), said["detail"].as_str().unwrap_or_default().to_owned()))
}

#[cfg(test)]
mod tests {
    use kippu_actors::Problem;

    use super::*;

    #[test]
    fn what_was_refused_is_told_at_once_and_those_who_are_refused_wait_from_the_first_on() {
        let refusals = Refusals::default();
        assert_eq!(refusals.latest(), None);
        let first = refusals.add("unavailable".to_owned(), "one".to_owned());
        assert!(first > Instant::now() - SETTLE);
        assert_eq!(refusals.latest(), Some(("unavailable".to_owned(), "one".to_owned())));
        assert_eq!(refusals.add("moved".to_owned(), "two".to_owned()), first, "it began with the first");
    }

    #[test]
    fn too_much_to_do_is_no_refusal_of_the_nodes() {
        let said = |kind| refusal(&Problem::later(kind, "d").document());
        assert_eq!(said(&problem::UNKNOWN_OUTCOME), Some(("unknown-outcome".to_owned(), "d".to_owned())));
        assert_eq!((said(&problem::OVERLOADED), refusal(b"<html>")), (None, None));
    }
}
