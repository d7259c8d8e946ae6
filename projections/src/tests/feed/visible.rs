//! Who is told which events, and how the feed is asked.

use super::*;

/// Shows F48.
#[test]
fn a_settler_has_thin_events_of_what_it_redeemed_and_never_anothers() {
    let scene = Scene::new(2, 600, Limits::default());
    let mut seen = 0;
    for settler in scene.sample.settlers.clone() {
        let caller = Caller::of_client(settler, Role::Settler, None);
        let told = scene.all(&caller, &[("family", "approvals")]);
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
        (Caller::of_client(id, Role::Shop, None), &[("family", "approvals")][..]),
        (Caller::of_client(id, Role::Terminal, None), &[("family", "users")]),
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
    scene.feeds.as_ref().expect("the views run").end();
    assert_eq!(scene.runtime.block_on(feed.news()), Ok(News::Over));
    assert!(matches!(scene.open(&Caller::OPERATOR, &[], None).map(|_| ()), Err(QueryError::Stopped)));
    // Without views nobody knows what is shown.
    scene.feeds = Some(Feeds::with(scene.running.queries(), Limits::default(), NO_WAIT));
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
