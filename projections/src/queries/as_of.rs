//! One entity as it was: its events up to a point in history, folded anew.

use kippu_events::access::Caller;
use kippu_events::event::read_body;
use kippu_events::log::{Content, Position, Record};
use kippu_events::{EntityId, EntityKey};

use super::opened::Opened;
use super::{Found, Moment, Queries, QueryError, key_of, visible};
use crate::cursor::{Cursor, cut as cut_of};
use crate::fold::Fold;
use crate::history::{self, History, Place};
use crate::locate::{self, LocateError};
use crate::runner::Halt;
use crate::view::{Ask, Filters, View as _, entity_of, row_key};
use crate::view_store::Snap;

impl From<LocateError> for QueryError {
    fn from(error: LocateError) -> Self {
        match error {
            LocateError::Store(error) => Self::Store(error),
            LocateError::Log(_) | LocateError::Changed(_) => Self::Log(error.to_string()),
        }
    }
}

impl Queries {
    /// The row of `view` under `key` as it was at `at`, folded from the entity's events in the log. Blocks on reads.
    ///
    /// # Errors
    /// [`QueryError`]; `NotFound` where the entity did not exist yet, and where the row is not for this caller, then or
    /// now.
    pub fn as_of(
        &self,
        view: &str,
        key: &str,
        caller: &Caller,
        decrypt: bool,
        at: &Moment,
    ) -> Result<Found, QueryError> {
        let (view, table) = self.table(view, caller)?;
        let key = key_of(table, key)?;
        let family = table.subject().ok_or(QueryError::NoAsOf("a row of this view is not of one entity"))?;
        let id = entity_of(&key)?;
        let filters = Filters::default();
        let opening = self.opening(table, caller, decrypt)?;
        let ask = Self::ask(table, caller, &filters, opening.as_ref())?;
        let snap = self.0.store.snapshot();
        // Whose row it is not is told nothing of its past, and makes nobody read it.
        let now = snap.row(self.live(view, &snap)?.0, &row_key(&id))?.ok_or(QueryError::NotFound)?;
        visible::shown(table, &key, &now, &Ask { decrypt: None, ..ask })?.ok_or(QueryError::NotFound)?;
        let (instance, cursors) = self.live(&History, &snap)?;
        let last = self.resolve(id, at, &snap, &cursors)?;
        let mut fold = Fold::new(view);
        for place in places(&snap, instance, EntityKey { family, id }, last.number())? {
            self.fold_one(&mut fold, EntityKey { family, id }, place)?;
        }
        let row = fold.get(&row_key(&id)).ok_or(QueryError::NotFound)?;
        let presented = visible::shown(table, &key, row, &ask)?.ok_or(QueryError::NotFound)?;
        let position = last.position(self.partition_of(id)).ok_or(QueryError::NotFound)?;
        let opened = opening.map(Opened::persons).unwrap_or_default();
        Ok(Found { row: presented.row, version: presented.version, position: Some(position), cut: None, opened })
    }

    /// The cursor of the entity's partition at `at`.
    fn resolve(&self, id: EntityId, at: &Moment, snap: &Snap<'_>, cursors: &[Cursor]) -> Result<Cursor, QueryError> {
        let partition = self.partition_of(id);
        let now = cursors.get(usize::from(partition)).copied().unwrap_or_default();
        let behind = || QueryError::Behind { asked: at.to_string(), cut: cut_of(cursors) };
        let log = &*self.0.log;
        match at {
            Moment::Position(position) => {
                if position.partition != partition {
                    return Err(QueryError::NoAsOf("the position is of another partition than this entity's"));
                }
                if position.number > now.number() {
                    return Err(behind());
                }
                let cursor = locate::number(log, snap, partition, position.number)?;
                if cursor.position(partition) == Some(*position) {
                    Ok(cursor)
                } else {
                    Err(QueryError::OtherHistory(position.to_string()))
                }
            }
            Moment::Cut(cut) => {
                if cut.0.len() != cursors.len() {
                    let reason =
                        format!("a cut has {} numbers here, and a time is written as in RFC 3339", cursors.len());
                    return Err(QueryError::parameter("as_of", &reason));
                }
                let number = cut.0.get(usize::from(partition)).copied().unwrap_or_default();
                if number > now.number() {
                    return Err(behind());
                }
                Ok(locate::number(log, snap, partition, number)?)
            }
            Moment::Time(time) => {
                // Of what was decided since, the entity's history has nothing.
                let published = self.0.published.borrow();
                let reached = published.view(History.name()).and_then(|view| view.live.as_ref());
                let stalled =
                    reached.and_then(|(_, reached)| reached.halt(partition)).filter(|halt| halt.event.is_some());
                if let Some(Halt { offset, reason, .. }) = stalled.filter(|_| *time >= now.time) {
                    return Err(QueryError::Stalled { partition, offset: *offset, reason: reason.clone() });
                }
                drop(published);
                Ok(locate::time(log, snap, partition, now.number(), *time)?)
            }
        }
    }

    /// Folds the event of `entity` that lies at `place`.
    fn fold_one(&self, fold: &mut Fold<'_>, entity: EntityKey, place: Place) -> Result<(), QueryError> {
        let changed = || QueryError::Log(format!("record {} of partition {} changed", place.number, place.partition));
        let entry = locate::entry(&*self.0.log, place.partition, place.offset)?;
        let record = Record::decode(&entry.stored).map_err(|error| QueryError::Log(error.to_string()))?;
        let Content::Commit(commit) = record.content else { return Err(changed()) };
        let events = read_body(commit.body).map_err(|error| QueryError::Log(error.to_string()))?;
        let index = usize::try_from(place.index).map_err(|_| changed())?;
        let event = events.get(index).filter(|event| event.entity == entity).ok_or_else(changed)?;
        fold.apply(event, place.offset).map_err(|error| QueryError::Log(error.to_string()))
    }

    /// Whether a position that a view reflects was given out by this history. Blocks on reads of thousands of records.
    pub(super) fn is_of_this_history(&self, position: &Position) -> Result<bool, QueryError> {
        let partition = position.partition;
        let cursor = locate::number(&*self.0.log, &self.0.store.snapshot(), partition, position.number)?;
        Ok(cursor.position(partition) == Some(*position))
    }

    /// Whether the commit of `position` lies as far behind the offset of its number as the last one that `view` has read:
    /// by as many entries as did not count. A commit holds its own number and hash, so a look at it is enough. Blocks on
    /// one read.
    pub(super) fn is_where_last_ones_lie(&self, view: &str, position: &Position) -> bool {
        let partition = position.partition;
        let skipped = self.0.published.borrow().view(view).and_then(|view| view.live.as_ref()?.1.skipped(partition));
        let Some(skipped) = skipped else { return false };
        let Ok(entry) = locate::entry(&*self.0.log, partition, position.number + skipped) else { return false };
        Record::decode(&entry.stored).is_ok_and(|record| match record.content {
            Content::Commit(commit) => Position::new(partition, commit.number, &record.digest) == *position,
            Content::Genesis(_) | Content::Claim(_) | Content::Seal(_) => false,
        })
    }
}

/// Events that one query folds: each is a read of the log, and a hot entity has millions.
const MOST_FOLDED: usize = 20_000;

/// Where the events of an entity up to record `last` lie, in the order of its versions.
fn places(snap: &Snap<'_>, instance: u32, entity: EntityKey, last: u64) -> Result<Vec<Place>, QueryError> {
    let (from, until) = history::range(entity);
    let mut places = Vec::new();
    snap.rows::<QueryError>(instance, &from, &until, |_, value| {
        let place = Place::decode(value)?;
        let is_before = place.number <= last;
        if is_before {
            places.push(place);
        }
        Ok(is_before && places.len() <= MOST_FOLDED)
    })?;
    if places.len() > MOST_FOLDED {
        return Err(QueryError::NoAsOf(
            "there are more events until then than one query folds; replay the log for this",
        ));
    }
    Ok(places)
}
