//! Sees to it that a party that has joined by a kit of this main site comes to be a peer, and is proposed the terms of the kit. What
//! is to be done follows from the kits that there are, so what a crash cut off is done at the next start.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use kippu_actors::access::peers;
use kippu_actors::erased::Ready;
use kippu_actors::partners::contracts::hash_of;
use kippu_actors::partners::contracts::request::{Command, Doing};
use kippu_actors::problem::Problem;
use kippu_actors::runtime::{Runtime, Submission};
use kippu_events::access::Role;
use kippu_events::access::peers::Peer;
use kippu_events::event::Mac;
use kippu_events::partners::contracts::{self, Contract};
use kippu_events::partners::kits::{Joined, Kit, Known, Standing};
use kippu_events::secrets::Secrets;
use kippu_events::{Entity, EntityId, EntityKey, Principal};
use kippu_projections::{Queries, QueryError};
use serde::Deserialize;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::bringing::{named, rows};

/// The least time between two looks, however fast views move.
const PACE: Duration = Duration::from_millis(200);
/// A look without a word from the views: entities of other nodes come to this one.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// As who the node does it.
const NAME: &str = "kits";

/// A kit, of its row.
#[derive(Deserialize)]
struct KitRow {
    id: EntityId,
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
pub(crate) struct Enrolling {
    queries: Queries,
    runtime: Runtime,
    secrets: Arc<Secrets>,
    done: HashSet<EntityId>,
}

impl Enrolling {
    /// By the kits that these queries show, with the entities of this runtime.
    pub(crate) fn new(queries: Queries, runtime: Runtime, secrets: Arc<Secrets>) -> Self {
        Self { queries, runtime, secrets, done: HashSet::new() }
    }

    /// Goes on for as long as it is polled.
    pub(crate) async fn go_on(mut self) {
        let (mut moves, mut pace) = (self.queries.moves(), interval(PACE));
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            pace.tick().await;
            if let Err(error) = self.look().await {
                tracing::debug!(%error, "kits could not be looked at; it is tried again");
            }
            match timeout(LOOK_EVERY, moves.next()).await {
                Ok(true) | Err(_) => {}
                Ok(false) => return,
            }
        }
    }

    async fn look(&mut self) -> Result<(), NotSeen> {
        let kits: Vec<KitRow> = rows(&self.queries, "kits", &[("state", "joined".to_owned())]).await?;
        for KitRow { id } in kits.into_iter().filter(|kit| !self.done.contains(&kit.id)).collect::<Vec<_>>() {
            let found = self.runtime.peek(EntityKey::of::<Kit>(id)).await?;
            let Some(known) = found.state.as_any().downcast_ref::<Kit>().and_then(Kit::known).cloned() else {
                continue;
            };
            let Standing::Joined(joined) = &known.standing else { continue };
            // What another node serves, that node does, or this one once it serves that.
            if self.register(id, joined).await? && self.propose(id, &known, joined.party).await? {
                self.done.insert(id);
            }
        }
        Ok(())
    }

    /// The party is a peer from now on, where it was none.
    async fn register(&self, kit: EntityId, joined: &Joined) -> Result<bool, Problem> {
        let Joined { party, name, url, keys } = joined.clone();
        // Checked when it joined.
        let (Ok(name), Ok(url)) = (name.try_into(), url.try_into()) else { return Ok(true) };
        let open = peers::Open { party, name, url, roles: vec![Role::PartnerSite], keys };
        self.submit::<Peer>(party, kit, Box::new(peers::Request::Open(open))).await
    }

    /// It is proposed the terms of the kit, where it was proposed none.
    async fn propose(&self, kit: EntityId, known: &Known, partner: EntityId) -> Result<bool, Problem> {
        let main = self.secrets.party;
        let (from, terms) = (known.from, Box::new(known.terms.0.clone()));
        let sha256 = hash_of(&terms);
        let doing = Doing::Propose { partner, number: 1, from, terms, sha256 };
        let id = contracts::id_of(main, partner);
        self.submit::<Contract>(id, kit, Box::new(Command::Do { by: main, here: true, doing })).await
    }

    /// Gives a command once for each kit; false where another node serves its entity. A rule that says no has been there before: a party that was known, or that has a contract.
    async fn submit<E: Entity>(
        &self,
        id: EntityId,
        kit: EntityId,
        command: kippu_actors::erased::AnyCommand,
    ) -> Result<bool, Problem> {
        let entity = EntityKey::of::<E>(id);
        let Some((name, caller)) = named(NAME).filter(|_| self.runtime.serves(entity)) else { return Ok(false) };
        let mac = self.secrets.command(&Principal::Reaction(name), &kit.to_string(), entity);
        let ready = Ready { entity, body: Mac::default(), command: Ok(command) };
        match self.runtime.submit(Submission::new(ready, mac, caller)).await {
            Ok(_) => Ok(true),
            Err(problem) if !problem.is_for_later() => {
                tracing::debug!(%problem, %entity, %kit, "nothing followed from a kit");
                Ok(true)
            }
            Err(problem) => Err(problem),
        }
    }
}
