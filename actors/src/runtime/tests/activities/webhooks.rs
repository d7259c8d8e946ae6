//! What a webhook owes lasts: there may be nothing to do for it, which is shown as nothing that is owed.

use std::sync::Mutex;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::watch;

use super::*;
use crate::access::webhooks::Came;
use crate::activity::{Executor, NoOutcome, Outcome, Task, Work};
use crate::given::NOW;

/// How an endpoint is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mood {
    /// It takes nothing.
    Refuses,
    /// It takes so many events in all, and there are no more.
    Takes(usize),
}

/// An endpoint as whoever sends it events finds it.
struct Endpoint {
    mood: watch::Sender<Mood>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    tries: usize,
    waiting: usize,
    /// Keys under which an event was taken.
    taken: Vec<String>,
}

impl Endpoint {
    fn waiting(&self) -> usize {
        self.known.lock().unwrap().waiting
    }
}

struct Sends(Arc<Endpoint>);

impl Executor for Sends {
    fn perform(&self, task: Task) -> BoxFuture<'static, Result<Outcome, NoOutcome>> {
        let endpoint = Arc::clone(&self.0);
        assert_eq!(task.work, Work::Push);
        async move {
            let (event, mut mood) = ("0-1.0".to_owned(), endpoint.mood.subscribe());
            endpoint.known.lock().unwrap().tries += 1;
            loop {
                let now = *mood.borrow_and_update();
                let taken = endpoint.known.lock().unwrap().taken.len();
                match now {
                    Mood::Refuses => {
                        task.progress.found(NOW);
                        let noted = Came::Failing { event, reason: "status-500".to_owned() }.outcome();
                        let reason = "it answers 500".to_owned();
                        return Err(NoOutcome { reason, retry_after: None, noted: Some(noted) });
                    }
                    Mood::Takes(most) if taken < most => {
                        task.progress.found(NOW);
                        endpoint.known.lock().unwrap().taken.push(task.key);
                        return Ok(Came::Delivered { event, cursor: Some("1".to_owned()) }.outcome());
                    }
                    Mood::Takes(_) => {
                        task.progress.waits();
                        endpoint.known.lock().unwrap().waiting += 1;
                        mood.changed().await.unwrap();
                        endpoint.known.lock().unwrap().waiting -= 1;
                    }
                }
            }
        }
        .boxed()
    }
}

/// Shows F44.
#[test]
fn an_endpoint_that_waits_owes_nothing_and_one_that_refuses_is_shown_with_the_reason_until_it_takes_what_there_is() {
    on_stage(|stage| async move {
        let play = stage.start("a").await;
        let (operator, client) = (Caller::OPERATOR, json!({"role": "settler", "name": "one"}));
        let client = play.run(operator, Family::Clients, None, "open", "client", client).await.unwrap().entity.id;
        let webhook = json!({"client": client, "url": "https://a.example"});
        let webhook = play.run(operator, Family::Webhooks, None, "open", "webhook", webhook).await.unwrap().entity.id;
        let endpoint = Arc::new(Endpoint { mood: watch::channel(Mood::Takes(0)).0, known: Mutex::default() });
        let (secrets, executor) = (Arc::clone(&stage.secrets), Arc::new(Sends(Arc::clone(&endpoint))));
        let activities = Activities::start(play.runtime.clone(), secrets, executor, Settings::default());
        until(async || endpoint.waiting(), |waiting| *waiting == 1).await;
        assert!(activities.list(None, 9).await.unwrap().is_empty() && activities.figures() == (0, 0));
        assert_eq!(endpoint.known.lock().unwrap().tries, 1, "it waits, and is not asked again and again");
        endpoint.mood.send_replace(Mood::Refuses);
        let tried = async || {
            activities.hurry(None);
            endpoint.known.lock().unwrap().tries
        };
        until(tried, |tries| *tries > 5).await;
        let listed = activities.list(Some(webhook), 9).await.unwrap();
        assert_eq!((listed.len(), listed[0].since, listed[0].last_error.as_deref()), (1, NOW, Some("it answers 500")));
        assert_eq!(count_all(&stage, "webhook.failing"), 1);
        endpoint.mood.send_replace(Mood::Takes(3));
        activities.hurry(None);
        until(async || endpoint.waiting(), |waiting| *waiting == 1).await;
        assert!(activities.list(None, 9).await.unwrap().is_empty());
        assert_eq!(count_all(&stage, "webhook.delivered"), 3);
        let mut keys = endpoint.known.lock().unwrap().taken.clone();
        keys.dedup();
        assert_eq!(keys.len(), 3, "each event is an activity of its own");
    });
}
