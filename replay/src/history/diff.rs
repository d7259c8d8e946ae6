//! What changed between two moments: which entities, from which version to which, and which of their fields.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;

use kippu_events::log::Cut;
use kippu_events::log::walk::Walk;
use kippu_events::{AnyEntity, EntityKey, Family};
use kippu_projections::Moment;
use serde::Serialize;
use serde_json::Value;

use super::fields::{Change, changes};
use super::happened::text;
use super::moment::Until;
use super::read::{Told, Unreadable, read};
use super::state::fold;
use super::{NotTold, Past};

/// An entity that is not as it was.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Changed {
    /// Which.
    #[serde(serialize_with = "text")]
    pub entity: EntityKey,
    /// Its version before; 0 where it was not there.
    pub from: u64,
    /// Its version after.
    pub to: u64,
    /// Fields of its state; none where its events left it as it was.
    pub changes: Vec<Change>,
}

/// What was compared.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Between {
    /// The only partition that was, where a side is a position in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<u16>,
    /// The last record of each partition that counts for the earlier side.
    #[serde(serialize_with = "text")]
    pub from: Cut,
    /// The same of the later side.
    #[serde(serialize_with = "text")]
    pub to: Cut,
}

impl fmt::Display for Between {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, from, to } = self;
        match partition {
            Some(partition) => write!(f, "the records {from} and {to} of partition {partition}"),
            None => write!(f, "the cuts {from} and {to}"),
        }
    }
}

/// Two moments.
#[derive(Clone, Copy)]
pub struct Sides<'a> {
    /// The earlier.
    pub before: &'a Moment,
    /// The later.
    pub after: &'a Moment,
}

impl Sides<'_> {
    /// The only partition that both say something of, where they are not about all of them.
    pub(super) fn partition(&self) -> Option<u16> {
        [self.before, self.after].into_iter().find_map(|moment| match moment {
            Moment::Position(position) => Some(position.partition),
            Moment::Time(_) | Moment::Cut(_) => None,
        })
    }

    pub(super) fn backwards(&self) -> NotTold {
        NotTold::Backwards(self.before.to_string(), self.after.to_string())
    }
}

/// Tells `each` of every entity that changed between two moments, of `family` alone where one is named: partition by partition,
/// and by name within one. Where a side is a position, that is of its partition alone.
///
/// Each partition is read twice: for what changed, and to fold that alone. So memory holds what changed in one partition.
///
/// # Errors
/// [`NotTold`].
pub fn diff(
    past: &Past<'_>,
    sides: Sides<'_>,
    family: Option<Family>,
    each: &mut dyn FnMut(Changed) -> Result<(), NotTold>,
) -> Result<Between, NotTold> {
    let partitions = past.log.partitions();
    let all = sides.partition().map_or(0..=partitions.saturating_sub(1), |only| only..=only);
    let (mut from, mut to) = (Vec::new(), Vec::new());
    for partition in all {
        let before = Until::of(Some(sides.before), partition, partitions)?;
        let after = Until::of(Some(sides.after), partition, partitions)?;
        let side = Side { past, partition, before, after };
        let mut entities = side.changed(family, &sides)?;
        from.push(entities.from);
        to.push(entities.to);
        side.fold(&mut entities)?;
        for (entity, Folded { from, before, to, state, .. }) in entities.states {
            let before = before.flatten().map(|before| past.shown(entity, before)).transpose()?;
            let changes = changes(before.as_ref(), Some(&past.shown(entity, state.to_json())?));
            each(Changed { entity, from, to, changes })?;
        }
    }
    Ok(Between { partition: sides.partition(), from: Cut(from), to: Cut(to) })
}

/// One partition between two moments.
struct Side<'a> {
    past: &'a Past<'a>,
    partition: u16,
    before: Until,
    after: Until,
}

/// What changed in it, and the numbers of the last records of both sides.
struct Entities {
    states: BTreeMap<EntityKey, Folded>,
    from: u64,
    to: u64,
}

struct Folded {
    from: u64,
    /// Nothing where the entity was not there; nobody knows while its events up to then are read.
    before: Option<Option<Value>>,
    to: u64,
    state: Box<dyn AnyEntity>,
}

impl Side<'_> {
    fn read(&self, each: &mut dyn FnMut(&Told<'_>) -> Result<ControlFlow<()>, NotTold>) -> Result<u64, NotTold> {
        let (log, partition) = (self.past.log, self.partition);
        let end = log.end(partition).map_err(Unreadable::Log)?;
        let (mut walk, mut failed) = (Walk::new(log, partition), None);
        read(log, partition, &mut walk, end, &mut |told| {
            each(&told).unwrap_or_else(|error| {
                failed = Some(error);
                ControlFlow::Break(())
            })
        })?;
        failed.map_or(Ok(walk.head().map_or(0, |head| head.number)), Err)
    }

    /// The entities with events between both sides, not folded yet.
    fn changed(&self, family: Option<Family>, sides: &Sides<'_>) -> Result<Entities, NotTold> {
        let mut found = Entities { states: BTreeMap::new(), from: 0, to: 0 };
        let mut is_between = false;
        let last = self.read(&mut |told| {
            let over = self.after.is_before(told)?;
            is_between = is_between || self.before.is_before(told)?;
            if over {
                return if is_between { Ok(ControlFlow::Break(())) } else { Err(sides.backwards()) };
            }
            found.to = told.position.number;
            if !is_between {
                found.from = told.position.number;
                return Ok(ControlFlow::Continue(()));
            }
            for event in told.events.iter().filter(|event| family.is_none_or(|only| event.entity.family == only)) {
                let fresh = || Folded { from: 0, before: None, to: 0, state: event.entity.family.fresh() };
                found.states.entry(event.entity).or_insert_with(fresh);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        self.before.is_reached(self.partition, last)?;
        self.after.is_reached(self.partition, last)?;
        Ok(found)
    }

    fn fold(&self, entities: &mut Entities) -> Result<(), NotTold> {
        let Entities { states, from, to } = entities;
        if states.is_empty() {
            return Ok(());
        }
        self.read(&mut |told| {
            if told.position.number > *to {
                return Ok(ControlFlow::Break(()));
            }
            for event in &told.events {
                let Some(folded) = states.get_mut(&event.entity) else { continue };
                // The first event behind the earlier side finds the state as it was then.
                if told.position.number > *from && folded.before.is_none() {
                    folded.before = Some((folded.to > 0).then(|| folded.state.to_json()));
                    folded.from = folded.to;
                }
                fold(&mut *folded.state, event)?;
                folded.to = event.version;
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(())
    }
}
