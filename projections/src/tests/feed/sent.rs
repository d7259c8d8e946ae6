//! What webhooks are sent: the feed, an event at a time.

use super::*;
use crate::feed::{Begin, Told as Sent};

impl Scene {
    /// The next event for `caller` from `begin` on, if there is one already, read in `first` before other partitions.
    fn sent(&self, caller: &Caller, begin: Begin, first: Option<u16>) -> Option<Sent> {
        let feeds = self.feeds.as_ref().expect("the views run");
        self.runtime.block_on(async {
            let mut feed = feeds.open_own(caller, Asked::sent(Vec::new(), begin)).await.expect("open");
            if let Some(first) = first {
                feed.begin_with(first);
            }
            loop {
                tokio::select! {
                    biased;
                    news = feed.news() => assert_eq!(news, Ok(News::More)),
                    () = ready(()) => return None,
                }
                if let Some(sent) = feed.read_one().await.expect("read") {
                    return Some(sent);
                }
            }
        })
    }

    /// All of them, each from behind the one before.
    fn all_sent(&self, caller: &Caller, mut begin: Begin) -> Vec<Sent> {
        let mut all = Vec::new();
        while let Some(sent) = self.sent(caller, begin, None) {
            // A try after the first finds the same one.
            let again = self.sent(caller, Begin::After(sent.before.clone()), Some(sent.event.partition));
            assert_eq!(again.as_ref().map(|again| (&again.event, &again.data)), Some((&sent.event, &sent.data)));
            begin = Begin::After(sent.behind.parse().expect("an id of the feed"));
            all.push(sent);
        }
        all
    }

    fn event(&self, caller: &Caller, id: kippu_events::event::EventId) -> Option<Sent> {
        let feeds = self.feeds.as_ref().expect("the views run");
        self.runtime.block_on(feeds.event(caller, id)).expect("read")
    }
}

fn of_webhooks(told: &(EntityKey, String, String)) -> bool {
    told.0.family == Family::Webhooks
}

fn sorted(sent: &[Sent]) -> Vec<String> {
    let mut sent: Vec<&Sent> = sent.iter().collect();
    sent.sort_by_key(|sent| sent.event.partition);
    sent.into_iter().map(|sent| sent.data.clone()).collect()
}

#[test]
fn every_event_is_sent_once_and_in_order_but_those_of_webhooks() {
    let scene = Scene::new(3, 1_200, LITTLE);
    let all = scene.all_sent(&Caller::OPERATOR, Begin::Beginning);
    let in_log = in_log(&*scene.log);
    assert!(in_log.iter().any(of_webhooks), "the sample has some");
    let expected: Vec<String> =
        in_log.iter().filter(|told| !of_webhooks(told)).map(|(.., data)| data.clone()).collect();
    assert_eq!(sorted(&all), expected);
    // Any of them is found by its id.
    for sent in all.iter().step_by(7) {
        let found = scene.event(&Caller::OPERATOR, sent.event).expect("it is there");
        assert_eq!((found.event, &found.data), (sent.event, &sent.data));
    }
}

#[test]
fn what_a_client_may_not_see_is_not_sent_to_it_and_not_found_by_its_id() {
    let scene = Scene::new(2, 300, LITTLE);
    let settler = Caller::of_client(scene.sample.settlers[0], Role::Settler, None);
    let sent = scene.all_sent(&settler, Begin::Beginning);
    let told = scene.all(&settler, &[]);
    let mut expected: Vec<String> = by_partition(&told).into_iter().map(|(.., data)| data).collect();
    expected.retain(|data| !data.contains("\"webhook."));
    assert_eq!(sorted(&sent), expected);
    assert!(!sent.is_empty());
    let seen: BTreeSet<_> = sent.iter().map(|sent| sent.event).collect();
    for other in scene.all_sent(&Caller::OPERATOR, Begin::Beginning).iter().step_by(5) {
        assert_eq!(scene.event(&settler, other.event).is_some(), seen.contains(&other.event), "{:?}", other.event);
    }
}

#[test]
fn what_was_decided_by_a_time_is_not_sent_from_there_on() {
    let scene = Scene::new(3, 100, LITTLE);
    let all = scene.all_sent(&Caller::OPERATOR, Begin::Beginning);
    let middle = {
        let mut times: Vec<_> = all.iter().map(|sent| sent.time).collect();
        times.sort_unstable();
        times[times.len() / 2]
    };
    let later: Vec<Sent> = all.into_iter().filter(|sent| sent.time > middle).collect();
    assert!(later.len() > 10);
    assert_eq!(sorted(&scene.all_sent(&Caller::OPERATOR, Begin::Time(middle))), sorted(&later));
}
