//! Writers of several nodes that race for one partition.

use std::sync::mpsc::channel;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::history::History;
use super::*;
use crate::log::{Commit, Head};

/// What one writer was told of one claim: each number with the body behind it.
type Answered = Vec<(u64, Vec<u8>)>;

/// Claims, appends a few records in bursts, and gives up at a moment of its own; what it was answered.
fn race(log: &Arc<KafkaLog>, rng: &mut StdRng, me: usize, round: u64) -> Answered {
    let (sender, progress) = channel();
    let listener: Listener = Arc::new(move |news| drop(sender.send(news)));
    let Ok(Claimed { mut writer, mut head }) = log.claim(0, &claimant(), listener) else { return Vec::new() };
    let (first, mut durable) = (head.number + 1, head.number);
    let mut sent = Vec::new();
    let mut ended = false;
    for burst in 0..rng.random_range(1..4) {
        for index in 0..rng.random_range(0..6) {
            let body = format!("[{{\"id\":\"{me}-{round}-{burst}-{index}\"}}]").into_bytes();
            let commit =
                Commit { epoch: head.epoch, number: head.number + 1, prev: head.hash, acked: durable, body: &body };
            let (stored, hash) = Content::Commit(commit).encode();
            if writer.append(head.number + 1, stored).is_err() {
                break;
            }
            head = Head { number: head.number + 1, hash, ..head };
            sent.push(body);
        }
        while durable < head.number && rng.random_bool(0.9) && !ended {
            match progress.recv_timeout(PATIENCE).unwrap() {
                Progress::Durable(number) => durable = number,
                Progress::Owned(_) => {}
                Progress::Ended(_) => ended = true,
            }
        }
    }
    let answered = usize::try_from(durable - (first - 1)).unwrap();
    (first..).zip(sent).take(answered).collect()
}

/// Shows F6.
/// Keeps L4, T1.
#[test]
fn writers_that_race_are_never_answered_for_what_does_not_count() {
    let seed: u64 = std::env::var("KIPPU_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    let rounds: u64 = std::env::var("KIPPU_RACES").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(30);
    println!("races: KIPPU_SEED={seed}");
    let address = created("race");
    let logs: Vec<_> = (0..3).map(|_| KafkaLog::open(&address, &trying_out()).unwrap()).collect();
    let racing = |(me, log): (usize, &Arc<KafkaLog>)| {
        let (log, mut rng) = (log.clone(), StdRng::seed_from_u64(seed + me as u64));
        std::thread::spawn(move || (0..rounds).flat_map(|round| race(&log, &mut rng, me, round)).collect::<Answered>())
    };
    let threads: Vec<_> = logs.iter().enumerate().map(racing).collect();
    let answered: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    drop(logs);

    let history = History::of(&KafkaLog::open(&address, &trying_out()).unwrap(), 0);
    for (number, body) in &answered {
        assert_eq!(history.body(*number), body, "record {number} was answered to another writer");
    }
    println!("races: {rounds} rounds of 3 writers, {} answered, {history}", answered.len());
    assert!(!answered.is_empty());
}
