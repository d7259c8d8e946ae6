//! Stocks: what comes in and goes, and what partner sites are told that ask which steps to take. What is reserved and sold follows from
//! requests, which lie in the same slot.

use std::collections::BTreeSet;

use kippu_events::partners::contracts::Step;
use kippu_events::partners::stocks::{Event, Stock, id_of};
use kippu_events::secrets::Secrets;
use kippu_events::{EntityId, partners::stocks};
use serde::{Deserialize, Serialize};

use crate::actor::{Actor, Answer, Call, CommandSpec, Context, Decision, Neighbours, Preparing};
use crate::problem::{Problem, ProblemType};
use crate::text::Text;

/// The number of an article, or a few words.
pub const MOST_ARTICLE_CHARS: usize = 64;

commands! {
    /// Some of an article come in.
    Open = "open" New [Operator, Shop] "Adds to the stock of an article; its id follows from the article." {
        /// Which article; no personal data.
        article: Text<MOST_ARTICLE_CHARS>,
        /// How many.
        #[schemars(range(min = 1))]
        quantity: u32,
    }
    /// Some go otherwise than by a sale.
    Remove = "remove" Id [Operator, Shop] "Takes from the stock of an article what is not reserved." {
        /// How many.
        #[schemars(range(min = 1))]
        quantity: u32,
    }
    /// What partner sites are told.
    Instruct = "instruct" Token [Operator] "Says which steps partner sites take for an article where the terms of the contract let them ask. All of them, where nothing is said." {
        /// Which article; no personal data.
        article: Text<MOST_ARTICLE_CHARS>,
        /// Which steps.
        steps: BTreeSet<Step>,
    }
}

refusals! {
    shared NOT_FOUND {
        /// Nothing came in.
        Unknown "there is no stock with this id";
    }
    shared FORBIDDEN {
        /// Another party.
        NotYours "a stock is for this party's own operators and shops";
    }
    shared INVALID_BODY {
        /// None.
        Nothing "a quantity is at least 1";
    }
    own NOT_AVAILABLE = 409 "stock-not-available" "There are not as many that are not reserved" "Look the stock up again; nothing was changed." {
        /// Reserved, or never there.
        NotAvailable {
            /// So many are.
            available: u64,
        } "{available} are there that are not reserved";
    }
}

/// What an accepted command answers.
#[derive(Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Reply {
    /// The stock.
    pub id: EntityId,
}

impl Actor for Stock {
    type Request = Request;
    type Command = Request;
    type Reply = Reply;

    const COMMANDS: &'static [CommandSpec] = COMMANDS;
    const PROBLEMS: &'static [&'static ProblemType] = TYPES;

    fn target(request: &Request, call: &Call, secrets: &Secrets) -> Result<EntityId, Problem> {
        match request {
            Request::Open(Open { article, .. }) | Request::Instruct(Instruct { article, .. }) => {
                Ok(id_of(secrets.party, article.as_str()))
            }
            Request::Remove(_) => call.path_id(),
        }
    }

    fn prepare(request: Request, with: &Preparing<'_>) -> Result<Request, Problem> {
        if with.call.caller.is_peer() {
            return Err(Refused::NotYours.into());
        }
        match &request {
            Request::Open(Open { quantity: 0, .. }) | Request::Remove(Remove { quantity: 0 }) => {
                Err(Refused::Nothing.into())
            }
            Request::Open(_) | Request::Remove(_) | Request::Instruct(_) => Ok(request),
        }
    }

    fn decide(
        &self,
        command: &Request,
        _neighbours: Neighbours<'_>,
        _context: &Context,
    ) -> Result<Decision<Self>, Problem> {
        let event = match command {
            Request::Open(Open { article, quantity }) => {
                Event::Received { article: article.as_str().to_owned(), quantity: *quantity }
            }
            Request::Instruct(Instruct { article, steps }) => {
                Event::Instructed { article: article.as_str().to_owned(), steps: steps.clone() }
            }
            Request::Remove(_) if *self == Self::default() => return Err(Refused::Unknown.into()),
            Request::Remove(Remove { quantity }) => {
                if u64::from(*quantity) > self.available() {
                    return Err(Refused::NotAvailable { available: self.available() }.into());
                }
                Event::Removed { quantity: *quantity }
            }
        };
        Ok(Decision::one(event))
    }

    fn answer(id: EntityId, own: &[Event], _secrets: &Secrets) -> Answer {
        match own.first() {
            Some(Event::Received { .. }) => Answer::created(&Reply { id }),
            Some(
                Event::Removed { .. }
                | Event::Instructed { .. }
                | Event::Reserved { .. }
                | Event::Sold { .. }
                | Event::Released { .. },
            ) => Answer::ok(&Reply { id }),
            None => Answer::unanswerable(),
        }
    }
}

/// What becomes of a stock with a request, in the same record.
pub(super) struct Shelf {
    stock: Stock,
    request: EntityId,
    /// What has become of it so far.
    pub(super) events: Vec<stocks::Event>,
}

impl Shelf {
    /// The stock, as a request of this id finds it.
    pub(super) fn of(stock: &Stock, request: EntityId) -> Self {
        Self { stock: stock.clone(), request, events: Vec::new() }
    }

    /// How many can be reserved.
    pub(super) const fn available(&self) -> u64 {
        self.stock.available()
    }

    /// Which steps partner sites are told to take.
    pub(super) fn told(&self, all: &[Step]) -> Vec<Step> {
        let is_told = |step: &Step| self.stock.steps.as_ref().is_none_or(|steps| steps.contains(step));
        all.iter().copied().filter(is_told).collect()
    }

    /// Reserves some, where there are as many.
    pub(super) fn reserve(&mut self, quantity: u32) -> bool {
        let is_there = u64::from(quantity) <= self.stock.available();
        if is_there {
            self.events.push(Event::Reserved { request: self.request, quantity });
        }
        is_there
    }

    /// What was reserved is sold, or for others again.
    pub(super) fn settle(&mut self, quantity: u32, sold: bool) {
        let request = self.request;
        self.events.push(if sold { Event::Sold { request, quantity } } else { Event::Released { request, quantity } });
    }
}

#[cfg(test)]
mod tests;
