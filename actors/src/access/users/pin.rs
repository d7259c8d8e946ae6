//! PINs: their shape, and how many wrong ones a user's account bears.

use std::time::Duration;

use kippu_events::Time;
use kippu_events::access::users::{Account, Event};
use kippu_events::secrets::PinVerifier;
use serde::{Deserialize, Serialize};

/// ISO 9564 has PINs of 4 digits and more,
pub const FEWEST_DIGITS: usize = 4;
/// and of 12 at most.
pub const MOST_DIGITS: usize = 12;
/// So many wrong PINs in a row lock the account's PIN: a guess at a PIN of 4 digits then holds once in 2,000 locks.
pub const MOST_WRONG: u32 = 5;
/// For so long. Each further wrong PIN after that locks it again, until the right one is given: at most 96 guesses a day.
pub const LOCKED_FOR: Duration = Duration::from_mins(15);

/// A PIN as it was typed. Has no `Debug`: it must not be printed.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct Pin(String);

/// Text that is no PIN. Does not repeat it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a PIN has {FEWEST_DIGITS} to {MOST_DIGITS} digits")]
pub struct NotAPin;

impl Pin {
    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Pin {
    type Error = NotAPin;

    fn try_from(text: String) -> Result<Self, NotAPin> {
        let long = (FEWEST_DIGITS..=MOST_DIGITS).contains(&text.len());
        if long && text.bytes().all(|b| b.is_ascii_digit()) { Ok(Self(text)) } else { Err(NotAPin) }
    }
}

/// What is written out of a command is hashed for its record and compared with retries: that a PIN was given, and not
/// which, or retries would find it out without being counted.
impl Serialize for Pin {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("given")
    }
}

impl schemars::JsonSchema for Pin {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Pin".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[0-9]{4,12}$", "writeOnly": true })
    }
}

/// What became of a PIN that was given, with what the account records of it.
#[derive(Debug, PartialEq)]
pub enum Check {
    /// The right one.
    Right(Option<Event>),
    /// A wrong one.
    Wrong(Event),
    /// There is none that could be right.
    NoPin,
    /// Not looked at: too many wrong ones.
    Locked,
}

/// Checks `offered` against the account.
#[must_use]
pub fn check(account: &Account, offered: &PinVerifier, now: Time) -> Check {
    let Some(pin) = &account.pin else { return Check::NoPin };
    if account.locked_until.is_some_and(|until| now < until) {
        return Check::Locked;
    }
    if pin.matches(offered) {
        return Check::Right((account.wrong_pins > 0).then_some(Event::PinAccepted {}));
    }
    let locks = account.wrong_pins.saturating_add(1) >= MOST_WRONG;
    Check::Wrong(Event::PinRefused { locked_until: locks.then(|| now.after(LOCKED_FOR)) })
}
