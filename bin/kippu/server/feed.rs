//! `GET /v1/events`: the feed of events as an answer that does not end (server-sent events). The connection paces it: nothing
//! is read before what was read is taken.

use std::convert::Infallible;
use std::future::ready;
use std::time::Duration;

use actix_web::body::{BodyStream, BoxBody, MessageBody};
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use actix_web::web::{Bytes, Data, Query};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, HttpResponseBuilder};
use futures_util::stream::unfold;
use kippu_actors::http::still;
use kippu_events::access::Caller;
use kippu_projections::QueryError;
use kippu_projections::feed::{Asked, Feed, Feeds, News};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

/// Names what the client was told last.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// For nginx, which would keep events back until it has a buffer full of them.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// How often something is sent: shorter than proxies wait for it.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How often the caller's key is looked at. It is to end within 10 s.
const CHECK: Duration = Duration::from_secs(5);
/// A page is handed over in parts of so many bytes: what was handed over cannot be kept back from a key that has ended.
const PART_BYTES: usize = 16 * 1024;

/// A feed for whoever asks.
///
/// # Errors
/// Where there is none.
pub(super) async fn follow(request: HttpRequest, feeds: Data<Feeds>) -> Result<HttpResponse, QueryError> {
    let caller = request.extensions().get::<Caller>().copied();
    let caller = caller.ok_or(QueryError::Forbidden("the caller is not authenticated"))?;
    let feed = feeds.open(&caller, asked(&request)?).await?;
    Ok(head().body(Sending::of(feed, request).into_body()))
}

/// What [`follow`] answers before the first event.
///
/// # Errors
/// Where the question is malformed.
pub(super) async fn ask(request: HttpRequest) -> Result<HttpResponse, QueryError> {
    asked(&request)?;
    Ok(head().finish())
}

fn head() -> HttpResponseBuilder {
    let mut head = HttpResponse::Ok();
    head.insert_header((CONTENT_TYPE, "text/event-stream"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((X_ACCEL_BUFFERING, "no"));
    head
}

fn asked(request: &HttpRequest) -> Result<Asked, QueryError> {
    let pairs: Query<Vec<(String, String)>> = Query::from_query(request.query_string())
        .map_err(|error| QueryError::parameter("query", &error.to_string()))?;
    let mut ids = request.headers().get_all(&LAST_EVENT_ID);
    let id = ids.next().map(|id| id.to_str()).transpose();
    let id = id.map_err(|_| QueryError::parameter(LAST_EVENT_ID.as_str(), "it is not printable ASCII"))?;
    if ids.next().is_some() {
        return Err(QueryError::parameter(LAST_EVENT_ID.as_str(), "it is given twice"));
    }
    Asked::of(pairs.into_inner(), id)
}

/// A feed on its way.
struct Sending {
    feed: Feed,
    /// Knows whether its caller may still call.
    request: HttpRequest,
    /// Of the page that is being taken.
    left: Bytes,
    keep_alive: Interval,
    check: Interval,
}

impl Sending {
    fn of(mut feed: Feed, request: HttpRequest) -> Self {
        let left = feed.beginning().into();
        let every = |period| {
            let mut interval = interval_at(Instant::now() + period, period);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            interval
        };
        Self { feed, request, left, keep_alive: every(KEEP_ALIVE), check: every(CHECK) }
    }

    fn into_body(self) -> BoxBody {
        let parts = unfold(self, async |mut sending| {
            let part = sending.next().await?;
            Some((Ok::<_, Infallible>(part), sending))
        });
        BodyStream::new(parts).boxed()
    }

    /// What is sent next; nothing once the feed is over.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let Self { feed, request, left, keep_alive, check } = self;
            let news = tokio::select! {
                biased;
                _ = check.tick() => {
                    still(request).ok()?;
                    continue;
                }
                () = ready(()), if !left.is_empty() => return Some(left.split_to(left.len().min(PART_BYTES))),
                _ = keep_alive.tick() => {
                    *left = feed.keep_alive().into();
                    continue;
                }
                news = feed.news() => news,
            };
            let page = match news {
                Ok(News::More) => feed.read().await,
                Ok(News::Over) => return None,
                Err(error) => Err(error),
            };
            match page {
                Ok(page) => *left = page.into(),
                Err(error) => {
                    tracing::warn!(%error, "a feed of events ends");
                    return None;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use actix_web::test::TestRequest;
    use kippu_actors::http::StillAllowed;
    use kippu_actors::problem::{self, Problem};
    use kippu_events::log::LogId;
    use kippu_events::log::memory::MemoryLog;
    use kippu_projections::Projections;

    use super::*;

    /// A feed of nothing, for a caller whose key counts for as long as `counts`.
    async fn sending(counts: &Arc<AtomicBool>) -> (Sending, Feeds, (Projections, tempfile::TempDir)) {
        let dir = tempfile::tempdir().unwrap();
        let projections = Projections::start(MemoryLog::new(LogId([7; 16]), 2), dir.path(), None).unwrap();
        projections.queries().caught_up(Duration::from_secs(60)).await.unwrap();
        let feeds = Feeds::new(projections.queries());
        let feed = feeds.open(&Caller::OPERATOR, Asked::of(Vec::new(), None).unwrap()).await.unwrap();
        let (request, counts) = (TestRequest::default().to_http_request(), Arc::clone(counts));
        let ended = || Problem::new(&problem::UNAUTHENTICATED, "the key has ended");
        let still = move || if counts.load(Ordering::SeqCst) { Ok(()) } else { Err(ended()) };
        request.extensions_mut().insert(StillAllowed(Box::new(still)));
        tokio::time::pause();
        (Sending::of(feed, request), feeds, (projections, dir))
    }

    async fn text(sending: &mut Sending) -> Option<String> {
        sending.next().await.map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())
    }

    /// Shows F48.
    #[tokio::test]
    async fn a_feed_says_that_it_is_alive_and_ends_soon_after_its_callers_key() {
        let counts = Arc::new(AtomicBool::new(true));
        let (mut sending, _feeds, _views) = sending(&counts).await;
        assert_eq!(text(&mut sending).await.as_deref(), Some("retry: 1000\nid: 0.0-0000000000000000\n\n"));
        for _ in 0..3 {
            let begun = Instant::now();
            assert_eq!(text(&mut sending).await.as_deref(), Some(": keep-alive\n\n"));
            assert!(begun.elapsed() <= KEEP_ALIVE + Duration::from_millis(1));
        }
        counts.store(false, Ordering::SeqCst);
        let ended = Instant::now();
        assert_eq!(text(&mut sending).await, None);
        assert!(ended.elapsed() < Duration::from_secs(10), "{:?}", ended.elapsed());
    }

    /// Shows F48.
    #[tokio::test]
    async fn a_feed_ends_with_the_node_and_a_page_is_handed_over_in_parts_that_a_key_that_ended_does_not_get() {
        let counts = Arc::new(AtomicBool::new(true));
        let (mut sending, feeds, _views) = sending(&counts).await;
        sending.left = vec![b'x'; 3 * PART_BYTES].into();
        assert_eq!(sending.next().await.map(|part| part.len()), Some(PART_BYTES));
        counts.store(false, Ordering::SeqCst);
        // Timers go by whole milliseconds.
        tokio::time::advance(CHECK + Duration::from_millis(1)).await;
        assert_eq!(sending.next().await, None);
        counts.store(true, Ordering::SeqCst);
        sending.left = Bytes::new();
        feeds.end();
        assert_eq!(sending.next().await, None);
    }
}
