//! The auditor's collection: the postings of each event add up to zero, and what came into the books comes once and leaves once.

use kippu_events::partners::collections::{Account, Charge, Event, Posting};

use crate::rules::{Rule, Seen};

/// What is remembered of a collection.
#[derive(Default)]
pub(crate) struct Facts {
    /// What is due, once it is in the books.
    due: Option<u64>,
    is_over: bool,
}

impl Facts {
    pub(in crate::rules) fn take(&mut self, event: &Event, seen: &mut Seen<'_>) {
        match event {
            Event::Charged { charge, to, postings } => {
                self.begins(charge, seen);
                self.is_over = to.is_none();
                moves(postings, (Account::MainSite, -i128::from(charge.charge.units())), seen);
            }
            Event::Received { from, charge, postings } => {
                seen.done_by_party(*from);
                self.begins(charge, seen);
                self.is_over = true;
                moves(postings, (Account::Cash, i128::from(charge.charge.units())), seen);
            }
            Event::Transferred { postings } => {
                self.ends(seen);
                moves(postings, (Account::MainSite, i128::from(self.due.unwrap_or_default())), seen);
            }
            Event::Refused { .. } => self.ends(seen),
        }
    }

    fn begins(&mut self, charge: &Charge, seen: &mut Seen<'_>) {
        if self.due.replace(charge.charge.units()).is_some() {
            seen.breach(Rule::Postings, format!("collections/{} was in the books before", seen.id));
        }
        if !charge.prepaid && charge.charge > charge.paid {
            seen.breach(Rule::Postings, format!("{} charged of {}", charge.charge, charge.paid));
        }
    }

    fn ends(&mut self, seen: &mut Seen<'_>) {
        if self.due.is_none() || std::mem::replace(&mut self.is_over, true) {
            seen.breach(Rule::Postings, format!("collections/{} was not to be transferred", seen.id));
        }
    }
}

/// All postings add up to zero, and those in `account` to this.
fn moves(postings: &[Posting], (account, amount): (Account, i128), seen: &mut Seen<'_>) {
    let sum: i128 = postings.iter().map(|posting| i128::from(posting.amount)).sum();
    let of = postings.iter().filter(|posting| posting.account == account);
    let moved: i128 = of.map(|posting| i128::from(posting.amount)).sum();
    if sum != 0 || moved != amount {
        seen.breach(Rule::Postings, format!("the postings add up to {sum}, and move {moved} where {amount} is due"));
    }
}
