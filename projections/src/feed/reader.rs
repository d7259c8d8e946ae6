//! Reading on: a page of one partition becomes what goes over the wire.

use kippu_events::access::Caller;
use kippu_events::log::{Bound, Genesis, Record};
use kippu_events::{EntityKey, Family, Recorded};
use serde_json::value::RawValue;

use super::asked::Asked;
use super::frame;
use super::id::{FeedId, Ids, Mark, Within};
use super::start::Start;
use crate::cursor::{Cursor, body_of, cut, events_of};
use crate::error::QueryError;
use crate::locate;
use crate::queries::Queries;

/// What takes the events that are told.
pub(super) trait Taker {
    /// Whether it takes no more now.
    fn is_full(&self) -> bool;

    /// Takes `event` as `data` shows it; `id` appends what a feed goes on from behind it.
    fn take(&mut self, event: &Recorded<'_>, id: impl FnOnce(&mut String), data: &str);
}

/// How much is read and told at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// One read of one partition.
    pub read: Bound,
    /// A page ends with the event with which it reaches this many bytes. A reader that is slow holds no more.
    pub told: usize,
}

impl Default for Limits {
    /// Enough that the cost of a read is small next to it; so little that many may be on their way.
    fn default() -> Self {
        Self { read: Bound { entries: 256, bytes: 256 << 10 }, told: 128 << 10 }
    }
}

/// What a caller is shown of events.
pub(super) enum Sight {
    /// All of them, as they lie in the log.
    Everything,
    /// Those of entities of these families whose rows it may see, without data.
    Rows(Caller, Vec<Family>),
}

impl Sight {
    fn shows(&self, queries: &Queries, entity: EntityKey) -> Result<bool, QueryError> {
        match self {
            Self::Everything => Ok(true),
            Self::Rows(caller, families) => Ok(families.contains(&entity.family) && queries.may_see(entity, caller)?),
        }
    }
}

/// A place in the log, and what is told from there on.
pub(super) struct Reader {
    queries: Queries,
    asked: Asked,
    sight: Sight,
    read: Bound,
    cursors: Vec<Cursor>,
    mark: Mark,
    /// The events of the record behind a cursor that were told already. Nothing else is told before the rest of them.
    within: Option<Within>,
}

/// A page that is being told.
struct Page<T> {
    ids: Ids,
    taker: T,
}

/// Whether a page goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    Full,
}

impl Reader {
    pub(super) fn new(queries: Queries, asked: Asked, sight: Sight, read: Bound, start: Start) -> Self {
        let Start { cursors, within } = start;
        Self { queries, asked, sight, read, mark: Mark::of(&cursors), cursors, within }
    }

    /// The offset of the first entry of `partition` that was not looked at.
    pub(super) fn offset(&self, partition: u16) -> u64 {
        self.cursors.get(usize::from(partition)).map_or(u64::MAX, |cursor| cursor.offset)
    }

    /// The partition that MUST be read next, where there is one.
    pub(super) fn must_read(&self) -> Option<u16> {
        self.within.map(|within| within.partition)
    }

    /// What was told so far.
    pub(super) fn id(&self) -> FeedId {
        FeedId { cut: cut(&self.cursors), mark: Some(self.mark), within: self.within }
    }

    /// The number of the last record of `partition` of which every event was told.
    pub(super) fn number(&self, partition: u16) -> u64 {
        self.cursors.get(usize::from(partition)).map_or(u64::MAX, Cursor::number)
    }

    /// Tells `taker` the next page of `partition`, without going past the offset `until`: nothing where nothing in it is for this
    /// caller. Blocks on reads.
    ///
    /// # Errors
    /// `Log` where the log does not give the entries, or they cannot be taken; those of [`Queries::may_see`].
    pub(super) fn page<T: Taker>(&mut self, partition: u16, until: u64, taker: T) -> Result<T, QueryError> {
        let log = self.queries.log().clone();
        let genesis = Genesis::of(&*log, partition);
        let mut page = Page { ids: Ids::of(&self.cursors, partition), taker };
        let mut flow = Ok(Flow::On);
        let read = log.visit(partition, self.offset(partition), self.read, &mut |offset, stored| {
            if let Ok(Flow::On) = flow
                && offset < until
            {
                flow = self.take(&genesis, (offset, stored), &mut page);
            }
        });
        flow?;
        read.map_err(|error| QueryError::Log(error.to_string()))?;
        Ok(page.taker)
    }

    /// Tells what is to be told of one entry.
    fn take<T: Taker>(
        &mut self,
        genesis: &Genesis,
        (offset, stored): (u64, &[u8]),
        page: &mut Page<T>,
    ) -> Result<Flow, QueryError> {
        let Genesis { partition, .. } = *genesis;
        let index = usize::from(partition);
        let Some(before) = self.cursors.get(index).copied() else { return Ok(Flow::Full) };
        let broken = |reason: String| QueryError::Log(format!("partition {partition}, offset {offset}: {reason}"));
        let (queries, mut unread) = (&self.queries, None);
        let digest_at = |number| {
            let epoch = before.taken.map(|taken| taken.head.epoch);
            let found = locate::digest(&**queries.log(), &queries.store().snapshot(), partition, number, epoch);
            found.unwrap_or_else(|error| {
                unread = Some(error);
                None
            })
        };
        let mut behind = before;
        let taken = behind.take(genesis, (offset, stored), digest_at);
        if let Some(error) = unread {
            return Err(error.into());
        }
        if let Some(record) = taken.map_err(broken)?
            && self.tell(
                &record,
                (partition, before.number(), behind.number()),
                self.mark.moved(&before, &behind),
                page,
            )? == Flow::Full
        {
            return Ok(Flow::Full);
        }
        self.mark = self.mark.moved(&before, &behind);
        if let Some(cursor) = self.cursors.get_mut(index) {
            *cursor = behind;
        }
        self.within = None;
        Ok(if page.taker.is_full() { Flow::Full } else { Flow::On })
    }

    /// Tells the events of a record of a partition, which lies between these two numbers, as far as they fit.
    fn tell<T: Taker>(
        &mut self,
        record: &Record<'_>,
        (partition, before, number): (u16, u64, u64),
        mark: Mark,
        page: &mut Page<T>,
    ) -> Result<Flow, QueryError> {
        let broken = |reason: String| QueryError::Log(format!("partition {partition}, record {number}: {reason}"));
        let events = events_of(record, partition, number).map_err(|error| broken(error.to_string()))?;
        let told = self.within.filter(|within| within.partition == partition).map_or(0, |within| within.events);
        // As they are stored: taken apart only where they are shown.
        let mut stored: Option<Vec<&RawValue>> = None;
        for (index, event) in (0_u32..).zip(&events).filter(|(index, _)| *index >= told) {
            if !self.asked.admits(event) || !self.sight.shows(&self.queries, event.entity)? {
                continue;
            }
            if page.taker.is_full() {
                self.within = (index > 0).then_some(Within { partition, events: index });
                return Ok(Flow::Full);
            }
            let thin;
            let data = match &self.sight {
                Sight::Everything => match &stored {
                    Some(stored) => whole(stored, event),
                    None => whole(stored.insert(apart(record).map_err(broken)?), event),
                },
                Sight::Rows(..) => {
                    thin = frame::thin(event).map_err(|error| broken(error.to_string()))?;
                    &thin
                }
            };
            let is_last = event.id.index as usize + 1 == events.len();
            let id = |out: &mut String| match is_last {
                true => page.ids.write(out, number, mark, 0),
                false => page.ids.write(out, before, self.mark, index + 1),
            };
            page.taker.take(event, id, data);
        }
        Ok(Flow::On)
    }
}

/// The events of a record, each as it lies there.
fn apart<'a>(record: &Record<'a>) -> Result<Vec<&'a RawValue>, String> {
    body_of(record).map_or(Ok(Vec::new()), |body| serde_json::from_slice(body).map_err(|error| error.to_string()))
}

/// `event` as it lies in its record.
fn whole<'a>(stored: &[&'a RawValue], event: &Recorded<'_>) -> &'a str {
    // They were read from the same array, and each names its index.
    stored.get(event.id.index as usize).map_or("", |event| event.get())
}
