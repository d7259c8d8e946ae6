//! A statement of a fee for spreadsheets: CSV (RFC 4180), in which no cell is taken for a formula.

use ::csv::{Error, Terminator, Writer, WriterBuilder};
use kippu_events::money::{Currency, decimal};
use kippu_projections::partners::statement::FeeStatement;

use crate::server::statements::csv::no_formula;

const HEADER: [&str; 10] = ["what", "terms", "day", "page", "class", "accesses", "bytes", "rule", "amount", "currency"];

/// Accesses by day and page, lines that do not count by reason, and the fee line by line with its total.
///
/// # Errors
/// None in fact: memory takes whatever is written.
pub(super) fn written(statement: &FeeStatement) -> Result<Vec<u8>, Error> {
    let currency = statement.fee.currency;
    let mut out = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    out.write_record(HEADER)?;
    for stretch in &statement.stretches {
        let terms = stretch.terms.to_string();
        for page in &stretch.pages {
            let (accesses, bytes) = (page.accesses.to_string(), page.bytes.to_string());
            write(&mut out, ["access", &terms, &page.day, &page.page, page.class, &accesses, &bytes, "", "", ""])?;
        }
        for (reason, lines) in &stretch.excluded {
            write(&mut out, ["excluded", &terms, "", reason, "", &lines.to_string(), "", "", "", ""])?;
        }
    }
    for line in &statement.fee.lines {
        let terms = statement.stretches.get(line.part as usize).map(|stretch| stretch.terms.to_string());
        let (terms, amount) = (terms.unwrap_or_default(), signed(line.amount, currency));
        write(&mut out, ["fee", &terms, "", "", "", "", "", &line.rule, &amount, currency.code()])?;
    }
    let total = signed(statement.fee.total, currency);
    write(&mut out, ["total", "", "", "", "", "", "", "", &total, currency.code()])?;
    out.into_inner().map_err(|error| Error::from(error.into_error()))
}

/// An amount with its sign.
pub(super) fn signed(amount: i64, currency: Currency) -> String {
    format!("{}{}", if amount < 0 { "-" } else { "" }, decimal(amount.unsigned_abs(), currency))
}

fn write(out: &mut Writer<Vec<u8>>, cells: [&str; HEADER.len()]) -> Result<(), Error> {
    let [texts @ .., amount, currency] = cells;
    // An amount is a number, with a sign where it has one.
    let texts = texts.map(|cell| no_formula(cell).into_owned());
    out.write_record(texts.iter().map(String::as_str).chain([amount, currency]))
}
