//! The rules of approvals, one by one, and all of them at random.

mod open;
mod property;
mod redeem;
mod requests;
mod revoke;
mod settle;

use std::time::Duration;

use kippu_events::access::clients::Role;
use kippu_events::access::users::{self, Charging, LimitSource, User};
use kippu_events::approvals::{Approval, Event, Purchase};
use kippu_events::secrets::{EncryptedField, PinVerifier, TokenHash};
use kippu_events::{EntityId, Time};

use super::request::{Asked, Command};
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
    }
}

fn asked(units: u64) -> Asked {
    Asked {
        user: user_id(),
        pin: None,
        amount: minor(units),
        currency: currency("EUR"),
        purchase: Purchase { description: Some("music".to_owned()), quantity: Some(2) },
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
        expires_at: expiry(),
        token: token(),
        limit: minor(10_000),
        used: minor(used),
    }
}

fn issued(units: u64) -> Event {
    issued_with(units, 0)
}

fn expiry() -> Time {
    NOW.after(QUARTER)
}

fn redeemed(units: u64) -> Event {
    Event::Redeemed { settler: id(6), amount: minor(units), currency: currency("EUR") }
}

fn settled(units: u64) -> Event {
    Event::Settled { settler: id(6), amount: minor(units), currency: currency("EUR") }
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
    users::Event::AmountRefunded { approval: approval_id(), amount: minor(units) }
}

const REDEEM: Command = Command::Redeem { root_key: 1, counter: 0 };

fn settle(units: u64) -> Command {
    Command::Settle { amount: minor(units), currency: currency("EUR") }
}

/// An approval of 50.00 with this further history, with its user as neighbour.
fn approval_charged(charging: Charging, further: &[Event]) -> Given<Approval> {
    let history: Vec<Event> = std::iter::once(issued(5_000)).chain(further.iter().cloned()).collect();
    given::<Approval>(&history).with::<User>(user_id(), &[registered(charging), reserved(5_000)])
}

fn approval(further: &[Event]) -> Given<Approval> {
    approval_charged(Charging::AtSettlement, further)
}
