//! The feed of events over a seeded sample: what is told, to whom, and from where on.

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
    feeds: Feeds,
}

impl Scene {
    fn new(partitions: u16, beats: usize, limits: Limits) -> Self {
        let mut sample = SampleHistory::new(seed(), partitions);
        let log = Scripted::telling(&mut sample, beats);
        let running = Running::over(log.clone());
        let feeds = Feeds::with(running.queries(), limits, NO_WAIT);
        let scene = Self { runtime: runtime(), sample, log, running, feeds };
        scene.catch_up();
        scene
    }

    /// Waits until the views reflect all that is in the log.
    fn catch_up(&self) {
        let at = Moment::Cut(end_of(&*self.log));
        for view in ["history", "users", "approvals", "clients", "placements", "peers", "signing-keys"] {
            self.runtime.block_on(self.running.queries().reach(view, &at, PATIENCE)).expect("reflected");
        }
    }

    fn open(&self, caller: &Caller, query: &[(&str, &str)], last: Option<&str>) -> Result<Feed, QueryError> {
        let pairs = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.runtime.block_on(self.feeds.open(caller, Asked::of(pairs, last)?))
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
            scene.running.stop();
            let partition = rng.random_range(0..scene.log.partitions());
            scene.log.claim(partition, 1);
            scene.running.start();
            scene.feeds = Feeds::with(scene.running.queries(), LITTLE, NO_WAIT);
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
            | Family::Settlements
            | Family::SettlerTerms
            | Family::Credits
            | Family::Purchases
            | Family::Challenges
            | Family::Offers => false,
        }
    };
    let expected: Vec<_> = in_log(&*scene.log).into_iter().filter(|(entity, ..)| of_user(*entity)).collect();
    let kinds = |all: &[(EntityKey, String, String)]| -> Vec<_> {
        all.iter().map(|(entity, kind, _)| (*entity, kind.clone())).collect()
    };
    assert!(expected.len() > 10);
    assert_eq!(kinds(&by_partition(&all)), kinds(&expected));
}

/// Shows F48.
#[test]
fn a_settler_has_thin_events_of_what_it_redeemed_and_never_anothers() {
    let scene = Scene::new(2, 600, Limits::default());
    let mut seen = 0;
    for settler in scene.sample.settlers.clone() {
        let caller = Caller::of_client(settler, Role::Settler, None);
        let told = scene.all(&caller, &[]);
        for told in &told {
            let id = told.subject().id.to_string();
            let row = scene.running.queries().get("approvals", &id, &Caller::OPERATOR, false).expect("a row");
            assert_eq!(row.row.value()["settler"], settler.to_string());
            let names: BTreeSet<String> = told.json().as_object().expect("an object").keys().cloned().collect();
            assert_eq!(
                names.iter().collect::<Vec<_>>(),
                ["entityversion", "id", "source", "specversion", "subject", "time", "type"]
            );
            assert_eq!(told.json()["type"], told.kind);
        }
        let page = crate::queries::Page { limit: 1000, ..Default::default() };
        let listed = scene.running.queries().list("approvals", &caller, &page).expect("listed").rows.len();
        let of: BTreeSet<EntityKey> = told.iter().map(Told::subject).collect();
        assert_eq!(of.len(), listed, "something of each of its rows");
        seen += told.len();
    }
    assert!(seen > 100, "{seen}");
}

/// Shows F48.
#[test]
fn everything_is_shown_to_operators_and_auditors_and_nothing_to_who_sees_no_rows() {
    let scene = Scene::new(2, 100, Limits::default());
    let auditor = Caller::of_client(scene.sample.users[0], Role::Auditor, None);
    assert_eq!(by_partition(&scene.all(&auditor, &[])), in_log(&*scene.log));
    let id = scene.sample.users[0];
    for (caller, query) in [
        (Caller::of_client(id, Role::Shop, None), &[][..]),
        (Caller::of_client(id, Role::Terminal, None), &[]),
        (Caller::of_client(id, Role::Settler, None), &[("family", "users")]),
        (Caller::GUEST, &[]),
        (Caller::DEADLINE, &[]),
    ] {
        let opened = scene.open(&caller, query, None).map(|_| ());
        assert!(matches!(opened, Err(QueryError::Forbidden(_))), "{caller:?} {query:?}");
    }
}

/// Shows F48.
#[test]
fn a_feed_is_narrowed_by_family_entity_and_kind() {
    let scene = Scene::new(3, 300, LITTLE);
    let user = EntityKey { family: Family::Users, id: scene.sample.users[1] };
    let name = user.to_string();
    type Fits = fn(&EntityKey, &str, EntityKey) -> bool;
    let cases: [(&[(&str, &str)], Fits); 4] = [
        (&[("family", "users,clients")], |entity, _, _| [Family::Users, Family::Clients].contains(&entity.family)),
        (&[("entity", &name)], |entity, _, user| *entity == user),
        (&[("kind", "approval.issued,user.registered")], |_, kind, _| {
            ["approval.issued", "user.registered"].contains(&kind)
        }),
        (&[("family", "users"), ("entity", &name), ("kind", "user.amount_reserved")], |entity, kind, user| {
            *entity == user && kind == "user.amount_reserved"
        }),
    ];
    for (query, fits) in cases {
        let told = by_partition(&scene.all(&Caller::OPERATOR, query));
        let expected: Vec<_> = in_log(&*scene.log).into_iter().filter(|(e, kind, _)| fits(e, kind, user)).collect();
        assert!(!expected.is_empty(), "{query:?}");
        assert_eq!(told, expected, "{query:?}");
    }
}

/// Shows F48.
#[test]
fn who_says_nothing_has_what_comes_from_now_on_and_a_cut_of_a_query_is_gone_on_from() {
    let mut scene = Scene::new(2, 50, Limits::default());
    let mut feed = scene.open(&Caller::OPERATOR, &[], None).expect("open");
    let at = end_of(&*scene.log).to_string();
    assert!(parse(&feed.beginning()).1.is_some_and(|id| id.starts_with(&at)));
    assert_eq!(scene.page(&mut feed), None);
    scene.log.tell(&mut scene.sample);
    scene.log.tell(&mut scene.sample);
    let mut behind_cut = scene.open(&Caller::OPERATOR, &[("after", &at)], None).expect("open");
    for feed in [&mut feed, &mut behind_cut] {
        // It wakes by itself.
        let mut text = String::new();
        while parse(&text).0.len() < in_log(&*scene.log).len() - before(&scene, &at) {
            assert_eq!(scene.runtime.block_on(feed.news()), Ok(News::More));
            text.push_str(&scene.runtime.block_on(feed.read()).expect("read"));
        }
    }
}

/// How many events lie up to `cut`.
fn before(scene: &Scene, cut: &str) -> usize {
    let cut: kippu_events::log::Cut = cut.parse().expect("a cut");
    let numbers = in_log(&*scene.log).into_iter().map(|(.., event)| {
        let event: Value = serde_json::from_str(&event).expect("JSON");
        let (partition, rest) = event["id"].as_str().and_then(|id| id.split_once('-')).expect("an id");
        let number = rest.split('.').next().and_then(|number| number.parse::<u64>().ok()).expect("a number");
        (partition.parse::<usize>().expect("a partition"), number)
    });
    numbers.filter(|(partition, number)| *number <= cut.0[*partition]).count()
}

/// Shows F48.
#[test]
fn an_id_of_another_history_is_told_apart_and_one_that_is_ahead_is_not_reflected() {
    let scene = Scene::new(2, 50, Limits::default());
    let cut = end_of(&*scene.log);
    let ahead = format!("{}.{}", cut.0[0] + 1, cut.0[1]);
    let open = |id: &str| scene.open(&Caller::OPERATOR, &[], Some(id)).map(|_| ());
    assert_eq!(open(&cut.to_string()), Ok(()));
    assert!(matches!(open(&ahead), Err(QueryError::Behind { .. })));
    let other = |id: String| assert_eq!(open(&id), Err(QueryError::OtherHistory(id.clone())), "{id}");
    other(format!("{cut}.0"));
    other("1".to_owned());
    other(format!("{cut}-0123456789abcdef"));
    // The same numbers in another history have other hashes.
    let mut sample = SampleHistory::new(seed() + 1, 2);
    let log = Scripted::telling(&mut sample, 50);
    let running = Running::over(log.clone());
    running.caught_up();
    let feeds = Feeds::with(running.queries(), Limits::default(), NO_WAIT);
    let asked = Asked::of(Vec::new(), Some("2.2")).expect("asked");
    let mut feed = scene.runtime.block_on(feeds.open(&Caller::OPERATOR, asked)).expect("open");
    other(parse(&feed.beginning()).1.expect("an id"));
}

/// Shows F48. On a shared log lies what does not count: of deposed writers, and repeated.
#[test]
fn what_does_not_count_in_the_log_is_not_told_and_ids_are_gone_on_from_all_the_same() {
    let mut scene = Scene::new(1, 20, LITTLE);
    let mut rng = StdRng::seed_from_u64(seed());
    let mut all = Vec::new();
    let mut last = None;
    for round in 0..30_u8 {
        let head = scene.log.head(0);
        let stale = Commit { epoch: head.epoch - 1, number: head.number + 1, prev: head.hash, acked: 0, body: b"[]" };
        scene.log.push(0, Content::Commit(stale).encode().0);
        let late = Claim { epoch: 1, nonce: [round; 16], node: String::new(), url: String::new() };
        scene.log.push(0, Content::Claim(late).encode().0);
        let end = scene.log.end(0).expect("an end");
        scene.log.tell(&mut scene.sample);
        let repeated = scene.log.entry(0, end).expect("read").expect("an entry").stored;
        scene.log.push(0, repeated);
        if rng.random() {
            scene.log.claim(0, round);
        }
        scene.settle();
        let mut feed = scene.open(&Caller::OPERATOR, &[("from", "beginning")], last.as_deref()).expect("open");
        for _ in 0..rng.random_range(0..40) {
            let Some(page) = scene.page(&mut feed) else { break };
            let (told, id) = parse(&page);
            all.extend(told);
            last = id.or(last);
        }
    }
    let mut feed = scene.open(&Caller::OPERATOR, &[("from", "beginning")], last.as_deref()).expect("open");
    while let Some(page) = scene.page(&mut feed) {
        all.extend(parse(&page).0);
    }
    let mut expected = in_log(&*scene.log);
    let mut once = BTreeSet::new();
    expected.retain(|(.., event)| once.insert(event.clone()));
    assert_eq!(by_partition(&all), expected);
}

impl Scene {
    /// Waits until the views have read everything, also what does not count.
    fn settle(&self) {
        let ends: Vec<(u16, u64)> =
            (0..self.log.partitions()).map(|partition| (partition, self.log.end(partition).expect("an end"))).collect();
        let read = self.running.queries();
        self.runtime.block_on(read.wait_until_read("history", &ends, PATIENCE)).expect("read");
    }
}

/// Shows F48.
#[test]
fn a_feed_ends_where_the_node_stops_and_where_the_log_cannot_be_read() {
    let mut scene = Scene::new(1, 20, Limits::default());
    let mut feed = scene.open(&Caller::OPERATOR, &[], None).expect("open");
    let mut failing = scene.open(&Caller::OPERATOR, &[("from", "beginning")], None).expect("open");
    scene.log.fail_reads(0, 0..1, 1);
    assert!(matches!(scene.runtime.block_on(failing.read()), Err(QueryError::Log(_))));
    assert!(matches!(scene.runtime.block_on(failing.read()), Err(QueryError::Stopped)));
    scene.feeds.end();
    assert_eq!(scene.runtime.block_on(feed.news()), Ok(News::Over));
    assert!(matches!(scene.open(&Caller::OPERATOR, &[], None).map(|_| ()), Err(QueryError::Stopped)));
    // Without views nobody knows what is shown.
    scene.feeds = Feeds::with(scene.running.queries(), Limits::default(), NO_WAIT);
    let mut feed = scene.open(&Caller::OPERATOR, &[], None).expect("open");
    scene.running.stop();
    assert_eq!(scene.runtime.block_on(feed.news()), Err(QueryError::Stopped));
}

/// Shows F48.
#[test]
fn a_page_holds_no_more_than_it_may() {
    let limits = Limits { told: 4096, ..Limits::default() };
    let scene = Scene::new(1, 500, limits);
    let mut feed = scene.open(&Caller::OPERATOR, &[("from", "beginning")], None).expect("open");
    let largest = in_log(&*scene.log).iter().map(|(.., event)| event.len()).max().expect("events");
    let mut pages = 0;
    while let Some(page) = scene.page(&mut feed) {
        assert!(page.len() < 4096 + largest + 200, "{}", page.len());
        pages += 1;
    }
    assert!(pages > 20, "{pages}");
}
