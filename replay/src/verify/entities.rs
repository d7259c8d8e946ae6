//! What an auditor remembers of every entity of a partition: its version, and what its family's rules need. Kept small,
//! and dropped with the partition.

use std::collections::{BTreeMap, HashMap, HashSet};

use kippu_events::access::users::User;
use kippu_events::approvals::Approval;
use kippu_events::event::{EventId, Mac, Recorded};
use kippu_events::id::BuildIdHasher;
use kippu_events::money::Currency;
use kippu_events::{EntityKey, NotAnEvent, Time};

use crate::rules::{Breaches, Facts, Movements, Open, Reservations, Rule, Seen};

/// What every event of this partition must say of itself.
pub(super) struct Own {
    pub(super) partition: u16,
    pub(super) partitions: u16,
    pub(super) source: String,
}

/// See the module.
#[derive(Default)]
pub(super) struct Entities {
    known: HashMap<EntityKey, Known, BuildIdHasher>,
    /// Those that have taken effect.
    commands: HashSet<Mac, BuildIdHasher>,
    time: Option<Time>,
    movements: Movements,
    reservations: Reservations,
}

struct Known {
    version: u64,
    facts: Facts,
}

impl Entities {
    /// Takes the events of the record at `place`.
    pub(super) fn take(
        &mut self,
        events: &[Recorded<'_>],
        place: EventId,
        own: &Own,
        breaches: &mut Breaches,
    ) -> Result<(), NotAnEvent> {
        let Some(first) = events.first() else {
            breaches.add(place, Rule::Body, "a commit without events".to_owned());
            return Ok(());
        };
        if self.time.is_some_and(|before| first.time < before) {
            let before = self.time.unwrap_or_default();
            breaches.add(place, Rule::Time, format!("{} is before the record before, {before}", first.time));
        }
        self.time = self.time.max(Some(first.time));
        if !self.commands.insert(first.cause.command) {
            breaches.add(place, Rule::CommandOnce, "its command has taken effect before".to_owned());
        }
        self.movements.clear();
        for (index, event) in (0..).zip(events) {
            let place = EventId { index, ..place };
            envelope(event, first, place, own, breaches);
            self.event(event, place, own, breaches)?;
        }
        let known = &self.known;
        self.movements.settle(|user| known.get(&EntityKey::of::<User>(user))?.facts.account(), breaches);
        let is_open = |known: &Known| known.facts.is_open_approval();
        self.reservations
            .settle(|approval| known.get(&EntityKey::of::<Approval>(approval)).is_some_and(is_open), breaches);
        Ok(())
    }

    /// What is reserved by approvals that are open.
    pub(super) fn open(&self) -> BTreeMap<Currency, Open> {
        self.reservations.open()
    }

    fn event(
        &mut self,
        event: &Recorded<'_>,
        place: EventId,
        own: &Own,
        breaches: &mut Breaches,
    ) -> Result<(), NotAnEvent> {
        let known = self.known.entry(event.entity).or_insert_with(|| {
            let location = event.entity.id.slot().partition(own.partitions);
            if location != own.partition {
                let Own { partition, .. } = own;
                breaches.add(
                    place,
                    Rule::Slot,
                    format!("{} belongs to partition {location}, not {partition}", event.entity),
                );
            }
            Known { version: 0, facts: Facts::of(event.entity.family) }
        });
        if known.version.checked_add(1) != Some(event.version) {
            breaches.add(
                place,
                Rule::Version,
                format!("{} goes from version {} to {}", event.entity, known.version, event.version),
            );
        }
        known.version = event.version;
        let mut seen = Seen {
            place,
            id: event.entity.id,
            time: event.time,
            principal: event.cause.principal,
            movements: &mut self.movements,
            reservations: &mut self.reservations,
            breaches,
        };
        known.facts.take(event, &mut seen)
    }
}

/// What the event says of itself besides its data.
fn envelope(event: &Recorded<'_>, first: &Recorded<'_>, place: EventId, own: &Own, breaches: &mut Breaches) {
    if event.id != place {
        breaches.add(place, Rule::Id, format!("the event calls itself {}", event.id));
    }
    if event.source != own.source {
        breaches.add(place, Rule::Source, format!("the event is of log {:?}", event.source));
    }
    if event.time != first.time {
        breaches.add(place, Rule::Time, format!("{} differs within the record from {}", event.time, first.time));
    }
    if event.cause != first.cause {
        breaches.add(place, Rule::Command, "events of one record name different commands".to_owned());
    }
}
