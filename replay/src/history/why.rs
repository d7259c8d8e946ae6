//! Why something is as it is: the event that made it so, and what led to that – who asked by which command, what was recorded
//! together with it, and the event that it answers, across entities.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use kippu_events::event::EventId;
use kippu_events::{EntityKey, Family, Principal};
use kippu_projections::Moment;
use serde::Serialize;
use serde_json::Value;

use super::fields;
use super::happened::{Happened, text};
use super::moment::Until;
use super::read::Told;
use super::state::{as_of, fold, nothing};
use super::{NotTold, Past};

/// Events that answer one another are followed so far.
const MOST_CAUSES: usize = 64;
/// Who opened what somebody else opened is followed so far.
const MOST_BEGINNINGS: usize = 16;

/// The answer.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Why {
    /// Of what.
    #[serde(serialize_with = "text")]
    pub entity: EntityKey,
    /// A JSON pointer into its state; nothing where its last event was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The field before the event, if it was there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// The field since, if it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
    /// The event that changed it last.
    pub because: Node,
}

/// An event and what led to it.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Node {
    /// The event.
    #[serde(flatten)]
    pub event: Happened,
    /// The event by which its entity began, where that is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub began: Option<Box<Self>>,
    /// The event by which the caller began, where that is an entity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller: Option<Box<Self>>,
    /// Events of the same record.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub together: Vec<Self>,
    /// The event that its command answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Box<Self>>,
}

/// Why `field` of `entity` is as it is at `moment`, by its name or a JSON pointer; without a field, its last event.
///
/// # Errors
/// [`NotTold`].
pub fn why(past: &Past<'_>, entity: EntityKey, field: Option<&str>, moment: Option<&Moment>) -> Result<Why, NotTold> {
    let field = field.map(|field| pointer(past, entity, field, moment)).transpose()?;
    let last = last_change(past, entity, field.as_deref(), moment)?;
    let Some(Change { event, record, before, after }) = last else {
        return Err(match field {
            Some(field) => NotTold::NoField { entity, field, known: known(past, entity, moment)? },
            None => nothing(entity, moment),
        });
    };
    let because = Chain { past, seen: BTreeSet::new() }.node(&record, &event, MOST_CAUSES)?;
    Ok(Why { entity, field, before, after, because })
}

/// The record that changed something.
struct Change {
    event: Happened,
    record: Vec<Happened>,
    before: Option<Value>,
    after: Option<Value>,
}

/// The last event of `entity` that changed `field`, or did anything.
fn last_change(
    past: &Past<'_>,
    entity: EntityKey,
    field: Option<&str>,
    moment: Option<&Moment>,
) -> Result<Option<Change>, NotTold> {
    let until = Until::of(moment, past.partition_of(entity), past.log.partitions())?;
    let (mut state, mut value, mut last) = (entity.family.fresh(), None, None);
    past.events(entity, &until, &mut |told, its| {
        for index in its.iter().copied() {
            let Some(event) = told.events.get(index) else { continue };
            let (mut before, mut after) = (None, None);
            if let Some(field) = field {
                fold(&mut *state, event)?;
                let now = past.shown(entity, state.to_json())?;
                before = std::mem::replace(&mut value, now.pointer(field).cloned());
                after.clone_from(&value);
            }
            if field.is_none() || before != after {
                let (event, record) = (Happened::of(past, told.position, event)?, Happened::all_of(past, told)?);
                last = Some(Change { event, record, before, after });
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(last)
}

/// The JSON pointer that `field` is, or is the name of.
fn pointer(past: &Past<'_>, entity: EntityKey, field: &str, moment: Option<&Moment>) -> Result<String, NotTold> {
    if field.starts_with('/') {
        return Ok(field.to_owned());
    }
    let state = as_of(past, entity, moment)?.state;
    let mut named = fields::named(&state, field);
    match (named.pop(), named.is_empty()) {
        (Some(only), true) => Ok(only),
        (Some(last), false) => {
            named.push(last);
            Err(NotTold::Fields { field: field.to_owned(), known: named.join(", ") })
        }
        (None, _) => {
            let known = fields::all(&state).join(", ");
            Err(NotTold::NoField { entity, field: field.to_owned(), known })
        }
    }
}

fn known(past: &Past<'_>, entity: EntityKey, moment: Option<&Moment>) -> Result<String, NotTold> {
    Ok(fields::all(&as_of(past, entity, moment)?.state).join(", "))
}

struct Chain<'a> {
    past: &'a Past<'a>,
    /// Told already.
    seen: BTreeSet<EventId>,
}

impl Chain<'_> {
    /// `event`, which is one of `record`, and what led to it.
    fn node(&mut self, record: &[Happened], event: &Happened, most_causes: usize) -> Result<Node, NotTold> {
        self.seen.extend(record.iter().map(|event| event.event));
        let mut node = self.with_beginnings(event, MOST_BEGINNINGS)?;
        for other in record.iter().filter(|other| other.event != event.event) {
            // It was asked for by the same caller.
            let began =
                if other.entity == event.entity { None } else { self.beginning(other.entity, MOST_BEGINNINGS)? };
            node.together.push(Node { began, ..leaf(other.clone()) });
        }
        if let Some(cause) = event.causation.filter(|cause| most_causes > 0 && !self.seen.contains(cause)) {
            let all = |told: &Told<'_>| Happened::all_of(self.past, told);
            let record = self.past.record(cause.partition, cause.number, all)?.transpose()?.unwrap_or_default();
            if let Some(event) = record.iter().find(|event| event.event == cause) {
                node.cause = Some(Box::new(self.node(&record, event, most_causes - 1)?));
            }
        }
        Ok(node)
    }

    fn with_beginnings(&mut self, event: &Happened, most: usize) -> Result<Node, NotTold> {
        let began = self.beginning(event.entity, most)?;
        let caller = match event.principal {
            Principal::Client(id) => self.beginning(EntityKey { family: Family::Clients, id }, most)?,
            Principal::User(id) => self.beginning(EntityKey { family: Family::Users, id }, most)?,
            Principal::Peer(id) => self.beginning(EntityKey { family: Family::Peers, id }, most)?,
            Principal::Operator
            | Principal::Deadline
            | Principal::Reaction(_)
            | Principal::Activity
            | Principal::Guest => None,
        };
        Ok(Node { began, caller, ..leaf(event.clone()) })
    }

    /// The first event of `entity`, with its caller, if it has not been told; at most so many behind each other.
    fn beginning(&mut self, entity: EntityKey, most: usize) -> Result<Option<Box<Node>>, NotTold> {
        let Some(most) = most.checked_sub(1) else { return Ok(None) };
        let mut first = None;
        self.past.events(entity, &Until::End, &mut |told, its| {
            let event = its.first().and_then(|index| told.events.get(*index));
            first = event.map(|event| Happened::of(self.past, told.position, event)).transpose()?;
            Ok(ControlFlow::Break(()))
        })?;
        let Some(first) = first.filter(|first| self.seen.insert(first.event)) else { return Ok(None) };
        self.with_beginnings(&first, most).map(|node| Some(Box::new(node)))
    }
}

const fn leaf(event: Happened) -> Node {
    Node { event, began: None, caller: None, together: Vec::new(), cause: None }
}
