//! A statement to print: made here, without a script, and escaped as it is made.

use kippu_events::money::decimal;
use kippu_projections::approvals::books::{Found, Side};
use maud::html;

use super::sided;
use crate::server::layout::Page;

/// The page.
pub(super) fn written(found: &Found) -> String {
    let statement = &found.statement;
    let currency = statement.currency;
    let balance = |balance| {
        let (amount, side) = sided(balance, currency);
        html! { td.amount { (amount) } td { (side) } }
    };
    let title = format!("Statement of {}", statement.period);
    let body = html! {
        dl {
            dt { "Account" } dd { (statement.account) }
            dt { "Period" } dd { (statement.period) " (UTC)" }
            dt { "Currency" } dd { (currency) }
        }
        table {
            thead {
                tr {
                    th { "Time" } th { "Entry" } th { "What" } th { "Cause" } th { "Note" }
                    th { "Debit" } th { "Credit" } th colspan="2" { "Balance" }
                }
            }
            tbody {
                tr { th colspan="7" { "Before" } (balance(statement.opening)) }
                @for line in &statement.lines {
                    @let amount = decimal(line.amount.units(), currency);
                    tr {
                        td { time datetime=(line.at) { (line.at) } }
                        td { (line.entry) }
                        td { (line.what.name()) }
                        td { (line.cause) }
                        td { (line.note.as_deref().unwrap_or_default()) }
                        td.amount { @if line.side == Side::Debit { (amount) } }
                        td.amount { @if line.side == Side::Credit { (amount) } }
                        (balance(line.balance))
                    }
                }
            }
            tfoot {
                tr {
                    th colspan="5" { "After" }
                    td.amount { (decimal(statement.debit, currency)) }
                    td.amount { (decimal(statement.credit, currency)) }
                    (balance(statement.closing))
                }
            }
        }
        @if statement.lines.is_empty() { p { "Nothing was entered." } }
    };
    Page::new(&title, body).text()
}
