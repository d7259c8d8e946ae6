//! What the runner tells everyone after each batch: which instance answers for each view, and how far it has come.

use std::sync::Arc;

use kippu_events::event::EventId;
use kippu_events::log::{Cut, Position};

use super::stall::Stall;
use crate::cursor::{self, Cursor};
use crate::error::QueryError;
use crate::view_store::StoreError;

/// Why a partition does not go on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Halt {
    /// The entry that cannot be taken.
    pub offset: u64,
    /// What is wrong with it.
    pub reason: String,
    /// Whether the medium failed rather than the history: it is read again after a second, and as soon as the partition
    /// moves.
    pub transient: bool,
    /// The event that this view alone cannot take; nothing where it is the record that no view can.
    pub event: Option<EventId>,
}

/// How far the views of one track have come.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Reached {
    pub cursors: Vec<Cursor>,
    pub halts: Vec<Option<Halt>>,
    /// The first event that a view of the track could not take; it is known before the view stands there.
    pub stall: Option<Stall>,
}

impl Reached {
    pub(crate) fn cut(&self) -> Cut {
        cursor::cut(&self.cursors)
    }

    /// Whether record `number` of `partition` is reflected.
    pub(crate) fn reaches(&self, partition: u16, number: u64) -> bool {
        let cursor = self.cursors.get(usize::from(partition));
        cursor.is_some_and(|cursor| cursor.taken.is_some() && cursor.number() >= number)
    }

    /// Whether every entry of `partition` before `offset` has been read.
    pub(crate) fn has_read(&self, partition: u16, offset: u64) -> bool {
        self.cursors.get(usize::from(partition)).is_some_and(|cursor| cursor.offset >= offset)
    }

    /// Whether the partition with this index does not go on, for as long as its history is what it is.
    pub(crate) fn has_ended(&self, index: usize) -> bool {
        self.halts.get(index).is_some_and(|halt| halt.as_ref().is_some_and(|halt| !halt.transient))
    }

    /// Whether every partition has been read up to its offset in `goal`, or does not go on before that.
    pub(crate) fn has_read_all(&self, goal: &[u64]) -> bool {
        goal.iter().enumerate().all(|(i, goal)| self.cursors[i].offset >= *goal || self.has_ended(i))
    }

    pub(crate) fn halt(&self, partition: u16) -> Option<&Halt> {
        self.halts.get(usize::from(partition)).and_then(Option::as_ref)
    }

    /// Entries of `partition` that were read and do not count.
    pub(crate) fn skipped(&self, partition: u16) -> Option<u64> {
        self.cursors.get(usize::from(partition)).map(|cursor| cursor.skipped)
    }

    pub(crate) fn position(&self, partition: u16) -> Option<Position> {
        self.cursors.get(usize::from(partition))?.position(partition)
    }
}

/// One view as it is now.
#[derive(Clone, Debug)]
pub(crate) struct Showing {
    pub name: &'static str,
    /// The revision that the code writes.
    pub revision: u32,
    /// The instance that answers, and how far it is.
    pub live: Option<(u32, Arc<Reached>)>,
    /// How far the instance is that will answer once it has caught up.
    pub filling: Option<Arc<Reached>>,
}

/// Everything that is told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Published {
    pub views: Vec<Showing>,
    /// Whether the log has been folded up to where it ended when the runner started.
    pub caught_up: bool,
    /// Why the runner has ended, if it has.
    pub failed: Option<Ended>,
}

/// Why nothing is kept up to date any more.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Ended {
    /// The store does not work.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The runner itself panicked.
    #[error("the runner of views panicked: {0}")]
    Panicked(String),
    /// It was told to.
    #[error("the runner of views was stopped")]
    Stopped,
}

impl From<Ended> for QueryError {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Store(error) => Self::Store(error),
            Ended::Panicked(_) | Ended::Stopped => Self::Stopped,
        }
    }
}

impl Published {
    pub(crate) fn view(&self, name: &str) -> Option<&Showing> {
        self.views.iter().find(|view| view.name == name)
    }

    /// Up to which offset the view `name` has read the partition with this index; nothing of it while it answers nothing.
    pub(crate) fn read_by(&self, name: &str, index: usize) -> u64 {
        let reached = self.view(name).and_then(|view| view.live.as_ref());
        reached.and_then(|(_, reached)| reached.cursors.get(index)).map_or(0, |cursor| cursor.offset)
    }

    /// Up to which offset whichever view has come furthest has read the partition with this index.
    pub(crate) fn read_by_any(&self, index: usize) -> u64 {
        let all = self.views.iter().flat_map(|view| {
            let live = view.live.as_ref().map(|(_, reached)| reached);
            live.into_iter().chain(&view.filling)
        });
        all.filter_map(|reached| reached.cursors.get(index)).map(|cursor| cursor.offset).max().unwrap_or_default()
    }

    /// Why the view `name` does not go on, for a reason of its own or because nothing does. Rows of other partitions than
    /// the one in which it stalls are no exception.
    pub(crate) fn stopped(&self, name: &str) -> Result<(), QueryError> {
        if let Some(ended) = &self.failed {
            return Err(ended.clone().into());
        }
        let view = self.view(name).ok_or_else(|| QueryError::NoView(name.to_owned()))?;
        let reached = view.live.as_ref().map(|(_, reached)| reached).or(view.filling.as_ref());
        reached.and_then(|reached| reached.stall.clone()).map_or(Ok(()), |stall| Err(stall.into()))
    }

    /// The same, of what the view `name` says of `partition` alone: also where its history cannot be read any further.
    pub(crate) fn stopped_in(&self, name: &str, partition: u16) -> Result<(), QueryError> {
        self.stopped(name)?;
        let reached = self.view(name).and_then(|view| view.live.as_ref());
        match reached.and_then(|(_, reached)| reached.halt(partition)).filter(|halt| !halt.transient) {
            Some(halt) => Err(QueryError::Stalled { partition, offset: halt.offset, reason: halt.reason.clone() }),
            None => Ok(()),
        }
    }
}
