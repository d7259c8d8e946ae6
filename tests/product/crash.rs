//! SIGKILL at random points under load, again and again on the same data. What clients were told must be there, what they
//! were not told must have happened once or not at all, and every retry must be answered as the first time.
//! `KIPPU_CRASHES=500 cargo test --release crash` does more rounds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rand::Rng as _;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::fixture::{Node, say, seeded};
use crate::script::{self, Script, Told};

const ROUNDS: u64 = 30;
const CLIENTS: u64 = 8;
/// Answers of a round before the node is killed, at most: long enough for every kind of command to be under way.
const MOST_ANSWERS: u64 = 160;

/// Shows F12, F18, F35. Keeps L1, E2, E3, T1, T2.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_answered_is_lost_or_doubled_by_crashes() {
    let rounds = std::env::var("KIPPU_CRASHES").map_or(ROUNDS, |n| n.parse().expect("KIPPU_CRASHES is a number"));
    let mut rng = seeded("crash");
    let mut node = Node::start();
    let market = node.market(script::LIMIT).await;
    let settlers = [market.settler("one").await.key, market.settler("two").await.key];
    let operator = market.operator.key.clone();
    let mut scripts: Vec<_> =
        (0..CLIENTS).map(|client| Script::new(client, rng.random(), operator.clone(), settlers.clone())).collect();
    let (mut told, mut lost) = (Vec::new(), 0);

    for _ in 0..rounds {
        let answers = Arc::new(Answers::new(rng.random_range(1..=MOST_ANSWERS)));
        let mut clients = JoinSet::new();
        for script in scripts.drain(..) {
            let (caller, answers) = (node.caller(""), Arc::clone(&answers));
            clients.spawn(async move { script.play(caller, || answers.count()).await });
        }
        answers.enough.notified().await;
        node.crash();

        let mut fresh: Vec<Told> = Vec::new();
        for mut script in clients.join_all().await {
            lost += u64::from(script.is_waiting());
            fresh.append(&mut script.told);
            scripts.push(script);
        }
        script::assert_told_again(&fresh, &[node.caller("")]).await;
        told.append(&mut fresh);
    }

    // Whatever was not answered is asked again, to its end; then every account is what its owner was told.
    for script in &mut scripts {
        script.finish(node.caller("")).await;
        told.append(&mut script.told);
    }
    for script in &scripts {
        script.assert_accounts(&node.operator()).await;
    }
    script::assert_told_again(&told, &[node.caller("")]).await;
    node.kill();
    node.assert_sound();
    let answers = told.len();
    say(&format!("crash: {rounds} rounds, {answers} answers, {lost} requests without one: 0 lost, 0 doubled"));
}

/// Counts a round's answers.
struct Answers {
    left: AtomicU64,
    enough: Notify,
}

impl Answers {
    fn new(enough: u64) -> Self {
        Self { left: AtomicU64::new(enough), enough: Notify::new() }
    }

    fn count(&self) {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.enough.notify_one();
        }
    }
}
