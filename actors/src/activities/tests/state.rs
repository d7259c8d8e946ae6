//! The world of the model: a settlement as it is on record, the issuer, and what is on its way between them.

use std::time::Duration;

use kippu_events::access::Caller;
use kippu_events::approvals::settlements::{Event, Offer, Open, Phase, Settlement, Versions};
use kippu_events::approvals::settler_terms::Order;
use kippu_events::event::Mac;
use kippu_events::log::LogId;
use kippu_events::secrets::{Secrets, TokenHash};
use kippu_events::{AnyEntity as _, Entity as _, EntityId, EntityKey, Family, Time};
use serde_json::json;

use super::Without;
use super::issuer::{Ask, Holds, Issuer, Says};
use crate::activity::{Outcome, Work};
use crate::actor::{Actor as _, Context, Neighbours};
use crate::approvals::settlements::request::Command;
use crate::given::{NOW, currency, id, minor};
use crate::problem::{NO_OUTCOME, NOT_DUE, Problem};

pub(super) const LOG: LogId = LogId([7; 16]);
const ISSUER: u8 = 11;
const SHOP: u8 = 12;
const OFFER: u8 = 14;

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct State {
    /// The settlement, in its stored form: a node that crashed has nothing else.
    stored: Vec<u8>,
    pub(super) issuer: Issuer,
    /// Requests on their way, sorted. One that never comes is lost.
    pub(super) requests: Vec<(u32, Ask)>,
    /// Sorted likewise.
    pub(super) answers: Vec<(u32, Says, Ask)>,
    /// How many requests were sent.
    pub(super) sent: u8,
    pub(super) repeats: u8,
    pub(super) deaf: u8,
    /// Which of the times has passed.
    pub(super) clock: usize,
    /// On record here: permitted, settled, noticed, released, refunded.
    recorded: [u8; 5],
    refunds: u8,
    pub(super) permitted_late: bool,
}

impl State {
    /// The last of the times.
    pub(super) const LAST_CLOCK: usize = 2;

    pub(super) fn new(secrets: &Secrets, holds: Holds) -> Self {
        let mut state = Self {
            stored: Settlement::default().encode(),
            issuer: Issuer::new(holds),
            requests: Vec::new(),
            answers: Vec::new(),
            sent: 0,
            repeats: 0,
            deaf: 0,
            clock: 0,
            recorded: [0; 5],
            refunds: 0,
            permitted_late: false,
        };
        state.record(&[Event::Presented {
            issuer: id(ISSUER),
            shop: id(SHOP),
            shop_url: String::new(),
            offer: Some(Offer { id: id(OFFER), sha256: String::new() }),
            items: Vec::new(),
            total: minor(10),
            currency: currency("EUR"),
            token: secrets.encrypt_here(Self::key(), "token", "kpa_").unwrap(),
            capability: TokenHash { key: 1, sha256: String::new() },
            presenter: None,
            order: Order::SettleFirst,
            wait_until: NOW.after(Duration::from_secs(10)),
            shop_secs: 600,
            deliver_secs: 600,
            versions: Versions { issuer: 1, shop: 1, terms: 0 },
        }]);
        state
    }

    fn key() -> EntityKey {
        EntityKey::of::<Settlement>(Self::id())
    }

    fn id() -> EntityId {
        id(1)
    }

    fn settlement(&self) -> Settlement {
        let state = Family::Settlements.decode(&self.stored).unwrap();
        state.as_any().downcast_ref::<Settlement>().unwrap().clone()
    }

    /// Before the wait for the issuer is over, and after that, and after the one for the shop.
    fn now(&self) -> Time {
        NOW.after([1, 10, 7_200].map(Duration::from_secs)[self.clock])
    }

    fn record(&mut self, events: &[Event]) {
        let mut settlement = self.settlement();
        for event in events {
            settlement.evolve(event, self.now());
            let count = match event {
                Event::Permitted { .. } => 0,
                Event::Settled { .. } => 1,
                Event::Noticed { .. } => 2,
                Event::Released { .. } => 3,
                Event::Refunded { .. } => 4,
                _ => continue,
            };
            self.recorded[count] += 1;
            self.permitted_late |= matches!(event, Event::Permitted { .. }) && self.clock > 0;
        }
        self.stored = settlement.encode();
    }

    /// Gives the command; whether it was taken.
    fn decide(&mut self, command: &Command, caller: Caller, now: Time) -> Result<(), Problem> {
        let context = Context { now, caller, id: Self::id(), command: Mac([1; 16]) };
        let decided = self.settlement().decide(command, Neighbours::default(), &context)?;
        self.record(&decided.own);
        Ok(())
    }

    fn owes(&self, to: u8) -> bool {
        self.settlement().owed(Self::id()).is_some_and(|owed| owed.to == id(to))
    }

    pub(super) fn owes_issuer(&self) -> bool {
        self.owes(ISSUER)
    }

    pub(super) fn owes_shop(&self) -> bool {
        self.owes(SHOP)
    }

    pub(super) fn send(&mut self, secrets: &Secrets) {
        let settlement = self.settlement();
        let (Some(owed), Some(Work::Command { path, .. })) =
            (settlement.owed(Self::id()), settlement.work(Self::id(), secrets))
        else {
            panic!("a command is owed")
        };
        self.requests.push((owed.attempt, Ask::of(&path)));
        self.sent += 1;
    }

    pub(super) fn reach(&mut self, index: usize, again: bool, without: Without) {
        let (attempt, ask) = self.take_request(index, again);
        let says = self.issuer.reached(attempt, ask, without);
        self.answers.push((attempt, says, ask));
    }

    pub(super) fn refuse(&mut self, index: usize) {
        let (attempt, ask) = self.take_request(index, false);
        self.answers.push((attempt, Says::Forbidden, ask));
        self.deaf += 1;
    }

    fn take_request(&mut self, index: usize, again: bool) -> (u32, Ask) {
        self.repeats += u8::from(again);
        if again { self.requests[index] } else { self.requests.remove(index) }
    }

    /// Whether the outcome was taken.
    pub(super) fn answer(&mut self, index: usize, again: bool, without: Without, secrets: &Secrets) -> bool {
        self.repeats += u8::from(again);
        let (mut attempt, says, ask) = if again { self.answers[index] } else { self.answers.remove(index) };
        if without == Without::Number {
            attempt = self.settlement().owed(Self::id()).map_or(attempt, |owed| owed.attempt);
        }
        let outcome = outcome(says, ask);
        let command = Settlement::came_of(attempt, outcome, Self::id(), secrets).unwrap();
        let now = if without == Without::Wait { NOW } else { self.now() };
        match self.decide(&command, Caller::ACTIVITY, now) {
            Ok(()) => {
                self.forget(without);
                true
            }
            Err(problem) => {
                assert!([&NOT_DUE, &NO_OUTCOME].contains(&problem.kind), "{problem}");
                false
            }
        }
    }

    pub(super) fn crash(&mut self) {
        self.answers.clear();
    }

    pub(super) fn deliver(&mut self, without: Without, secrets: &Secrets) {
        let attempt = self.settlement().owed(Self::id()).map_or(0, |owed| owed.attempt);
        let body = json!({"id": id(OFFER), "items": [{"name": "disc", "quantity": 1}], "amount": 10});
        let outcome = Outcome { status: 200, body: body.to_string().into_bytes() };
        let command = Settlement::came_of(attempt, outcome, Self::id(), secrets).unwrap();
        self.decide(&command, Caller::ACTIVITY, self.now()).unwrap();
        self.forget(without);
    }

    pub(super) fn may_be_cancelled(&self) -> bool {
        matches!(self.settlement(), Settlement::Open(_))
    }

    pub(super) fn cancel(&mut self, without: Without) {
        self.decide(&Command::Cancel, Caller::OPERATOR, self.now()).unwrap();
        self.forget(without);
    }

    pub(super) fn may_be_refunded(&self) -> bool {
        self.refunds == 0 && matches!(self.settlement(), Settlement::Settled(_))
    }

    pub(super) fn refund(&mut self) {
        self.decide(&Command::Refund(minor(4)), Caller::OPERATOR, self.now()).unwrap();
        self.refunds += 1;
    }

    pub(super) fn is_due(&self) -> bool {
        self.settlement().due().is_some_and(|(due, _)| due <= self.now())
    }

    pub(super) fn deadline(&mut self, without: Without) {
        self.decide(&Command::TimeUp, Caller::DEADLINE, self.now()).unwrap();
        self.forget(without);
    }

    /// Without the release, what has been given up is over.
    fn forget(&mut self, without: Without) {
        if without == Without::Release
            && let Settlement::Releasing(releasing) = self.settlement()
        {
            self.stored = Settlement::Over(releasing.reason).encode();
        }
    }

    /// Two worlds with the same messages are the same.
    pub(super) fn tidy(&mut self) {
        self.requests.sort_unstable();
        self.answers.sort_unstable();
    }

    pub(super) fn is_done_once(&self) -> bool {
        let Issuer { permitted, charged, freed, refunded, .. } = self.issuer;
        [permitted, charged, freed, refunded].into_iter().chain(self.recorded).all(|count| count <= 1)
    }

    pub(super) fn is_settled_as_permitted(&self) -> bool {
        match self.settlement() {
            Settlement::Settled(_) => matches!(self.issuer.holds, Holds::Permitted | Holds::Charged),
            Settlement::Open(Open { phase: Phase::Presented, .. }) => self.issuer.holds != Holds::Charged,
            Settlement::Open(_) => self.issuer.holds == Holds::Permitted,
            Settlement::Absent | Settlement::Releasing(_) | Settlement::Over(_) => self.issuer.holds != Holds::Charged,
        }
    }

    pub(super) fn is_freed_at_its_end(&self) -> bool {
        !matches!(self.settlement(), Settlement::Over(_)) || self.issuer.holds == Holds::Nothing
    }

    pub(super) fn books_agree(&self) -> bool {
        let [_, settled, noticed, _, refunded] = self.recorded;
        let Issuer { charged, refunded: given_back, .. } = self.issuer;
        noticed <= charged && charged <= settled && refunded <= given_back && given_back <= self.refunds
    }

    pub(super) fn is_paid_and_refunded(&self) -> bool {
        self.recorded == [1, 1, 1, 0, 1] && self.settlement().owed(Self::id()).is_none()
    }

    pub(super) fn is_released(&self) -> bool {
        self.issuer.freed == 1 && matches!(self.settlement(), Settlement::Over(_))
    }
}

/// What the issuer answers, as it comes.
fn outcome(says: Says, ask: Ask) -> Outcome {
    let (status, body) = match says {
        Says::Done => (200, json!({"id": id(15), "amount": 10, "currency": "EUR"})),
        Says::No => {
            let slug = if ask == Ask::Redeem { "approval-revoked" } else { "already-settled" };
            (409, json!({ "type": format!("/problems/{slug}") }))
        }
        Says::Forbidden => (403, json!({ "type": "/problems/forbidden" })),
    };
    Outcome { status, body: body.to_string().into_bytes() }
}
