//! Reports of what a fee depends on and no access log says: purchases, advertisements, options, amounts of pages. The main site makes
//! them, and its node hands them to the partner's.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::fees::{Advertisement, Facts, Owner};
use crate::as_json::AsJson;
use crate::entity::Entity;
use crate::family::Family;
use crate::id::EntityId;
use crate::money::Minor;
use crate::time::Time;

/// The report with this name under this contract.
#[must_use]
pub fn id_of(contract: EntityId, name: &str) -> EntityId {
    let hash = Sha256::new().chain_update(b"kippu.fee-report.1").chain_update(contract.as_bytes()).chain_update(name);
    EntityId::from_hash(&hash.finalize().into())
}

/// What is reported.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Report {
    /// Under which contract.
    pub contract: EntityId,
    /// What the main site calls it: the same name is the same report.
    pub name: String,
    /// When it was so: the terms that count then count for it.
    pub at: Time,
    /// What was counted.
    pub facts: Facts,
}

/// What happened to a report.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// It is on record.
    #[serde(rename = "fee_report.made")]
    Made {
        /// What is reported.
        report: Box<Report>,
        /// The partner, where it is still to be given the report.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<EntityId>,
    },
    /// The partner has it.
    #[serde(rename = "fee_report.handed_over")]
    HandedOver {},
    /// The partner does not take it.
    #[serde(rename = "fee_report.refused")]
    Refused {
        /// Why: a slug.
        reason: String,
    },
}

/// The state of a report.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub enum FeeReport {
    /// Nobody made it.
    #[default]
    Absent,
    /// There is one.
    Made {
        /// What is reported.
        report: Box<AsJson<Report>>,
        /// The partner and since when, where it is still to be given the report.
        to: Option<(EntityId, Time)>,
        /// Why the partner does not take it, where it does not.
        refused: Option<String>,
    },
}

impl FeeReport {
    /// What is reported.
    #[must_use]
    pub fn report(&self) -> Option<&Report> {
        match self {
            Self::Absent => None,
            Self::Made { report, .. } => Some(report),
        }
    }
}

impl Entity for FeeReport {
    const FAMILY: Family = Family::FeeReports;
    const REVISION: u32 = 1;
    type Event = Event;

    fn samples() -> Vec<Event> {
        let [contract, to] = [3, 5].map(|byte| EntityId::from_hash(&[byte; 32]));
        let advertisement = Advertisement {
            owner: Owner::Main,
            offers: 1,
            impressions: 20_000,
            income: Minor::new(5_000).unwrap_or(Minor::ZERO),
            source: Some("advertisements-2026-11.csv".to_owned()),
        };
        let report = Report {
            contract,
            name: "advertisements-2026-11".to_owned(),
            at: Time::from_micros(1_795_254_300_000_000),
            facts: Facts { advertisements: vec![advertisement], ..Facts::default() },
        };
        let made = Event::Made { report: Box::new(report), to: Some(to) };
        vec![made, Event::HandedOver {}, Event::Refused { reason: "contract-ended".to_owned() }]
    }

    fn evolve(&mut self, event: &Event, time: Time) {
        match (&mut *self, event) {
            (Self::Absent, Event::Made { report, to }) => {
                let report = Box::new(AsJson((**report).clone()));
                *self = Self::Made { report, to: to.map(|to| (to, time)), refused: None };
            }
            (Self::Made { to: to @ Some(_), .. }, Event::HandedOver {}) => *to = None,
            (Self::Made { to: to @ Some(_), refused, .. }, Event::Refused { reason }) => {
                *to = None;
                *refused = Some(reason.clone());
            }
            (Self::Absent | Self::Made { .. }, Event::Made { .. } | Event::HandedOver {} | Event::Refused { .. }) => {}
        }
    }
}

#[test]
fn a_report_is_owed_until_the_partner_took_or_refused_it() {
    let [made, handed_over, refused] = <[Event; 3]>::try_from(FeeReport::samples()).unwrap();
    let after = |events: &[Event]| crate::entity::fold::<FeeReport>(events);
    let is_owed = |state: &FeeReport| matches!(state, FeeReport::Made { to: Some(_), .. });
    let owed = after(std::slice::from_ref(&made));
    assert!(is_owed(&owed));
    let Event::Made { report, .. } = &made else { panic!("the first sample makes one") };
    assert_eq!(owed.report(), Some(&**report));
    for over in [&handed_over, &refused] {
        assert!(!is_owed(&after(&[made.clone(), over.clone(), made.clone()])));
    }
    assert_eq!(after(&[handed_over]), FeeReport::Absent);
}
