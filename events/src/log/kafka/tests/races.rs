//! Writers of several nodes that race for one partition.

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::history::History;
use super::*;
use crate::log::suite::seed;

/// What one writer was told of one claim: each number with the body behind it.
type Answered = Vec<(u64, Vec<u8>)>;

/// Claims, appends a few records in bursts, and gives up at a moment of its own; what it was answered.
fn race(log: &Arc<KafkaLog>, rng: &mut StdRng, me: usize, round: u64) -> Answered {
    let Ok(mut writer) = TestWriter::try_claim(log, 0) else { return Vec::new() };
    let (first, mut sent, mut ended) = (writer.head.number + 1, Vec::new(), false);
    for burst in 0..rng.random_range(1..4) {
        for index in 0..rng.random_range(0..6) {
            let body = format!("[{{\"id\":\"{me}-{round}-{burst}-{index}\"}}]").into_bytes();
            if writer.append(&body).is_err() {
                break;
            }
            sent.push(body);
        }
        while writer.durable < writer.head.number && rng.random_bool(0.9) && !ended {
            ended = matches!(writer.hear(), Progress::Ended(_));
        }
    }
    let answered = usize::try_from(writer.durable + 1 - first).unwrap();
    (first..).zip(sent).take(answered).collect()
}

/// Shows F6.
/// Keeps L4, T1.
#[test]
fn writers_that_race_are_never_answered_for_what_does_not_count() {
    let seed = seed();
    let rounds: u64 = std::env::var("KIPPU_RACES").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(30);
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
        assert_eq!(history.body(*number).as_ref(), Some(body), "record {number} was answered to another writer");
    }
    println!("races: {rounds} rounds of 3 writers, {} answered, {history}", answered.len());
    assert!(!answered.is_empty());
}
