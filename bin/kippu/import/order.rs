//! Which lines may run: those that name one entity run one after the other, in the order of the file, each behind every
//! `open` before it.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use kippu_events::EntityKey;

use super::line::Line;

/// The lines that have not come to their end.
#[derive(Default)]
pub(super) struct Order {
    /// Wait for another line.
    parked: BTreeMap<u64, Line>,
    /// By entity, in order; only the first may run.
    queues: HashMap<EntityKey, VecDeque<u64>>,
    opens: BTreeSet<u64>,
}

/// What must be told when a line has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    Opens,
    Of(EntityKey),
    /// Names nothing that another line could name.
    Alone,
}

impl Order {
    /// Lines that wait.
    pub(super) fn parked(&self) -> usize {
        self.parked.len()
    }

    /// Takes the next line of the file; gives it back if it may run now.
    pub(super) fn add(&mut self, number: u64, line: Line) -> Option<(u64, Place, Line)> {
        let place = place_of(&line);
        match place {
            Place::Opens => {
                self.opens.insert(number);
            }
            Place::Of(entity) => self.queues.entry(entity).or_default().push_back(number),
            Place::Alone => {}
        }
        if self.may_run(number, place) {
            return Some((number, place, line));
        }
        self.parked.insert(number, line);
        None
    }

    /// Line `number` has ended; gives the lines that waited only for it.
    pub(super) fn done(&mut self, number: u64, place: Place) -> Vec<(u64, Place, Line)> {
        let candidates: Vec<u64> = match place {
            Place::Opens => {
                let was_first = self.opens.first() == Some(&number);
                self.opens.remove(&number);
                if !was_first {
                    return Vec::new();
                }
                let until = self.opens.first().copied().unwrap_or(u64::MAX);
                self.parked.range(number..until).map(|(number, _)| *number).collect()
            }
            Place::Of(entity) => {
                let Some(queue) = self.queues.get_mut(&entity) else { return Vec::new() };
                queue.pop_front();
                let next = queue.front().copied();
                if next.is_none() {
                    self.queues.remove(&entity);
                }
                next.into_iter().collect()
            }
            Place::Alone => Vec::new(),
        };
        let mut free = Vec::new();
        for number in candidates {
            let Some(place) = self.parked.get(&number).map(place_of) else { continue };
            if self.may_run(number, place)
                && let Some(line) = self.parked.remove(&number)
            {
                free.push((number, place, line));
            }
        }
        free
    }

    fn may_run(&self, number: u64, place: Place) -> bool {
        let behind_opens = self.opens.first().is_none_or(|open| *open > number);
        match place {
            Place::Opens => true,
            Place::Of(entity) => {
                behind_opens && self.queues.get(&entity).and_then(|queue| queue.front()) == Some(&number)
            }
            Place::Alone => behind_opens,
        }
    }
}

fn place_of(line: &Line) -> Place {
    match line.entity() {
        Some(entity) => Place::Of(entity),
        None if line.opens() => Place::Opens,
        None => Place::Alone,
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{Rng as _, SeedableRng as _};

    use super::super::line::tests::{ID, line};
    use super::*;

    #[test]
    fn lines_of_one_entity_run_in_order_and_behind_every_open_before_them() {
        let given = std::env::var("KIPPU_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(rand::random::<u64>);
        println!("KIPPU_SEED={seed}");
        let mut rng = StdRng::seed_from_u64(seed);
        for _ in 0..200 {
            let mut order = Order::default();
            let mut names: Vec<Option<u32>> = Vec::new();
            let mut running: Vec<(u64, Place)> = Vec::new();
            let mut ended: Vec<u64> = Vec::new();
            let mut added = 0;
            while ended.len() < 60 {
                let mut free = Vec::new();
                if added < 60 && rng.random() {
                    let name = rng.random_range(0..5_u32);
                    names.push((name > 0).then_some(name));
                    let id = ID.replace('x', &(1 + name).to_string());
                    let next = if name == 0 { line(None, "open") } else { line(Some(&id), "close") };
                    free.extend(order.add(added, next));
                    added += 1;
                } else if !running.is_empty() {
                    let (number, place) = running.swap_remove(rng.random_range(0..running.len()));
                    ended.push(number);
                    free = order.done(number, place);
                }
                for (number, place, _) in free {
                    let own = names[usize::try_from(number).unwrap()];
                    for earlier in 0..number {
                        let other = names[usize::try_from(earlier).unwrap()];
                        let waits = own.is_some() && (other.is_none() || other == own);
                        assert!(!waits || ended.contains(&earlier), "{number} overtook {earlier}: {names:?}");
                    }
                    running.push((number, place));
                }
                assert!(added < 60 || !running.is_empty() || ended.len() == 60, "nothing runs: {names:?}");
            }
            assert!(order.parked.is_empty() && order.queues.is_empty() && order.opens.is_empty());
        }
    }
}
