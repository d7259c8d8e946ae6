//! What is to be otherwise, as an operator writes it: `limits=500.00`, or `limits=ID:500.00` for one user.

use std::fmt;
use std::str::FromStr;

use kippu_events::EntityId;
use kippu_events::money::{Currency, Minor, NotDecimal};
use serde::{Serialize, Serializer};

/// Another limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Of this user alone.
    user: Option<EntityId>,
    /// In the currency of whoever has it.
    amount: String,
}

/// Text that says nothing that could be otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotASetting {
    /// Of another form.
    #[error("what can be set is limits=AMOUNT, or limits=ID:AMOUNT for one user")]
    Form,
    /// Not the id of a user.
    #[error("a user is named by an id: 24 characters of a-z and 2-7")]
    User,
    /// Not an amount.
    #[error(transparent)]
    Amount(#[from] NotDecimal),
}

impl Setting {
    /// The limit of `user` under these settings, if any is about that user. One that names the user counts before one for all.
    pub(super) fn limit(set: &[Self], user: EntityId, currency: Currency) -> Result<Option<Minor>, NotDecimal> {
        let last = |named: Option<EntityId>| set.iter().rfind(|setting| setting.user == named);
        let setting = last(Some(user)).or_else(|| last(None));
        setting.map(|setting| Minor::from_decimal(&setting.amount, currency)).transpose()
    }
}

impl FromStr for Setting {
    type Err = NotASetting;

    fn from_str(text: &str) -> Result<Self, NotASetting> {
        let value = text.strip_prefix("limits=").ok_or(NotASetting::Form)?;
        let (user, amount) = value.split_once(':').map_or((None, value), |(user, amount)| (Some(user), amount));
        let user = user.map(str::parse).transpose().map_err(|_| NotASetting::User)?;
        match Minor::from_decimal(amount, Currency::EUR) {
            // Another currency may have more decimals, or fewer.
            Ok(_) | Err(NotDecimal::Finer { .. } | NotDecimal::TooMuch) => Ok(Self { user, amount: amount.to_owned() }),
            Err(form @ NotDecimal::Form) => Err(form.into()),
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("limits=")?;
        if let Some(user) = self.user {
            write!(f, "{user}:")?;
        }
        f.write_str(&self.amount)
    }
}

impl Serialize for Setting {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
