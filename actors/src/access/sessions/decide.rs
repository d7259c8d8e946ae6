//! The rules of sessions.

use std::time::Duration;

use kippu_events::access::sessions::{Ending, Event, Open, Sessions, SignInRefusal};
use kippu_events::access::users::User;
use kippu_events::access::{Caller, Role};
use kippu_events::secrets::{PinVerifier, TokenHash};

use super::refusal::Refused;
use super::request::MOST_OPEN;
use super::{all_ended, ending};
use crate::access::users::pin::{self, Check};
use crate::actor::{Context, Decision, Neighbours};

/// Whether the user is signed in. No is on record too.
pub(super) fn open(
    sessions: &Sessions,
    (offered, idle_secs, ends_in_secs): (&PinVerifier, u32, u32),
    neighbours: Neighbours<'_>,
    context: &Context,
) -> Result<Decision<Sessions>, Refused> {
    let refused = |reason| Ok(Decision::one(Event::Refused { reason }));
    let Some(User::Registered(account)) = neighbours.get::<User>(context.id) else {
        return refused(SignInRefusal::UnknownUser);
    };
    let accepted = match pin::check(account, offered, context.now) {
        Check::Right(event) => event,
        Check::Wrong(event) => {
            return Ok(refused(SignInRefusal::WrongPin)?.and::<User>(context.id, event));
        }
        Check::NoPin => return refused(SignInRefusal::NoPin),
        Check::Locked => return refused(SignInRefusal::PinLocked),
    };
    let mut own: Vec<Event> = displaced(sessions).map(|open| ending(open, context.now, Ending::Displaced)).collect();
    own.push(Event::Opened {
        session: sessions.newest.checked_add(1).ok_or(Refused::OutOfNumbers)?,
        token: TokenHash { key: 0, sha256: String::new() }, // until `complete`
        idle_secs,
        ends_at: context.now.after(Duration::from_secs(ends_in_secs.into())),
    });
    let decision = Decision { own, others: Vec::new() };
    Ok(match accepted {
        None => decision,
        Some(event) => decision.and::<User>(context.id, event),
    })
}

/// The session that makes room for another one, where there are as many as there may be: the one not used for longest.
fn displaced(sessions: &Sessions) -> impl Iterator<Item = &Open> {
    let is_full = sessions.open.len() >= MOST_OPEN;
    sessions.open.iter().min_by_key(|open| (open.used_at, open.session)).filter(|_| is_full).into_iter()
}

/// A session is in use, and that is not on record yet.
pub(super) fn used(sessions: &Sessions, session: u32, context: &Context) -> Result<Decision<Sessions>, Refused> {
    own(&context.caller, context)?;
    let open = going_on(sessions, session, context)?;
    if !open.is_used_anew(context.now) {
        return Err(Refused::UsedAlready);
    }
    Ok(Decision::one(Event::Used { session }))
}

/// A session is to end.
pub(super) fn end(sessions: &Sessions, session: u32, context: &Context) -> Result<Decision<Sessions>, Refused> {
    own_or_operator(context)?;
    let open = sessions.get(session).ok_or(Refused::NoSession)?;
    Ok(Decision::one(ending(open, context.now, Ending::SignedOut)))
}

/// All sessions are to end.
pub(super) fn end_all(sessions: &Sessions, context: &Context) -> Result<Decision<Sessions>, Refused> {
    own_or_operator(context)?;
    if sessions.open.is_empty() {
        return Err(Refused::NoSession);
    }
    Ok(Decision { own: all_ended(sessions, context.now).collect(), others: Vec::new() })
}

/// The time of a session is over.
pub(super) fn expire(sessions: &Sessions, context: &Context) -> Result<Decision<Sessions>, Refused> {
    let over = sessions.open.iter().filter(|open| open.is_over(context.now));
    let own: Vec<Event> = over.map(|open| ending(open, context.now, open.end().1)).collect();
    if own.is_empty() { Err(Refused::NotDue) } else { Ok(Decision { own, others: Vec::new() }) }
}

/// The session, unless it ended or its time is over: the deadline may be late.
fn going_on<'a>(sessions: &'a Sessions, session: u32, context: &Context) -> Result<&'a Open, Refused> {
    sessions.get(session).filter(|open| !open.is_over(context.now)).ok_or(Refused::NoSession)
}

/// A user acts on the own sessions alone.
fn own(caller: &Caller, context: &Context) -> Result<(), Refused> {
    if caller.user == Some(context.id) { Ok(()) } else { Err(Refused::NotYours) }
}

fn own_or_operator(context: &Context) -> Result<(), Refused> {
    if context.caller.is_among(&[Role::Operator]) { Ok(()) } else { own(&context.caller, context) }
}
