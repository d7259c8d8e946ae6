//! What came of a purchase: what was paid, the files, and how it stands in the books of both servers.

use serde::{Deserialize, Serialize};

use super::approval;
use super::directory::{Directory, Held};
use super::error::Error;
use super::parties::{Parties, Party};
use super::purchase::{File, Handed, Stage};
use super::settlement;
use crate::money;
use crate::output::Output;

/// See the module.
#[derive(Serialize)]
struct Report<'a> {
    purchase: &'a str,
    state: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    approval: Option<&'a str>,
    settlement: &'a str,
    amount: u64,
    currency: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    settled_at: Option<&'a str>,
    files: &'a [File],
    books: Books,
}

/// As each server has it.
#[derive(Serialize)]
struct Books {
    settlement_server: Entry,
    #[serde(skip_serializing_if = "Option::is_none")]
    authentication_server: Option<Entry>,
}

#[derive(Deserialize, Serialize)]
struct Entry {
    state: String,
    #[serde(alias = "settled_amount")]
    amount: Option<u64>,
    currency: String,
}

#[derive(Deserialize)]
struct Row {
    state: String,
    settled_amount: Option<u64>,
    currency: String,
}

/// Tells what came of a purchase that is settled.
pub(super) async fn told(held: &Held, directory: &Directory, parties: &Parties, output: &Output) -> Result<(), Error> {
    let Stage::Settled { handed, files, settled_at } = &held.purchase.stage else { return Ok(()) };
    let row = settlement::row(handed, parties).await?;
    let Handed { approval, settlement, currency, .. } = handed;
    let amount = row.settled_amount.unwrap_or(row.total);
    let authentication_server = match approval {
        Some(approval) => Some(noticed(&approval::authenticator(directory, parties)?, approval, parties).await?),
        None => None,
    };
    let settlement_server = Entry { state: row.state, amount: row.settled_amount, currency: row.currency };
    let report = Report {
        purchase: &held.id,
        state: held.purchase.stage.name(),
        approval: approval.as_deref(),
        settlement,
        amount,
        currency,
        settled_at: settled_at.as_deref(),
        files,
        books: Books { settlement_server, authentication_server },
    };
    output.result(&report, text(&report));
    Ok(())
}

/// How the approval stands once the payment notice has come, which is a moment after the settlement.
async fn noticed(server: &Party, approval: &str, parties: &Parties) -> Result<Entry, Error> {
    let mut wait = parties.wait();
    loop {
        let Row { state, settled_amount, currency } = server.ask(&format!("/v1/approvals/{approval}")).await?;
        if state == "settled" || !wait.again().await {
            return Ok(Entry { state, amount: settled_amount, currency });
        }
    }
}

fn text(report: &Report<'_>) -> String {
    let paid = money::shown(report.amount, report.currency);
    let mut lines = vec![
        format!("purchase  {}", report.purchase),
        format!("state     {}", report.state),
        format!("paid      {paid}{}", report.settled_at.map_or_else(String::new, |at| format!(" at {at}"))),
        format!("approval  {}", report.approval.unwrap_or("of another terminal")),
        format!("settled   {}", report.settlement),
    ];
    let file = |file: &File| format!("file      {}  {} bytes  sha256 {}", file.path.display(), file.size, file.sha256);
    lines.extend(report.files.iter().map(file));
    let entry = |name: &str, entry: &Entry| {
        let amount =
            entry.amount.map_or_else(String::new, |amount| format!(" {}", money::shown(amount, &entry.currency)));
        format!("books     {name}: {}{amount}", entry.state)
    };
    lines.push(entry("settlement server", &report.books.settlement_server));
    lines.extend(report.books.authentication_server.as_ref().map(|it| entry("authentication server", it)));
    lines.join("\n")
}
