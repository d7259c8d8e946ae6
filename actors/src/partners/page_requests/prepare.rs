//! What callers send, checked.

use kippu_events::EntityId;
use kippu_events::partners::contracts::{Contract, Known, Side, Step};
use kippu_events::partners::page_requests::{Found, Taken, Wanted};
use kippu_events::partners::pages::Page;
use kippu_events::partners::stocks;

use super::refusal::Refused;
use super::request::{
    Answer, Asked, Command, Consult, Entrust, Entrusted, MOST_ANSWER_CHARS, MOST_KIND_CHARS, MOST_REASON_CHARS, Open,
    Report, Request, Settle,
};
use crate::actor::Preparing;
use crate::partners::stocks::MOST_ARTICLE_CHARS;
use crate::problem::Problem;
use crate::text::Text;

/// The command that a request is.
pub(super) fn command(request: Request, with: &Preparing<'_>) -> Result<Command, Problem> {
    let peer = with.call.caller.party().filter(|_| with.call.caller.is_peer());
    Ok(match request {
        Request::Open(open) => Command::Open(Box::new(asked(open, with)?)),
        Request::Answer(_) | Request::Release(_) if peer.is_some() => return Err(Refused::NotYours.into()),
        Request::Answer(answer) => answered(answer)?,
        Request::Release(_) => Command::Release,
        Request::Consult(Consult { contract, request, wanted, until }) => {
            let (taken, steps) = (Vec::new(), Step::of(&wanted.kind).to_vec());
            let sent = Entrust { contract, request, wanted, taken, steps, until };
            Command::Consult(Box::new(entrusted(with, peer, sent)?))
        }
        Request::Entrust(sent) => Command::Entrust(Box::new(entrusted(with, peer, sent)?)),
        Request::Report(Report { taken, failure }) => {
            is_short(&taken)?;
            if failure.as_ref().is_some_and(|failure| !is_text::<MOST_REASON_CHARS>(&failure.reason)) {
                return Err(Refused::TooLong.into());
            }
            Command::Report { by: peer, taken, failure }
        }
        Request::Settle(Settle { sold }) => Command::Settle { by: peer, sold },
    })
}

fn is_text<const MOST: usize>(text: &str) -> bool {
    Text::<MOST>::try_from(text.to_owned()).is_ok()
}

fn is_short(taken: &[Taken]) -> Result<(), Refused> {
    let texts = taken.iter().filter_map(|taken| taken.found.text.as_deref());
    if texts.into_iter().all(is_text::<MOST_ANSWER_CHARS>) { Ok(()) } else { Err(Refused::TooLong) }
}

/// The contract with this id.
fn contract(id: EntityId, with: &Preparing<'_>) -> Result<Box<Known>, Refused> {
    let known = with.looked_up::<Contract>(id).and_then(|(contract, _)| contract.known());
    known.cloned().map(Box::new).ok_or(Refused::NoContract)
}

fn asked(open: Open, with: &Preparing<'_>) -> Result<Asked, Refused> {
    let Open { page: id, contract: named, kind, article, quantity } = open;
    if quantity == 0 {
        return Err(Refused::Quantity);
    }
    let page = with.looked_up::<Page>(id).map(|(page, _)| page).filter(|page| page.shown().is_some());
    let by = match page.ok_or(Refused::NoPage)? {
        Page::Absent => return Err(Refused::NoPage),
        Page::Own(_) => None,
        Page::TieUp(page) => Some(page.contract),
    };
    if by != named {
        return Err(Refused::OtherContract);
    }
    let contract = by.map(|id| Ok::<_, Refused>((id, contract(id, with)?))).transpose()?;
    let stock = stocks::id_of(with.secrets.party, article.as_str());
    let wanted = Wanted { kind: kind.into(), article: article.into(), quantity };
    Ok(Asked { page: id, wanted, stock, contract })
}

fn answered(answer: Answer) -> Result<Command, Refused> {
    let Answer { step, refused, amount, currency, text } = answer;
    if let Some(reason) = refused {
        return Ok(Command::Answer { step, answer: Err(reason.into()) });
    }
    if (step == Step::Price || amount.is_some()) && (amount.is_none() || currency.is_none()) {
        return Err(Refused::NoPrice);
    }
    let found = Found { amount, currency, available: None, text: text.map(String::from) };
    Ok(Command::Answer { step, answer: Ok(found) })
}

/// What the partner site of the contract sends its main site.
fn entrusted(with: &Preparing<'_>, peer: Option<EntityId>, sent: Entrust) -> Result<Entrusted, Refused> {
    let Entrust { contract: id, request, wanted, taken, steps, until } = sent;
    let known = contract(id, with)?;
    let own = with.secrets.party;
    if known.side(own) != Some(Side::Main) || peer != Some(known.partner) {
        return Err(Refused::NotYours);
    }
    let Wanted { kind, article, quantity } = &wanted;
    if *quantity == 0 {
        return Err(Refused::Quantity);
    }
    if !is_text::<MOST_KIND_CHARS>(kind) || !is_text::<MOST_ARTICLE_CHARS>(article) {
        return Err(Refused::TooLong);
    }
    is_short(&taken)?;
    // The first steps that such a request has, all of them up to the last one that is entrusted.
    let all: Vec<Step> = taken.iter().map(|taken| taken.step).chain(steps.iter().copied()).collect();
    if steps.is_empty() || !Step::of(kind).starts_with(&all) {
        return Err(Refused::NoSteps);
    }
    let stock = stocks::id_of(own, article);
    Ok(Entrusted { contract: (id, known), request, wanted, stock, taken, steps, until })
}
