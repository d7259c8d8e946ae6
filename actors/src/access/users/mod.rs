//! Users: registered under a login with a limit, whose limit then changes by the operator's word, by what is
//! paid in, or by what a financial reference tells. A subscription can be suspended. A person can be forgotten: that ends the
//! subscription for ever, and the key of all that was encrypted for the person is destroyed (`projections/src/access/forgotten.rs` tells
//! the node whose).
//!
//! How much of the limit is reserved and charged is decided by approvals, which are born in the slot of their user.

pub mod pin;
pub mod refusal;
pub mod request;
#[cfg(test)]
mod tests;

use kippu_events::access::sessions::Sessions;
use kippu_events::access::users::{Account, Event, LimitSource, Period, Reference, User};
use kippu_events::money::Minor;
use kippu_events::secrets::{Secrets, SecretsError, SharedError};
use kippu_events::{EntityId, EntityKey, Time};

use self::refusal::Refused;
use self::request::{
    ChangeLimit, Charge, Command, Credit, DEFAULT_REALM, Login, MOST_POINTS_RATE_BP, Open, Realm, Reply, Request, State,
};
use super::sessions::all_ended;
use crate::actor::{Actor, Answer, Call, CommandSpec, Context, Decision, Neighbours, Preparing};
use crate::problem::{self, Problem, ProblemType};

/// The name of the login among a person's encrypted fields.
pub const LOGIN_FIELD: &str = "login";
/// The name of the name among a person's encrypted fields.
pub const NAME_FIELD: &str = "name";

/// The name of the number at a financial reference among a person's encrypted fields.
pub const NUMBER_FIELD: &str = "credit_number";

/// The id of the user with this login in this realm, whether or not anybody is registered under it.
#[must_use]
pub fn id_of(realm: Option<&Realm>, login: &Login, secrets: &Secrets) -> EntityId {
    secrets.login_id(realm.map_or(DEFAULT_REALM, Realm::as_str), login.as_str())
}

impl Actor for User {
    type Request = Request;
    type Command = Command;
    type Reply = Reply;

    const COMMANDS: &'static [CommandSpec] = request::COMMANDS;
    const PROBLEMS: &'static [&'static ProblemType] = refusal::TYPES;

    fn is_slow(request: &Request) -> bool {
        match request {
            // Writes the person's key, and hashes the PIN.
            Request::Open(_) => true,
            Request::ChangeLimit(_)
            | Request::Credit(_)
            | Request::Charge(_)
            | Request::Suspend(_)
            | Request::Resume(_)
            | Request::Forget(_) => false,
        }
    }

    fn target(request: &Request, call: &Call, secrets: &Secrets) -> Result<EntityId, Problem> {
        match request {
            Request::Open(Open { realm, login, .. }) => Ok(id_of(realm.as_ref(), login, secrets)),
            Request::ChangeLimit(_)
            | Request::Credit(_)
            | Request::Charge(_)
            | Request::Suspend(_)
            | Request::Resume(_)
            | Request::Forget(_) => call.path_id(),
        }
    }

    fn prepare(request: Request, with: &Preparing<'_>) -> Result<Command, Problem> {
        match request {
            Request::Open(open) => prepare_open(open, with.id, with.secrets),
            Request::ChangeLimit(ChangeLimit { limit }) => Ok(Command::ChangeLimit(limit)),
            Request::Credit(Credit { amount }) => Ok(Command::Credit(amount)),
            Request::Charge(Charge { amount: Minor::ZERO, .. }) => Err(Refused::NothingCharged.into()),
            Request::Charge(Charge { category, amount, currency, note, takes_back }) => {
                Ok(Command::Charge { category, amount, currency, note: note.map(String::from), takes_back })
            }
            Request::Suspend(_) => Ok(Command::Suspend),
            Request::Resume(_) => Ok(Command::Resume),
            Request::Forget(_) => Ok(Command::Forget),
        }
    }

    fn neighbours(&self, command: &Command, context: &Context) -> Vec<EntityKey> {
        match command {
            Command::Forget => vec![EntityKey::of::<Sessions>(context.id)],
            Command::Open { .. }
            | Command::ChangeLimit(_)
            | Command::Credit(_)
            | Command::Charge { .. }
            | Command::Suspend
            | Command::Resume
            | Command::BeginPeriod => Vec::new(),
        }
    }

    fn decide(
        &self,
        command: &Command,
        neighbours: Neighbours<'_>,
        context: &Context,
    ) -> Result<Decision<Self>, Problem> {
        let account = || self.account().ok_or(Refused::Unknown);
        let known = || match self {
            Self::Forgotten(_) => Err(Refused::Forgotten),
            Self::Absent | Self::Registered(_) | Self::Suspended(_) => account(),
        };
        let event = match (self, command) {
            (
                Self::Absent,
                Command::Open { login, name, pin, limit, charging, policy, reference, points_rate_bp, period },
            ) => {
                let registered = Event::Registered {
                    login: login.clone(),
                    name: name.clone(),
                    pin: pin.clone(),
                    source: limit.source,
                    limit: limit.amount,
                    currency: limit.currency,
                    charging: *charging,
                    policy: *policy,
                    reference: reference.clone(),
                    points_rate_bp: *points_rate_bp,
                    period: *period,
                };
                let begun = match period {
                    Period::None => None,
                    Period::Month => Some(begin_period(Minor::ZERO, context.now)),
                };
                let own = std::iter::once(registered).chain(begun).collect();
                return Ok(Decision { own, others: Vec::new() });
            }
            (Self::Registered(_) | Self::Suspended(_) | Self::Forgotten(_), Command::Open { .. }) => {
                return Err(Refused::Exists(context.id).into());
            }
            (_, Command::ChangeLimit(limit)) => change_limit(known()?, *limit)?,
            (_, Command::Credit(amount)) => credit(known()?, *amount)?,
            // What a line has cost is owed whatever the limit on purchases is.
            (_, Command::Charge { category, amount, currency, note, takes_back }) => {
                let own = account()?.currency;
                if *currency != own {
                    return Err(Refused::OtherCurrency { own }.into());
                }
                let (category, amount, note, takes_back) = (*category, *amount, note.clone(), *takes_back);
                Event::Charged { category, amount, currency: own, note, takes_back }
            }
            (Self::Absent, Command::Suspend | Command::Resume | Command::Forget) => return Err(Refused::Unknown.into()),
            (Self::Forgotten(_), Command::Suspend | Command::Resume | Command::Forget) => {
                return Err(Refused::Forgotten.into());
            }
            (Self::Registered(_) | Self::Suspended(_), Command::Forget) => {
                let sessions = neighbours.get::<Sessions>(context.id).map(|sessions| all_ended(sessions, context.now));
                let forgotten = Decision::one(Event::Forgotten {});
                let ended = sessions.into_iter().flatten();
                return Ok(ended.fold(forgotten, |all, event| all.and::<Sessions>(context.id, event)));
            }
            (Self::Registered(_), Command::Suspend) => Event::Suspended {},
            (Self::Suspended(_), Command::Suspend) => return Err(Refused::AlreadySuspended.into()),
            (Self::Suspended(_), Command::Resume) => Event::Resumed {},
            (Self::Registered(_), Command::Resume) => return Err(Refused::NotSuspended.into()),
            (_, Command::BeginPeriod) => {
                self.account().and_then(|account| period_due(account, context.now)).ok_or(Refused::NotDue)?
            }
        };
        Ok(Decision::one(event))
    }

    fn answer(id: EntityId, own: &[Event], _secrets: &Secrets) -> Answer {
        let Some(event) = own.first() else { return Answer::unanswerable() };
        let plain = Reply::plain(id);
        match event {
            Event::Registered { source, limit, currency, charging, policy, period, .. } => Answer::created(&Reply {
                limit: Some(*limit),
                currency: Some(*currency),
                source: Some(*source),
                charging: Some(*charging),
                policy: Some(*policy).filter(|policy| !policy.is_own()),
                period: Some(*period).filter(|period| !period.is_none()),
                ..plain
            }),
            Event::LimitChanged { limit, currency, .. } | Event::Credited { limit, currency, .. } => {
                Answer::ok(&Reply { limit: Some(*limit), currency: Some(*currency), ..plain })
            }
            Event::Charged { category, amount, currency, .. } => Answer::ok(&Reply {
                amount: Some(*amount),
                category: Some(*category),
                currency: Some(*currency),
                ..plain
            }),
            Event::Forgotten {} => Answer::ok(&Reply { state: Some(State::Forgotten), ..plain }),
            Event::Suspended {} => Answer::ok(&Reply { state: Some(State::Suspended), ..plain }),
            Event::Resumed {} => Answer::ok(&Reply { state: Some(State::Registered), ..plain }),
            Event::PeriodBegun { .. } => Answer::ok(&plain),
            // These are decided by approvals, whose commands they answer.
            Event::PointsTakenBack { .. }
            | Event::AmountReserved { .. }
            | Event::AmountReleased { .. }
            | Event::AmountCharged { .. }
            | Event::AmountRefunded { .. }
            | Event::PinRefused { .. }
            | Event::PinAccepted {} => Answer::unanswerable(),
        }
    }

    fn due(&self) -> Option<(Time, Command)> {
        let running = self.account()?.period?;
        Some((running.next, Command::BeginPeriod))
    }
}

fn prepare_open(open: Open, id: EntityId, secrets: &Secrets) -> Result<Command, Problem> {
    let Open { realm: _, login, name, pin, limit, charging, policy, reference, points_rate_bp, period } = open;
    if policy.is_own() == reference.is_some() {
        return Err(Refused::Reference.into());
    }
    if limit.source == LimitSource::Solvency && policy.is_own() {
        return Err(Refused::Solvency.into());
    }
    let most = if limit.source == LimitSource::Points { MOST_POINTS_RATE_BP } else { 0 };
    if points_rate_bp > most {
        return Err(Refused::PointsRate.into());
    }
    let encrypt = |field, plain: &str| secrets.encrypt(id, field, plain).map_err(|e| not_encrypted(id, &e));
    let login = encrypt(LOGIN_FIELD, login.as_str())?;
    let name = name.map(|name| encrypt(NAME_FIELD, name.as_str())).transpose()?;
    let reference = reference.map(|customer| {
        let number = encrypt(NUMBER_FIELD, customer.number.as_str())?;
        Ok::<_, Problem>(Box::new(Reference { party: customer.party, number }))
    });
    let reference = reference.transpose()?;
    let pin = pin.map(|pin| secrets.pin_verifier(id, pin.as_str()));
    Ok(Command::Open { login, name, pin, limit, charging, policy, reference, points_rate_bp, period })
}

/// The period that begins at `now`, where one is due. An approval that comes before the deadline begins it too.
#[must_use]
pub fn period_due(account: &Account, now: Time) -> Option<Event> {
    account.period.filter(|running| running.next <= now).map(|_| begin_period(account.charged, now))
}

/// A period that begins at `now` and lasts as long as the calendar month.
fn begin_period(charged_before: Minor, now: Time) -> Event {
    Event::PeriodBegun { charged_before, next: now.next_month() }
}

fn change_limit(account: &Account, limit: Minor) -> Result<Event, Refused> {
    match account.source {
        LimitSource::Fixed => {}
        LimitSource::Prepaid | LimitSource::Points => return Err(Refused::LimitNotFixed),
        LimitSource::Solvency => return Err(Refused::LimitBySolvency),
    }
    // What is reserved may still be settled, so the sum of what is settled would pass a lower limit.
    let used = account.used();
    if limit < used {
        return Err(Refused::LimitBelowUse { used });
    }
    Ok(Event::LimitChanged { limit, before: account.limit, currency: account.currency, approval: None })
}

fn credit(account: &Account, amount: Minor) -> Result<Event, Refused> {
    match account.source {
        LimitSource::Prepaid | LimitSource::Points => {}
        LimitSource::Fixed => return Err(Refused::LimitFixed),
        LimitSource::Solvency => return Err(Refused::LimitBySolvency),
    }
    let limit = account.limit.plus(amount).ok_or(Refused::LimitTooLarge)?;
    Ok(Event::Credited { amount, limit, currency: account.currency, approval: None })
}

/// The key store did not take a field: nothing the caller sent is wrong, and nothing was decided.
fn not_encrypted(id: EntityId, error: &SecretsError) -> Problem {
    // Only who was registered is forgotten, and the registration is still there.
    if let SecretsError::Forgotten(_) = error {
        return Refused::Exists(id).into();
    }
    tracing::error!(%error, "a personal field was not encrypted");
    match error {
        SecretsError::Io { .. }
        | SecretsError::Entropy
        | SecretsError::Shared(SharedError::Unavailable(_) | SharedError::Copy { .. }) => {
            Problem::later(&problem::UNAVAILABLE, "the key store does not take writes")
        }
        SecretsError::Format { .. }
        | SecretsError::OtherLog { .. }
        | SecretsError::NoPerson(_)
        | SecretsError::Forgotten(_)
        | SecretsError::NotReplaced
        | SecretsError::Shared(SharedError::Damaged { .. })
        | SecretsError::Undecryptable => Problem::new(&problem::INTERNAL, "the key store does not work"),
    }
}
