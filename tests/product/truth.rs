//! Whether `/readyz` tells the truth: it is asked every 10 ms while commands are given, and between two answers of 200 one after
//! the other no command may be refused because of the node.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinSet;

use crate::fixture::{PATIENCE, first, say, until};
use crate::http::{Caller, Lost, Reply};

/// How often `/readyz` is asked.
const EVERY: Duration = Duration::from_millis(10);
/// A node that does not say within this that it is ready has not said so.
const ANSWER: Duration = Duration::from_secs(2);
/// Commands that are under way at once: enough that each partition has some.
const CLIENTS: usize = 24;
/// How long each waits after an answer.
const PAUSE: Duration = Duration::from_millis(5);

/// What was said to one question.
#[derive(Clone, Debug)]
struct Sample {
    asked: Instant,
    ready: bool,
    said: String,
}

/// A command that was refused because of the node.
#[derive(Clone, Debug)]
struct Refused {
    at: Instant,
    said: String,
}

/// What the threads share.
#[derive(Default)]
struct Seen {
    samples: Mutex<Vec<Sample>>,
    refused: Mutex<Vec<Refused>>,
    accepted: Mutex<Option<Instant>>,
    over: AtomicBool,
    hushed: AtomicBool,
}

/// See the module.
pub(crate) struct Truth {
    seen: Arc<Seen>,
    threads: Vec<JoinHandle<()>>,
}

impl Truth {
    /// Begins to ask the node at `url`, which need not be there yet.
    pub(crate) fn of(url: &str) -> Self {
        let seen = Arc::<Seen>::default();
        let (its, url) = (Arc::clone(&seen), url.to_owned());
        let thread = thread(async move { sample(&its, &url).await });
        Self { seen, threads: vec![thread] }
    }

    /// Begins to give commands, too, at the same node.
    pub(crate) fn commanded_by(mut self, operator: &Caller) -> Self {
        self.seen.hushed.store(false, Ordering::SeqCst);
        let (seen, operator) = (Arc::clone(&self.seen), operator.clone());
        self.threads.push(thread(async move {
            // Connections belong to the thread that has opened them.
            let operator = Caller::nobody(&operator.url, PATIENCE).with_key(&operator.key);
            let mut clients = JoinSet::new();
            for client in 0..CLIENTS {
                clients.spawn(command(Arc::clone(&seen), operator.clone(), client));
            }
            clients.join_all().await;
        }));
        self
    }

    /// Gives no more commands, once those under way are answered.
    pub(crate) fn hush(&mut self) {
        self.seen.hushed.store(true, Ordering::SeqCst);
        self.threads.drain(1..).for_each(|thread| thread.join().unwrap());
    }

    /// Waits until the node says that it is not ready, and why.
    pub(crate) async fn unready(&self, why: &str) {
        let last = first(async || self.last(), |last| last.as_ref().is_some_and(|last| !last.ready)).await;
        let said = last.map(|last| last.said).unwrap_or_default();
        if !said.contains(why) {
            let says = |last: &Option<Sample>| last.as_ref().is_some_and(|last| !last.ready && last.said.contains(why));
            until(async || self.last(), says).await;
        }
    }

    /// Waits until the node says that it is ready.
    #[track_caller]
    pub(crate) fn ready(&self) -> impl Future<Output = ()> {
        until(async || self.last(), |last| last.as_ref().is_some_and(|last| last.ready))
    }

    /// Waits until so many more commands are refused.
    pub(crate) async fn refused(&self, more: usize) {
        let enough = self.count() + more;
        until(async || self.count(), |count| *count >= enough).await;
    }

    /// Waits until a command is accepted that was answered from now on.
    pub(crate) async fn accepted(&self) {
        let now = Instant::now();
        until(async || *self.seen.accepted.lock().unwrap(), |at| at.is_some_and(|at| at > now)).await;
    }

    /// How many commands were refused so far.
    pub(crate) fn count(&self) -> usize {
        self.seen.refused.lock().unwrap().len()
    }

    fn last(&self) -> Option<Sample> {
        self.seen.samples.lock().unwrap().last().cloned()
    }

    /// Ends it. Panics where a command was refused between two answers of 200.
    #[track_caller]
    pub(crate) fn end(mut self) {
        self.seen.over.store(true, Ordering::SeqCst);
        self.threads.drain(..).for_each(|thread| thread.join().unwrap());
        let samples = self.seen.samples.lock().unwrap();
        let refused = self.seen.refused.lock().unwrap();
        let lies = refused.iter().filter(|refused| {
            let next = samples.partition_point(|sample| sample.asked < refused.at);
            let around = samples.get(next.saturating_sub(1)).zip(samples.get(next));
            around.is_some_and(|(before, after)| before.ready && after.ready)
        });
        let lies: Vec<_> = lies.collect();
        let first = lies.first().map(|lie| lie.said.as_str()).unwrap_or_default();
        assert!(lies.is_empty(), "{} of {} refused while ready: {first}", lies.len(), refused.len());
        let (asked, ready) = (samples.len(), samples.iter().filter(|sample| sample.ready).count());
        assert!(ready > 0, "it was never ready");
        say(&format!("ready: {ready} of {asked} times, {} commands refused, none of them while ready", refused.len()));
    }
}

fn thread(work: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    std::thread::spawn(move || {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work);
    })
}

async fn sample(seen: &Seen, url: &str) {
    let node = Caller::nobody(url, ANSWER);
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while !seen.over.load(Ordering::SeqCst) {
        every.tick().await;
        let asked = Instant::now();
        let (ready, said) = match node.try_get("/readyz", None).await {
            Ok(reply) => (reply.status == 200, reply.text),
            Err(Lost) => (false, "no answer".to_owned()),
        };
        seen.samples.lock().unwrap().push(Sample { asked, ready, said });
    }
}

/// Gives commands of two families, each for another entity: the partitions have their share.
async fn command(seen: Arc<Seen>, operator: Caller, client: usize) {
    let run = rand::random::<u64>();
    let mut pause = tokio::time::interval(PAUSE);
    pause.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for number in 0_u64.. {
        if seen.over.load(Ordering::SeqCst) || seen.hushed.load(Ordering::SeqCst) {
            return;
        }
        pause.tick().await;
        let key = format!("{run:x}-{client}-{number}");
        let limit = json!({ "source": "fixed", "amount": 1, "currency": "EUR" });
        // Those with a person's key are slow, and need what others do not.
        let (path, body) = match client % 8 {
            0 => ("/v1/users", json!({ "login": key, "limit": limit })),
            _ => ("/v1/placements", json!({ "label": "l" })),
        };
        if let Ok(reply) = operator.try_post(path, &key, &body).await {
            note(&seen, &reply);
        }
    }
}

fn note(seen: &Seen, reply: &Reply) {
    let at = Instant::now();
    match reply.status {
        201 => *seen.accepted.lock().unwrap() = Some(at),
        503 if reply.slug().as_deref() == Some("overloaded") => {}
        503 | 507 => seen.refused.lock().unwrap().push(Refused { at, said: reply.text.clone() }),
        status => panic!("{status}: {}", reply.text),
    }
}
