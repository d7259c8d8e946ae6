//! A statement for spreadsheets: CSV (RFC 4180), in which no cell is taken for a formula.

use std::borrow::Cow;

use ::csv::{Error, Terminator, Writer, WriterBuilder};
use kippu_events::money::{Currency, decimal};
use kippu_projections::approvals::books::{Found, Line, Side};

use super::sided;

const HEADER: [&str; 10] =
    ["at", "entry", "what", "cause", "note", "debit", "credit", "balance", "balance_side", "currency"];

/// The header, what there was before, the lines, and what there is after with the sum of each side.
///
/// # Errors
/// None in fact: memory takes whatever is written.
pub(super) fn written(found: &Found) -> Result<Vec<u8>, Error> {
    let statement = &found.statement;
    let currency = statement.currency;
    let mut out = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    out.write_record(HEADER)?;
    let (balance, side) = sided(statement.opening, currency);
    let begins = found.period.from().to_string();
    write(&mut out, [&begins, "", "opening", "", "", "", "", &balance, side, currency.code()])?;
    for line in &statement.lines {
        write_line(&mut out, line, currency)?;
    }
    let (balance, side) = sided(statement.closing, currency);
    let (debit, credit) = (decimal(statement.debit, currency), decimal(statement.credit, currency));
    let ends = found.period.until().to_string();
    write(&mut out, [&ends, "", "closing", "", "", &debit, &credit, &balance, side, currency.code()])?;
    out.into_inner().map_err(|error| Error::from(error.into_error()))
}

fn write_line(out: &mut Writer<Vec<u8>>, line: &Line, currency: Currency) -> Result<(), Error> {
    let (at, amount) = (line.at.to_string(), decimal(line.amount.units(), currency));
    let (debit, credit) = match line.side {
        Side::Debit => (amount.as_str(), ""),
        Side::Credit => ("", amount.as_str()),
    };
    let (balance, side) = sided(line.balance, currency);
    let (what, note) = (line.what.name(), line.note.as_deref().unwrap_or_default());
    write(out, [&at, &line.entry, what, &line.cause, note, debit, credit, &balance, side, currency.code()])
}

fn write(out: &mut Writer<Vec<u8>>, cells: [&str; HEADER.len()]) -> Result<(), Error> {
    out.write_record(cells.map(|cell| no_formula(cell).into_owned()))
}

/// `cell`, with an apostrophe before what a spreadsheet would take for the beginning of a formula.
pub(crate) fn no_formula(cell: &str) -> Cow<'_, str> {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']) {
        format!("'{cell}").into()
    } else {
        cell.into()
    }
}
