//! The events of one entity: by the index of a node where there is one, and else by one walk along its partition.

use std::ops::ControlFlow;

use kippu_events::EntityKey;
use kippu_events::log::walk::Walk;
use kippu_events::log::{Content, Position, Record};
use kippu_projections::stored::Index;
use kippu_projections::{NotARow, StoreError};

use super::moment::Until;
use super::read::{Told, Unreadable, events_of, read};
use super::{NotTold, Past};

/// Takes a record that holds events of the entity, and the places of these within it.
pub(super) type Each<'e> = dyn FnMut(&Told<'_>, &[usize]) -> Result<ControlFlow<()>, NotTold> + 'e;

impl Past<'_> {
    /// The partition of `entity`.
    #[must_use]
    pub fn partition_of(&self, entity: EntityKey) -> u16 {
        entity.id.slot().partition(self.log.partitions())
    }

    /// Hands the records with events of `entity` up to `until` to `each`, in order, until it breaks.
    pub(super) fn events(&self, entity: EntityKey, until: &Until, each: &mut Each<'_>) -> Result<(), NotTold> {
        let partition = self.partition_of(entity);
        let mut by = By { past: self, entity, until, each, told: 0, skip: 0, done: false };
        if let Some(views) = self.views
            && let Ok(Some(index)) = views.index(self.log, partition)
        {
            match by.index(&index) {
                Ok(()) => return Ok(()),
                Err(NotByIndex::Told(error)) => return Err(error),
                // What does not fit shows, or is told, by the walk.
                Err(NotByIndex::Unfit) => {}
            }
        }
        by.skip = by.told;
        by.walk(Walk::new(self.log, partition))
    }

    /// Every event of the record `number` of `partition`, with its position.
    pub(super) fn record<T>(
        &self,
        partition: u16,
        number: u64,
        take: impl FnOnce(&Told<'_>) -> T,
    ) -> Result<Option<T>, NotTold> {
        let offset = if self.embedded {
            Some(number)
        } else {
            let index = self.views.map(|views| views.index(self.log, partition)).transpose()?.flatten();
            index.and_then(|index| index.find(self.log, number)).map(|(offset, _)| offset)
        };
        let mut take = Some(take);
        if let Some(offset) = offset {
            return self.at(partition, offset, number, |told| take.take().map(|take| take(told))).map(Option::flatten);
        }
        let end = self.log.end(partition).map_err(Unreadable::Log)?;
        let mut found = None;
        read(self.log, partition, &mut Walk::new(self.log, partition), end, &mut |told| {
            if told.position.number < number {
                return ControlFlow::Continue(());
            }
            if told.position.number == number {
                found = take.take().map(|take| take(&told));
            }
            ControlFlow::Break(())
        })?;
        Ok(found)
    }

    /// The commit `number` of `partition`, if it lies at `offset`.
    fn at<T>(
        &self,
        partition: u16,
        offset: u64,
        number: u64,
        take: impl FnOnce(&Told<'_>) -> T,
    ) -> Result<Option<T>, NotTold> {
        let Some(entry) = self.log.entry(partition, offset).map_err(Unreadable::Log)? else { return Ok(None) };
        let damaged = |reason: String| {
            let newer = false;
            Unreadable::Broken(kippu_events::log::walk::Broken { partition, number, reason, newer })
        };
        let record = Record::decode(&entry.stored).map_err(|error| damaged(error.to_string()))?;
        let Content::Commit(commit) = &record.content else { return Ok(None) };
        if commit.number != number {
            return Ok(None);
        }
        let events =
            events_of(&record, partition, number).map_err(|error| Unreadable::Event { partition, number, error })?;
        let position = Position::new(partition, number, &record.digest);
        Ok(Some(take(&Told { position, offset, events })))
    }
}

/// One reading of an entity's events.
struct By<'a, 'e> {
    past: &'a Past<'a>,
    entity: EntityKey,
    until: &'a Until,
    each: &'a mut Each<'e>,
    /// Records that were handed on.
    told: u64,
    /// Records that were handed on before this reading.
    skip: u64,
    /// Whether nothing more is wanted.
    done: bool,
}

/// Why the index alone did not do.
enum NotByIndex {
    /// The log has something else where it points to.
    Unfit,
    Told(NotTold),
}

impl From<NotTold> for NotByIndex {
    fn from(error: NotTold) -> Self {
        Self::Told(error)
    }
}

impl From<NotARow> for NotByIndex {
    fn from(_error: NotARow) -> Self {
        Self::Unfit
    }
}

impl From<StoreError> for NotByIndex {
    fn from(_error: StoreError) -> Self {
        Self::Unfit
    }
}

impl By<'_, '_> {
    /// Reads what the index knows of, and walks on from where that ends.
    fn index(&mut self, index: &Index<'_>) -> Result<(), NotByIndex> {
        let (past, log, entity) = (self.past, self.past.log, self.entity);
        let partition = past.partition_of(entity);
        let walk = index.end(log).ok_or(NotByIndex::Unfit)?;
        let indexed = walk.head().map_or(0, |head| head.number);
        let last = self.until.last().unwrap_or(u64::MAX);
        if let Until::Position(position) = self.until
            && position.number <= indexed
        {
            let (_, found) = index.find(log, position.number).ok_or(NotByIndex::Unfit)?;
            if found != *position {
                return Err(NotTold::OtherHistory(*position).into());
            }
        }
        let (mut version, mut taken) = (0, None);
        index.places(entity, |place| -> Result<bool, NotByIndex> {
            // Several events of one record are told together.
            if place.number > last || self.done {
                return Ok(false);
            }
            version += 1;
            if taken == Some(place.number) {
                return Ok(true);
            }
            taken = Some(place.number);
            let found = past.at(partition, place.offset, place.number, |told| {
                let its = of(told, entity);
                let first = its.first().and_then(|first| told.events.get(*first)).map(|event| event.version);
                if first == Some(version) { Ok(self.take(told, &its)?) } else { Err(NotByIndex::Unfit) }
            });
            found.map_err(|_| NotByIndex::Unfit)?.ok_or(NotByIndex::Unfit)??;
            Ok(!self.done)
        })?;
        if self.done || last <= indexed {
            return Ok(());
        }
        match self.walk(walk) {
            // A record that the client library repeated here is one that the index has taken.
            Err(NotTold::Unreadable(_)) => Err(NotByIndex::Unfit),
            other => Ok(other?),
        }
    }

    fn walk(&mut self, mut walk: Walk) -> Result<(), NotTold> {
        let (log, entity, until) = (self.past.log, self.entity, self.until);
        let partition = self.past.partition_of(entity);
        let end = log.end(partition).map_err(Unreadable::Log)?;
        let mut failed = None;
        read(log, partition, &mut walk, end, &mut |told| {
            let taken = until.is_before(&told).and_then(|over| {
                self.done |= over;
                let its = of(&told, entity);
                if self.done || its.is_empty() { Ok(()) } else { self.take(&told, &its) }
            });
            failed = taken.err();
            let is_last = until.last() == Some(told.position.number);
            if failed.is_some() || self.done || is_last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        failed.map_or(Ok(()), Err)?;
        if self.done {
            return Ok(());
        }
        until.is_reached(partition, walk.head().map_or(0, |head| head.number))
    }

    /// Hands on a record that holds events of the entity.
    fn take(&mut self, told: &Told<'_>, its: &[usize]) -> Result<(), NotTold> {
        if self.until.is_before(told)? {
            self.done = true;
            return Ok(());
        }
        if self.skip > 0 {
            self.skip -= 1;
            return Ok(());
        }
        self.told += 1;
        self.done = (self.each)(told, its)?.is_break();
        Ok(())
    }
}

/// The places of the events of `entity`.
fn of(told: &Told<'_>, entity: EntityKey) -> Vec<usize> {
    let its = told.events.iter().enumerate().filter(|(_, event)| event.entity == entity);
    its.map(|(index, _)| index).collect()
}
