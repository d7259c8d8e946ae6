//! What members decide.

use std::time::Duration;

use kippu_events::Time;
use kippu_events::partners::members::{Event, Kind, Known, Member, Refusal, Tries};

use super::refusal::Refused;
use super::request::{Command, Confirming, Registering, SigningIn};
use crate::access::users::pin::{LOCKED_FOR, MOST_WRONG};
use crate::actor::Context;

/// A ticket, and with it a visit, lasts an hour.
const TICKET_LASTS: Duration = Duration::from_hours(1);
/// A confirmation is used at once.
const CONFIRMATION_LASTS: Duration = Duration::from_mins(5);

/// See the module.
pub(super) fn event(state: &Member, command: &Command, context: &Context) -> Result<Event, Refused> {
    let now = context.now;
    match (state, command) {
        (Member::Absent, Command::Open(registering)) => Ok(registered(registering)),
        (Member::Known(_) | Member::Forgotten, Command::Open(_)) => Err(Refused::Exists),
        (_, Command::SignIn(signing_in)) => Ok(sign_in(state.known(), signing_in, now)),
        (Member::Absent | Member::Forgotten, Command::Confirm(_) | Command::Consent { .. }) => {
            Err(Refused::NotIdentified)
        }
        (Member::Known(known), Command::Confirm(confirming)) => confirm(known, confirming, now),
        (Member::Known(_), Command::Consent { until, marketing }) => {
            if *until <= now {
                return Err(Refused::NotIdentified);
            }
            Ok(Event::ConsentChanged { marketing: *marketing })
        }
        (Member::Absent | Member::Known(_), Command::Copy { member, password, class, until, secs }) => {
            if *until <= now {
                return Err(Refused::NoCopy);
            }
            let (member, password, class) = (*member, password.clone(), class.clone());
            Ok(Event::Copied { member, password, class, until: now.after(Duration::from_secs((*secs).into())) })
        }
        (Member::Absent, Command::SetClass(_) | Command::Forget) => Err(Refused::Unknown),
        (Member::Forgotten, Command::SetClass(_) | Command::Forget | Command::Copy { .. }) => Err(Refused::Forgotten),
        (Member::Known(_), Command::SetClass(class)) => Ok(Event::ClassSet { class: class.clone() }),
        (Member::Known(_), Command::Forget) => Ok(Event::Forgotten {}),
    }
}

fn registered(registering: &Registering) -> Event {
    let Registering { login, email, profile, password, agreed, marketing, factor, site, by } = registering;
    Event::Registered {
        login: login.clone(),
        email: email.clone(),
        profile: profile.clone(),
        password: password.clone(),
        agreed: agreed.clone(),
        marketing: *marketing,
        factor: *factor,
        site: *site,
        by: *by,
    }
}

/// Until when nothing is looked at after one more wrong answer.
fn locked_until(tries: &Tries, now: Time) -> Option<Time> {
    (tries.wrong.saturating_add(1) >= MOST_WRONG).then(|| now.after(LOCKED_FOR))
}

/// Whether the member is identified. No is on record too.
fn sign_in(known: Option<&Known>, signing_in: &SigningIn, now: Time) -> Event {
    let SigningIn { password, site, by_node, copies, key } = signing_in;
    let refused = |reason, locked_until| Event::Refused { reason, site: *site, locked_until };
    let Some(known) = known else { return refused(Refusal::Unknown, None) };
    let (member, is_here) = match known.kind {
        Kind::Registered => (None, true),
        Kind::Copied { member, until } => (Some(member), *copies == Some(true) && now < until),
    };
    if !is_here {
        return refused(Refusal::CopyOver, None);
    }
    if known.passwords.is_locked(now) {
        return refused(Refusal::Locked, None);
    }
    if !known.password.matches(password) {
        return refused(Refusal::WrongPassword, locked_until(&known.passwords, now));
    }
    Event::Identified {
        site: *site,
        ticket: known.tickets.saturating_add(1),
        member,
        class: known.class.clone(),
        key: *key,
        expires_at: now.after(TICKET_LASTS),
        copied: *by_node && member.is_none(),
    }
}

fn confirm(known: &Known, confirming: &Confirming, now: Time) -> Result<Event, Refused> {
    let Confirming { site, until, step, visit, order, amount, currency, key } = confirming;
    if *until <= now || !known.factor || known.kind != Kind::Registered || known.codes.is_locked(now) {
        return Err(Refused::NotIdentified);
    }
    // A code is used once, and none after a later one.
    let Some(step) = step.filter(|step| *step > known.used_step) else {
        return Ok(Event::CodeRefused { site: *site, locked_until: locked_until(&known.codes, now) });
    };
    Ok(Event::Confirmed {
        site: *site,
        visit: *visit,
        order: *order,
        amount: *amount,
        currency: *currency,
        step,
        key: *key,
        expires_at: now.after(CONFIRMATION_LASTS),
    })
}
