//! Contracts between a main site and a partner site: which terms count from when. Both parties' nodes keep the same contract under
//! the same id, each in its own log, and tell each other what they decide.
//!
//! ```text
//! proposed 1 ─▶ accepted 1 ─▶ proposed 2 ─▶ accepted 2 ─▶ … ─▶ ended
//!     └─▶ declined 1 ─▶ proposed 2
//! ```

mod certification;
mod collecting;
mod delegation;
mod event;
mod member_terms;
mod page_terms;
mod samples;
mod terms;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use self::certification::Certification;
pub use self::collecting::Collecting;
pub use self::delegation::{Delegation, Mode, Rule, Step};
pub use self::event::{Event, Side};
pub use self::member_terms::{MemberTerms, Price, UserData};
pub use self::page_terms::{Confirmation, PageRights, PageTerms, Way};
pub use self::terms::Terms;
use super::access::Period;
use super::fees::Month;
pub use super::fees::Part;
use crate::as_json::AsJson;
use crate::entity::Entity;
use crate::family::Family;
use crate::id::EntityId;
use crate::time::Time;

/// The contract of these two parties.
#[must_use]
pub fn id_of(main: EntityId, partner: EntityId) -> EntityId {
    let mut hash = Sha256::new();
    hash.update(b"kippu.contract.1");
    hash.update(main.as_bytes());
    hash.update(partner.as_bytes());
    EntityId::from_hash(&hash.finalize().into())
}

/// What became of proposed terms.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Standing {
    /// The partner has not answered.
    Proposed,
    /// They count.
    Accepted,
    /// They never do.
    Declined,
}

/// Terms, and from when they count once the partner has accepted them.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Version {
    /// Which: 1 is the first.
    pub number: u32,
    /// From when they count.
    pub from: Time,
    /// What they hash to: what the partner accepts.
    pub sha256: String,
    /// The terms.
    pub terms: AsJson<Terms>,
    /// What became of them.
    pub standing: Standing,
}

/// What the other party is still to be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum News {
    /// The terms with this number.
    Proposed(u32),
    /// That those with this number count.
    Accepted(u32),
    /// That those with this number do not.
    Declined(u32),
    /// That the contract ends, and who ended it.
    Ended(Time, Side),
}

/// A contract that there is.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Known {
    /// The party of the main site.
    pub main: EntityId,
    /// The party of the partner site.
    pub partner: EntityId,
    /// All terms, oldest first.
    pub versions: Vec<Version>,
    /// When it ends, where that was said.
    pub ends_at: Option<Time>,
    /// What the other party is still to be told, oldest first, and since when.
    pub untold: Vec<(News, Time)>,
    /// So many times it was told something before.
    pub told: u32,
}

impl Known {
    /// The terms that count at `time`.
    #[must_use]
    pub fn at(&self, time: Time) -> Option<&Version> {
        if self.ends_at.is_some_and(|end| end <= time) {
            return None;
        }
        self.accepted().rfind(|version| version.from <= time)
    }

    /// The terms that the partner has accepted, oldest first.
    pub fn accepted(&self) -> impl DoubleEndedIterator<Item = &Version> {
        self.versions.iter().filter(|version| version.standing == Standing::Accepted)
    }

    /// The terms with this number.
    #[must_use]
    pub fn version(&self, number: u32) -> Option<&Version> {
        self.versions.iter().find(|version| version.number == number)
    }

    /// In which zone `month` is counted, by its name, and from when to when it is: by the terms that count when it ends. Nothing where
    /// none do.
    #[must_use]
    pub fn month(&self, month: Month) -> Option<(TimeZone, &str, Period)> {
        self.accepted().rev().find_map(|version| {
            let zone = TimeZone::get(&version.terms.time_zone).ok()?;
            let whole = month.period(&zone)?;
            (version.from < whole.until).then_some((zone, version.terms.time_zone.as_str(), whole))
        })
    }

    /// Which side of it `party` is.
    #[must_use]
    pub fn side(&self, party: EntityId) -> Option<Side> {
        if self.main == party { Some(Side::Main) } else { (self.partner == party).then_some(Side::Partner) }
    }

    /// Whether `party` may check lines of access logs, by the newest terms that the partner has accepted.
    #[must_use]
    pub fn verifies(&self, party: EntityId) -> bool {
        let newest = self.accepted().next_back();
        let is_among = |side| newest.is_none_or(|version| version.terms.certification.verifiers.contains(&side));
        self.side(party).is_some_and(is_among)
    }

    /// Whom `news` is told.
    #[must_use]
    pub const fn told_to(&self, news: News) -> EntityId {
        match news {
            News::Proposed(_) | News::Ended(_, Side::Main) => self.partner,
            News::Accepted(_) | News::Declined(_) | News::Ended(_, Side::Partner) => self.main,
        }
    }

    /// The party whose node registers and identifies members by `terms`.
    #[must_use]
    pub fn central(&self, terms: &MemberTerms) -> EntityId {
        terms.central.unwrap_or(self.main)
    }

    /// Whom the node of `own` hands on to what is for the central node by `terms`; nothing where it is the central node.
    #[must_use]
    pub fn towards_central(&self, terms: &MemberTerms, own: EntityId) -> Option<EntityId> {
        let central = self.central(terms);
        let next = if terms.through_main && own == self.partner { self.main } else { central };
        (own != central).then_some(next)
    }

    fn answered(&mut self, number: u32, standing: Standing) {
        let asked = self.versions.iter_mut().find(|its| its.number == number && its.standing == Standing::Proposed);
        if let Some(version) = asked {
            version.standing = standing;
        }
    }
}

/// The state of a contract.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub enum Contract {
    /// Nobody proposed one.
    #[default]
    Absent,
    /// There is one.
    Known(Box<Known>),
}

impl Contract {
    /// Itself, where there is one.
    #[must_use]
    pub fn known(&self) -> Option<&Known> {
        match self {
            Self::Absent => None,
            Self::Known(known) => Some(known),
        }
    }
}

impl Entity for Contract {
    const FAMILY: Family = Family::Contracts;
    const REVISION: u32 = 1;
    type Event = Event;

    fn samples() -> Vec<Event> {
        samples::all()
    }

    fn evolve(&mut self, event: &Event, time: Time) {
        if let (Self::Absent, Event::Proposed { main, partner, .. }) = (&*self, event) {
            let (main, partner) = (*main, *partner);
            let known = Known { main, partner, versions: Vec::new(), ends_at: None, untold: Vec::new(), told: 0 };
            *self = Self::Known(Box::new(known));
        }
        let Self::Known(known) = self else { return };
        let (news, here) = match event {
            Event::Proposed { number, from, sha256, terms, here, .. } => {
                let (number, from, sha256, terms) = (*number, *from, sha256.clone(), AsJson((**terms).clone()));
                known.versions.push(Version { number, from, sha256, terms, standing: Standing::Proposed });
                (News::Proposed(number), *here)
            }
            Event::Accepted { number, here } => {
                known.answered(*number, Standing::Accepted);
                (News::Accepted(*number), *here)
            }
            Event::Declined { number, here, .. } => {
                known.answered(*number, Standing::Declined);
                (News::Declined(*number), *here)
            }
            Event::Ended { at, by, here } => {
                known.ends_at = Some(*at);
                (News::Ended(*at, *by), *here)
            }
            Event::Told { .. } | Event::NotTold { .. } => {
                if !known.untold.is_empty() {
                    known.untold.remove(0);
                }
                known.told += 1;
                // The next one is owed from now on.
                if let Some((_, since)) = known.untold.first_mut() {
                    *since = time;
                }
                return;
            }
        };
        if here {
            known.untold.push((news, time));
        }
    }
}

#[cfg(test)]
mod tests;
