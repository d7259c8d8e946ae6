//! The feed of events: whoever may see them is told of each one once, in the order of its partition, from wherever it left off.
//!
//! A feed reads the log itself, a page at a time and only as fast as it is taken; it never goes past what the views reflect,
//! so that whoever is told of an event finds it in the entity's row, and what it may see is known.

mod asked;
mod frame;
mod id;
mod open;
mod reader;
mod start;
mod told;

use std::sync::Arc;
use std::time::Duration;

use kippu_events::access::Caller;
use kippu_events::event::EventId;
use kippu_events::log::Cut;
use kippu_events::{Family, Principal};
use tokio::sync::{Semaphore, watch};

pub use asked::{Asked, Begin};
pub use id::{FeedId, NotAFeedId};
pub use told::Told;

use self::id::Within;
use self::open::{OpenFeeds, Place};
pub(crate) use self::reader::Limits;
use self::reader::{Reader, Sight, Taker};
use self::told::{First, Text};
use crate::error::QueryError;
use crate::history::History;
use crate::queries::{Moment, Queries};
use crate::runner::Published;
use crate::view::View as _;

/// How long one who comes with an id of what this node does not reflect yet waits until it does.
const WAIT: Duration = Duration::from_secs(5);

/// All feeds of a node.
pub struct Feeds {
    queries: Queries,
    open: Arc<OpenFeeds>,
    /// Pages that are read at once. Who waits for its turn holds nobody up.
    turns: Arc<Semaphore>,
    limits: Limits,
    wait: Duration,
}

/// One feed.
pub struct Feed {
    /// Nothing while it reads.
    reader: Option<Reader>,
    published: watch::Receiver<Published>,
    bound: ReadUpTo,
    /// Those that are read, and which of them is next.
    partitions: Vec<u16>,
    next: usize,
    turns: Arc<Semaphore>,
    /// See [`Limits::told`].
    most_told: usize,
    place: Place,
    /// How much the client knows that it was told.
    known: Option<FeedId>,
}

/// Up to where a feed reads.
enum ReadUpTo {
    /// As far as whichever view has come furthest: everything is shown anyway.
    AnyView,
    /// As far as the views of all these families: their rows say what is shown.
    ViewsOf(Vec<Family>),
}

/// What a feed waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum News {
    /// There is something to read.
    More,
    /// The feed is over: the node stops, or the same caller has opened too many more.
    Over,
}

impl Feeds {
    /// Feeds from the log of `queries`.
    #[must_use]
    pub fn new(queries: Queries) -> Self {
        Self::with(queries, Limits::default(), WAIT)
    }

    /// The same, with these limits.
    pub(crate) fn with(queries: Queries, limits: Limits, wait: Duration) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { queries, open: Arc::default(), turns: Arc::new(Semaphore::new(cores)), limits, wait }
    }

    /// A feed of what `caller` asks for and may see.
    ///
    /// # Errors
    /// `Forbidden` where that is nothing, `OtherHistory` and `Behind` where the id to go on from is of another history or not
    /// reflected here, `TooManyFeeds`, and where the place to begin at cannot be read.
    pub async fn open(&self, caller: &Caller, asked: Asked) -> Result<Feed, QueryError> {
        self.open_for(Some(caller.principal), caller, asked).await
    }

    /// The same of the node's own, for what is sent to `caller`: it counts against no limit.
    ///
    /// # Errors
    /// As [`Feeds::open`].
    pub async fn open_own(&self, caller: &Caller, asked: Asked) -> Result<Feed, QueryError> {
        self.open_for(None, caller, asked).await
    }

    async fn open_for(&self, of: Option<Principal>, caller: &Caller, asked: Asked) -> Result<Feed, QueryError> {
        let (sight, bound) = sight(&self.queries, caller, &asked)?;
        if let Begin::After(FeedId { cut, .. }) = &asked.begin {
            // The genesis of a partition is reflected with whatever comes next.
            let cut = Moment::Cut(Cut(cut.0.clone()));
            self.queries.reach(History.name(), &cut, self.wait).await?;
        }
        let place = self.open.enter(of)?;
        let (queries, begin) = (self.queries.clone(), asked.begin.clone());
        let start = self.queries.in_turn(caller.party(), move || start::find(&queries, &begin)).await?;
        let mut partitions: Vec<u16> =
            asked.entities().iter().map(|entity| self.queries.partition_of(entity.id)).collect();
        if partitions.is_empty() {
            partitions.extend(0..self.queries.log().partitions());
        }
        partitions.sort_unstable();
        partitions.dedup();
        Ok(Feed {
            reader: Some(Reader::new(self.queries.clone(), asked, sight, self.limits.read, start)),
            published: self.queries.published(),
            bound,
            partitions,
            next: 0,
            turns: Arc::clone(&self.turns),
            most_told: self.limits.told,
            place,
            known: None,
        })
    }

    /// The event `id` as it is sent to `caller`; nothing where there is no such event for it.
    ///
    /// # Errors
    /// As [`Feeds::open`] and [`Feed::read`]; `Behind` where this node does not reflect it in time.
    pub async fn event(&self, caller: &Caller, id: EventId) -> Result<Option<Told>, QueryError> {
        let EventId { partition, number, index } = id;
        let mut cut = vec![0; usize::from(self.queries.log().partitions())];
        let Some(before) = cut.get_mut(usize::from(partition)) else { return Ok(None) };
        // An entry lies at the number of its record, or behind it.
        let queries = self.queries.clone();
        let end = self.queries.in_turn(caller.party(), move || {
            queries.log().end(partition).map_err(|error| QueryError::Log(error.to_string()))
        });
        let end = end.await?;
        if number >= end {
            return Ok(None);
        }
        *before = number.saturating_sub(1);
        let within = (index > 0).then_some(Within { partition, events: index });
        let begin = Begin::After(FeedId { cut: Cut(cut), mark: None, within });
        let mut feed = self.open_own(caller, Asked::sent(Vec::new(), begin)).await?;
        feed.partitions = vec![partition];
        while feed.reader.as_ref().is_some_and(|reader| reader.number(partition) < number) {
            let Ok(news) = tokio::time::timeout(self.wait, feed.news()).await else {
                let cut = feed.reader.as_ref().map_or(Cut(Vec::new()), |reader| reader.id().cut);
                return Err(QueryError::Behind { asked: id.to_string(), cut });
            };
            if news? == News::Over {
                return Err(QueryError::Stopped);
            }
            if let Some(told) = feed.read_one().await? {
                return Ok((told.event == id).then_some(told));
            }
        }
        Ok(None)
    }

    /// Ends every feed, and lets nobody open one any more.
    pub fn end(&self) {
        self.open.end();
    }
}

/// What `caller` is shown of what it asks for.
fn sight(queries: &Queries, caller: &Caller, asked: &Asked) -> Result<(Sight, ReadUpTo), QueryError> {
    if Queries::sees_everything(caller) {
        return Ok((Sight::Everything, ReadUpTo::AnyView));
    }
    if caller.is_guest() && caller.holds.is_none() {
        return Err(QueryError::Unauthenticated);
    }
    let mut families = queries.families_shown_to(caller);
    families.retain(|family| asked.admits_family(*family));
    if families.is_empty() {
        return Err(QueryError::Forbidden("no such events are shown to the key's role"));
    }
    Ok((Sight::Rows(*caller, families.clone()), ReadUpTo::ViewsOf(families)))
}

impl Feed {
    /// What goes first: where to go on for a client that loses its connection before it is told of an event.
    pub fn beginning(&mut self) -> String {
        self.known = self.reader.as_ref().map(Reader::id);
        self.known.as_ref().map_or_else(String::new, |id| frame::beginning(&id.to_string()))
    }

    /// What says that the feed is alive, and how far it has looked.
    pub fn keep_alive(&mut self) -> String {
        let id = self.reader.as_ref().map(Reader::id);
        if id == self.known {
            return frame::keep_alive(None);
        }
        let text = frame::keep_alive(id.as_ref().map(FeedId::to_string).as_deref());
        self.known = id;
        text
    }

    /// Waits until there is something to read, or the feed is over. May be given up and called again at any time.
    ///
    /// # Errors
    /// `Store` or `Stopped` where views are not kept up to date any more.
    pub async fn news(&mut self) -> Result<News, QueryError> {
        loop {
            if self.place.is_over() {
                return Ok(News::Over);
            }
            if self.unread()?.is_some() {
                return Ok(News::More);
            }
            tokio::select! {
                moved = self.published.changed() => moved.map_err(|_| QueryError::Stopped)?,
                () = self.place.over() => {}
            }
        }
    }

    /// The next page of some partition; empty where nothing in it is for this caller. A feed whose read was given up, or has
    /// failed, reads no more.
    ///
    /// # Errors
    /// `Log`, `Store` or `Row` where it cannot be read; `Stopped` after that.
    pub async fn read(&mut self) -> Result<String, QueryError> {
        let text = Text { out: String::new(), most: self.most_told };
        Ok(self.tell(text).await?.out)
    }

    /// The next event alone, if the next page of some partition has one.
    ///
    /// # Errors
    /// As [`Feed::read`].
    pub async fn read_one(&mut self) -> Result<Option<Told>, QueryError> {
        let Some(before) = self.reader.as_ref().map(Reader::id) else { return Err(QueryError::Stopped) };
        Ok(self.tell(First::behind(before)).await?.told)
    }

    async fn tell<T: Taker + Send + 'static>(&mut self, taker: T) -> Result<T, QueryError> {
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| QueryError::Stopped)?;
        let Some((partition, until)) = self.unread()? else { return Ok(taker) };
        self.next = self.place_of(partition) + 1;
        let Some(mut reader) = self.reader.take() else { return Err(QueryError::Stopped) };
        let read = tokio::task::spawn_blocking(move || {
            let page = reader.page(partition, until, taker);
            drop(turn);
            (reader, page)
        });
        let (reader, page) = read.await.map_err(|_| QueryError::Stopped)?;
        let taker = page?;
        self.reader = Some(reader);
        Ok(taker)
    }

    /// Reads `partition` before the others.
    pub fn begin_with(&mut self, partition: u16) {
        self.next = self.place_of(partition);
    }

    /// Where `partition` stands among those that are read.
    fn place_of(&self, partition: u16) -> usize {
        self.partitions.iter().position(|its| *its == partition).unwrap_or_default()
    }

    /// A partition that there is more of, and up to which offset.
    fn unread(&mut self) -> Result<Option<(u16, u64)>, QueryError> {
        let Some(reader) = &self.reader else { return Err(QueryError::Stopped) };
        let published = self.published.borrow_and_update();
        if let Some(ended) = &published.failed {
            return Err(ended.clone().into());
        }
        let until = |partition: u16| {
            let until = self.bound.of(&published, partition);
            (reader.offset(partition) < until).then_some((partition, until))
        };
        if let Some(partition) = reader.must_read() {
            return Ok(until(partition));
        }
        let count = self.partitions.len();
        // Each in turn, so that none waits for one that goes on and on.
        for step in 0..count {
            let at = (self.next + step) % count;
            if let Some(found) = self.partitions.get(at).and_then(|partition| until(*partition)) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

impl ReadUpTo {
    /// The offset in `partition`.
    fn of(&self, published: &Published, partition: u16) -> u64 {
        let index = usize::from(partition);
        match self {
            Self::AnyView => published.read_by_any(index),
            Self::ViewsOf(families) => {
                families.iter().map(|family| published.read_by(family.name(), index)).min().unwrap_or_default()
            }
        }
    }
}
