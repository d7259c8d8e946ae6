//! The rules of approvals, one by one, and all of them at random.

mod accounts;
mod challenges;
mod collect;
mod inquiry;
mod matrix;
mod offers;
mod open;
mod property;
mod redeem;
mod refund;
mod release;
mod requests;
mod revoke;
mod settle;

use std::time::Duration;

use kippu_events::access::clients::Role;
use kippu_events::access::users::{self, Charging, LimitSource, Period, Policy, User};
use kippu_events::approvals::{Approval, Channel, Event, Named, Purchase};
use kippu_events::secrets::{EncryptedField, PinVerifier, TokenHash};
use kippu_events::{EntityId, Time};

use super::request::{Asked, Command, Presented, Settlement};
use crate::given::{Given, NOW, caller, currency, given, id, minor};
use kippu_events::access::Caller;

const QUARTER: Duration = Duration::from_secs(900);

fn terminal() -> Caller {
    caller(Role::Terminal, 5)
}

fn settler() -> Caller {
    caller(Role::Settler, 6)
}

fn other_settler() -> Caller {
    caller(Role::Settler, 7)
}

fn approval_id() -> EntityId {
    id(1)
}

fn user_id() -> EntityId {
    id(2)
}

fn token() -> TokenHash {
    TokenHash { key: 1, sha256: "hash".to_owned() }
}

fn pin(digits: &str) -> PinVerifier {
    PinVerifier { pepper: 1, argon2id: digits.to_owned() }
}

/// A user with the PIN 1234 and a limit of 100.00 EUR.
fn registered(charging: Charging) -> users::Event {
    users::Event::Registered {
        login: EncryptedField { xchacha20poly1305: String::new() },
        name: None,
        pin: Some(pin("1234")),
        source: LimitSource::Fixed,
        limit: minor(10_000),
        currency: currency("EUR"),
        charging,
        policy: Policy::Own,
        reference: None,
        points_rate_bp: 0,
        period: Period::None,
    }
}

fn open(asked: Asked) -> Command {
    Command::Open(Box::new(asked))
}

fn asked(units: u64) -> Asked {
    Asked {
        user: user_id(),
        pin: None,
        challenge: None,
        amount: minor(units),
        currency: currency("EUR"),
        purchase: Purchase { description: Some("music".to_owned()), quantity: Some(2) },
        offer: None,
        signed_with: None,
        channel: Channel::Request,
        expires_in: QUARTER,
        token: token(),
    }
}

fn issued_with(units: u64, used: u64) -> Event {
    Event::Issued {
        user: user_id(),
        terminal: id(5),
        amount: minor(units),
        currency: currency("EUR"),
        purchase: asked(units).purchase,
        offer: None,
        channel: Channel::Request,
        expires_at: expiry(),
        token: token(),
        limit: minor(10_000),
        used: minor(used),
        inquiry: None,
    }
}

fn issued(units: u64) -> Event {
    issued_with(units, 0)
}

fn expiry() -> Time {
    NOW.after(QUARTER)
}

fn redeemed(units: u64) -> Event {
    Event::Redeemed { settler: id(6), amount: minor(units), currency: currency("EUR"), offer: None }
}

fn settled(units: u64) -> Event {
    let (settled_at, contents) = (None, Vec::new());
    Event::Settled { settler: id(6), amount: minor(units), currency: currency("EUR"), settled_at, contents }
}

fn reserved(units: u64) -> users::Event {
    users::Event::AmountReserved { approval: approval_id(), amount: minor(units) }
}

fn released(units: u64) -> users::Event {
    users::Event::AmountReleased { approval: approval_id(), amount: minor(units) }
}

fn charged(reserved: u64, units: u64) -> users::Event {
    users::Event::AmountCharged { approval: approval_id(), reserved: minor(reserved), amount: minor(units) }
}

fn refunded(units: u64) -> users::Event {
    users::Event::AmountRefunded { approval: approval_id(), amount: minor(units), of_earlier_period: false }
}

const TOKEN: Presented = Presented { root_key: 1, counter: 0 };

fn redeem_with(named: Named) -> Command {
    Command::Redeem { token: TOKEN, named }
}

fn redeem() -> Command {
    redeem_with(Named::default())
}

fn settle_in(units: u64, code: &str) -> Command {
    let (settled_at, contents) = (None, Vec::new());
    Command::Settle(Settlement { amount: minor(units), currency: currency(code), settled_at, contents })
}

fn settle(units: u64) -> Command {
    settle_in(units, "EUR")
}

/// An approval of 50.00 with this further history, with its user as neighbour.
fn approval_charged(charging: Charging, further: &[Event]) -> Given<Approval> {
    let history: Vec<Event> = std::iter::once(issued(5_000)).chain(further.iter().cloned()).collect();
    given::<Approval>(&history).with::<User>(user_id(), &[registered(charging), reserved(5_000)])
}

fn approval(further: &[Event]) -> Given<Approval> {
    approval_charged(Charging::AtSettlement, further)
}
