//! What the runner finds in the store when it opens it, and what it makes of that.

use std::collections::BTreeMap;
use std::sync::Arc;

use kippu_events::log::{ReadLog, Record};

use super::engine::{Engine, Frozen};
use super::flight::{Flight, Member, Purpose};
use super::published::Reached;
use crate::cursor::Cursor;
use crate::locate;
use crate::store::{Batch, Instance, Store, StoreError};

impl Engine {
    /// Finds the instance of each view, makes those that are missing, deletes those that nobody needs.
    pub(super) fn muster(&mut self) -> Result<(), StoreError> {
        let store = self.ground.store.clone();
        let snap = store.snapshot();
        let mut instances: BTreeMap<u32, Instance> = snap.instances()?.into_iter().collect();
        let tracks = snap.tracks()?;
        self.next_id = instances.keys().chain(&tracks).max().map_or(1, |last| last + 1);
        let mut batch = Batch::default();
        let mut members: BTreeMap<u32, Vec<Member>> = BTreeMap::new();
        let new_track = self.fresh_id();
        for view in self.views.clone() {
            let member = |instance, purpose| Member { instance, view: view.clone(), purpose };
            if let Some((id, live)) = snap.live(view.name())? {
                instances.remove(&id);
                if live.revision == view.revision() {
                    members.entry(live.track).or_default().push(member(id, Purpose::Live));
                    continue;
                }
                if view.presents(live.revision) {
                    let frozen = self.freeze(id, &live, snap.track(live.track)?, &mut batch);
                    self.frozen.insert(view.name(), frozen);
                } else {
                    batch.not_live(view.name());
                    batch.no_instance(id);
                }
            }
            let begun = |instance: &Instance| instance.view == view.name() && instance.revision == view.revision();
            let (id, track) = match instances.iter().find(|(_, instance)| begun(instance)).map(|(id, i)| (*id, i.track))
            {
                Some((id, track)) => {
                    instances.remove(&id);
                    (id, track)
                }
                None => (self.fresh_id(), new_track),
            };
            batch.instance(id, &Instance { view: view.name().to_owned(), revision: view.revision(), track });
            members.entry(track).or_default().push(member(id, Purpose::Filling));
        }
        for (id, instance) in instances {
            if !self.views.iter().any(|view| view.name() == instance.view) {
                batch.not_live(&instance.view);
            }
            batch.no_instance(id);
        }
        for track in tracks {
            if !members.contains_key(&track) {
                batch.no_track(track);
            }
        }
        for (track, members) in members {
            let cursors = if track == new_track {
                let cursors = vec![Cursor::default(); self.goal.len()];
                batch.track(track, &cursors);
                cursors
            } else {
                snap.track(track)?
            };
            let mut flight = Flight::new(track, cursors);
            flight.members = members;
            self.flights.push(flight);
        }
        if self.flights.is_empty() {
            self.flights.push(Flight::new(new_track, vec![Cursor::default(); self.goal.len()]));
        }
        let read = |flight: &Flight| flight.reached.cursors.iter().map(|cursor| cursor.offset).sum::<u64>();
        self.flights.sort_by_key(|flight| std::cmp::Reverse(read(flight)));
        store.write(batch)
    }

    /// Gives an instance that is no longer fed a track of its own, so that its cut stays true.
    fn freeze(&mut self, id: u32, live: &Instance, cursors: Vec<Cursor>, batch: &mut Batch) -> Frozen {
        let track = self.fresh_id();
        batch.track(track, &cursors);
        batch.instance(id, &Instance { track, ..live.clone() });
        let halts = vec![None; cursors.len()];
        Frozen { instance: id, revision: live.revision, track, reached: Arc::new(Reached { cursors, halts }) }
    }
}

/// Whether every cursor in the store names a record that the log has.
pub(super) fn is_of_this_history(log: &dyn ReadLog, store: &Store, ends: &[u64]) -> Result<bool, StoreError> {
    let snap = store.snapshot();
    for track in snap.tracks()? {
        for (index, cursor) in (0..).zip(snap.track(track)?) {
            let Some(taken) = cursor.taken else { continue };
            if ends[usize::from(index)] < cursor.offset {
                return Ok(false);
            }
            // A log that cannot be read, or a record that has become unreadable, is no other history: the fold will
            // meet and name it.
            if let Ok(entry) = locate::entry(log, index, taken.at)
                && let Ok(record) = Record::decode(&entry.stored)
                && record.digest != taken.digest
            {
                return Ok(false);
            }
        }
    }
    Ok(true)
}
