//! The feed of events over a seeded sample: what is told, to whom, and from where on.

mod sent;
mod visible;

use std::collections::BTreeSet;
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use kippu_events::access::{Caller, Role};
use kippu_events::event::read_body;
use kippu_events::log::{Bound, Claim, Commit, Content, ReadLog};
use kippu_events::{EntityId, EntityKey, Family};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::runtime::Runtime;

use super::{PATIENCE, Running, SampleHistory, Scripted, end_of, entries, runtime, seed};
use crate::error::QueryError;
use crate::feed::{Asked, Feed, Feeds, Limits, News};
use crate::queries::Moment;

/// So little at once that pages end everywhere, between two events of a record too.
const LITTLE: Limits = Limits { read: Bound { entries: 3, bytes: 1 << 20 }, told: 1 };
/// Nobody waits for what does not come.
const NO_WAIT: Duration = Duration::ZERO;

/// What a client makes of an event.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Told {
    id: String,
    kind: String,
    data: String,
}

impl Told {
    fn json(&self) -> Value {
        serde_json::from_str(&self.data).expect("JSON")
    }

    fn subject(&self) -> EntityKey {
        self.json()["subject"].as_str().expect("a subject").parse().expect("an entity")
    }
}

/// The events in `text`, and the id that counts behind it.
fn parse(text: &str) -> (Vec<Told>, Option<String>) {
    let (mut all, mut last) = (Vec::new(), None);
    for block in text.split_terminator("\n\n") {
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        last = field("id: ").or(last);
        if let (Some(id), Some(kind), Some(data)) = (field("id: "), field("event: "), field("data: ")) {
            all.push(Told { id, kind, data });
        }
    }
    (all, last)
}

/// Everything in the log, in the order of each partition: subject, kind and the event as it lies there.
fn in_log(log: &dyn ReadLog) -> Vec<(EntityKey, String, String)> {
    let mut all = Vec::new();
    for partition in 0..log.partitions() {
        for (_, stored) in entries(log, partition) {
            let Content::Commit(commit) = kippu_events::log::Record::decode(&stored).expect("a record").content else {
                continue;
            };
            let raw: Vec<&RawValue> = serde_json::from_slice(commit.body).expect("JSON");
            for (event, raw) in read_body(commit.body).expect("events").iter().zip(raw) {
                all.push((event.entity, event.kind.to_owned(), raw.get().to_owned()));
            }
        }
    }
    all
}

/// The same of what was told, brought into the order of partitions; within each it is as it was told.
fn by_partition(told: &[Told]) -> Vec<(EntityKey, String, String)> {
    let partition = |told: &Told| {
        let id = told.json()["id"].as_str().expect("an id").to_owned();
        id.split('-').next().and_then(|partition| partition.parse::<u16>().ok()).expect("a partition")
    };
    let mut told: Vec<&Told> = told.iter().collect();
    told.sort_by_key(|told| partition(told));
    told.into_iter().map(|told| (told.subject(), told.kind.clone(), told.data.clone())).collect()
}

/// A log with views over it, and its feeds.
struct Scene {
    runtime: Runtime,
    sample: SampleHistory,
    log: Arc<Scripted>,
    running: Running,
    limits: Limits,
    /// Nothing while the views are stopped.
    feeds: Option<Feeds>,
}

impl Scene {
    fn new(partitions: u16, beats: usize, limits: Limits) -> Self {
        let mut sample = SampleHistory::new(seed(), partitions);
        let log = Scripted::telling(&mut sample, beats);
        let running = Running::over(log.clone());
        let feeds = Feeds::with(running.queries(), limits, NO_WAIT);
        let scene = Self { runtime: runtime(), sample, log, running, limits, feeds: Some(feeds) };
        scene.catch_up();
        scene
    }

    /// Waits until the views reflect all that is in the log.
    fn catch_up(&self) {
        let at = Moment::Cut(end_of(&*self.log));
        for view in crate::catalogue::views() {
            self.runtime.block_on(self.running.queries().reach(view.name(), &at, PATIENCE)).expect("reflected");
        }
    }

    fn open(&self, caller: &Caller, query: &[(&str, &str)], last: Option<&str>) -> Result<Feed, QueryError> {
        let pairs = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let feeds = self.feeds.as_ref().expect("the views run");
        self.runtime.block_on(feeds.open(caller, Asked::of(pairs, last)?))
    }

    /// The next page, if there is more already.
    fn page(&self, feed: &mut Feed) -> Option<String> {
        self.runtime.block_on(async {
            let news = tokio::select! {
                biased;
                news = feed.news() => news,
                () = ready(()) => return None,
            };
            assert_eq!(news, Ok(News::More));
            Some(feed.read().await.expect("read"))
        })
    }

    /// Everything that there is for `caller` from the beginning on.
    fn all(&self, caller: &Caller, query: &[(&str, &str)]) -> Vec<Told> {
        let query = [query, &[("from", "beginning")]].concat();
        let mut feed = self.open(caller, &query, None).expect("open");
        let mut text = String::new();
        while let Some(page) = self.page(&mut feed) {
            text.push_str(&page);
        }
        parse(&text).0
    }
}

/// Follows as `caller` while the sample goes on, and loses its connection again and again in the middle of what it is sent.
fn follow_and_disconnect(scene: &mut Scene, caller: &Caller, rounds: usize, rng: &mut StdRng) -> Vec<Told> {
    let (mut all, mut last): (Vec<Told>, Option<String>) = (Vec::new(), None);
    for _ in 0..rounds {
        let mut feed = scene.open(caller, &[("from", "beginning")], last.as_deref()).expect("open");
        let mut text = feed.beginning();
        for _ in 0..rng.random_range(0..12) {
            text.push_str(&scene.page(&mut feed).unwrap_or_default());
            if rng.random_ratio(1, 4) {
                text.push_str(&feed.keep_alive());
            }
        }
        // What is not whole is as if it had not been sent.
        let cut = if rng.random() { text.len() } else { rng.random_range(0..=text.len()) };
        let whole = text[..cut].rfind("\n\n").map_or("", |end| &text[..end + 2]);
        let (told, id) = parse(whole);
        all.extend(told);
        last = id.or(last);
        for _ in 0..rng.random_range(0..4) {
            scene.log.tell(&mut scene.sample);
        }
        scene.catch_up();
        if rng.random_ratio(1, 10) {
            drop(feed);
            scene.feeds = None;
            scene.running.stop();
            let partition = rng.random_range(0..scene.log.partitions());
            scene.log.claim(partition, 1);
            scene.running.start();
            scene.feeds = Some(Feeds::with(scene.running.queries(), scene.limits, NO_WAIT));
            scene.catch_up();
        }
    }
    let mut feed = scene.open(caller, &[("from", "beginning")], last.as_deref()).expect("open");
    while let Some(page) = scene.page(&mut feed) {
        all.extend(parse(&page).0);
    }
    all
}

/// Shows F48.
#[test]
fn every_event_comes_once_and_in_order_wherever_the_connection_is_lost() {
    let mut scene = Scene::new(4, 60, LITTLE);
    let mut rng = StdRng::seed_from_u64(seed());
    let all = follow_and_disconnect(&mut scene, &Caller::OPERATOR, 150, &mut rng);
    assert_eq!(by_partition(&all), in_log(&*scene.log));
    assert!(all.len() > 150, "{}", all.len());
    assert!(all.iter().any(|told| told.id.split('-').count() == 4), "some lie within a record");
}

/// Shows F48.
#[test]
fn a_caller_of_some_rows_has_each_of_their_events_once_too() {
    let mut scene = Scene::new(4, 60, LITTLE);
    let mut rng = StdRng::seed_from_u64(seed());
    let user = scene.sample.users[0];
    let terminal = Caller::of_client(scene.sample.terminals[0], Role::Terminal, Some(user));
    let all = follow_and_disconnect(&mut scene, &terminal, 150, &mut rng);
    // Whose approval it is never changes: all of its events are shown, and all of the user's own.
    let of_user = |entity: EntityKey| {
        let approvals = scene.sample.approvals.iter().filter(|(_, of, _)| *of == user);
        let approvals: BTreeSet<EntityId> = approvals.map(|(id, ..)| *id).collect();
        match entity.family {
            Family::Users => entity.id == user,
            Family::Approvals => approvals.contains(&entity.id),
            // What is for sale everybody may see.
            Family::Products | Family::ShopTerms => true,
            Family::Clients
            | Family::Placements
            | Family::Peers
            | Family::SigningKeys
            | Family::Sessions
            | Family::Webhooks
            | Family::Disclosures
            | Family::Settlements
            | Family::SettlerTerms
            | Family::Credits
            | Family::Purchases
            | Family::Challenges
            | Family::Offers
            | Family::Contracts
            | Family::AccessBatches
            | Family::FeeReports
            | Family::FeeStatements
            | Family::Pages
            | Family::PageDeliveries
            | Family::PageRequests
            | Family::Stocks
            | Family::Collections
            | Family::Members
            | Family::MemberActions
            | Family::MemberVisits
            | Family::Kits => false,
        }
    };
    let expected: Vec<_> = in_log(&*scene.log).into_iter().filter(|(entity, ..)| of_user(*entity)).collect();
    let kinds = |all: &[(EntityKey, String, String)]| -> Vec<_> {
        all.iter().map(|(entity, kind, _)| (*entity, kind.clone())).collect()
    };
    assert!(expected.len() > 10);
    assert_eq!(kinds(&by_partition(&all)), kinds(&expected));
}
