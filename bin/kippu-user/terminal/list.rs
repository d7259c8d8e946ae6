//! `kippu-user terminal list`: purchases, and how far each has come. Tokens and capabilities are not shown.

use serde::Serialize;

use super::directory::Directory;
use super::error::Error;
use super::purchase::{Purchase, Stage};
use super::{Which, offer};
use crate::exit::Exit;
use crate::money;
use crate::output::Output;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    which: Which,
}

/// A purchase.
#[derive(Serialize)]
struct Line {
    purchase: String,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
    /// When it was settled, until when it is approved, or why it came to nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// Lists them.
pub(crate) fn run(args: &Args, output: &Output) -> Result<Exit, Error> {
    let purchases = Directory::open(&args.which.dir)?.purchases()?;
    let lines: Vec<Line> = purchases.into_iter().map(|(id, purchase)| line(id, &purchase)).collect();
    let text: Vec<String> = lines.iter().map(shown).collect();
    output.result(&lines, text.join("\n"));
    Ok(Exit::Sound)
}

fn line(purchase: String, Purchase { stage, .. }: &Purchase) -> Line {
    let offered = stage.statement().and_then(|statement| offer::read(statement).ok());
    let (amount, note) = match stage {
        Stage::Presented(handed) | Stage::Held { handed, .. } => (Some((handed.total, handed.currency.clone())), None),
        Stage::Settled { handed, settled_at, .. } => {
            (Some((handed.total, handed.currency.clone())), settled_at.clone())
        }
        Stage::Over { who, reason } => (None, Some(format!("{who}: {reason}"))),
        Stage::Approved(approval) => (None, approval.expires_at.clone()),
        Stage::Asked | Stage::Offered { .. } | Stage::Confirmed { .. } | Stage::Pending { .. } => (None, None),
    };
    let amount = amount.or_else(|| offered.map(|offer| (offer.total, offer.currency)));
    let (amount, currency) = amount.unzip();
    Line { purchase, state: stage.name(), amount, currency, note }
}

fn shown(line: &Line) -> String {
    let amount = line.amount.zip(line.currency.as_deref());
    let amount = amount.map_or_else(|| "-".to_owned(), |(amount, currency)| money::shown(amount, currency));
    let text = format!("{:<8}  {:<9}  {amount:>14}  {}", line.purchase, line.state, line.note.as_deref().unwrap_or(""));
    text.trim_end().to_owned()
}
