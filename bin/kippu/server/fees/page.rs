//! A statement of a fee to print: made here, without a script, and escaped as it is made. Its plots are pictures in the page itself.

use std::collections::BTreeMap;

use kippu_projections::partners::statement::FeeStatement;
use maud::{Markup, html};

use super::csv::signed;
use crate::server::layout::Page;

/// How wide a bar is at most, and how high each is with the room around it.
const WIDTH: u64 = 400;
const HEIGHT: u64 = 18;
/// Pages that are shown one by one: those that were looked at most often.
const MOST_PAGES: usize = 50;

/// The page.
pub(super) fn written(statement: &FeeStatement) -> String {
    let currency = statement.fee.currency;
    let title = format!("Fee of {}", statement.month);
    let body = html! {
        dl {
            dt { "Contract" } dd { (statement.contract) }
            dt { "Month" } dd { (statement.month) " (" (statement.time_zone) ")" }
            dt { "Main site" } dd { (statement.main) }
            dt { "Partner site" } dd { (statement.partner) }
            dt { "Total" } dd { (signed(statement.fee.total, currency)) " " (currency) }
        }
        @if statement.conflicting > 0 { p { (statement.conflicting) " lines came with several contents." } }
        @if statement.missing > 0 { p { (statement.missing) " bytes of logs are missing." } }
        h2 { "The fee, line by line" }
        table {
            thead { tr { th { "Rule" } th { "What" } th { "Formula" } th { "Exact" } th { "Amount" } } }
            tbody {
                @for line in &statement.fee.lines {
                    tr {
                        td { (line.rule) }
                        td { (line.text) }
                        td {
                            (line.formula)
                            @for input in &line.inputs { br; (input.name) " = " (input.value) }
                        }
                        td.amount { (line.exact) }
                        td.amount { (signed(line.amount, currency)) }
                    }
                }
            }
            tfoot { tr { th colspan="4" { "Total" } td.amount { (signed(statement.fee.total, currency)) } } }
        }
        h2 { "Parts of the fee" }
        (parts(statement))
        h2 { "Accesses by day and class" }
        (days(statement))
        h2 { "Pages" }
        (pages(statement))
        h2 { "Lines that do not count" }
        table {
            thead { tr { th { "Terms" } th { "Reason" } th { "Lines" } } }
            tbody {
                @for stretch in &statement.stretches {
                    @for (reason, lines) in &stretch.excluded {
                        tr { td { (stretch.terms) } td { (reason) } td.amount { (lines) } }
                    }
                }
            }
        }
    };
    Page::new(&title, body).text()
}

/// A bar for each row: its name, and how much of each colour.
fn plot(name: &str, rows: &[(String, Vec<(&'static str, u64)>)]) -> Markup {
    let sum = |parts: &[(&str, u64)]| parts.iter().map(|(_, much)| *much).fold(0, u64::saturating_add);
    let most = rows.iter().map(|(_, parts)| sum(parts)).max();
    let most = u128::from(most.unwrap_or_default().max(1));
    let wide = |much: u64| u64::try_from(u128::from(much) * u128::from(WIDTH) / most).unwrap_or(WIDTH);
    let height = HEIGHT * rows.len() as u64;
    html! {
        svg role="img" aria-label=(name) width="760" height=(height) viewBox=(format!("0 0 760 {height}")) {
            @for (row, (text, parts)) in rows.iter().enumerate() {
                @let top = HEIGHT * row as u64;
                text x="0" y=(top + 13) font-size="12" { (text.chars().take(40).collect::<String>()) }
                @for (place, (colour, much)) in parts.iter().enumerate() {
                    rect x=(270 + wide(sum(&parts[..place]))) y=(top + 2) width=(wide(*much)) height=(HEIGHT - 4) fill=(colour) {}
                }
                text x=(276 + wide(sum(parts))) y=(top + 13) font-size="12" { (sum(parts)) }
            }
        }
    }
}

const TIE_UP: &str = "#1f6feb";
const ORIGINAL: &str = "#2da44e";
const LESS: &str = "#cf222e";

fn parts(statement: &FeeStatement) -> Markup {
    let bar = |amount: i64| vec![(if amount < 0 { LESS } else { TIE_UP }, amount.unsigned_abs())];
    let rows: Vec<_> = statement.fee.lines.iter().map(|line| (line.rule.clone(), bar(line.amount))).collect();
    html! { p { "In minor units; what lowers the fee is red." } (plot("Parts of the fee", &rows)) }
}

fn days(statement: &FeeStatement) -> Markup {
    let mut by_day: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for page in statement.stretches.iter().flat_map(|stretch| &stretch.pages) {
        let (tie_up, original) = by_day.entry(&page.day).or_default();
        let sum = if page.class == "tie_up" { tie_up } else { original };
        *sum = sum.saturating_add(page.accesses);
    }
    let row =
        |(day, (tie_up, original)): (&str, (u64, u64))| (day.to_owned(), vec![(TIE_UP, tie_up), (ORIGINAL, original)]);
    let rows: Vec<_> = by_day.into_iter().map(row).collect();
    html! { p { "Pages from the main site are blue, the partner's own green." } (plot("Accesses by day and class", &rows)) }
}

fn pages(statement: &FeeStatement) -> Markup {
    let mut by_page: BTreeMap<(&str, &str), (u64, u64)> = BTreeMap::new();
    for page in statement.stretches.iter().flat_map(|stretch| &stretch.pages) {
        let (accesses, bytes) = by_page.entry((&page.page, page.class)).or_default();
        *accesses = accesses.saturating_add(page.accesses);
        *bytes = bytes.saturating_add(page.bytes);
    }
    let mut rows: Vec<_> = by_page.into_iter().collect();
    rows.sort_by_key(|(page, (accesses, _))| (std::cmp::Reverse(*accesses), *page));
    let left_out = rows.len().saturating_sub(MOST_PAGES);
    rows.truncate(MOST_PAGES);
    html! {
        table {
            thead { tr { th { "Page" } th { "Class" } th { "Accesses" } th { "Bytes" } } }
            tbody {
                @for ((page, class), (accesses, bytes)) in &rows {
                    tr { td { (page) } td { (class) } td.amount { (accesses) } td.amount { (bytes) } }
                }
            }
        }
        @if left_out > 0 { p { "And " (left_out) " more, which the other forms have." } }
    }
}
