//! The auditor's statement of a fee: signed in order by the main site, answered by the partner site, closed by both.

use kippu_events::EntityId;
use kippu_events::partners::fee_statements::{Event, STATEMENT, Said};
use kippu_events::statement::Unverified;

use crate::rules::{Rule, Seen};

/// What is remembered of the statement of a month.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Facts {
    /// What the main site signed last, and both parties.
    said: Option<(Said, EntityId, EntityId)>,
    is_disputed: bool,
    is_closed: bool,
    /// What one party did may be refused by the other, and done again.
    is_refused: bool,
}

impl Facts {
    pub(in crate::rules) fn take(&mut self, event: &Event, seen: &mut Seen<'_>) {
        let holds = match event {
            Event::Signed { main, partner, said, signed, .. } => {
                let is_next = match &self.said {
                    None => said.number == 1,
                    Some((last, ..)) if self.is_disputed => Some(said.number) == last.number.checked_add(1),
                    Some((last, ..)) => self.is_refused && said.number == last.number,
                };
                let holds = is_next && !self.is_closed && is_signed(*main, said, signed);
                (self.said, self.is_disputed) = (Some((said.clone(), *main, *partner)), false);
                holds
            }
            Event::Cosigned { said, signed, .. } => {
                let is_same = self
                    .said
                    .as_ref()
                    .is_some_and(|(asked, _, partner)| asked.agrees(said) && is_signed(*partner, said, signed));
                let holds = is_same && (!(self.is_closed || self.is_disputed) || self.is_refused);
                self.is_closed = true;
                holds
            }
            Event::Disputed { number, .. } => {
                let is_asked = self.said.as_ref().is_some_and(|(asked, ..)| asked.number == *number);
                let holds = is_asked && (!(self.is_closed || self.is_disputed) || self.is_refused);
                (self.is_disputed, self.is_closed) = (true, false);
                holds
            }
            Event::Told { .. } | Event::NotTold { .. } => self.said.is_some(),
        };
        self.is_refused = matches!(event, Event::NotTold { .. });
        if !holds {
            seen.breach(Rule::Agreed, format!("fee-statements/{} is {self:?} after that", seen.id));
        }
    }
}

/// Whether the text is a statement of this party that says that. Its signature is for who has the party's key.
fn is_signed(party: EntityId, said: &Said, signed: &str) -> bool {
    Unverified::parse(signed).is_ok_and(|statement| {
        statement.signer == party && statement.typ() == STATEMENT && statement.claimed::<Said>().as_ref() == Some(said)
    })
}
