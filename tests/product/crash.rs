//! SIGKILL at random points under load, again and again on the same data. What clients were told must be there, what they
//! were not told must have happened once or not at all, and every retry must be answered as the first time.
//! `KIPPU_CRASHES=500 cargo test --release crash` does more rounds.

use rand::Rng as _;

use crate::fixture::{Node, say, seeded};
use crate::load::Load;
use crate::script;

const ROUNDS: u64 = 30;
const CLIENTS: u64 = 8;
/// Answers of a round before the node is killed, at most: long enough for every kind of command to be under way.
const MOST_ANSWERS: u64 = 160;

/// Shows F12, F18, F35. Keeps L1, E2, E3, T1, T2.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_answered_is_lost_or_doubled_by_crashes() {
    let rounds = std::env::var("KIPPU_CRASHES").map_or(ROUNDS, |n| n.parse().expect("KIPPU_CRASHES is a number"));
    let mut rng = seeded("crash");
    let mut node = Node::start_with(&["--rate-per-second", "0"]);
    let load = Load::start(node.market(script::LIMIT), node.operators(), CLIENTS, &mut rng).await;
    for _ in 0..rounds {
        load.answers(rng.random_range(1..=MOST_ANSWERS)).await;
        node.crash();
        load.moved(node.operators());
    }
    let (answers, longest) = load.end(&node.operators()).await;
    node.kill();
    node.assert_sound();
    let longest = longest.as_secs_f64();
    say(&format!("crash: {rounds} rounds, {answers} answers, the longest wait {longest:.1} s: 0 lost, 0 doubled"));
}
