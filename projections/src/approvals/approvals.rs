//! `approvals`: each purchase approval from its request to its end. A settler sees its own, and never whose they are.
//!
//! ```text
//! 0 ‖ id                        the row
//! 1 ‖ requested_at ‖ id         by time
//! 2 ‖ user ‖ requested_at ‖ id  by user
//! 3 ‖ settler ‖ requested_at ‖ id
//! 4 ‖ state ‖ requested_at ‖ id
//! 5 ‖ requester ‖ requested_at ‖ id
//! ```

use kippu_events::access::clients::Role;
use kippu_events::approvals::{Approval, Event, Inquiry, Offered, Told};
use kippu_events::money::{Currency, Minor};
use kippu_events::{Entity as _, EntityId, Family, NotAnEvent, Recorded, Time};
use serde::{Deserialize, Serialize};

use crate::error::{NotARow, QueryError};
use crate::grants::{Grant, Owner, Owners};
use crate::json::Json;
use crate::row::{decode, encode, main_row, revision_with};
use crate::rows::Rows;
use crate::view::{Ask, Filter, Plan, Presented, Table, View, entity_of, row_key};

mod phase;
mod shown;

use phase::Phase;
pub(crate) use phase::STATES;
use shown::Shown;

/// See the module.
pub struct Approvals;

#[derive(Serialize, Deserialize)]
struct Row {
    user: EntityId,
    requester: Option<EntityId>,
    amount: Minor,
    currency: Currency,
    description: Option<String>,
    quantity: Option<u32>,
    requested_at: Time,
    expires_at: Option<Time>,
    offer: Option<Box<Offered>>,
    /// Whom, what it told, and up to how much it vouches.
    inquiry: Option<(EntityId, Told, Option<Minor>)>,
    phase: Phase,
    collected: u64,
    redeem_refusals: u64,
    paid_at: Option<Time>,
    contents: Vec<String>,
    changed_at: Time,
    version: u64,
}

impl View for Approvals {
    fn name(&self) -> &'static str {
        "approvals"
    }

    fn revision(&self) -> u32 {
        revision_with::<Approval>(2)
    }

    fn apply(&self, event: &Recorded<'_>, rows: &mut Rows<'_>) -> Result<(), NotAnEvent> {
        if event.entity.family != Approval::FAMILY {
            return Ok(());
        }
        let id = event.entity.id;
        let decoded = event.decode::<Approval>()?;
        let row = match first(event, decoded) {
            Some(row) => {
                rows.index(&index(BY_TIME, &[], row.requested_at, &id), Vec::new());
                rows.index(&index(BY_USER, row.user.as_bytes(), row.requested_at, &id), Vec::new());
                rows.index(&index(BY_STATE, &[row.phase.code()], row.requested_at, &id), Vec::new());
                if let Some(requester) = row.requester {
                    rows.index(&index(BY_REQUESTER, requester.as_bytes(), row.requested_at, &id), Vec::new());
                }
                row
            }
            None => {
                let Some(mut row) = main_row::<Row>(rows, &id) else { return Ok(()) };
                let before = row.phase;
                row.phase = before.after(decoded, event.time);
                row.changed_at = event.time;
                row.version = event.version;
                row.keep(decoded);
                if before.code() != row.phase.code() {
                    rows.unindex(&index(BY_STATE, &[before.code()], row.requested_at, &id));
                    rows.index(&index(BY_STATE, &[row.phase.code()], row.requested_at, &id), Vec::new());
                }
                if let (None, Some(settler)) = (before.settler(), row.phase.settler()) {
                    rows.index(&index(BY_SETTLER, settler.as_bytes(), row.requested_at, &id), Vec::new());
                }
                row
            }
        };
        rows.put(&row_key(&id), encode(&row));
        Ok(())
    }

    fn table(&self) -> Option<&dyn Table> {
        Some(self)
    }
}

impl Row {
    /// What an event says that is not in its phase.
    fn keep(&mut self, event: &Event) {
        match event {
            Event::Issued { expires_at, inquiry, .. } => {
                (self.expires_at, self.inquiry) = (Some(*expires_at), inquiry.map(kept));
            }
            Event::Refused { inquiry, .. } => self.inquiry = inquiry.map(kept),
            Event::Collected { .. } => self.collected += 1,
            Event::RedeemRefused { .. } => self.redeem_refusals += 1,
            Event::Settled { settled_at, contents, .. } => {
                (self.paid_at, self.contents) = (*settled_at, contents.clone());
            }
            Event::Pending { .. }
            | Event::Redeemed { .. }
            | Event::Refunded { .. }
            | Event::Expired {}
            | Event::Revoked {}
            | Event::Released { .. } => {}
        }
    }
}

/// As rows are kept: in a form that cannot tell what was left out.
const fn kept(inquiry: Inquiry) -> (EntityId, Told, Option<Minor>) {
    (inquiry.party, inquiry.told, inquiry.limit)
}

/// The API client that asked; nothing where the user did.
fn client(asker: EntityId, user: EntityId) -> Option<EntityId> {
    Some(asker).filter(|asker| *asker != user)
}

/// The row that the first event of an approval makes.
fn first(event: &Recorded<'_>, decoded: &Event) -> Option<Row> {
    if event.version != 1 {
        return None;
    }
    let (requester, expires_at, phase, asked) = match decoded {
        Event::Issued { user, terminal, expires_at, inquiry, .. } => {
            (client(*terminal, *user), Some(*expires_at), Phase::Issued, *inquiry)
        }
        Event::Pending { user, terminal, until, .. } => {
            (client(*terminal, *user), None, Phase::Pending { until: *until }, None)
        }
        Event::Refused { reason, inquiry, .. } => {
            (event.cause.principal.party(), None, Phase::Refused { reason: *reason }, *inquiry)
        }
        Event::Collected { .. }
        | Event::Redeemed { .. }
        | Event::RedeemRefused { .. }
        | Event::Settled { .. }
        | Event::Refunded { .. }
        | Event::Expired {}
        | Event::Revoked {}
        | Event::Released { .. } => return None,
    };
    let (Event::Issued { user, amount, currency, purchase, offer, .. }
    | Event::Pending { user, amount, currency, purchase, offer, .. }
    | Event::Refused { user, amount, currency, purchase, offer, .. }) = decoded
    else {
        return None;
    };
    Some(Row {
        user: *user,
        requester,
        amount: *amount,
        currency: *currency,
        description: purchase.description.clone(),
        quantity: purchase.quantity,
        requested_at: event.time,
        expires_at,
        offer: offer.clone(),
        inquiry: asked.map(kept),
        phase,
        collected: 0,
        redeem_refusals: 0,
        paid_at: None,
        contents: Vec::new(),
        changed_at: event.time,
        version: event.version,
    })
}

const BY_TIME: u8 = 1;
const BY_USER: u8 = 2;
const BY_SETTLER: u8 = 3;
const BY_STATE: u8 = 4;
const BY_REQUESTER: u8 = 5;

fn index(by: u8, value: &[u8], time: Time, id: &EntityId) -> Vec<u8> {
    let mut key = bound(by, value, time);
    key.extend_from_slice(id.as_bytes());
    key
}

/// The first possible key of an index at `time`.
fn bound(by: u8, value: &[u8], time: Time) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + 2 * EntityId::BYTES + 8);
    key.push(by);
    key.extend_from_slice(value);
    // With its sign bit turned, an i64 sorts as its bytes do.
    key.extend_from_slice(&(time.micros() ^ i64::MIN).to_be_bytes());
    key
}

const USER: &str = "user";
const REQUESTER: &str = "requester";
const SETTLER: &str = "settler";
const STATE: &str = "state";
const INQUIRY: &str = "inquiry";
const BUYER: &str = "buyer";
const FROM: &str = "from";
const TO: &str = "to";

impl Table for Approvals {
    fn summary(&self) -> &'static str {
        "Purchase approvals, in the order in which they were asked for."
    }

    fn subject(&self) -> Option<Family> {
        Some(Family::Approvals)
    }

    fn grants(&self) -> &'static [Grant] {
        const {
            &[
                Grant::all(Role::Operator),
                Grant::own(Role::Settler, Owner::Client).without(&[USER, REQUESTER, INQUIRY]),
                Grant::own(Role::Terminal, Owner::User).without(&[BUYER]),
                Grant::own(Role::Terminal, Owner::Requester).without(&[USER, BUYER]),
                Grant::own(Role::Subscriber, Owner::User).without(&[BUYER]),
            ]
        }
    }

    /// The user whose limit it reserves, the settler that redeemed it, and the terminal that asked for it.
    fn owners(&self, _key: &[u8], row: &[u8]) -> Result<Owners, NotARow> {
        let row: Row = decode(row)?;
        Ok(Owners { user: Some(row.user), client: row.phase.settler(), requester: row.requester })
    }

    fn filters(&self) -> &'static [Filter] {
        const {
            &[
                Filter::owner(USER, "the id of the user whose limit it reserves; not for settlers", Owner::User),
                Filter::owner(SETTLER, "the id of the API client or peer that redeemed it", Owner::Client),
                Filter::of(STATE, "where it is in its life", &STATES),
                Filter::any(FROM, "asked for at or after this time (RFC 3339)"),
                Filter::any(TO, "asked for before this time (RFC 3339)"),
            ]
        }
    }

    fn schema(&self) -> schemars::Schema {
        schemars::schema_for!(Shown)
    }

    fn plan(&self, ask: &Ask<'_>) -> Result<Plan, QueryError> {
        let user = ask.only(Owner::User).map_or_else(|| ask.filters.value(USER), |own| Ok(Some(own)))?;
        let settler = ask.only(Owner::Client).map_or_else(|| ask.filters.value(SETTLER), |own| Ok(Some(own)))?;
        let from = ask.filters.value(FROM)?.unwrap_or(Time::from_micros(i64::MIN));
        let until = ask.filters.value(TO)?.unwrap_or(Time::from_micros(i64::MAX));
        let state = ask.filters.text(STATE).and_then(|state| STATES.iter().position(|name| *name == state));
        // The narrowest index leads; what it does not know, each row is asked.
        let (by, value) = if let Some::<EntityId>(user) = user {
            (BY_USER, user.as_bytes().to_vec())
        } else if let Some::<EntityId>(settler) = settler {
            (BY_SETTLER, settler.as_bytes().to_vec())
        } else if let Some(requester) = ask.only(Owner::Requester) {
            (BY_REQUESTER, requester.as_bytes().to_vec())
        } else if let Some(code) = state.and_then(|code| u8::try_from(code).ok()) {
            (BY_STATE, vec![code])
        } else {
            (BY_TIME, Vec::new())
        };
        Ok(Plan::Range { from: bound(by, &value, from), until: bound(by, &value, until) })
    }

    fn present(&self, key: &[u8], row: &[u8], ask: &Ask<'_>) -> Result<Option<Presented>, QueryError> {
        let row: Row = decode(row)?;
        let settler = row.phase.settler();
        if ask.filters.value(USER)?.is_some_and(|user: EntityId| user != row.user)
            || ask.filters.value(SETTLER)?.is_some_and(|asked: EntityId| settler != Some(asked))
            || !ask.filters.admits(STATE, row.phase.name())
        {
            return Ok(None);
        }
        let version = row.version;
        let shown = Shown::new(entity_of(key)?, row, ask);
        Ok(Some(Presented { row: Json::of(&shown)?, version }))
    }
}
