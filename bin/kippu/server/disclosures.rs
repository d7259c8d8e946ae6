//! The access log of this node: that somebody is shown personal fields is an event before it is an answer. The same caller who is shown
//! the same person by the same view again within a minute is on record already.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kippu_actors::access::disclosures::MOST_QUERY_CHARS;
use kippu_actors::runtime::{Place, Runtime};
use kippu_actors::{Answer, Call, Commands, Problem};
use kippu_events::access::Caller;
use kippu_events::secrets::Secrets;
use kippu_events::{EntityId, EntityKey, Family, Principal, Time};
use kippu_projections::QueryError;
use kippu_projections::http::AccessLog;
use serde_json::json;

use crate::node::Node;

/// Who looks at somebody by the same view again within this is on record already.
const ONCE_IN: Duration = Duration::from_mins(1);
/// Of so many it is remembered that they are; beyond that, some are recorded again.
const MOST_REMEMBERED: usize = 100_000;
/// Keys that are tried for one whose partition is served here: of a hundred partitions, one is found with near certainty.
const MOST_KEYS: u64 = 4_096;

/// Who was shown whom by which view.
type Shown = (Principal, String, EntityId);

/// See the module.
pub(crate) struct Disclosures {
    commands: Commands,
    runtime: Runtime,
    secrets: Arc<Secrets>,
    /// Makes keys differ.
    count: AtomicU64,
    recorded: Mutex<HashMap<Shown, Instant>>,
}

impl Disclosures {
    /// Records in the partitions that `node` serves.
    pub(crate) fn new(node: &Node) -> Self {
        let (commands, runtime, secrets) = (node.commands.clone(), node.runtime.clone(), Arc::clone(&node.secrets));
        Self { commands, runtime, secrets, count: AtomicU64::new(0), recorded: Mutex::default() }
    }

    async fn record(&self, caller: &Caller, query: &str, mut persons: Vec<EntityId>) -> Result<(), QueryError> {
        let view = query.trim_start_matches("/v1/").split(['/', '?']).next().unwrap_or_default();
        let shown = |person| (caller.principal, view.to_owned(), person);
        {
            let recorded = self.recorded();
            let is_on_record = |at: &Instant| at.elapsed() < ONCE_IN;
            persons.retain(|person| !recorded.get(&shown(*person)).is_some_and(is_on_record));
        }
        if persons.is_empty() {
            return Ok(());
        }
        let query: String = query.chars().take(MOST_QUERY_CHARS).collect();
        let body = json!({ "query": query, "persons": persons }).to_string();
        let call = Call { caller: *caller, key: self.key(caller)?, id: None, if_match: None };
        let failed = |problem: Problem| QueryError::NotOnRecord(problem.to_string());
        let outcome = self.commands.run(Family::Disclosures, "open", call, body.as_bytes()).await;
        match outcome.map_err(|not_run| failed(not_run.into()))?.answer {
            Answer::Done { .. } => {}
            Answer::Refused(problem) => return Err(failed(problem)),
        }
        let mut recorded = self.recorded();
        if recorded.len() + persons.len() > MOST_REMEMBERED {
            recorded.clear();
        }
        recorded.extend(persons.into_iter().map(|person| (shown(person), Instant::now())));
        Ok(())
    }

    /// A new key, by which the disclosure comes to lie in a partition that this node serves: no other has to be asked.
    fn key(&self, caller: &Caller) -> Result<String, QueryError> {
        let now = Time::now().micros();
        let keys = (0..MOST_KEYS).map(|_| format!("disclosure-{now}-{}", self.count.fetch_add(1, Ordering::Relaxed)));
        let is_here = |key: &String| {
            let id = self.secrets.entity_id(Family::Disclosures, &caller.principal, key);
            let entity = EntityKey { family: Family::Disclosures, id };
            self.runtime.place_of(self.runtime.partition_of(entity)) == Place::Here
        };
        let none = || QueryError::NotOnRecord("this node serves no partition now: ask another one".to_owned());
        keys.into_iter().find(is_here).ok_or_else(none)
    }

    fn recorded(&self) -> MutexGuard<'_, HashMap<Shown, Instant>> {
        // What is half done in here is recorded again at worst.
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AccessLog for Disclosures {
    fn note<'a>(
        &'a self,
        caller: &'a Caller,
        query: &'a str,
        persons: Vec<EntityId>,
    ) -> Pin<Box<dyn Future<Output = Result<(), QueryError>> + 'a>> {
        Box::pin(self.record(caller, query, persons))
    }
}
