//! What the runner finds in the store when it opens it, and what it makes of that.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::engine::Engine;
use super::track::{Member, Purpose, Track};
use crate::cursor::Cursor;
use crate::view::View;
use crate::view_store::{Batch, Instance, Snap, StoreError};

impl Engine {
    /// Finds the instance of each view, makes those that are missing, deletes those that nobody needs.
    pub(super) fn recover(&mut self) -> Result<(), StoreError> {
        let store = self.context.store.clone();
        let snap = store.snapshot();
        let mut instances: BTreeMap<u32, Instance> = snap.instances()?.into_iter().collect();
        let tracks = snap.tracks()?;
        self.next_id = instances.keys().chain(&tracks).max().map_or(1, |last| last + 1);
        let mut batch = Batch::default();
        let mut members: BTreeMap<u32, Vec<Member>> = BTreeMap::new();
        let new_track = self.fresh_id();
        for view in self.views.clone() {
            let (track, member) = self.member(view, &snap, &mut instances, new_track, &mut batch)?;
            members.entry(track).or_default().push(member);
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
        let begin = vec![Cursor::default(); self.goal.len()];
        for (track, members) in members {
            let cursors = if track == new_track {
                batch.track(track, &begin);
                begin.clone()
            } else {
                snap.track(track)?
            };
            let mut track = Track::new(track, cursors);
            track.members = members;
            self.tracks.push(track);
        }
        if self.tracks.is_empty() {
            self.tracks.push(Track::new(new_track, begin));
        }
        let read = |track: &Track| track.reached.cursors.iter().map(|cursor| cursor.offset).sum::<u64>();
        self.tracks.sort_by_key(|track| std::cmp::Reverse(read(track)));
        store.write(batch)
    }

    /// The instance of `view` that is fed from now on, and its track: the one that answers, or one among `instances` that was
    /// being filled, or a new one. Takes what is to stay out of `instances`.
    fn member(
        &mut self,
        view: Arc<dyn View>,
        snap: &Snap<'_>,
        instances: &mut BTreeMap<u32, Instance>,
        new_track: u32,
        batch: &mut Batch,
    ) -> Result<(u32, Member), StoreError> {
        let (name, revision) = (view.name(), view.revision());
        if let Some((id, live)) = snap.live(name)? {
            instances.remove(&id);
            if live.revision == revision {
                return Ok((live.track, Member { instance: id, view, purpose: Purpose::Live }));
            }
            batch.not_live(name);
            batch.no_instance(id);
        }
        let begun = instances.iter().find(|(_, instance)| instance.view == name && instance.revision == revision);
        let begun = begun.map(|(id, instance)| (*id, instance.track));
        let (id, track) = begun.unwrap_or_else(|| (self.fresh_id(), new_track));
        instances.remove(&id);
        batch.instance(id, &Instance { view: name.to_owned(), revision, track });
        Ok((track, Member { instance: id, view, purpose: Purpose::Filling }))
    }
}
