//! What takes the events of a page: a text of server-sent events, or the first event alone.

use kippu_events::event::EventId;
use kippu_events::{Recorded, Time};

use super::frame;
use super::id::FeedId;
use super::reader::Taker;

/// Server-sent events, one behind the other.
pub(super) struct Text {
    pub(super) out: String,
    /// A page ends with the event with which it reaches so many bytes.
    pub(super) most: usize,
}

impl Taker for Text {
    fn is_full(&self) -> bool {
        self.out.len() >= self.most
    }

    fn take(&mut self, event: &Recorded<'_>, id: impl FnOnce(&mut String), data: &str) {
        frame::event(&mut self.out, id, event.kind, data);
    }
}

/// One event, as it is shown to whoever is told of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// Which.
    pub event: EventId,
    /// When it was decided.
    pub time: Time,
    /// The event in JSON.
    pub data: String,
    /// A feed that goes on from here, and reads the event's partition before others, tells it again.
    pub before: FeedId,
    /// What a feed goes on from behind it.
    pub behind: String,
}

/// The first event of a page, behind what was told `before`.
pub(super) struct First {
    before: FeedId,
    pub(super) told: Option<Told>,
}

impl First {
    pub(super) const fn behind(before: FeedId) -> Self {
        Self { before, told: None }
    }
}

impl Taker for First {
    fn is_full(&self) -> bool {
        self.told.is_some()
    }

    fn take(&mut self, event: &Recorded<'_>, id: impl FnOnce(&mut String), data: &str) {
        let mut behind = String::new();
        id(&mut behind);
        let (before, data) = (self.before.clone(), data.to_owned());
        self.told = Some(Told { event: event.id, time: event.time, data, before, behind });
    }
}
