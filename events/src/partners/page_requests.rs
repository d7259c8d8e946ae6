//! Requests of visitors to pages: what they buy or want to know. The site that shows the page takes the steps itself, or entrusts them to
//! the main site, as the terms of the contract say. A request lies in the slot of its article's stock.
//!
//! ```text
//! opened ─┬───────────────────▶ step begun ─▶ step done ─▶ … ─┬─▶ over
//!         ├─(which steps?)─────▶ steps named ─▶ step begun …   └─(told: sold, or not)─▶ over
//!         └─(entrusted) told ──▶ step done … by the other site
//!
//! entrusted (at the other site) ─▶ step begun ─▶ step done ─▶ … ─(told)─┬─▶ over
//!                                                                   └─▶ held ─▶ settled
//! ```

mod event;
mod samples;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use self::event::{Bound, Event, Failure, Found, Taken, Task, Wanted};
use super::contracts::{Mode, Side, Step};
use super::stocks;
use crate::entity::Entity;
use crate::family::Family;
use crate::id::EntityId;
use crate::time::Time;

/// What the site of `party` calls the steps from `first` on of a request that the other site calls `request`.
#[must_use]
pub fn entrusted_id(party: EntityId, article: &str, request: EntityId, first: u8) -> EntityId {
    let mut hash = Sha256::new();
    hash.update(b"kippu.entrusted.1");
    hash.update(party.as_bytes());
    hash.update(request.as_bytes());
    hash.update([first]);
    EntityId::from_hash(&hash.finalize().into()).in_slot(stocks::id_of(party, article).slot())
}

/// Whose request it is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Origin {
    /// A visitor's, of the site that shows the page.
    Visitor {
        /// On which page.
        page: EntityId,
        /// Who processes it.
        mode: Mode,
    },
    /// The other site's.
    Site {
        /// Its party.
        from: EntityId,
        /// What it calls the request.
        request: EntityId,
        /// How many steps were taken before.
        first: u8,
        /// Whether no step comes after those that it entrusted.
        last: bool,
    },
}

/// Where a request stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Phase {
    /// The main site is to say which steps are taken.
    Asking,
    /// The step that is next is to begin: never between two records.
    Ready,
    /// The step that is next waits for an answer here.
    Waiting {
        /// Until when.
        until: Time,
    },
    /// The other site is to be told to take the steps that are next.
    Entrusting,
    /// It knows, and takes them.
    Entrusted,
    /// The other site is to be told whether what it reserved is sold.
    Settling {
        /// Whether it is.
        sold: bool,
    },
    /// The other site is to be told what came of the steps that it entrusted.
    Reporting,
    /// It knows, and is to say whether what is reserved here is sold.
    Held {
        /// Until when it stays reserved.
        until: Time,
    },
    /// Over.
    Over,
}

/// Where some of the stock is reserved for a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Reserved {
    /// Nowhere.
    Nowhere,
    /// Here.
    Here,
    /// At the other site, which was entrusted with the steps from this one on.
    There(u8),
}

/// A request that there is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Known {
    /// Whose.
    pub origin: Origin,
    /// For what.
    pub wanted: Wanted,
    /// The stock of the article at this site.
    pub stock: EntityId,
    /// By which contract.
    pub bound: Option<Bound>,
    /// Its steps, in order.
    pub tasks: Vec<Task>,
    /// Those that were taken, in the same order.
    pub taken: Vec<Taken>,
    /// The one that could not be.
    pub failure: Option<Failure>,
    /// Where it stands.
    pub phase: Phase,
    /// Where some of the stock is reserved.
    pub reserved: Reserved,
    /// When it came: the terms that counted then count for it.
    pub opened_at: Time,
    /// Counts what is owed to the other site: one more with each event.
    pub attempt: u32,
    /// Since when it is owed.
    pub since: Time,
}

impl Known {
    /// The step that is next, and at which site.
    #[must_use]
    pub fn next(&self) -> Option<Task> {
        self.tasks.get(self.taken.len()).copied()
    }

    /// Which side of the contract this site is: the partner's where a page came by one.
    #[must_use]
    pub const fn here(&self) -> Side {
        match self.origin {
            Origin::Visitor { .. } => Side::Partner,
            Origin::Site { .. } => Side::Main,
        }
    }

    /// The steps from the next one on that are all at the other site.
    #[must_use]
    pub fn there(&self) -> Vec<Step> {
        let rest = self.tasks.iter().skip(self.taken.len());
        rest.take_while(|task| task.at != self.here()).map(|task| task.step).collect()
    }

    /// The party of the other site.
    #[must_use]
    pub fn other(&self) -> Option<EntityId> {
        match self.origin {
            Origin::Site { from, .. } => Some(from),
            Origin::Visitor { .. } => self.bound.as_ref().map(|bound| bound.main),
        }
    }

    /// What came of a step, where it was taken.
    #[must_use]
    pub fn found(&self, step: Step) -> Option<&Found> {
        self.taken.iter().find(|taken| taken.step == step).map(|taken| &taken.found)
    }

    /// Whether goods change hands once all steps are taken.
    #[must_use]
    pub fn is_purchase(&self) -> bool {
        self.wanted.kind == "buy"
    }

    /// Whether no step is left for anybody.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.failure.is_none() && self.taken.len() == self.tasks.len()
    }

    /// Where it stands once a step was taken or refused, or a reservation has ended.
    fn go_on(&mut self) {
        if self.is_complete() && self.sells() {
            self.reserved = Reserved::Nowhere;
        }
        self.phase = match (self.next().filter(|_| self.failure.is_none()), &self.origin, self.reserved) {
            (Some(task), _, _) if task.at == self.here() => Phase::Ready,
            (Some(_), _, _) if self.phase == Phase::Entrusted => Phase::Entrusted,
            (Some(_), _, _) => Phase::Entrusting,
            (None, Origin::Site { .. }, _) => Phase::Reporting,
            (None, Origin::Visitor { .. }, Reserved::There(_)) => Phase::Settling { sold: self.failure.is_none() },
            (None, Origin::Visitor { .. }, Reserved::Nowhere | Reserved::Here) => Phase::Over,
        };
    }

    /// Whether what is reserved is sold with the last step, by the site that has it.
    fn sells(&self) -> bool {
        match (self.reserved, &self.origin) {
            (Reserved::Nowhere, _) => false,
            (Reserved::Here, Origin::Visitor { .. }) => true,
            (Reserved::Here, Origin::Site { last, .. }) => *last,
            (Reserved::There(first), _) => self.group_of(self.tasks.len().saturating_sub(1)) == Some(first),
        }
    }

    /// The first of the steps that are entrusted together with this one; nothing of a step that is taken here.
    fn group_of(&self, which: usize) -> Option<u8> {
        let is_there = |task: &Task| task.at != self.here();
        self.tasks.get(which).filter(|task| is_there(task))?;
        let before = self.tasks.iter().take(which).rev().take_while(|task| is_there(task)).count();
        u8::try_from(which - before).ok()
    }

    /// The first of the steps that are entrusted together with the next one.
    #[must_use]
    pub fn group(&self) -> Option<u8> {
        self.group_of(self.taken.len())
    }

    fn done(&mut self, step: Step, found: &Found) {
        if step == Step::Stock && self.is_purchase() {
            self.reserved = self.group().map_or(Reserved::Here, Reserved::There);
        }
        self.taken.push(Taken { step, found: found.clone() });
        self.go_on();
    }

    fn refused(&mut self, step: Step, reason: &str) {
        self.failure = Some(Failure { step, reason: reason.to_owned() });
        let is_released = match self.reserved {
            Reserved::Nowhere => false,
            Reserved::Here => true,
            // Who had it reserved took this step too, and has released it.
            Reserved::There(first) => self.group() == Some(first),
        };
        if is_released {
            self.reserved = Reserved::Nowhere;
        }
        self.go_on();
    }

    /// The other site was told, or refused.
    fn told(&mut self, until: Option<Time>, refusal: Option<&str>) {
        match (&self.phase, refusal) {
            (Phase::Entrusting, None) => self.phase = Phase::Entrusted,
            (Phase::Asking | Phase::Entrusting, Some(reason)) => {
                self.refused(self.next().map_or(Step::Answer, |task| task.step), reason);
            }
            (Phase::Settling { sold }, refusal) => {
                if let (true, Some(reason)) = (*sold, refusal) {
                    self.failure = Some(Failure { step: Step::Stock, reason: reason.to_owned() });
                }
                self.reserved = Reserved::Nowhere;
                self.phase = Phase::Over;
            }
            (Phase::Reporting, _) => {
                self.phase = until.map_or(Phase::Over, |until| Phase::Held { until });
            }
            (Phase::Asking | Phase::Ready | Phase::Waiting { .. } | Phase::Entrusted | Phase::Held { .. }, _)
            | (Phase::Over, _) => {}
        }
    }
}

/// The state of a request.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum PageRequest {
    /// Nobody asked.
    #[default]
    Absent,
    /// Somebody did.
    Known(Box<Known>),
    /// The other site asked which steps to take, and was told these.
    Commanded(Vec<Step>),
}

impl PageRequest {
    /// Itself, where it has steps here or at the other site.
    #[must_use]
    pub fn known(&self) -> Option<&Known> {
        match self {
            Self::Known(known) => Some(known),
            Self::Absent | Self::Commanded(_) => None,
        }
    }

    fn begin(&mut self, event: &Event, since: Time) {
        let (origin, wanted, stock, bound, tasks, taken) = match event {
            Event::Opened { page, wanted, stock, bound, mode, tasks, .. } => {
                let origin = Origin::Visitor { page: *page, mode: *mode };
                (origin, wanted, stock, bound.clone(), tasks.clone(), Vec::new())
            }
            Event::Entrusted { from, request, wanted, stock, bound, taken, steps, last } => {
                let all = taken.iter().map(|taken| taken.step).chain(steps.iter().copied());
                let tasks = all.map(|step| Task { step, at: Side::Main }).collect();
                let first = u8::try_from(taken.len()).unwrap_or(u8::MAX);
                let origin = Origin::Site { from: *from, request: *request, first, last: *last };
                (origin, wanted, stock, Some(bound.clone()), tasks, taken.clone())
            }
            Event::Commanded { steps, .. } => return *self = Self::Commanded(steps.clone()),
            Event::StepsNamed { .. }
            | Event::StepBegun { .. }
            | Event::StepDone { .. }
            | Event::StepRefused { .. }
            | Event::Told { .. }
            | Event::NotTold { .. }
            | Event::Settled { .. } => return,
        };
        let asks = matches!(origin, Origin::Visitor { mode: Mode::Commanded, .. });
        let mut known = Known {
            origin,
            wanted: wanted.clone(),
            stock: *stock,
            bound,
            tasks,
            taken,
            failure: None,
            phase: Phase::Ready,
            reserved: Reserved::Nowhere,
            opened_at: since,
            attempt: 1,
            since,
        };
        if asks {
            known.phase = Phase::Asking;
        } else {
            known.go_on();
        }
        *self = Self::Known(Box::new(known));
    }
}

impl Entity for PageRequest {
    const FAMILY: Family = Family::PageRequests;
    const REVISION: u32 = 1;
    type Event = Event;

    fn samples() -> Vec<Event> {
        samples::all()
    }

    fn evolve(&mut self, event: &Event, time: Time) {
        let Self::Known(known) = self else { return self.begin(event, time) };
        (known.attempt, known.since) = (known.attempt + 1, time);
        match event {
            Event::StepsNamed { steps, .. } => {
                known.tasks.retain(|task| steps.contains(&task.step));
                known.go_on();
            }
            Event::StepBegun { until, .. } => known.phase = Phase::Waiting { until: *until },
            Event::StepDone { step, found } => known.done(*step, found),
            Event::StepRefused { step, reason } => known.refused(*step, reason),
            Event::Told { until, .. } => known.told(*until, None),
            Event::NotTold { reason, .. } => known.told(None, Some(reason)),
            Event::Settled { sold } => {
                known.reserved = Reserved::Nowhere;
                if let (Phase::Held { .. }, false) = (&known.phase, sold) {
                    let (step, reason) = (Step::Stock, "released".to_owned());
                    known.failure.get_or_insert(Failure { step, reason });
                }
                // What came of its steps may still be owed to the other site.
                if known.phase != Phase::Reporting {
                    known.phase = Phase::Over;
                }
            }
            // Of its beginning.
            Event::Opened { .. } | Event::Entrusted { .. } | Event::Commanded { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests;
