//! A moment in one partition, and where each partition was then.

use std::ops::ControlFlow;

use kippu_events::Time;
use kippu_events::log::walk::Walk;
use kippu_events::log::{Cut, Position, ReadLog};
use kippu_projections::Moment;

use super::read::{Told, read};
use super::{NotTold, Past};

/// The last of the records of one partition that count for an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Until {
    /// The last one there is.
    End,
    /// The one with this number.
    Number(u64),
    /// The one at this position.
    Position(Position),
    /// The last one that was decided at or before this time.
    Time(Time),
}

/// Where each partition was at a moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ends {
    /// The offset behind its last record.
    pub offsets: Vec<u64>,
    /// The number of that record.
    pub cut: Cut,
}

impl Until {
    /// `moment` in `partition` of so many.
    ///
    /// # Errors
    /// Where it says nothing of that partition.
    pub fn of(moment: Option<&Moment>, partition: u16, partitions: u16) -> Result<Self, NotTold> {
        match moment {
            None => Ok(Self::End),
            Some(Moment::Time(time)) => Ok(Self::Time(*time)),
            Some(Moment::Position(position)) if position.partition == partition => Ok(Self::Position(*position)),
            Some(Moment::Position(position)) => Err(NotTold::OtherPartition { position: *position, partition }),
            Some(Moment::Cut(cut)) => match cut.0.get(usize::from(partition)) {
                Some(number) if cut.0.len() == usize::from(partitions) => Ok(Self::Number(*number)),
                Some(_) | None => Err(NotTold::Cut { partitions, found: cut.0.len() }),
            },
        }
    }

    /// The number of the last record, where it is known before.
    pub(super) const fn last(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Position(position) => Some(position.number),
            Self::End | Self::Time(_) => None,
        }
    }

    /// Whether nothing from `told` on counts.
    ///
    /// # Errors
    /// Where the record at the position is another one.
    pub(super) fn is_before(&self, told: &Told<'_>) -> Result<bool, NotTold> {
        match self {
            Self::End => Ok(false),
            Self::Number(number) => Ok(told.position.number > *number),
            Self::Position(position) if told.position.number == position.number && told.position != *position => {
                Err(NotTold::OtherHistory(*position))
            }
            Self::Position(position) => Ok(told.position.number > position.number),
            Self::Time(time) => Ok(told.events.first().is_some_and(|event| event.time > *time)),
        }
    }

    /// Whether a partition that was read up to record `last` has come this far.
    ///
    /// # Errors
    /// Where it has not.
    pub(super) fn is_reached(&self, partition: u16, last: u64) -> Result<(), NotTold> {
        match self.last() {
            Some(number) if number > last => Err(NotTold::Ahead { partition, number, last }),
            Some(_) | None => Ok(()),
        }
    }
}

/// Where `partition` was at `until`: the offset behind its last record, and the number of that record.
fn end(past: &Past<'_>, partition: u16, until: &Until) -> Result<(u64, u64), NotTold> {
    let log = past.log;
    let end = log.end(partition).map_err(super::Unreadable::Log)?;
    match until {
        Until::End if past.embedded => return Ok((end, end.saturating_sub(1))),
        Until::Number(number) if past.embedded => {
            until.is_reached(partition, end.saturating_sub(1))?;
            return Ok((number + 1, *number));
        }
        Until::End | Until::Number(_) | Until::Position(_) | Until::Time(_) => {}
    }
    let (mut walk, mut found, mut failed) = (Walk::new(log, partition), (0, 0), None);
    read(log, partition, &mut walk, end, &mut |told| match until.is_before(&told) {
        Ok(false) => {
            found = (told.offset + 1, told.position.number);
            ControlFlow::Continue(())
        }
        Ok(true) => ControlFlow::Break(()),
        Err(error) => {
            failed = Some(error);
            ControlFlow::Break(())
        }
    })?;
    failed.map_or(Ok(()), Err)?;
    until.is_reached(partition, found.1)?;
    Ok(found)
}

/// Where all partitions of the history were at `moment`; where they are now, without one.
///
/// # Errors
/// Where the moment is not one of all of them, or of none, and where they cannot be read.
pub fn ends(past: &Past<'_>, moment: Option<&Moment>) -> Result<Ends, NotTold> {
    if let Some(Moment::Position(position)) = moment {
        return Err(NotTold::OnePartition(*position));
    }
    let partitions = past.log.partitions();
    let (mut offsets, mut numbers) = (Vec::new(), Vec::new());
    for partition in 0..partitions {
        let (offset, number) = end(past, partition, &Until::of(moment, partition, partitions)?)?;
        offsets.push(offset);
        numbers.push(number);
    }
    if let Some(Moment::Time(time)) = moment
        && is_before_all(past.log, &offsets)?
    {
        return Err(NotTold::BeforeAll(time.to_string()));
    }
    Ok(Ends { offsets, cut: Cut(numbers) })
}

/// Whether the log holds no event before `offsets`.
fn is_before_all(log: &dyn ReadLog, offsets: &[u64]) -> Result<bool, NotTold> {
    for (partition, end) in (0..).zip(offsets) {
        let mut any = false;
        read(log, partition, &mut Walk::new(log, partition), *end, &mut |told| {
            any = !told.events.is_empty();
            if any { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        if any {
            return Ok(false);
        }
    }
    Ok(true)
}
