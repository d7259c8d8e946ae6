//! Accounts: whose they are, and of what. An account is there once something was entered in it.

use std::fmt;
use std::str::FromStr;

use kippu_events::EntityId;
use kippu_events::money::Currency;
use serde::Serialize;

/// Whose an account is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OwnerKind {
    /// This node's own.
    House,
    /// A user's.
    Subscriber,
    /// A settlement server's.
    Settler,
    /// A shop's.
    Shop,
    /// An authentication server's, at the settlement server.
    Issuer,
}

impl OwnerKind {
    /// All of them, by their names.
    pub(super) const NAMES: [&'static str; 5] = ["house", "subscriber", "settler", "shop", "issuer"];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::House => "house",
            Self::Subscriber => "subscriber",
            Self::Settler => "settler",
            Self::Shop => "shop",
            Self::Issuer => "issuer",
        }
    }
}

/// What accounts there are. The code is a part of keys, and stays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Class {
    /// Charged, and not settled yet.
    Clearing,
    /// What subscribers have reserved.
    Reservations,
    /// What subscribers have paid in.
    Cash,
    /// Points that subscribers have been granted.
    PointsGranted,
    /// What subscribers have bought at shops.
    Volume,
    /// What lines have brought in.
    LineIncome,
    /// What the service itself has brought in.
    FeeIncome,
    /// What this node, a shop, has sold.
    OwnSales,
    /// What a subscriber was charged for purchases.
    Purchases,
    /// What a subscriber's approvals hold.
    Reserved,
    /// What a subscriber has paid in.
    Deposits,
    /// Points that a subscriber has gathered.
    Points,
    /// What a subscriber was charged for the line.
    Line,
    /// What a subscriber was charged for the service.
    Fees,
    /// What a settlement server is owed.
    ToSettler,
    /// What a settlement server owes this node, a shop, for what it delivered.
    Deliveries,
    /// What a shop is owed, through settlement servers.
    AtShop,
    /// What a settlement server owes a shop.
    Sales,
    /// What an authentication server owes a settlement server.
    OfIssuer,
}

impl Class {
    const ALL: [Self; 19] = [
        Self::Clearing,
        Self::Reservations,
        Self::Cash,
        Self::PointsGranted,
        Self::Volume,
        Self::LineIncome,
        Self::FeeIncome,
        Self::OwnSales,
        Self::Purchases,
        Self::Reserved,
        Self::Deposits,
        Self::Points,
        Self::Line,
        Self::Fees,
        Self::ToSettler,
        Self::Deliveries,
        Self::AtShop,
        Self::Sales,
        Self::OfIssuer,
    ];

    /// Its code, whose it is, and its category.
    const fn spec(self) -> (u8, OwnerKind, &'static str) {
        match self {
            Self::Clearing => (1, OwnerKind::House, "clearing"),
            Self::Reservations => (2, OwnerKind::House, "reservations"),
            Self::Cash => (3, OwnerKind::House, "cash"),
            Self::PointsGranted => (4, OwnerKind::House, "points"),
            Self::Volume => (5, OwnerKind::House, "purchases"),
            Self::LineIncome => (6, OwnerKind::House, "line"),
            Self::FeeIncome => (7, OwnerKind::House, "fees"),
            Self::OwnSales => (8, OwnerKind::House, "sales"),
            Self::Purchases => (10, OwnerKind::Subscriber, "purchases"),
            Self::Reserved => (11, OwnerKind::Subscriber, "reserved"),
            Self::Deposits => (12, OwnerKind::Subscriber, "deposits"),
            Self::Points => (13, OwnerKind::Subscriber, "points"),
            Self::Line => (14, OwnerKind::Subscriber, "line"),
            Self::Fees => (15, OwnerKind::Subscriber, "fees"),
            Self::ToSettler => (20, OwnerKind::Settler, "settlements"),
            Self::Deliveries => (21, OwnerKind::Settler, "deliveries"),
            Self::AtShop => (30, OwnerKind::Shop, "purchases"),
            Self::Sales => (31, OwnerKind::Shop, "sales"),
            Self::OfIssuer => (40, OwnerKind::Issuer, "settlements"),
        }
    }

    fn find(is_it: impl Fn((u8, OwnerKind, &'static str)) -> bool) -> Option<Self> {
        Self::ALL.into_iter().find(|class| is_it(class.spec()))
    }
}

/// An account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Account {
    class: Class,
    owner: Option<EntityId>,
    currency: Currency,
}

/// Where a key has the node itself, which has no id within its own books.
const HOUSE: [u8; EntityId::BYTES] = [0; EntityId::BYTES];
const CURRENCY_BYTES: usize = 3;

impl Account {
    /// Bytes of a key.
    pub(super) const BYTES: usize = EntityId::BYTES + 1 + CURRENCY_BYTES;

    /// One of the node itself.
    pub(super) const fn house(class: Class, currency: Currency) -> Self {
        Self { class, owner: None, currency }
    }

    /// One of somebody else.
    pub(super) const fn of(class: Class, owner: EntityId, currency: Currency) -> Self {
        Self { class, owner: Some(owner), currency }
    }

    /// Whose it is.
    #[must_use]
    pub const fn owner_kind(&self) -> OwnerKind {
        self.class.spec().1
    }

    /// By which id; nothing where it is this node's own.
    #[must_use]
    pub const fn owner(&self) -> Option<EntityId> {
        self.owner
    }

    /// Of what.
    #[must_use]
    pub const fn category(&self) -> &'static str {
        self.class.spec().2
    }

    /// In which currency.
    #[must_use]
    pub const fn currency(&self) -> Currency {
        self.currency
    }

    /// Its number where a name has to be short: 34 characters at most, as ISO 20022 has it for accounts.
    #[must_use]
    pub fn number(&self) -> String {
        let (code, ..) = self.class.spec();
        match self.owner {
            Some(owner) => format!("{owner}.{code}.{}", self.currency),
            None => format!("{code}.{}", self.currency),
        }
    }

    /// `owner ‖ class ‖ currency`: accounts of one owner lie together.
    pub(crate) fn key(&self) -> [u8; Self::BYTES] {
        let mut key = [0; Self::BYTES];
        let (owner, rest) = key.split_at_mut(EntityId::BYTES);
        owner.copy_from_slice(self.owner.as_ref().map_or(&HOUSE[..], |owner| owner.as_bytes()));
        rest[0] = self.class.spec().0;
        rest[1..].copy_from_slice(self.currency.code().as_bytes());
        key
    }

    /// The account that [`Account::key`] made `key` of.
    pub(crate) fn of_key(key: &[u8]) -> Option<Self> {
        let (owner, rest) = key.split_first_chunk::<{ EntityId::BYTES }>()?;
        let (code, currency) = rest.split_first()?;
        let class = Class::find(|(its, ..)| its == *code)?;
        let owner = (class.spec().1 != OwnerKind::House).then(|| EntityId::from_bytes(*owner));
        let currency = std::str::from_utf8(currency).ok()?.parse().ok()?;
        Some(Self { class, owner, currency })
    }
}

/// Text that names no account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an account is named as `shop.ID.sales.EUR`, or as `house.clearing.EUR`")]
pub struct NotAnAccount;

/// What [`Display`](fmt::Display) writes.
impl FromStr for Account {
    type Err = NotAnAccount;

    fn from_str(text: &str) -> Result<Self, NotAnAccount> {
        let mut parts = text.split('.');
        let mut part = || parts.next().ok_or(NotAnAccount);
        let kind = part()?;
        let owner = match kind == OwnerKind::House.name() {
            true => None,
            false => Some(part()?.parse().map_err(|_| NotAnAccount)?),
        };
        let (category, currency) = (part()?, part()?.parse().map_err(|_| NotAnAccount)?);
        let class = Class::find(|(_, its, of)| its.name() == kind && of == category).ok_or(NotAnAccount)?;
        if parts.next().is_some() { Err(NotAnAccount) } else { Ok(Self { class, owner, currency }) }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, kind, category) = self.class.spec();
        match self.owner {
            Some(owner) => write!(f, "{}.{owner}.{category}.{}", kind.name(), self.currency),
            None => write!(f, "{}.{category}.{}", kind.name(), self.currency),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_account_has_one_key_and_one_name_and_other_bytes_and_texts_are_none() {
        let owner = EntityId::from_hash(&[7; 32]);
        let all = Class::ALL.map(|class| match class.spec().1 {
            OwnerKind::House => Account::house(class, Currency::EUR),
            OwnerKind::Subscriber | OwnerKind::Settler | OwnerKind::Shop | OwnerKind::Issuer => {
                Account::of(class, owner, Currency::EUR)
            }
        });
        for account in all {
            assert_eq!(Account::of_key(&account.key()), Some(account));
            assert_eq!(account.to_string().parse(), Ok(account));
            assert!(OwnerKind::NAMES.contains(&account.owner_kind().name()));
        }
        let names: BTreeSet<_> = all.iter().map(Account::to_string).collect();
        let codes: BTreeSet<_> = all.iter().map(Account::key).collect();
        let numbers: BTreeSet<_> = all.iter().map(Account::number).collect();
        assert_eq!([names.len(), codes.len(), numbers.len()], [all.len(); 3]);
        assert!(numbers.iter().all(|number| number.len() <= 34), "{numbers:?}");
        let own = format!("shop.{owner}.sales.EUR");
        for text in ["", "house", "house.clearing", "house.clearing.eur", "house.reserved.EUR", "shop.sales.EUR"] {
            assert_eq!(text.parse::<Account>(), Err(NotAnAccount), "{text}");
        }
        for text in [format!("{own}."), format!("{own}.x"), own.replace("sales", "reserved"), own.replace("shop", "")] {
            assert_eq!(text.parse::<Account>(), Err(NotAnAccount), "{text}");
        }
        assert_eq!(Account::of_key(&[9; Account::BYTES]), None);
    }
}
