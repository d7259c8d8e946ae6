//! Statements of fees that both parties sign: the main site signs what its node computed for a month, and the partner site signs the
//! same, or says where its own differs. Both parties' nodes keep the same statement under the same id, each in its own log, and tell each
//! other what they do.
//!
//! ```text
//! signed 1 ─▶ cosigned: nothing is changed any more; what comes later is an adjustment in another month
//!     └─▶ disputed ─▶ signed 2 ─▶ …
//! ```

mod event;
mod samples;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use self::event::{Difference, Event, STATEMENT, Said};
use super::contracts::Side;
use super::fees::Month;
use crate::as_json::AsJson;
use crate::blobs::BlobId;
use crate::entity::Entity;
use crate::family::Family;
use crate::id::EntityId;
use crate::time::Time;

/// The statement of this month under this contract.
#[must_use]
pub fn id_of(contract: EntityId, month: Month) -> EntityId {
    let hash = Sha256::new().chain_update(b"kippu.fee-statement.1").chain_update(contract.as_bytes());
    EntityId::from_hash(&hash.chain_update(month.to_string()).finalize().into())
}

/// What became of a statement.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Phase {
    /// The main site has signed it, and the partner site has not answered.
    Signed,
    /// The partner site has signed the same.
    Cosigned {
        /// What it signed.
        said: AsJson<Said>,
        /// As it signed that.
        signed: String,
    },
    /// The partner site's own statement differs.
    Disputed {
        /// Where.
        differences: Vec<Difference>,
        /// Why, in words.
        reason: Option<String>,
    },
}

/// A statement that there is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Known {
    /// The party of the main site.
    pub main: EntityId,
    /// The party of the partner site.
    pub partner: EntityId,
    /// What the main site signed last.
    pub said: AsJson<Said>,
    /// As it signed that.
    pub signed: String,
    /// What became of it.
    pub phase: Phase,
    /// The party that is still to be told of the phase, and since when.
    pub untold: Option<(EntityId, Time)>,
    /// So many times it was told something before.
    pub told: u32,
    /// Why the other party refused what it was told last, where it did: the same may then be done again.
    pub refused: Option<String>,
}

impl Known {
    /// Which side `party` is.
    #[must_use]
    pub fn side(&self, party: EntityId) -> Option<Side> {
        if self.main == party { Some(Side::Main) } else { (self.partner == party).then_some(Side::Partner) }
    }

    /// Takes in what one of the parties did, and whether the party `to` is to be told.
    fn done(&mut self, phase: Phase, to: Option<EntityId>, time: Time) {
        self.phase = phase;
        self.refused = None;
        if self.untold.is_some() {
            // Whoever answers has been told, whether or not that is on record.
            self.told = self.told.saturating_add(1);
        }
        self.untold = to.map(|to| (to, time));
    }
}

/// The state of a statement.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum FeeStatement {
    /// Nobody signed one.
    #[default]
    Absent,
    /// There is one.
    Known(Box<Known>),
}

impl FeeStatement {
    /// Itself, where there is one.
    #[must_use]
    pub fn known(&self) -> Option<&Known> {
        match self {
            Self::Absent => None,
            Self::Known(known) => Some(known),
        }
    }
}

impl Entity for FeeStatement {
    const FAMILY: Family = Family::FeeStatements;
    const REVISION: u32 = 1;
    type Event = Event;

    fn samples() -> Vec<Event> {
        samples::all()
    }

    fn blobs(event: &Event) -> Vec<BlobId> {
        match event {
            // Each node keeps what its own party has signed.
            Event::Signed { said, here: true, .. } | Event::Cosigned { said, here: true, .. } => vec![said.sha256],
            Event::Signed { .. }
            | Event::Cosigned { .. }
            | Event::Disputed { .. }
            | Event::Told { .. }
            | Event::NotTold { .. } => Vec::new(),
        }
    }

    fn evolve(&mut self, event: &Event, time: Time) {
        match (&mut *self, event) {
            (Self::Absent, Event::Signed { main, partner, said, signed, here }) => {
                *self = Self::Known(Box::new(Known {
                    main: *main,
                    partner: *partner,
                    said: AsJson(said.clone()),
                    signed: signed.clone(),
                    phase: Phase::Signed,
                    untold: here.then_some((*partner, time)),
                    told: 0,
                    refused: None,
                }));
            }
            (Self::Known(known), Event::Signed { said, signed, here, .. }) => {
                (known.said, known.signed) = (AsJson(said.clone()), signed.clone());
                let to = here.then_some(known.partner);
                known.done(Phase::Signed, to, time);
            }
            (Self::Known(known), Event::Cosigned { said, signed, here }) => {
                let to = here.then_some(known.main);
                let phase = Phase::Cosigned { said: AsJson(said.clone()), signed: signed.clone() };
                known.done(phase, to, time);
            }
            (Self::Known(known), Event::Disputed { differences, reason, here, .. }) => {
                let phase = Phase::Disputed { differences: differences.clone(), reason: reason.clone() };
                let to = here.then_some(known.main);
                known.done(phase, to, time);
            }
            (Self::Known(known), Event::Told { .. }) => {
                known.untold = None;
                known.told = known.told.saturating_add(1);
            }
            (Self::Known(known), Event::NotTold { reason, .. }) => {
                known.untold = None;
                known.told = known.told.saturating_add(1);
                known.refused = Some(reason.clone());
            }
            (
                Self::Absent,
                Event::Cosigned { .. } | Event::Disputed { .. } | Event::Told { .. } | Event::NotTold { .. },
            ) => {}
        }
    }
}

#[test]
fn a_statement_is_told_until_the_other_party_answers_or_has_it() {
    let [signed, told, disputed, again, not_told, cosigned] = <[Event; 6]>::try_from(FeeStatement::samples()).unwrap();
    let after = |events: &[&Event]| {
        let events: Vec<Event> = events.iter().map(|event| (*event).clone()).collect();
        crate::entity::fold::<FeeStatement>(&events)
    };
    let known = |state: FeeStatement| state.known().cloned().unwrap();
    let first = known(after(&[&signed]));
    assert!(first.untold.is_some() && first.phase == Phase::Signed);
    assert!(known(after(&[&signed, &told])).untold.is_none());
    // The answer may come before it is on record that the question did.
    let answered = known(after(&[&signed, &disputed]));
    assert_eq!((answered.untold, answered.told), (None, 1));
    assert!(matches!(answered.phase, Phase::Disputed { .. }));
    let second = known(after(&[&signed, &disputed, &again]));
    assert_eq!((second.said.0.number, second.told), (2, 1));
    let refused = known(after(&[&signed, &not_told]));
    assert_eq!((refused.untold, refused.refused.as_deref()), (None, Some("status-404")));
    let last = known(after(&[&signed, &told, &disputed, &again, &cosigned]));
    assert!(matches!(last.phase, Phase::Cosigned { .. }) && last.untold.is_none());
    assert_eq!(after(&[&cosigned]), FeeStatement::Absent);
}
