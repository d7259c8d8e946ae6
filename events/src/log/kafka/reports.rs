//! What the brokers confirm of this process's own writes. Where the confirmed records of a writer lie one behind the other
//! from its claim on, nothing of anybody else lies between them, and they count without being read back first.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::OpenError;
use super::partition_state::Delivered;
use super::place::Place;

/// Starts the thread that tells writers. It ends when nobody can report any more.
pub(super) fn start(places: Arc<[Place]>) -> Result<Sender<Delivered>, OpenError> {
    let (report, reports) = channel();
    std::thread::Builder::new()
        .name("kafka-told".to_owned())
        .spawn(move || run(&places, &reports))
        .map_err(|error| OpenError::Thread(error.to_string()))?;
    Ok(report)
}

fn run(places: &[Place], reports: &Receiver<Delivered>) {
    while let Ok(first) = reports.recv() {
        // Whatever has come meanwhile is told together.
        let mut by_partition: BTreeMap<u16, Vec<Delivered>> = BTreeMap::new();
        for one in std::iter::once(first).chain(reports.try_iter()) {
            by_partition.entry(one.partition).or_default().push(one);
        }
        for (partition, all) in by_partition {
            let Some(place) = places.get(usize::from(partition)) else { continue };
            let mut state = place.state();
            all.iter().for_each(|one| state.delivered(one));
            state.settle();
            drop(state);
            place.tell();
        }
    }
}
