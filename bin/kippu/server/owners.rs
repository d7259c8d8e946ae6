//! Who serves the partitions for which this node stands by. It answers for them by asking their owners, so it is ready only
//! while they are: each owner is asked again and again what it serves itself, and nothing of others.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use kippu_actors::runtime::{Phase, Runtime};
use kippu_client::{Client, Roots};
use kippu_events::log::Log;
use serde_json::Value;

use crate::node::Node;

/// How often owners are asked.
const EVERY: Duration = Duration::from_millis(500);
/// An owner that is well answers within this.
const ANSWER: Duration = Duration::from_secs(2);
/// For so long a partition may be served by nobody, since it is being handed or taken over. Shorter than commands wait for
/// somebody to serve it ([`kippu_actors::search::PATIENCE`]), so that those who come now are not refused.
const GRACE: Duration = Duration::from_secs(10);

/// See the module.
pub(crate) struct Owners {
    log: Arc<dyn Log>,
    runtime: Runtime,
    /// Where this node itself answers.
    url: String,
    http: reqwest::Client,
    found: Mutex<BTreeMap<u16, Served>>,
}

/// What is known of who serves a partition.
#[derive(Clone, Default)]
struct Served {
    /// When somebody served it last; nothing once its owner has said that it takes no commands.
    at: Option<Instant>,
    /// Why its owner does not, as far as that is known.
    why: String,
}

/// Why a partition is not served by its owner.
enum Not {
    /// It may be on its way to another node.
    Now(String),
    /// The owner is there, and says that it takes no commands.
    Able(String),
}

impl Owners {
    /// Of the partitions of `node`, which trusts `roots` too.
    ///
    /// # Errors
    /// Where there can be no client.
    pub(crate) fn new(node: &Node, roots: &Roots) -> Result<Self, reqwest::Error> {
        let http = kippu_client::builder(ANSWER, roots).build()?;
        let (log, runtime, url) = (Arc::clone(&node.log), node.runtime.clone(), node.url.clone());
        Ok(Self { log, runtime, url, http, found: Mutex::default() })
    }

    /// Asks the owners, for as long as it is let.
    pub(crate) async fn ask_on(&self) {
        let mut every = tokio::time::interval(EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            self.ask().await;
        }
    }

    /// Why nobody serves `partition`, for which this node stands by or which it is about to serve. Nothing where somebody
    /// does, or did a moment ago.
    pub(crate) fn lack(&self, partition: u16) -> Option<String> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        match found.get(&partition) {
            Some(Served { at: Some(at), .. }) if at.elapsed() < GRACE => None,
            Some(Served { why, .. }) => Some(why.clone()),
            None => Some(UNASKED.to_owned()),
        }
    }

    async fn ask(&self) {
        let mut by_owner = BTreeMap::<String, Vec<u16>>::new();
        for (partition, phase) in (0..).zip(self.runtime.phases()) {
            match (phase, self.log.claimant(partition)) {
                (Phase::Serving { .. }, _) => self.note(partition, Ok(())),
                (Phase::Opening | Phase::Halted(_) | Phase::Moved { .. }, _) => {}
                (Phase::Warming | Phase::Standby { .. }, Some(owner))
                    if !owner.url.is_empty() && owner.url != self.url =>
                {
                    by_owner.entry(owner.url).or_default().push(partition);
                }
                (Phase::Warming | Phase::Standby { .. }, _) => {
                    self.note(partition, Err(Not::Now("no other node has claimed it".to_owned())));
                }
            }
        }
        join_all(by_owner.into_iter().map(|(owner, partitions)| async move {
            let serves = self.serves(&owner).await;
            for partition in partitions {
                self.note(
                    partition,
                    match &serves {
                        Ok(None) => Ok(()),
                        Ok(Some(serves)) if serves.contains(&partition) => Ok(()),
                        Ok(Some(_)) => Err(Not::Now(format!("{owner} has claimed it and does not serve it now"))),
                        Err(Not::Now(reason)) => Err(Not::Now(format!("{owner} has claimed it: {reason}"))),
                        Err(Not::Able(reason)) => Err(Not::Able(format!("{owner} has claimed it: {reason}"))),
                    },
                );
            }
        }))
        .await;
    }

    /// What the node at `owner` serves; nothing where it serves all that it has claimed.
    async fn serves(&self, owner: &str) -> Result<Option<Vec<u16>>, Not> {
        let node = Client::over(self.http.clone(), owner);
        let answer = node.send(node.query("/readyz?own", None)).await.map_err(|lost| Not::Now(lost.why()))?;
        let said: Value = answer.json().ok_or_else(|| Not::Now(node.what_answered(&answer)))?;
        if answer.status.is_success() {
            // A version that does not say more answers for all that it has claimed.
            return Ok(partitions(&said));
        }
        Err(Not::Able(said["detail"].as_str().unwrap_or("it is not ready").to_owned()))
    }

    fn note(&self, partition: u16, served: Result<(), Not>) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let found = found.entry(partition).or_default();
        match served {
            Ok(()) => found.at = Some(Instant::now()),
            Err(Not::Now(why)) => found.why = why,
            Err(Not::Able(why)) => (found.at, found.why) = (None, why),
        }
    }
}

/// Before the first question is answered.
const UNASKED: &str = "its owner has not been asked yet";

/// The partitions in an answer to `/readyz?own`.
fn partitions(said: &Value) -> Option<Vec<u16>> {
    let numbers = said.get("partitions")?.as_array()?;
    Some(numbers.iter().filter_map(|number| u16::try_from(number.as_u64()?).ok()).collect())
}

#[cfg(test)]
mod tests {
    use kippu_actors::search::PATIENCE;

    use super::*;

    #[test]
    fn a_partition_that_nobody_serves_is_told_of_before_commands_for_it_are_refused() {
        assert!(GRACE + EVERY + ANSWER < PATIENCE);
    }

    #[test]
    fn an_answer_that_names_no_partitions_stands_for_all_that_were_claimed() {
        assert_eq!(partitions(&serde_json::json!({ "status": "ready", "partitions": [0, 7] })), Some(vec![0, 7]));
        assert_eq!(partitions(&serde_json::json!({ "status": "ready", "lag": 0 })), None);
    }
}
