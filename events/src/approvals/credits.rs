//! Credits, at a financial reference: how a customer pays, found by a number, and who has asked. The number itself is nowhere
//! in the history: the id of a credit is a keyed hash of it.

use serde::{Deserialize, Serialize};

use crate::entity::Entity;
use crate::family::Family;
use crate::id::EntityId;
use crate::money::{Currency, Minor};
use crate::time::Time;

/// How a customer pays.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// As agreed.
    Good,
    /// Insolvent, badly or not at all.
    Bad,
}

/// What was told of a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// Its customer pays as agreed.
    Good,
    /// Its customer does not.
    Bad,
    /// It is no customer's.
    Unknown,
}

/// What happened to a credit.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// A customer with this number is known from now on.
    #[serde(rename = "credit.opened")]
    Opened {
        /// How the customer pays.
        standing: Standing,
        /// Up to how much the reference vouches for the customer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<Minor>,
        /// The currency of the limit, where there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        currency: Option<Currency>,
    },
    /// The customer pays otherwise, or the reference vouches for another amount.
    #[serde(rename = "credit.changed")]
    Changed {
        /// How the customer pays.
        standing: Standing,
        /// Up to how much the reference vouches for the customer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<Minor>,
        /// The currency of the limit, where there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        currency: Option<Currency>,
    },
    /// Somebody asked about this number, whether or not it is a customer's.
    #[serde(rename = "credit.inquired")]
    Inquired {
        /// The peer that asked.
        by: EntityId,
        /// For a purchase of how much.
        amount: Minor,
        /// In which currency.
        currency: Currency,
        /// What it was told.
        told: Told,
        /// And up to how much the reference vouches, where it does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<Minor>,
        /// The currency of that.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit_currency: Option<Currency>,
    },
}

/// The credit of a customer.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Known {
    /// How the customer pays.
    pub standing: Standing,
    /// Up to how much the reference vouches for the customer.
    pub limit: Option<(Minor, Currency)>,
}

/// The state of a credit.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub enum Credit {
    /// The number is no customer's.
    #[default]
    Absent,
    /// It is.
    Known(Known),
}

impl Entity for Credit {
    const FAMILY: Family = Family::Credits;
    const REVISION: u32 = 1;
    type Event = Event;

    fn samples() -> Vec<Event> {
        let minor = |units| Minor::new(units).unwrap_or(Minor::ZERO);
        let (limit, currency) = (Some(minor(50_000)), Some(Currency::EUR));
        vec![
            Event::Opened { standing: Standing::Good, limit, currency },
            Event::Inquired {
                by: EntityId::from_hash(&[6; 32]),
                amount: minor(1_177),
                currency: Currency::EUR,
                told: Told::Good,
                limit,
                limit_currency: currency,
            },
            Event::Changed { standing: Standing::Bad, limit: Some(Minor::ZERO), currency },
        ]
    }

    fn evolve(&mut self, event: &Event, _time: Time) {
        match (&*self, event) {
            (Self::Absent, Event::Opened { standing, limit, currency })
            | (Self::Known(_), Event::Changed { standing, limit, currency }) => {
                *self = Self::Known(Known { standing: *standing, limit: limit.zip(*currency) });
            }
            (Self::Absent, Event::Changed { .. } | Event::Inquired { .. })
            | (Self::Known(_), Event::Opened { .. } | Event::Inquired { .. }) => {}
        }
    }
}

#[test]
fn a_credit_is_what_was_said_last_and_asking_changes_nothing() {
    let [opened, inquired, changed] = <[Event; 3]>::try_from(Credit::samples()).unwrap();
    let known = |events: &[Event]| crate::entity::fold::<Credit>(events);
    let limit = Some((Minor::new(50_000).unwrap(), Currency::EUR));
    let good = Credit::Known(Known { standing: Standing::Good, limit });
    assert_eq!(known(&[inquired.clone(), opened.clone(), inquired.clone()]), good);
    let bad = Credit::Known(Known { standing: Standing::Bad, limit: Some((Minor::ZERO, Currency::EUR)) });
    assert_eq!(known(&[opened.clone(), changed.clone(), opened]), bad);
    assert_eq!(known(&[inquired, changed]), Credit::Absent);
}
