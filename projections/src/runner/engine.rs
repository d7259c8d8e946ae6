//! The runner without its thread: which instances there are, which of them are fed together, and when one takes over.

use std::path::Path;
use std::sync::Arc;

use kippu_events::log::ReadLog;
use tokio::sync::watch;

use super::OpenError;
use super::published::{Published, Showing};
use super::signal::Request;
use super::track::{Limits, Member, Purpose, RunnerContext, Stepped, Track};
use crate::cursor::Cursor;
use crate::locate::is_of_this_history;
use crate::view::View;
use crate::view_store::{Batch, StoreError, ViewStore};

/// Batches that a track behind the first gets for each of the first's, so that it catches up even where the log grows
/// as fast as the first can read.
const CATCH_UP_BATCHES: usize = 4;

/// See the module. Its first track is the one that follows the log; every other is catching up with it.
pub(crate) struct Engine {
    pub(super) context: RunnerContext,
    pub(super) views: Vec<Arc<dyn View>>,
    pub(super) tracks: Vec<Track>,
    /// Where the log ended when the runner started.
    pub(super) goal: Vec<u64>,
    caught_up: bool,
    pub(super) next_id: u32,
    published: watch::Sender<Published>,
}

impl Engine {
    /// Opens the store in `dir` and finds out what is to be done.
    pub(crate) fn open(
        log: Arc<dyn ReadLog>,
        dir: &Path,
        views: Vec<Arc<dyn View>>,
        limits: Limits,
    ) -> Result<Self, OpenError> {
        let partitions = log.partitions();
        let goal = (0..partitions).map(|partition| log.end(partition)).collect::<Result<Vec<_>, _>>()?;
        let mut store = ViewStore::open(dir, log.id(), partitions)?;
        if !is_of_this_history(&*log, &store, &goal)? {
            tracing::warn!(dir = %dir.display(), "views are of another history of this log: filled anew");
            drop(store);
            ViewStore::destroy(dir)?;
            store = ViewStore::open(dir, log.id(), partitions)?;
        }
        let mut engine = Self {
            context: RunnerContext { log, store: Arc::new(store), limits },
            views,
            tracks: Vec::new(),
            goal,
            caught_up: false,
            next_id: 1,
            published: watch::Sender::new(Published::default()),
        };
        engine.recover()?;
        engine.settle()?;
        Ok(engine)
    }

    /// The store, for readers.
    pub(crate) fn store(&self) -> Arc<ViewStore> {
        self.context.store.clone()
    }

    /// Where each partition ended when the runner started.
    pub(crate) fn goal(&self) -> Vec<(u16, u64)> {
        (0..).zip(self.goal.iter().copied()).collect()
    }

    /// What is told after each batch.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Published> {
        self.published.subscribe()
    }

    pub(super) fn fresh_id(&mut self) -> u32 {
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    /// These partitions may have more to read.
    pub(crate) fn mark(&mut self, moved: &[u16]) {
        for track in &mut self.tracks {
            moved.iter().for_each(|partition| track.mark(*partition));
        }
    }

    /// What could not be read may be readable by now.
    pub(crate) fn retry(&mut self) {
        self.tracks.iter_mut().for_each(Track::retry);
    }

    /// Whether something could not be read that may be readable later.
    pub(crate) fn is_held_up(&self) -> bool {
        self.tracks.iter().any(Track::is_held_up)
    }

    /// One batch for every track. Whether there is more to do at once.
    pub(crate) fn turn(&mut self) -> Result<bool, StoreError> {
        let Some(main) = self.tracks.first_mut() else { return Ok(false) };
        let Stepped { mut more, split } = main.step(&self.context, None, &mut self.next_id)?;
        let until: Vec<u64> = main.reached.cursors.iter().map(|cursor| cursor.offset).collect();
        self.tracks.extend(split);
        let mut all_split = Vec::new();
        for track in self.tracks.iter_mut().skip(1) {
            for _ in 0..CATCH_UP_BATCHES {
                let Stepped { more: left, split } = track.step(&self.context, Some(&until), &mut self.next_id)?;
                all_split.extend(split);
                more |= left;
                if !left {
                    break;
                }
            }
        }
        more |= !all_split.is_empty();
        self.tracks.append(&mut all_split);
        self.settle()?;
        Ok(more)
    }

    /// Joins tracks that have caught up, lets instances take over that are ready, and tells everyone.
    fn settle(&mut self) -> Result<(), StoreError> {
        self.caught_up = self.caught_up || self.tracks[0].reached.has_read_all(&self.goal);
        self.join()?;
        self.take_over()?;
        self.give_up()?;
        self.publish();
        Ok(())
    }

    fn join(&mut self) -> Result<(), StoreError> {
        let mut i = 1;
        while i < self.tracks.len() {
            let (reached, main) = (&self.tracks[i].reached, &self.tracks[0].reached);
            // A stalled view that stands where the others do is about to fall behind.
            if reached.cursors != main.cursors || reached.stall.is_some() {
                i += 1;
                continue;
            }
            let track = self.tracks.remove(i);
            let main = self.tracks[0].id;
            let mut batch = Batch::default();
            batch.no_track(track.id);
            for member in &track.members {
                batch.instance(member.instance, &member.in_track(main));
            }
            self.context.store.write(batch)?;
            for mut member in track.members {
                if let Purpose::Rebuilt(reply) = &mut member.purpose
                    && let Some(reply) = reply.take()
                    && reply.send(Ok(member.instance)).is_err()
                {
                    self.delete(member.instance)?;
                    continue;
                }
                self.tracks[0].members.push(member);
            }
        }
        Ok(())
    }

    /// Instances that were being filled answer from now on, where they have caught up. A stalled one has, once it is up to
    /// date in every other partition: rows that are filled anew answer as those did that were there before.
    fn take_over(&mut self) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        let mut any = false;
        let there = self.tracks.iter_mut().filter(|track| track.reached.has_read_all(&self.goal));
        for member in there.flat_map(|track| &mut track.members) {
            if let Purpose::Filling = member.purpose {
                any = true;
                member.purpose = Purpose::Live;
                batch.live(member.view.name(), member.instance);
            }
        }
        if any { self.context.store.write(batch) } else { Ok(()) }
    }

    /// A rebuilt instance that halts where the live one went on will never be at its cut.
    fn give_up(&mut self) -> Result<(), StoreError> {
        let mut stuck = Vec::new();
        for track in &mut self.tracks[1..] {
            // It reads nothing but what the first track has read, so it is a stall, or damage that was not there then.
            let mut halts = (0..).zip(&track.reached.halts).filter_map(|(i, halt)| Some((i, halt.as_ref()?)));
            let Some((partition, halt)) = halts.find(|(_, halt): &(u16, _)| !halt.transient) else { continue };
            for member in &mut track.members {
                if let Purpose::Rebuilt(reply) = &mut member.purpose {
                    if let Some(reply) = reply.take() {
                        let reason = format!("partition {partition} halts at offset {}: {}", halt.offset, halt.reason);
                        // Where nobody waits any more there is nobody to tell.
                        let _nobody_waits = reply.send(Err(reason));
                    }
                    stuck.push(member.instance);
                }
            }
        }
        stuck.into_iter().try_for_each(|instance| self.delete(instance))
    }

    /// Does what was asked.
    pub(crate) fn request(&mut self, request: Request) -> Result<(), StoreError> {
        match request {
            Request::Rebuild { view, reply } => {
                let Some(view) = self.views.iter().find(|known| known.name() == view).cloned() else {
                    let _nobody_waits = reply.send(Err(format!("there is no view {view}")));
                    return Ok(());
                };
                let (instance, id) = (self.fresh_id(), self.fresh_id());
                let mut track = Track::new(id, vec![Cursor::default(); self.goal.len()]);
                let member = Member { instance, view, purpose: Purpose::Rebuilt(Some(reply)) };
                track.members.push(member);
                let mut batch = Batch::default();
                track.put(&mut batch);
                self.context.store.write(batch)?;
                self.tracks.push(track);
                self.settle()
            }
            Request::Swap { instance, reply } => {
                self.swap(instance)?;
                let _nobody_waits = reply.send(());
                Ok(())
            }
            Request::Discard { instance } => self.delete(instance),
        }
    }

    /// The rebuilt `instance` answers from now on. The rows before it go once nobody is led to them any more.
    fn swap(&mut self, instance: u32) -> Result<(), StoreError> {
        let mut members = self.tracks[0].members.iter();
        let Some(view) = members.find(|member| member.instance == instance).map(|member| member.view.clone()) else {
            return Ok(());
        };
        let mut live = Batch::default();
        live.live(view.name(), instance);
        self.context.store.write(live)?;
        let mut old = Batch::default();
        // The live one may have stalled meanwhile, and left this track.
        for track in &mut self.tracks {
            track.members.retain_mut(|member| {
                if member.instance == instance {
                    member.purpose = Purpose::Live;
                } else if member.view.name() == view.name() && matches!(member.purpose, Purpose::Live) {
                    old.no_instance(member.instance);
                    return false;
                }
                true
            });
        }
        self.publish();
        self.drop_empty_tracks(&mut old);
        self.context.store.write(old)
    }

    /// Takes a rebuilt instance out of its track and deletes its rows. A live one stays.
    fn delete(&mut self, instance: u32) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        batch.no_instance(instance);
        for track in &mut self.tracks {
            if track.members.iter().any(|m| m.instance == instance && !matches!(m.purpose, Purpose::Rebuilt(_))) {
                return Ok(());
            }
            track.members.retain(|member| member.instance != instance);
        }
        self.drop_empty_tracks(&mut batch);
        self.context.store.write(batch)
    }

    /// The first track stays in any case: the others follow it.
    fn drop_empty_tracks(&mut self, batch: &mut Batch) {
        let mut first = true;
        self.tracks.retain(|track| {
            let keep = std::mem::take(&mut first) || !track.members.is_empty();
            if !keep {
                batch.no_track(track.id);
            }
            keep
        });
    }

    fn publish(&self) {
        let showing = |view: &Arc<dyn View>| {
            let mut showing = Showing { name: view.name(), revision: view.revision(), live: None, filling: None };
            for track in &self.tracks {
                for member in track.members.iter().filter(|member| member.view.name() == view.name()) {
                    match member.purpose {
                        Purpose::Live => showing.live = Some((member.instance, track.reached.clone())),
                        Purpose::Filling => showing.filling = Some(track.reached.clone()),
                        Purpose::Rebuilt(_) => {}
                    }
                }
            }
            showing
        };
        let views = self.views.iter().map(showing).collect();
        self.published.send_replace(Published { views, caught_up: self.caught_up, failed: None });
    }

    /// Where everyone is told, once the engine itself is gone too.
    pub(super) fn publisher(&self) -> watch::Sender<Published> {
        self.published.clone()
    }
}
