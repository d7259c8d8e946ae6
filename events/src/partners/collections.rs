//! Collections: what a main site is due of sales, and of fees that are paid in advance. The partner's node tells the main site's of each
//! with a signed command, and both keep the postings that it makes in their books.
//!
//! ```text
//! partner   charged ─(main: receive)─┬─▶ transferred
//!                                    └─▶ refused
//! main      received
//! ```

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::entity::Entity;
use crate::family::Family;
use crate::id::EntityId;
use crate::money::{Currency, Minor};
use crate::time::Time;

/// What the partner calls `reference` under `contract`, at either site.
#[must_use]
pub fn id_of(contract: EntityId, reference: &str) -> EntityId {
    let hash = Sha256::new().chain_update(b"kippu.collection.1").chain_update(contract.as_bytes());
    EntityId::from_hash(&hash.chain_update(reference).finalize().into())
}

/// What a posting is entered in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Account {
    /// What there is.
    Cash,
    /// At the partner: what the main site is still to be given.
    MainSite,
    /// At the partner: what it keeps of sales.
    Sales,
    /// At the partner: fees paid in advance.
    Fees,
    /// At the main site: what partners have given it.
    Partners,
}

/// One line of the books.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Posting {
    /// In what.
    pub account: Account,
    /// In minor units. What comes in is positive; all postings of one event add up to zero.
    pub amount: i64,
}

/// `amount` goes into one account and out of another.
#[must_use]
pub fn moved(into: Account, out_of: Account, amount: Minor) -> [Posting; 2] {
    // An amount of money stays below 2^53.
    let amount = i64::try_from(amount.units()).unwrap_or_default();
    [Posting { account: into, amount }, Posting { account: out_of, amount: -amount }]
}

/// What is collected.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Charge {
    /// Under which contract.
    pub contract: EntityId,
    /// What the partner calls it: a request, or a name.
    pub reference: String,
    /// Whether it is a fee that is paid in advance.
    pub prepaid: bool,
    /// When it was due: the terms that counted then count for it.
    pub at: Time,
    /// What was paid to the partner; nothing of a fee.
    pub paid: Minor,
    /// What the main site is due.
    pub charge: Minor,
    /// The currency of both.
    pub currency: Currency,
}

/// What happened to a collection. Holds no personal data.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// The partner's node has it in its books.
    #[serde(rename = "collection.charged")]
    Charged {
        /// What.
        charge: Charge,
        /// The main site, where it is to be given something.
        to: Option<EntityId>,
        /// The postings.
        postings: Vec<Posting>,
    },
    /// The main site has it.
    #[serde(rename = "collection.transferred")]
    Transferred {
        /// The postings.
        postings: Vec<Posting>,
    },
    /// The main site does not take it.
    #[serde(rename = "collection.refused")]
    Refused {
        /// Why: a slug.
        reason: String,
    },
    /// The main site's node has it in its books.
    #[serde(rename = "collection.received")]
    Received {
        /// The party of the partner site.
        from: EntityId,
        /// What.
        charge: Charge,
        /// The postings.
        postings: Vec<Posting>,
    },
}

/// Where a collection stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Phase {
    /// It is in the books of the partner alone, and stays there.
    Kept,
    /// The main site is to be told.
    Owed {
        /// Its party.
        to: EntityId,
        /// Since when.
        since: Time,
    },
    /// The main site has it.
    Transferred,
    /// The main site does not take it.
    Refused {
        /// Why: a slug.
        reason: String,
    },
    /// This site is the main site, and has it.
    Received {
        /// From which party.
        from: EntityId,
    },
}

/// A collection that there is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Known {
    /// What is collected.
    pub charge: Charge,
    /// Where it stands.
    pub phase: Phase,
    /// All postings, oldest first.
    pub postings: Vec<Posting>,
}

/// The state of a collection.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Collection {
    /// There is none.
    #[default]
    Absent,
    /// There is one.
    Known(Box<Known>),
}

impl Collection {
    /// Itself, where there is one.
    #[must_use]
    pub fn known(&self) -> Option<&Known> {
        match self {
            Self::Absent => None,
            Self::Known(known) => Some(known),
        }
    }
}

impl Entity for Collection {
    const FAMILY: Family = Family::Collections;
    const REVISION: u32 = 1;
    type Event = Event;

    fn samples() -> Vec<Event> {
        let [contract, main, partner] = [7, 3, 5].map(|byte| EntityId::from_hash(&[byte; 32]));
        let minor = |units| Minor::new(units).unwrap_or(Minor::ZERO);
        let charge = || Charge {
            contract,
            reference: "sale-1".to_owned(),
            prepaid: false,
            at: Time::from_micros(1_795_254_300_000_000),
            paid: minor(1_999),
            charge: minor(250),
            currency: Currency::EUR,
        };
        let sold = moved(Account::Cash, Account::Sales, minor(1_749));
        let due = moved(Account::Cash, Account::MainSite, minor(250));
        vec![
            Event::Charged { charge: charge(), to: Some(main), postings: [sold, due].concat() },
            Event::Transferred { postings: moved(Account::MainSite, Account::Cash, minor(250)).to_vec() },
            Event::Refused { reason: "collection-other-charge".to_owned() },
            Event::Received {
                from: partner,
                charge: charge(),
                postings: moved(Account::Cash, Account::Partners, minor(250)).to_vec(),
            },
        ]
    }

    fn evolve(&mut self, event: &Event, time: Time) {
        let known = |charge: &Charge, phase, postings: &Vec<Posting>| {
            Self::Known(Box::new(Known { charge: charge.clone(), phase, postings: postings.clone() }))
        };
        match (&mut *self, event) {
            (Self::Absent, Event::Charged { charge, to, postings }) => {
                let phase = to.map_or(Phase::Kept, |to| Phase::Owed { to, since: time });
                *self = known(charge, phase, postings);
            }
            (Self::Absent, Event::Received { from, charge, postings }) => {
                *self = known(charge, Phase::Received { from: *from }, postings);
            }
            (Self::Known(known), Event::Transferred { postings }) => {
                known.postings.extend(postings);
                known.phase = Phase::Transferred;
            }
            (Self::Known(known), Event::Refused { reason }) => {
                known.phase = Phase::Refused { reason: reason.clone() };
            }
            (Self::Known(_), Event::Charged { .. } | Event::Received { .. })
            | (Self::Absent, Event::Transferred { .. } | Event::Refused { .. }) => {}
        }
    }
}

#[test]
fn what_the_main_site_has_leaves_the_cash_of_the_partner_and_all_adds_up_to_zero() {
    let state = crate::entity::fold::<Collection>(&Collection::samples()[..2]);
    let known = state.known().expect("there is one");
    let of = |account: Account| -> i64 {
        known.postings.iter().filter(|posting| posting.account == account).map(|posting| posting.amount).sum()
    };
    assert_eq!([of(Account::Cash), of(Account::MainSite), of(Account::Sales)], [1_749, 0, -1_749]);
    assert_eq!(known.phase, Phase::Transferred);
}
