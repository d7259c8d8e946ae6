//! `sessions`: where each user is signed in, and was last. The edge authenticates every request of an end user with a row of
//! this view.

use kippu_events::access::Role;
use kippu_events::access::sessions::{Ending, Event, Open, Sessions as State};
use kippu_events::{Entity as _, EntityId, Family, NotAnEvent, Recorded, Time};
use serde::{Deserialize, Serialize};

use crate::error::{NotARow, QueryError};
use crate::grants::{Grant, Owner, Owners};
use crate::json::Json;
use crate::row::{Dated, decode, encode, main_row, revision_with};
use crate::rows::Rows;
use crate::view::{Ask, Plan, Presented, Table, View, entity_of, row_key};

/// See the module.
pub struct Sessions;

/// So many sessions that ended are shown, the last ones: enough to see whether somebody else was signed in.
const MOST_ENDED: usize = 16;

#[derive(Default, Serialize, Deserialize)]
struct Row {
    state: State,
    /// Oldest first.
    ended: Vec<Ended>,
    refused: u64,
}

#[derive(Serialize, Deserialize)]
struct Ended {
    session: Open,
    at: Time,
    reason: Ending,
}

/// What authentication needs to know of a user, of what the view stored.
pub(crate) fn decode_state(bytes: &[u8]) -> Result<State, NotARow> {
    decode::<Dated<Row>>(bytes).map(|dated| dated.row.state)
}

/// Where a user is signed in.
#[derive(Serialize, schemars::JsonSchema)]
struct Shown {
    changed_at: Time,
    /// The user.
    id: EntityId,
    /// When the user signed in first.
    opened_at: Time,
    /// How often a sign-in as this user was refused since then.
    refused: u64,
    /// Those that are open, and the last 16 that ended; newest first.
    sessions: Vec<ShownSession>,
    version: u64,
}

/// A session.
#[derive(Serialize, schemars::JsonSchema)]
struct ShownSession {
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Time>,
    /// It ends then in any case.
    ends_at: Time,
    /// It ends when it was not used for so long.
    idle_secs: u32,
    opened_at: Time,
    /// Why it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = Ending::NAMES))]
    reason: Option<&'static str>,
    /// Which one of its user.
    session: u32,
    /// Whether it ended.
    #[schemars(extend("enum" = STATES))]
    state: &'static str,
    /// Its last use, to a quarter of the idle time.
    used_at: Time,
}

const STATES: [&str; 2] = ["open", "ended"];

impl ShownSession {
    const fn new(session: &Open, ended: Option<(Time, Ending)>) -> Self {
        let (ended_at, reason, state) = match ended {
            None => (None, None, STATES[0]),
            Some((at, reason)) => (Some(at), Some(reason.name()), STATES[1]),
        };
        let Open { session, idle_secs, ends_at, opened_at, used_at, .. } = *session;
        Self { ended_at, ends_at, idle_secs, opened_at, reason, session, state, used_at }
    }
}

impl View for Sessions {
    fn name(&self) -> &'static str {
        "sessions"
    }

    fn revision(&self) -> u32 {
        revision_with::<State>(1)
    }

    fn apply(&self, event: &Recorded<'_>, rows: &mut Rows<'_>) -> Result<(), NotAnEvent> {
        if event.entity.family != State::FAMILY {
            return Ok(());
        }
        let decoded = event.decode::<State>()?;
        let before = main_row::<Dated<Row>>(rows, &event.entity.id);
        // A login that nobody has, or nobody has signed in with, has no row.
        let is_first = matches!(decoded, Event::Opened { .. });
        let first = || Dated { begun_at: event.time, changed_at: event.time, version: 0, row: Row::default() };
        let Some(mut dated) = before.or_else(|| is_first.then(first)) else { return Ok(()) };
        dated.row.fold(decoded, event.time);
        let dated = Dated { changed_at: event.time, version: event.version, ..dated };
        rows.put(&row_key(&event.entity.id), encode(&dated));
        Ok(())
    }

    fn table(&self) -> Option<&dyn Table> {
        Some(self)
    }
}

impl Row {
    fn fold(&mut self, event: &Event, time: Time) {
        match event {
            Event::Ended { session, reason } => {
                if let Some(open) = self.state.get(*session) {
                    self.ended.push(Ended { session: open.clone(), at: time, reason: *reason });
                }
                let too_many = self.ended.len().saturating_sub(MOST_ENDED);
                self.ended.drain(..too_many);
            }
            Event::Refused { .. } => self.refused = self.refused.saturating_add(1),
            Event::Opened { .. } | Event::Used { .. } => {}
        }
        self.state.evolve(event, time);
    }
}

impl Table for Sessions {
    fn summary(&self) -> &'static str {
        "Where each user is signed in, and was last."
    }

    fn subject(&self) -> Option<Family> {
        Some(Family::Sessions)
    }

    fn grants(&self) -> &'static [Grant] {
        const { &[Grant::all(Role::Operator), Grant::own(Role::Subscriber, Owner::User)] }
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
        let Dated { begun_at: opened_at, changed_at, version, row }: Dated<Row> = decode(row)?;
        let open = row.state.open.iter().map(|open| ShownSession::new(open, None));
        let ended = row.ended.iter().map(|ended| ShownSession::new(&ended.session, Some((ended.at, ended.reason))));
        let mut sessions: Vec<_> = open.chain(ended).collect();
        sessions.sort_by_key(|shown| std::cmp::Reverse(shown.session));
        let shown = Shown { changed_at, id: entity_of(key)?, opened_at, refused: row.refused, sessions, version };
        Ok(Some(Presented { row: Json::of(&shown)?, version }))
    }
}
