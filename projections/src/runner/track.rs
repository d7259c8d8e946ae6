//! A track: the views that stand at the same cursors, and so are fed from one reading of the log.

use std::sync::Arc;

use kippu_events::Recorded;
use kippu_events::log::{Bound, Genesis, ReadLog};
use tokio::sync::oneshot;

use super::published::{Halt, Reached};
use super::stall::{self, Stall};
use crate::cursor::{Cursor, events_of};
use crate::locate::{self, ANCHOR_EVERY};
use crate::rows::{Overlay, Rows};
use crate::view::View;
use crate::view_store::{Batch, Instance, StoreError, ViewStore};

/// How much one batch takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// A batch ends with the page in which it reaches this many events.
    pub events: usize,
    /// One read of one partition.
    pub page: Bound,
}

impl Default for Limits {
    /// Large enough to amortise a write, small enough to be on disk within some tens of milliseconds.
    fn default() -> Self {
        Self { events: 8192, page: Bound { entries: 1024, bytes: 1 << 20 } }
    }
}

/// What the runner works with.
pub(crate) struct RunnerContext {
    pub log: Arc<dyn ReadLog>,
    pub store: Arc<ViewStore>,
    pub limits: Limits,
}

/// An instance of a view that is being fed.
pub(crate) struct Member {
    pub instance: u32,
    pub view: Arc<dyn View>,
    pub purpose: Purpose,
}

impl Member {
    /// As it is stored, in `track`.
    pub(super) fn in_track(&self, track: u32) -> Instance {
        Instance { view: self.view.name().to_owned(), revision: self.view.revision(), track }
    }
}

/// What a member is for.
pub(crate) enum Purpose {
    /// It answers queries.
    Live,
    /// It will, once it has caught up.
    Filling,
    /// It was asked for, to be compared with the live one; somebody may still wait for it to catch up.
    Rebuilt(Option<oneshot::Sender<Result<u32, String>>>),
}

/// See the module.
pub(crate) struct Track {
    pub id: u32,
    pub members: Vec<Member>,
    pub reached: Arc<Reached>,
    halts: Vec<Option<Halt>>,
    /// Partitions that may have more to read.
    moved: Vec<bool>,
    /// Events that the one view of this track cannot take: the partition halts before them.
    stalls: Vec<Option<Stall>>,
    overlay: Overlay,
    /// The partition that the next batch begins with, so that none starves.
    first: usize,
}

/// What came of one batch.
pub(crate) struct Stepped {
    /// Whether there is more to read.
    pub more: bool,
    /// Views that could not take an event, each in a track of its own, at the cursors that it had.
    pub split: Vec<Track>,
}

/// The end of one attempt at a batch.
enum Attempt {
    Done(Box<Prepared>),
    /// Nothing of the batch counts.
    Refused(Refused),
}

/// A view could not take an event.
struct Refused {
    /// Its place among the members.
    member: usize,
    stall: Stall,
}

struct Prepared {
    cursors: Vec<Cursor>,
    batch: Batch,
    /// Whether there is anything to write.
    news: bool,
    /// Whether there may be more to read.
    more: bool,
}

/// What came of one entry.
enum Taken {
    /// So many events were folded; none where the entry does not count.
    Events(usize),
    /// The partition does not go on.
    Halted,
    /// Nothing of the batch counts.
    Refused(Refused),
}

impl Track {
    /// The track `id`, which is at `cursors`.
    pub(crate) fn new(id: u32, cursors: Vec<Cursor>) -> Self {
        let partitions = cursors.len();
        let halts = vec![None; partitions];
        Self {
            id,
            members: Vec::new(),
            reached: Arc::new(Reached { cursors, halts: halts.clone(), stall: None }),
            halts,
            moved: vec![true; partitions],
            stalls: vec![None; partitions],
            overlay: Overlay::default(),
            first: 0,
        }
    }

    /// `partition` may have more to read.
    pub(crate) fn mark(&mut self, partition: u16) {
        let partition = usize::from(partition);
        if let (Some(moved), Some(halt)) = (self.moved.get_mut(partition), self.halts.get_mut(partition)) {
            *moved = true;
            halt.take_if(|halt| halt.transient);
        }
    }

    /// What could not be read may be readable by now.
    pub(crate) fn retry(&mut self) {
        for (moved, halt) in self.moved.iter_mut().zip(&mut self.halts) {
            *moved |= halt.take_if(|halt| halt.transient).is_some();
        }
    }

    /// Whether something could not be read that may be readable later.
    pub(crate) fn is_held_up(&self) -> bool {
        self.halts.iter().flatten().any(|halt| halt.transient)
    }

    /// Folds one batch and writes it with its cursors, without going past the offsets `until`; without these the track is the
    /// one that the others follow. A view that cannot take an event leaves for a track of its own, in the same write.
    pub(crate) fn step(
        &mut self,
        context: &RunnerContext,
        until: Option<&[u64]>,
        next_id: &mut u32,
    ) -> Result<Stepped, StoreError> {
        let mut split = Vec::new();
        let mut prepared = loop {
            let (halts, moved) = (self.halts.clone(), self.moved.clone());
            match self.attempt(context, until) {
                Ok(Attempt::Done(prepared)) => break prepared,
                Ok(Attempt::Refused(refused)) => {
                    self.overlay.discard();
                    // What the batch has seen does not count either.
                    (self.halts, self.moved) = (halts, moved);
                    split.extend(self.stall(refused, until.is_none(), next_id));
                }
                Err(error) => {
                    self.overlay.discard();
                    return Err(error);
                }
            }
        };
        if prepared.news || !split.is_empty() {
            let batch = &mut prepared.batch;
            self.overlay.drain(|key, value| batch.row(key, value));
            batch.track(self.id, &prepared.cursors);
            split.iter().for_each(|track| track.put(batch));
            context.store.write(prepared.batch)?;
        }
        let stall = self.stalls.iter().flatten().next().cloned();
        if prepared.news || self.halts != self.reached.halts || stall != self.reached.stall {
            self.reached = Arc::new(Reached { cursors: prepared.cursors, halts: self.halts.clone(), stall });
        }
        Ok(Stepped { more: prepared.more, split })
    }

    /// Takes the view that could not take an event out of this track, at the cursors that its rows in the store reflect. One
    /// that is alone in a track that no other follows stays.
    fn stall(&mut self, Refused { member, stall }: Refused, is_followed: bool, next_id: &mut u32) -> Option<Self> {
        let (event, reason) = (stall.event, &stall.reason);
        tracing::error!(view = self.members[member].view.name(), %event, reason, "a view stalls");
        let index = usize::from(event.partition);
        if self.members.len() == 1 && !is_followed {
            self.stalls[index] = Some(stall);
            return None;
        }
        let mut track = Self::new(*next_id, self.reached.cursors.clone());
        *next_id += 1;
        track.halts.clone_from(&self.reached.halts);
        let (cursors, halts) = (self.reached.cursors.clone(), track.halts.clone());
        track.reached = Arc::new(Reached { cursors, halts, stall: Some(stall.clone()) });
        track.stalls[index] = Some(stall);
        track.members.push(self.members.remove(member));
        Some(track)
    }

    /// Puts what is stored of the track into `batch`.
    pub(super) fn put(&self, batch: &mut Batch) {
        batch.track(self.id, &self.reached.cursors);
        for member in &self.members {
            batch.instance(member.instance, &member.in_track(self.id));
        }
    }

    fn attempt(&mut self, context: &RunnerContext, until: Option<&[u64]>) -> Result<Attempt, StoreError> {
        let mut cursors = self.reached.cursors.clone();
        let (mut batch, mut news, mut events) = (Batch::default(), false, 0);
        let partitions = cursors.len();
        let mut more = false;
        for i in 0..partitions {
            let index = (self.first + i) % partitions;
            let wanted = until.map_or(self.moved[index], |until| cursors[index].offset < until[index]);
            if !wanted || self.halts[index].is_some() {
                continue;
            }
            if events >= context.limits.events {
                self.first = index;
                more = true;
                break;
            }
            let before = cursors[index].offset;
            match self.read(context, until, index, &mut cursors[index], &mut batch) {
                Ok(count) => events += count,
                // It may be the row that it could not read.
                Err(refused) => return self.overlay.failure().map_or(Ok(Attempt::Refused(refused)), Err),
            }
            let moved = cursors[index].offset > before;
            self.moved[index] = moved;
            news |= moved;
            more |= moved && self.halts[index].is_none();
        }
        match self.overlay.failure() {
            Some(error) => Err(error),
            None => Ok(Attempt::Done(Box::new(Prepared { cursors, batch, news, more }))),
        }
    }

    /// Folds one page of one partition; how many events that were.
    fn read(
        &mut self,
        context: &RunnerContext,
        until: Option<&[u64]>,
        index: usize,
        cursor: &mut Cursor,
        batch: &mut Batch,
    ) -> Result<usize, Refused> {
        let Ok(number) = u16::try_from(index) else { return Ok(0) };
        let genesis = Genesis::of(&*context.log, number);
        let mut events = 0;
        let mut taken = Taken::Events(0);
        let from = cursor.offset;
        let read = context.log.visit(number, from, context.limits.page, &mut |offset, stored| {
            if let Taken::Events(_) = taken
                && until.is_none_or(|until| offset < until[index])
            {
                taken = self.take(context, &genesis, cursor, (offset, stored), batch);
                if let Taken::Events(count) = taken {
                    events += count;
                }
            }
        });
        match (taken, read) {
            (Taken::Refused(refused), _) => return Err(refused),
            (Taken::Events(_), Err(error)) => self.halt(index, cursor.offset, error.to_string(), true),
            (Taken::Events(_) | Taken::Halted, _) => {}
        }
        Ok(events)
    }

    /// Folds one entry.
    fn take(
        &mut self,
        context: &RunnerContext,
        genesis: &Genesis,
        cursor: &mut Cursor,
        (offset, stored): (u64, &[u8]),
        batch: &mut Batch,
    ) -> Taken {
        let Genesis { partition, .. } = *genesis;
        let index = usize::from(partition);
        if let Some(stall) = self.stalls[index].as_ref().filter(|stall| stall.offset == offset) {
            let (reason, event) = (stall.reason.clone(), Some(stall.event));
            self.halts[index] = Some(Halt { offset, reason, transient: false, event });
            return Taken::Halted;
        }
        let before = *cursor;
        let epoch = before.taken.map(|taken| taken.head.epoch);
        let mut unread = None;
        let digest_at = |number| {
            let found = locate::digest(&*context.log, &context.store.snapshot(), partition, number, epoch);
            found.unwrap_or_else(|error| {
                unread = Some(error);
                None
            })
        };
        let taken = cursor.take(genesis, (offset, stored), digest_at);
        // What was judged without it is no verdict.
        if let Some(error) = unread {
            *cursor = before;
            self.halt(index, offset, error.to_string(), true);
            return Taken::Halted;
        }
        let record = match taken {
            Ok(Some(record)) => record,
            Ok(None) => return Taken::Events(0),
            Err(reason) => {
                self.halt(index, offset, reason, false);
                return Taken::Halted;
            }
        };
        let number = cursor.number();
        let events = match events_of(&record, partition, number) {
            Ok(events) => events,
            Err(error) => {
                *cursor = before;
                self.halt(index, offset, error.to_string(), false);
                return Taken::Halted;
            }
        };
        cursor.time = events.last().map_or(cursor.time, |event| event.time);
        if let Err(refused) = self.apply(context, &events, offset) {
            return Taken::Refused(refused);
        }
        if number.is_multiple_of(ANCHOR_EVERY) {
            batch.anchor(partition, cursor);
        }
        Taken::Events(events.len())
    }

    fn apply(&mut self, context: &RunnerContext, events: &[Recorded<'_>], offset: u64) -> Result<(), Refused> {
        for event in events {
            for (index, member) in self.members.iter().enumerate() {
                let mut rows = Rows::new(&mut self.overlay, &*context.store, member.instance, offset);
                stall::apply(&*member.view, event, &mut rows)
                    .map_err(|reason| Refused { member: index, stall: Stall { event: event.id, offset, reason } })?;
            }
        }
        Ok(())
    }

    fn halt(&mut self, index: usize, offset: u64, reason: String, transient: bool) {
        let halt = Halt { offset, reason, transient, event: None };
        // Said once, however often it is tried again.
        if self.reached.halts[index].as_ref() != Some(&halt) {
            tracing::error!(partition = index, offset, reason = halt.reason, "views halt in this partition");
        }
        self.halts[index] = Some(halt);
    }
}
