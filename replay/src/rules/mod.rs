//! The rules of an auditor: what a history of these families must not say, recomputed from events alone.
//!
//! Written apart from the decisions in `kippu-actors` and from `evolve` on purpose: a defect there shows here. A family
//! without rules of its own is checked for what holds of every family: its events decode, its versions are dense.

mod access;
mod approvals;
mod partners;
mod rule;

use std::collections::BTreeMap;

use kippu_events::access::challenges::Challenge;
use kippu_events::access::clients::Client;
use kippu_events::access::sessions::Sessions;
use kippu_events::access::users::User;
use kippu_events::approvals::Approval;
use kippu_events::approvals::offers::Offer;
use kippu_events::approvals::settlements::Settlement;
use kippu_events::event::{EventId, Recorded};
use kippu_events::partners::access_batches::AccessBatch;
use kippu_events::partners::collections::Collection;
use kippu_events::partners::contracts::Contract;
use kippu_events::partners::fee_reports::FeeReport;
use kippu_events::partners::fee_statements::FeeStatement;
use kippu_events::partners::member_visits::MemberVisit;
use kippu_events::partners::members::Member;
use kippu_events::partners::stocks::Stock;
use kippu_events::{EntityId, Family, NotAnEvent, Principal, Time};

use serde::Serialize;

use approvals::movements::Account;
pub(crate) use approvals::movements::Movements;
pub use approvals::reservations::Open;
pub(crate) use approvals::reservations::Reservations;
pub use rule::{NotARule, Rule, Rules};

/// A well-formed record that says what must not be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Breach {
    /// The record.
    pub number: u64,
    /// The event's place, partition-number.index.
    pub event: String,
    /// The rule.
    pub rule: Rule,
    /// How it was broken.
    pub detail: String,
}

/// Broken rules among those that are chosen: all counted, the first ones told.
pub(crate) struct Breaches {
    chosen: Rules,
    most: usize,
    pub(crate) counts: BTreeMap<Rule, u64>,
    pub(crate) first: Vec<Breach>,
}

impl Breaches {
    /// None so far; at most so many of them will be told.
    pub(crate) const fn new(chosen: Rules, most: usize) -> Self {
        Self { chosen, most, counts: BTreeMap::new(), first: Vec::new() }
    }

    /// A rule is broken at `place`.
    pub(crate) fn add(&mut self, place: EventId, rule: Rule, detail: String) {
        if !self.chosen.has(rule) {
            return;
        }
        *self.counts.entry(rule).or_default() += 1;
        if self.first.len() < self.most {
            self.first.push(Breach { number: place.number, event: place.to_string(), rule, detail });
        }
    }
}

/// What one event is judged with.
pub(crate) struct Seen<'a> {
    pub(crate) place: EventId,
    pub(crate) id: EntityId,
    pub(crate) time: Time,
    pub(crate) principal: Principal,
    pub(crate) movements: &'a mut Movements,
    pub(crate) reservations: &'a mut Reservations,
    pub(crate) breaches: &'a mut Breaches,
}

impl Seen<'_> {
    fn breach(&mut self, rule: Rule, detail: impl Into<String>) {
        self.breaches.add(self.place, rule, detail.into());
    }

    /// Nobody else can have done this.
    fn done_by(&mut self, who: Principal) {
        if self.principal != who {
            self.breach(Rule::Principal, format!("done by {}, where only {who} can have done it", self.principal));
        }
    }

    /// Nobody but this API client, peer or end user can have done this.
    fn done_by_asker(&mut self, who: EntityId) {
        if self.principal.asker() != Some(who) {
            self.breach(Rule::Principal, format!("done by {}, where only {who} can have done it", self.principal));
        }
    }

    /// Nobody but this API client or peer can have done this.
    fn done_by_party(&mut self, who: EntityId) {
        if self.principal.party() != Some(who) {
            self.breach(Rule::Principal, format!("done by {}, where only {who} can have done it", self.principal));
        }
    }
}

/// What the rules of its family need to know of an entity.
pub(crate) enum Facts {
    Approval(approvals::approvals::Facts),
    Offer(approvals::offers::Facts),
    User(access::users::Facts),
    Client(access::clients::Facts),
    /// In a box, so that what is remembered of every other entity stays small.
    Settlement(Box<approvals::settlements::Facts>),
    Challenge(access::challenges::Facts),
    Contract(Box<partners::contracts::Facts>),
    AccessBatch(partners::access_batches::Facts),
    FeeReport(partners::fee_reports::Facts),
    FeeStatement(Box<partners::fee_statements::Facts>),
    Sessions,
    Stock(partners::stocks::Facts),
    Collection(partners::collections::Facts),
    /// In a box, as a settlement.
    Member(Box<partners::members::OfMember>),
    /// In a box, as a settlement.
    Visit(Box<partners::members::OfVisit>),
    /// A family without rules of its own.
    Plain,
}

impl Facts {
    /// Before the first event.
    pub(crate) fn of(family: Family) -> Self {
        match family {
            Family::Approvals => Self::Approval(approvals::approvals::Facts::default()),
            Family::Offers => Self::Offer(approvals::offers::Facts::default()),
            Family::Users => Self::User(access::users::Facts::default()),
            Family::Clients => Self::Client(access::clients::Facts::default()),
            Family::Settlements => Self::Settlement(Box::default()),
            Family::Challenges => Self::Challenge(access::challenges::Facts::default()),
            Family::Sessions => Self::Sessions,
            Family::Stocks => Self::Stock(partners::stocks::Facts::default()),
            Family::Collections => Self::Collection(partners::collections::Facts::default()),
            Family::Members => Self::Member(Box::default()),
            Family::MemberVisits => Self::Visit(Box::default()),
            Family::Placements
            | Family::Peers
            | Family::SigningKeys
            | Family::Webhooks
            | Family::Disclosures
            | Family::SettlerTerms
            | Family::Credits
            | Family::Purchases
            | Family::Products
            | Family::ShopTerms
            | Family::Pages
            | Family::PageDeliveries
            | Family::MemberActions
            | Family::PageRequests
            | Family::Kits => Self::Plain,
            Family::Contracts => Self::Contract(Box::default()),
            Family::AccessBatches => Self::AccessBatch(partners::access_batches::Facts::default()),
            Family::FeeReports => Self::FeeReport(partners::fee_reports::Facts::default()),
            Family::FeeStatements => Self::FeeStatement(Box::default()),
        }
    }

    /// What a registered user's limit stands at.
    pub(crate) fn account(&self) -> Option<Account> {
        match self {
            Self::User(facts) => facts.account(),
            Self::Approval(_)
            | Self::Offer(_)
            | Self::Client(_)
            | Self::Settlement(_)
            | Self::Challenge(_)
            | Self::Contract(_)
            | Self::AccessBatch(_)
            | Self::FeeReport(_)
            | Self::FeeStatement(_)
            | Self::Sessions
            | Self::Stock(_)
            | Self::Collection(_)
            | Self::Member(_)
            | Self::Visit(_)
            | Self::Plain => None,
        }
    }

    /// Whether this is an approval that may still hold a reservation.
    pub(crate) fn is_open_approval(&self) -> bool {
        match self {
            Self::Approval(facts) => facts.is_open(),
            Self::Offer(_)
            | Self::User(_)
            | Self::Client(_)
            | Self::Settlement(_)
            | Self::Challenge(_)
            | Self::Contract(_)
            | Self::AccessBatch(_)
            | Self::FeeReport(_)
            | Self::FeeStatement(_)
            | Self::Sessions
            | Self::Stock(_)
            | Self::Collection(_)
            | Self::Member(_)
            | Self::Visit(_)
            | Self::Plain => false,
        }
    }

    /// Decodes the event with current code, and holds it against the rules.
    pub(crate) fn take(&mut self, event: &Recorded<'_>, seen: &mut Seen<'_>) -> Result<(), NotAnEvent> {
        match self {
            Self::Approval(facts) => facts.take(event.decode::<Approval>()?, seen),
            Self::Offer(facts) => facts.take(event.decode::<Offer>()?, seen),
            Self::User(facts) => facts.take(event.decode::<User>()?, seen),
            Self::Client(facts) => facts.take(event.decode::<Client>()?, seen),
            Self::Settlement(facts) => facts.take(event.decode::<Settlement>()?, seen),
            Self::Challenge(facts) => facts.take(event.decode::<Challenge>()?, seen),
            Self::Contract(facts) => facts.take(event.decode::<Contract>()?, seen),
            Self::AccessBatch(facts) => facts.take(event.decode::<AccessBatch>()?, seen),
            Self::FeeReport(facts) => facts.take(event.decode::<FeeReport>()?, seen),
            Self::FeeStatement(facts) => facts.take(event.decode::<FeeStatement>()?, seen),
            Self::Sessions => access::sessions::take(event.decode::<Sessions>()?, seen),
            Self::Stock(facts) => facts.take(event.decode::<Stock>()?, seen),
            Self::Collection(facts) => facts.take(event.decode::<Collection>()?, seen),
            Self::Member(facts) => facts.take(event.decode::<Member>()?, seen),
            Self::Visit(facts) => facts.take(event.decode::<MemberVisit>()?, seen),
            Self::Plain => {
                event.entity.family.fresh().evolve_stored(event.kind, event.schema, event.data, event.time)?;
            }
        }
        Ok(())
    }
}
