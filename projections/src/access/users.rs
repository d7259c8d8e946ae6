//! `users`: each subscriber with the limit and what of it is used. Personal fields stay encrypted unless an operator asks.

use kippu_events::access::clients::Role;
use kippu_events::access::users::{Account, Charging, Event, LimitSource, Policy, User};
use kippu_events::money::{Currency, Minor};
use kippu_events::secrets::EncryptedField;
use kippu_events::{Entity as _, EntityId, Family, NotAnEvent, Recorded, Time};
use serde::{Deserialize, Serialize};

use crate::error::{NotARow, QueryError};
use crate::grants::{Grant, Owner, Owners};
use crate::json::Json;
use crate::row::{Dated, decode, fold_row, revision_with};
use crate::rows::Rows;
use crate::view::{Ask, Plan, Presented, Table, View, entity_of};

/// See the module.
pub struct Users;

/// The names by which a user's personal fields are encrypted.
const LOGIN: &str = "login";
const NAME: &str = "name";
const NUMBER: &str = "credit_number";

#[derive(Serialize, Deserialize)]
struct Row {
    account: User,
    login: EncryptedField,
    name: Option<EncryptedField>,
    forgotten: Option<Forgotten>,
}

/// A subscriber.
#[derive(Serialize, schemars::JsonSchema)]
struct Shown {
    /// What may still be reserved.
    available: Minor,
    changed_at: Time,
    /// Charged so far, in this period where there are some.
    charged: Minor,
    /// When a reservation becomes a charge.
    charging: Charging,
    /// The user's number at the financial reference; only where an operator asked for it, and null where the person was forgotten.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = None::<String>)]
    credit_number: Option<Option<String>>,
    /// Currency of every amount here.
    currency: Currency,
    /// When the person was forgotten, where that is so. What is encrypted is null from then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    forgotten_at: Option<Time>,
    /// Whether the user has a PIN.
    has_pin: bool,
    id: EntityId,
    /// The upper limit of reserved and charged together, in minor units.
    limit: Minor,
    /// The login name; only where an operator asked for it, and null where the person was forgotten.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = None::<String>)]
    login: Option<Option<String>>,
    /// The person's name; as `login`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = None::<String>)]
    name: Option<Option<String>>,
    /// When charges begin to add up anew, where they do.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_period_at: Option<Time>,
    /// No PIN is accepted before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pin_locked_until: Option<Time>,
    /// How many points a settled amount generates, in ten thousandths of it, where it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    points_rate_bp: Option<u16>,
    /// Whose word an approval takes, where that is not the limit alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<Policy>,
    /// The financial reference that is asked, where one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<EntityId>,
    registered_at: Time,
    /// Held by approvals that are neither settled nor over.
    reserved: Minor,
    /// Where the limit comes from.
    source: LimitSource,
    /// Whether purchases are approved.
    #[schemars(extend("enum" = ["registered", "suspended", "forgotten"]))]
    state: &'static str,
    version: u64,
}

/// When somebody was forgotten.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Forgotten {
    /// When.
    pub at: Time,
    /// The event that says so.
    pub event: String,
}

/// When the user with this row was forgotten, if so.
pub(crate) fn forgotten(row: &[u8]) -> Result<Option<Forgotten>, NotARow> {
    let Dated { row, .. }: Dated<Row> = decode(row)?;
    Ok(row.forgotten)
}

impl View for Users {
    fn name(&self) -> &'static str {
        "users"
    }

    fn revision(&self) -> u32 {
        revision_with::<User>(4)
    }

    fn apply(&self, event: &Recorded<'_>, rows: &mut Rows<'_>) -> Result<(), NotAnEvent> {
        let first = |decoded: &Event| match decoded {
            Event::Registered { login, name, .. } => {
                let mut account = User::default();
                account.evolve(&without_verifier(decoded), event.time);
                Some(Row { account, login: login.clone(), name: name.clone(), forgotten: None })
            }
            Event::LimitChanged { .. }
            | Event::Credited { .. }
            | Event::PointsTakenBack { .. }
            | Event::PeriodBegun { .. }
            | Event::Suspended {}
            | Event::Resumed {}
            | Event::Forgotten {}
            | Event::AmountReserved { .. }
            | Event::AmountReleased { .. }
            | Event::AmountCharged { .. }
            | Event::AmountRefunded { .. }
            | Event::Charged { .. }
            | Event::PinRefused { .. }
            | Event::PinAccepted {} => None,
        };
        fold_row::<User, Row>(event, rows, first, |row, decoded| {
            row.account.evolve(decoded, event.time);
            if matches!((decoded, &row.forgotten), (Event::Forgotten {}, None)) {
                row.forgotten = Some(Forgotten { at: event.time, event: event.id.to_string() });
            }
        })
    }

    fn table(&self) -> Option<&dyn Table> {
        Some(self)
    }
}

/// What the row needs of a registration: that there is a PIN, but not what checks it.
fn without_verifier(registered: &Event) -> Event {
    let mut event = registered.clone();
    if let Event::Registered { pin: Some(pin), .. } = &mut event {
        pin.argon2id.clear();
    }
    event
}

impl Table for Users {
    fn summary(&self) -> &'static str {
        "Subscribers, with the limit on what each may spend and how much of it is used."
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

    fn is_encrypted(&self) -> bool {
        true
    }

    fn schema(&self) -> schemars::Schema {
        schemars::schema_for!(Shown)
    }

    fn plan(&self, ask: &Ask<'_>) -> Result<Plan, QueryError> {
        Ok(ask.only(Owner::User).map_or_else(Plan::all, |user| Plan::One(user.as_bytes().to_vec())))
    }

    fn present(&self, key: &[u8], row: &[u8], ask: &Ask<'_>) -> Result<Option<Presented>, QueryError> {
        let id = entity_of(key)?;
        let Dated { begun_at, changed_at, version, row }: Dated<Row> = decode(row)?;
        let (state, account): (_, Account) = match row.account {
            User::Absent => return Ok(None),
            User::Registered(account) => ("registered", account),
            User::Suspended(account) => ("suspended", account),
            User::Forgotten(account) => ("forgotten", account),
        };
        // Who is forgotten is so from the event on, whether or not the key is destroyed yet.
        let open = |field: &str, encrypted: &EncryptedField| match (ask.decrypt, &row.forgotten) {
            (None, _) => Ok(None),
            (Some(_), Some(_)) => Ok(Some(None)),
            (Some(decrypt), None) => decrypt.decrypt(id, field, encrypted).map(Some),
        };
        let shown = Shown {
            id,
            state,
            limit: account.limit,
            source: account.source,
            currency: account.currency,
            charging: account.charging,
            reserved: account.reserved,
            charged: account.charged,
            available: account.available(),
            forgotten_at: row.forgotten.as_ref().map(|forgotten| forgotten.at),
            has_pin: account.pin.is_some(),
            pin_locked_until: account.locked_until,
            login: open(LOGIN, &row.login)?,
            name: row.name.as_ref().map_or(Ok(None), |name| open(NAME, name))?,
            credit_number: account.reference.as_ref().map_or(Ok(None), |known| open(NUMBER, &known.number))?,
            next_period_at: account.period.map(|running| running.next),
            points_rate_bp: Some(account.points_rate_bp).filter(|rate| *rate > 0),
            policy: Some(account.policy).filter(|policy| !policy.is_own()),
            reference: account.reference.as_ref().map(|known| known.party),
            registered_at: begun_at,
            changed_at,
            version,
        };
        Ok(Some(Presented { row: Json::of(&shown)?, version }))
    }
}
