//! Follows the events of a node, and tells whoever waits for an entity what became of it: as a terminal learns of it, without
//! asking over and over.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kippu_client::{Client, Feed};
use kippu_events::Time;
use serde::Deserialize;
use tokio::sync::oneshot;

use super::super::figure::BenchError;
use super::PATIENCE;

/// See the module.
pub(super) struct Follower(Arc<Mutex<Told>>);

#[derive(Default)]
struct Told {
    by_entity: HashMap<String, About>,
    /// Nothing more is told.
    over: bool,
}

enum About {
    /// This has happened, and nobody waits for it yet.
    Happened(String),
    Awaited(oneshot::Sender<String>),
}

/// As much of an event as is looked at.
#[derive(Deserialize)]
struct Seen {
    subject: String,
    time: Time,
}

fn read(event: &kippu_client::Event) -> Result<Seen, BenchError> {
    serde_json::from_str(&event.data).map_err(BenchError::load)
}

/// A feed of the events of these kinds, from now on or from the beginning.
pub(super) async fn feed(node: &Client, kinds: &str, from: &str) -> Result<Feed, BenchError> {
    Ok(node.follow(&format!("/v1/events?kind={kinds}&from={from}"), None).await?)
}

/// Reads `count` events; gives when each was recorded.
pub(super) async fn times(feed: &mut Feed, count: u64) -> Result<Vec<Time>, BenchError> {
    let mut times = Vec::new();
    for _ in 0..count {
        let event = actix_rt::time::timeout(PATIENCE, feed.next()).await;
        let event = event.map_err(|_| BenchError::load("nothing more happens"))??;
        let event = event.ok_or_else(ended)?;
        times.push(read(&event)?.time);
    }
    Ok(times)
}

impl Follower {
    /// Follows the events of these kinds at `node`, of which each entity has one.
    pub(super) async fn start(node: &Client, kinds: &str) -> Result<Self, BenchError> {
        let mut feed = feed(node, kinds, "now").await?;
        let told = Arc::new(Mutex::new(Told::default()));
        let follower = Self(Arc::clone(&told));
        actix_rt::spawn(async move {
            while let Ok(Some(event)) = feed.next().await {
                let Ok(seen) = read(&event) else { break };
                lock(&told).tell(seen.subject, event.kind);
            }
            let mut told = lock(&told);
            told.over = true;
            // Whoever waits learns it by that.
            told.by_entity.clear();
        });
        Ok(follower)
    }

    /// Waits until one of the events has happened to `entity`, as `settlements/…`, and gives its kind.
    pub(super) async fn wait(&self, entity: &str) -> Result<String, BenchError> {
        let waiting = {
            let mut told = lock(&self.0);
            match told.by_entity.remove(entity) {
                Some(About::Happened(kind)) => return Ok(kind),
                Some(About::Awaited(_)) | None if told.over => return Err(ended()),
                Some(About::Awaited(_)) | None => {
                    let (tells, waiting) = oneshot::channel();
                    told.by_entity.insert(entity.to_owned(), About::Awaited(tells));
                    waiting
                }
            }
        };
        let kind = tokio::time::timeout(PATIENCE, waiting).await;
        let kind = kind.map_err(|_| BenchError::Load(format!("nothing happens to {entity}")))?;
        kind.map_err(|_| ended())
    }
}

fn ended() -> BenchError {
    BenchError::load("the feed of events has ended")
}

fn lock(told: &Mutex<Told>) -> MutexGuard<'_, Told> {
    // Nothing in here can be left half done.
    told.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Told {
    fn tell(&mut self, entity: String, kind: String) {
        if let Some(About::Awaited(waiting)) = self.by_entity.remove(&entity) {
            // Who does not wait any more has failed, and says so.
            let _nobody = waiting.send(kind);
        } else {
            self.by_entity.insert(entity, About::Happened(kind));
        }
    }
}
