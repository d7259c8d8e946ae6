//! `spending`: what each user has reserved and been charged, in all and by calendar month. Written from the user's own
//! events alone, which repeat every amount that approvals move.

use std::collections::BTreeMap;

use kippu_events::access::clients::Role;
use kippu_events::access::users::{Event, User};
use kippu_events::money::{Currency, Minor};
use kippu_events::{EntityId, Family, NotAnEvent, Recorded, Time};
use serde::{Deserialize, Serialize};

use crate::error::{NotARow, QueryError};
use crate::grants::{Grant, Owner, Owners};
use crate::json::Json;
use crate::row::{Dated, decode, fold_row, revision_with};
use crate::rows::Rows;
use crate::view::{Ask, Plan, Presented, Table, View, entity_of};

/// See the module.
pub struct Spending;

#[derive(Serialize, Deserialize)]
struct Row {
    limit: Minor,
    currency: Currency,
    reserved: Minor,
    charged: Minor,
    purchases: u64,
    /// By `2026-11`.
    months: BTreeMap<String, Month>,
}

#[derive(Serialize, Deserialize, Default)]
struct Month {
    charged: u64,
    refunded: u64,
    purchases: u64,
}

/// What was charged in one calendar month in UTC.
#[derive(Serialize, schemars::JsonSchema)]
#[schemars(rename = "Month")]
struct ShownMonth {
    /// Charged.
    charged: u64,
    /// How many charges.
    purchases: u64,
    /// Of charges of this or an earlier month, taken back in this one.
    refunded: u64,
}

/// What a user has spent.
#[derive(Serialize, schemars::JsonSchema)]
struct Shown {
    /// Charged so far and not taken back, in all periods.
    charged: Minor,
    /// Currency of every amount here.
    currency: Currency,
    /// The user.
    id: EntityId,
    /// The upper limit, in minor units.
    limit: Minor,
    /// By calendar month in UTC, as `2026-11`.
    months: BTreeMap<String, ShownMonth>,
    /// How many charges.
    purchases: u64,
    /// Held by approvals that are neither settled nor over.
    reserved: Minor,
    version: u64,
}

impl From<Month> for ShownMonth {
    fn from(Month { charged, refunded, purchases }: Month) -> Self {
        Self { charged, purchases, refunded }
    }
}

impl View for Spending {
    fn name(&self) -> &'static str {
        "spending"
    }

    fn revision(&self) -> u32 {
        revision_with::<User>(3)
    }

    fn apply(&self, event: &Recorded<'_>, rows: &mut Rows<'_>) -> Result<(), NotAnEvent> {
        let first = |decoded: &Event| match decoded {
            Event::Registered { limit, currency, .. } => Some(Row {
                limit: *limit,
                currency: *currency,
                reserved: Minor::ZERO,
                charged: Minor::ZERO,
                purchases: 0,
                months: BTreeMap::new(),
            }),
            Event::LimitChanged { .. }
            | Event::Credited { .. }
            | Event::PointsTakenBack { .. }
            | Event::PeriodBegun { .. }
            | Event::Suspended {}
            | Event::Forgotten {}
            | Event::Resumed {}
            | Event::AmountReserved { .. }
            | Event::AmountReleased { .. }
            | Event::AmountCharged { .. }
            | Event::AmountRefunded { .. }
            | Event::Charged { .. }
            | Event::PinRefused { .. }
            | Event::PinAccepted {} => None,
        };
        fold_row::<User, Row>(event, rows, first, |row, decoded| row.fold(decoded, event.time))
    }

    fn table(&self) -> Option<&dyn Table> {
        Some(self)
    }
}

impl Row {
    fn fold(&mut self, event: &Event, time: Time) {
        // A history that leaves the bounds is found by verify, and must not stop a view.
        let plus = |a: Minor, b: Minor| a.plus(b).unwrap_or(a);
        let minus = |a: Minor, b: Minor| a.minus(b).unwrap_or(Minor::ZERO);
        match event {
            Event::Registered { .. }
            | Event::Charged { .. }
            | Event::PeriodBegun { .. }
            | Event::Suspended {}
            | Event::Forgotten {}
            | Event::Resumed {}
            | Event::PinRefused { .. }
            | Event::PinAccepted {} => {}
            Event::LimitChanged { limit, .. }
            | Event::Credited { limit, .. }
            | Event::PointsTakenBack { limit, .. } => self.limit = *limit,
            Event::AmountReserved { amount, .. } => self.reserved = plus(self.reserved, *amount),
            Event::AmountReleased { amount, .. } => self.reserved = minus(self.reserved, *amount),
            Event::AmountCharged { reserved, amount, .. } => {
                self.reserved = minus(self.reserved, *reserved);
                self.charged = plus(self.charged, *amount);
                self.purchases += 1;
                let month = self.months.entry(time.month()).or_default();
                month.charged = month.charged.saturating_add(amount.units());
                month.purchases += 1;
            }
            Event::AmountRefunded { amount, .. } => {
                self.charged = minus(self.charged, *amount);
                let month = self.months.entry(time.month()).or_default();
                month.refunded = month.refunded.saturating_add(amount.units());
            }
        }
    }
}

impl Table for Spending {
    fn summary(&self) -> &'static str {
        "What each user has reserved and been charged, in all and by calendar month in UTC."
    }

    fn subject(&self) -> Option<Family> {
        Some(Family::Users)
    }

    fn grants(&self) -> &'static [Grant] {
        const {
            &[
                Grant::all(Role::Operator),
                Grant::own(Role::Terminal, Owner::User),
                Grant::own(Role::Subscriber, Owner::User),
            ]
        }
    }

    fn owners(&self, key: &[u8], _row: &[u8]) -> Result<Owners, NotARow> {
        entity_of(key).map(Owners::user)
    }

    fn schema(&self) -> schemars::Schema {
        schemars::schema_for!(Shown)
    }

    fn plan(&self, ask: &Ask<'_>) -> Result<Plan, QueryError> {
        Ok(ask.only(Owner::User).map_or_else(Plan::all, |user| Plan::One(user.as_bytes().to_vec())))
    }

    fn present(&self, key: &[u8], row: &[u8], _ask: &Ask<'_>) -> Result<Option<Presented>, QueryError> {
        let id = entity_of(key)?;
        let Dated { version, row, .. }: Dated<Row> = decode(row)?;
        let Row { limit, currency, reserved, charged, purchases, months } = row;
        let months = months.into_iter().map(|(month, of)| (month, of.into())).collect();
        let shown = Shown { id, limit, currency, reserved, charged, purchases, months, version };
        Ok(Some(Presented { row: Json::of(&shown)?, version }))
    }
}
