//! What requests decide.

use std::collections::BTreeSet;
use std::time::Duration;

use kippu_events::partners::contracts::{Mode, Side, Step};
use kippu_events::partners::page_requests::{
    Bound, Event, Failure, Found, Known, PageRequest, Phase, Reserved, Taken, Task,
};
use kippu_events::partners::stocks::Stock;
use kippu_events::{EntityId, Time};

use super::course::Course;
use super::refusal::Refused;
use super::request::{Asked, Command, Entrusted};
use super::{is_of_main, not_hashed};
use crate::actor::{Context, Decision, Neighbours};

/// What becomes of `command`.
pub(super) fn decide(
    state: &PageRequest,
    command: &Command,
    neighbours: Neighbours<'_>,
    context: &Context,
) -> Result<Decision<PageRequest>, Refused> {
    let now = context.now;
    let course = |stock: EntityId| {
        let nothing = Stock::default();
        Course::of(state, neighbours.get::<Stock>(stock).unwrap_or(&nothing), context.id, now)
    };
    let decided = match (state, command) {
        (PageRequest::Absent, Command::Open(asked)) => course(asked.stock).happens(opened(asked, now)?).go_on(),
        (PageRequest::Absent, Command::Entrust(its)) => course(its.stock).happens(entrusted(its, now)?).go_on(),
        (PageRequest::Absent, Command::Consult(its)) => {
            let course = course(its.stock);
            let steps = course.told(&its.steps);
            course.happens(commanded(its, steps, now)?)
        }
        (_, Command::Open(_) | Command::Entrust(_) | Command::Consult(_)) => return Err(Refused::Taken),
        (PageRequest::Absent | PageRequest::Commanded(_), Command::CameOf { .. } | Command::TimeUp) => {
            return Err(Refused::NotDue);
        }
        (PageRequest::Absent | PageRequest::Commanded(_), _) => return Err(Refused::Unknown),
        (PageRequest::Known(known), command) => follow(course(known.stock), known, command, now)?,
    };
    let was_over = state.known().is_some_and(|known| known.phase == Phase::Over);
    Ok(decided.decision(was_over))
}

fn follow(course: Course, known: &Known, command: &Command, now: Time) -> Result<Course, Refused> {
    Ok(match command {
        Command::Answer { step, answer } => course.happens(answered(known, *step, answer, now)?).go_on(),
        Command::Report { by, taken, failure } => {
            let by = by.filter(|by| known.here() == Side::Partner && known.other() == Some(*by));
            by.ok_or(Refused::NotYours)?;
            reported(course, known, taken, failure.as_ref())?.go_on()
        }
        Command::Settle { by, sold } => {
            let by = by.filter(|by| known.here() == Side::Main && known.other() == Some(*by));
            by.ok_or(Refused::NotYours)?;
            held(known)?;
            course.happens(Event::Settled { sold: *sold })
        }
        Command::Release => {
            held(known)?;
            course.happens(Event::Settled { sold: false })
        }
        Command::TimeUp => match known.phase {
            Phase::Waiting { until } if until <= now => {
                let step = known.next().ok_or(Refused::NotDue)?.step;
                course.happens(Event::StepRefused { step, reason: "no-answer".to_owned() }).go_on()
            }
            Phase::Held { until } if until <= now => course.happens(Event::Settled { sold: false }),
            Phase::Waiting { .. }
            | Phase::Held { .. }
            | Phase::Asking
            | Phase::Ready
            | Phase::Entrusting
            | Phase::Entrusted
            | Phase::Settling { .. }
            | Phase::Reporting
            | Phase::Over => return Err(Refused::NotDue),
        },
        Command::CameOf { attempt, refusal, steps } => {
            if known.attempt != *attempt {
                return Err(Refused::NotDue);
            }
            came_of(course, known, refusal.as_ref(), steps.as_deref(), now)?.go_on()
        }
        Command::Open(_) | Command::Entrust(_) | Command::Consult(_) => return Err(Refused::Taken),
    })
}

fn opened(asked: &Asked, now: Time) -> Result<Event, Refused> {
    let Asked { page, wanted, stock, contract } = asked;
    let steps = Step::of(&wanted.kind);
    let (bound, mode, entrusted) = match contract {
        None => (None, Mode::Partner, BTreeSet::new()),
        Some((id, known)) => {
            let terms = &known.at(now).ok_or(Refused::NotInForce)?.terms;
            let (mode, entrusted) = terms.delegation.of(&wanted.kind, &wanted.article);
            let bound = Bound {
                contract: *id,
                main: known.main,
                answer_secs: terms.delegation.answer_secs,
                hold_secs: terms.delegation.hold_secs,
                collecting: terms.collecting,
            };
            (Some(bound), mode, entrusted)
        }
    };
    let at = |step: &Step| if is_of_main(mode) || entrusted.contains(step) { Side::Main } else { Side::Partner };
    let tasks = steps.iter().map(|step| Task { step: *step, at: at(step) }).collect();
    let (page, wanted, stock) = (*page, wanted.clone(), *stock);
    Ok(Event::Opened { page, wanted, stock, bound, mode, tasks, capability: not_hashed() })
}

/// The terms let the main site do this, and it is not too late.
fn allowed(its: &Entrusted, now: Time, may: impl Fn(Mode, &[Step]) -> bool) -> Result<Bound, Refused> {
    let (_, known) = &its.contract;
    let delegation = &known.at(now).ok_or(Refused::NotInForce)?.terms.delegation;
    let (mode, entrusted) = delegation.of(&its.wanted.kind, &its.wanted.article);
    let entrusted: Vec<Step> = entrusted.into_iter().collect();
    if !may(mode, &entrusted) {
        return Err(Refused::NotEntrusted);
    }
    if its.until <= now {
        return Err(Refused::TooLate);
    }
    Ok(its.bound(delegation.answer_secs, delegation.hold_secs))
}

fn entrusted(its: &Entrusted, now: Time) -> Result<Event, Refused> {
    let bound = allowed(its, now, |mode, steps| match mode {
        // All of it, or nothing: what the partner says that it did counts only where the terms have the partner do it.
        Mode::Main => its.taken.is_empty() && its.steps == Step::of(&its.wanted.kind),
        Mode::Partner => its.steps.iter().all(|step| steps.contains(step)),
        Mode::Commanded => false,
    })?;
    let Entrusted { contract: (_, known), request, wanted, stock, taken, steps, .. } = its;
    let last = taken.len() + steps.len() == Step::of(&wanted.kind).len();
    Ok(Event::Entrusted {
        from: known.partner,
        request: *request,
        wanted: wanted.clone(),
        stock: *stock,
        bound,
        taken: taken.clone(),
        steps: steps.clone(),
        last,
    })
}

fn commanded(its: &Entrusted, steps: Vec<Step>, now: Time) -> Result<Event, Refused> {
    let Bound { contract, .. } = allowed(its, now, |mode, _| mode == Mode::Commanded)?;
    let (from, request, wanted) = (its.contract.1.partner, its.request, its.wanted.clone());
    Ok(Event::Commanded { from, request, wanted, contract, steps })
}

fn answered(known: &Known, step: Step, answer: &Result<Found, String>, now: Time) -> Result<Event, Refused> {
    let Phase::Waiting { until } = known.phase else { return Err(Refused::NotWaiting) };
    if known.next().map(|task| task.step) != Some(step) {
        return Err(Refused::NotWaiting);
    }
    if until <= now {
        return Err(Refused::TimeOver);
    }
    Ok(match answer {
        Ok(found) => Event::StepDone { step, found: found.clone() },
        Err(reason) => Event::StepRefused { step, reason: reason.clone() },
    })
}

/// The main site has taken the steps that are awaited, or some of them up to one that it could not.
fn reported(course: Course, known: &Known, taken: &[Taken], failure: Option<&Failure>) -> Result<Course, Refused> {
    let is_awaited = matches!(known.phase, Phase::Entrusting | Phase::Entrusted);
    let awaited = known.there();
    let told: Vec<Step> = taken.iter().map(|taken| taken.step).chain(failure.map(|failure| failure.step)).collect();
    let is_so = if failure.is_some() { awaited.starts_with(&told) } else { awaited == told };
    if !is_awaited || told.is_empty() || !is_so {
        return Err(Refused::OtherSteps);
    }
    let mut course = course;
    for Taken { step, found } in taken {
        course = course.happens(Event::StepDone { step: *step, found: found.clone() });
    }
    if let Some(Failure { step, reason }) = failure {
        course = course.happens(Event::StepRefused { step: *step, reason: reason.clone() });
    }
    Ok(course)
}

/// Whether something is reserved here for the other site.
fn held(known: &Known) -> Result<(), Refused> {
    let is_theirs = matches!(known.phase, Phase::Reporting | Phase::Held { .. }) && known.here() == Side::Main;
    if is_theirs && known.reserved == Reserved::Here { Ok(()) } else { Err(Refused::NotHeld) }
}

fn came_of(
    course: Course,
    known: &Known,
    refusal: Option<&String>,
    steps: Option<&[Step]>,
    now: Time,
) -> Result<Course, Refused> {
    let attempt = known.attempt;
    let not_told = |course: Course, reason: &str| course.happens(Event::NotTold { attempt, reason: reason.to_owned() });
    let told = |course: Course, until| course.happens(Event::Told { attempt, until });
    Ok(match (&known.phase, refusal) {
        (Phase::Asking, None) => {
            let is_known = |step: &Step| known.tasks.iter().any(|task| task.step == *step);
            let steps: Vec<Step> = steps.unwrap_or_default().iter().copied().filter(is_known).collect();
            let has = |step: Step| steps.contains(&step);
            let is_unpaid = has(Step::Delivery) && is_known(&Step::Payment) && !has(Step::Payment);
            // Nothing is delivered here that nobody paid here, whoever says so.
            if steps.is_empty() || is_unpaid {
                not_told(course, "no-steps")
            } else {
                course.happens(Event::StepsNamed { attempt, steps })
            }
        }
        (Phase::Asking | Phase::Entrusting | Phase::Settling { .. }, Some(reason)) => not_told(course, reason),
        (Phase::Entrusting | Phase::Settling { .. }, None) => told(course, None),
        (Phase::Reporting, None) => {
            let secs = known.bound.as_ref().map_or(0, |bound| bound.hold_secs);
            let is_held = known.reserved == Reserved::Here;
            told(course, is_held.then(|| now.after(Duration::from_secs(secs.into()))))
        }
        (Phase::Reporting, Some(reason)) => {
            let is_held = known.reserved == Reserved::Here;
            let course = if is_held { course.happens(Event::Settled { sold: false }) } else { course };
            not_told(course, reason)
        }
        (Phase::Ready | Phase::Waiting { .. } | Phase::Entrusted | Phase::Held { .. } | Phase::Over, _) => {
            return Err(Refused::NotDue);
        }
    })
}
