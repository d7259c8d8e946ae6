//! The user agrees to kind and amount, before anybody is asked to approve them.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use super::directory::Held;
use super::error::Error;
use super::offer;
use super::purchase::Stage;
use crate::money;
use crate::output::Output;

/// Shows the offer and asks, unless `yes` was said before.
pub(super) fn confirmed(held: &mut Held, yes: bool, output: &Output) -> Result<(), Error> {
    let Stage::Offered { statement } = &held.purchase.stage else { return Ok(()) };
    let offer = offer::read(statement)?;
    output.note(offer.text());
    if !yes && !agrees(&format!("buy this for {}? [y/N] ", money::shown(offer.total, &offer.currency))) {
        return Err(Error::NotConfirmed);
    }
    held.purchase.stage = Stage::Confirmed { statement: statement.clone() };
    held.save()
}

/// Asks on the terminal. Who is not there does not agree.
fn agrees(question: &str) -> bool {
    if !io::stdin().is_terminal() {
        return false;
    }
    let mut stderr = io::stderr().lock();
    if write!(stderr, "{question}").and_then(|()| stderr.flush()).is_err() {
        return false;
    }
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).is_ok() && ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
}
