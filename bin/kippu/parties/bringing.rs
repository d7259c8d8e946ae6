//! Sees to it that the newest revision of each page of a main site is brought to every partner site whose contract says so. What is to
//! be brought follows from the pages and contracts that there are, and not from what has just happened: a new contract, terms
//! that begin, a page that was revised while the node was down, all come to the same.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kippu_actors::erased::Ready;
use kippu_actors::partners::page_deliveries::request::Command;
use kippu_actors::problem::Problem;
use kippu_actors::runtime::{Runtime, Submission};
use kippu_events::access::Caller;
use kippu_events::event::Mac;
use kippu_events::partners::contracts::{Contract, Known, Part};
use kippu_events::partners::page_deliveries::{self, PageDelivery};
use kippu_events::partners::pages::{Page, PagePath};
use kippu_events::principal::ReactionName;
use kippu_events::secrets::Secrets;
use kippu_events::{Entity, EntityId, EntityKey, Principal, Time};
use kippu_projections::queries::{self, MOST_ROWS};
use kippu_projections::{Queries, QueryError};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// The least time between two looks, however fast views move.
const PACE: Duration = Duration::from_millis(200);
/// A look without a word from the views: terms may begin, and pages of other nodes come to this one.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// As who the node does it.
const NAME: &str = "pages";

/// As who the node itself gives commands about pages.
pub(crate) fn itself() -> Option<(ReactionName, Caller)> {
    named(NAME)
}

/// As who the node itself gives commands under `name`.
pub(super) fn named(name: &'static str) -> Option<(ReactionName, Caller)> {
    ReactionName::new(name).map(|name| (name, Caller::of_reaction(name)))
}

/// Every row of `view` that these filters leave, for the node itself.
///
/// # Errors
/// Where the view does not answer, or has other rows.
pub(crate) async fn rows<T: DeserializeOwned + Send + 'static>(
    queries: &Queries,
    view: &'static str,
    filters: &[(&str, String)],
) -> Result<Vec<T>, QueryError> {
    let filters: Vec<(String, String)> = filters.iter().map(|(name, of)| ((*name).to_owned(), of.clone())).collect();
    let (mut all, mut cursor) = (Vec::new(), None);
    loop {
        let page = queries::Page { filters: filters.clone(), cursor, limit: MOST_ROWS, decrypt: false };
        let its = queries.clone();
        let listed = queries.in_turn(None, move || its.list(view, &Caller::OPERATOR, &page)).await?;
        // A row that has come to be shown otherwise than here is a defect that tests find.
        all.extend(listed.rows.iter().filter_map(|row| serde_json::from_slice::<T>(row.as_bytes()).ok()));
        match listed.next {
            Some(next) => cursor = Some(next),
            None => return Ok(all),
        }
    }
}

/// A contract, of its row.
#[derive(Deserialize)]
struct ContractRow {
    id: EntityId,
}

/// A page of this site that partner sites show too.
#[derive(Deserialize)]
struct PageRow {
    id: EntityId,
    path: PagePath,
    part: Part,
    revision: u32,
    shown_since: Time,
    #[serde(default)]
    contract: Option<EntityId>,
}

/// How far the bringing of a page has come.
#[derive(Deserialize)]
struct DeliveryRow {
    id: EntityId,
    revision: u32,
}

/// Why a look did not come to its end. The next one does the same.
#[derive(Debug, thiserror::Error)]
enum NotSeen {
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error(transparent)]
    Problem(#[from] Problem),
}

/// See the module.
pub(crate) struct Bringing {
    queries: Queries,
    runtime: Runtime,
    secrets: Arc<Secrets>,
}

impl Bringing {
    /// Of the pages that these queries show, by the entities of this runtime.
    pub(crate) const fn new(queries: Queries, runtime: Runtime, secrets: Arc<Secrets>) -> Self {
        Self { queries, runtime, secrets }
    }

    /// Goes on for as long as it is polled.
    pub(crate) async fn go_on(self) {
        let (mut moves, mut pace) = (self.queries.moves(), interval(PACE));
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            pace.tick().await;
            let wait = match self.look(Time::now()).await {
                Ok(next) => next.map_or(LOOK_EVERY, |at| at.since(Time::now()).min(LOOK_EVERY)),
                Err(error) => {
                    tracing::debug!(%error, "pages could not be looked at; it is tried again");
                    LOOK_EVERY
                }
            };
            match timeout(wait, moves.next()).await {
                Ok(true) | Err(_) => {}
                Ok(false) => return,
            }
        }
    }

    /// Orders what is to be brought at `now`; gives when something else is.
    async fn look(&self, now: Time) -> Result<Option<Time>, NotSeen> {
        let contracts = self.contracts().await?;
        if contracts.is_empty() {
            return Ok(None);
        }
        let pages: Vec<PageRow> = rows(&self.queries, "pages", &[("class", "tie_up".to_owned())]).await?;
        let deliveries: Vec<DeliveryRow> = rows(&self.queries, "page-deliveries", &[]).await?;
        let ordered: HashMap<EntityId, u32> = deliveries.into_iter().map(|row| (row.id, row.revision)).collect();
        let mut next: Option<Time> = None;
        for (contract, known) in &contracts {
            let Some(version) = known.at(now) else { continue };
            let terms = &version.terms;
            for page in pages.iter().filter(|page| page.contract.is_none() && terms.brings(page.part)) {
                let id = page_deliveries::id_of(*contract, &page.path);
                let is_ordered = ordered.get(&id).is_some_and(|revision| *revision >= page.revision);
                if is_ordered || !self.runtime.serves(EntityKey::of::<PageDelivery>(id)) {
                    continue;
                }
                let due = terms.pages.brought_at(version.from, page.shown_since);
                if due > now {
                    next = Some(next.map_or(due, |next| next.min(due)));
                } else {
                    self.order((*contract, id), page).await?;
                }
            }
        }
        Ok(next)
    }

    /// The contracts of which this party is the main site.
    async fn contracts(&self) -> Result<Vec<(EntityId, Known)>, NotSeen> {
        let mut contracts = Vec::new();
        let found: Vec<ContractRow> =
            rows(&self.queries, "contracts", &[("main", self.secrets.party.to_string())]).await?;
        for ContractRow { id } in found {
            let contract: Contract = self.peek(id).await?;
            contracts.extend(contract.known().map(|known| (id, known.clone())));
        }
        Ok(contracts)
    }

    async fn peek<E: Entity>(&self, id: EntityId) -> Result<E, Problem> {
        let found = self.runtime.peek(EntityKey::of::<E>(id)).await?;
        Ok(found.state.as_any().downcast_ref::<E>().cloned().unwrap_or_default())
    }

    /// Orders what the page is now.
    async fn order(&self, (contract, id): (EntityId, EntityId), page: &PageRow) -> Result<(), Problem> {
        let Page::Own(own) = self.peek(page.id).await? else { return Ok(()) };
        let Some((name, caller)) = itself() else { return Ok(()) };
        let entity = EntityKey::of::<PageDelivery>(id);
        let Some(shown) = &own.shown else { return Ok(()) };
        let key = format!("revision-{}", shown.revision);
        let command = self.secrets.command(&Principal::Reaction(name), &key, entity);
        let order = Command::Order { contract, page: own };
        let ready = Ready { entity, body: Mac::default(), command: Ok(Box::new(order)) };
        match self.runtime.submit(Submission::new(ready, command, caller)).await {
            Ok(_) => Ok(()),
            // Another look, or other terms, came before.
            Err(problem) if !problem.is_for_later() => {
                tracing::debug!(%problem, page = %page.path, %contract, "a page was not ordered");
                Ok(())
            }
            Err(problem) => Err(problem),
        }
    }
}
