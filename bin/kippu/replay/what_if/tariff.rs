//! `kippu replay what-if --tariff`: the fee of a month that lies in a history, by another tariff.

use std::path::{Path, PathBuf};

use kippu_events::EntityId;
use kippu_events::log::Cut;
use kippu_events::partners::fees::{Month, Tariff};
use kippu_events::text_file;
use kippu_projections::partners::statement::FeeStatement;
use kippu_projections::stored::StoredViews;
use kippu_projections::{NotOpened, QueryError};
use serde::Serialize;

use crate::exit::Exit;
use crate::replay::{NotRead, Where, data_dir};

/// Which month of which contract, by which tariff.
#[derive(clap::Args)]
pub(super) struct By {
    /// A file with a tariff, as the terms of a contract have it: what would the fee of --month be?
    #[arg(long, value_name = "FILE", requires_all = ["contract", "month"], conflicts_with = "set")]
    pub(super) tariff: Option<PathBuf>,
    /// The contract, for --tariff.
    #[arg(long, value_name = "ID", requires = "tariff")]
    contract: Option<EntityId>,
    /// The month, for --tariff, as 2026-11.
    #[arg(long, requires = "tariff")]
    month: Option<Month>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotRated {
    #[error(transparent)]
    History(#[from] NotRead),
    #[error(transparent)]
    Views(#[from] NotOpened),
    #[error("the node has left no views: start it once, so that they are filled")]
    NoViews,
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{}: {reason}", path.display())]
    NotATariff { path: PathBuf, reason: String },
    #[error(transparent)]
    Statement(#[from] QueryError),
}

impl NotRated {
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::History(error) => error.exit(),
            Self::NotATariff { .. } | Self::Statement(_) => Exit::Usage,
            Self::Views(_) | Self::NoViews | Self::Io { .. } => Exit::CouldNotRun,
        }
    }
}

/// The fee by the terms, and by the other tariff.
#[derive(Serialize)]
pub(super) struct Rated {
    contract: EntityId,
    month: String,
    /// What of the history it reflects.
    cut: String,
    /// Minor units of this currency.
    currency: String,
    total: i64,
    total_by_tariff: i64,
    lines: Vec<Line>,
}

/// A line of the fee; nothing where one of the two has none.
#[derive(Serialize)]
struct Line {
    rule: String,
    amount: Option<i64>,
    amount_by_tariff: Option<i64>,
}

impl By {
    /// Computes both.
    pub(super) fn rate(&self, place: &Where, file: &Path) -> Result<Rated, NotRated> {
        let text = text_file::read(file).map_err(|source| NotRated::Io { path: file.to_owned(), source })?;
        let wrong = |reason: String| NotRated::NotATariff { path: file.to_owned(), reason };
        let tariff: Tariff = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        if let Some(finding) = tariff.check().into_iter().next() {
            return Err(wrong(finding.to_string()));
        }
        let config = place.config(1)?;
        let views = StoredViews::open(&data_dir(&config).views())?.ok_or(NotRated::NoViews)?;
        let (Some(contract), Some(month)) = (self.contract, self.month) else { return Err(NotRated::NoViews) };
        let (ours, cut) = views.fee_statement(contract, &month, None)?;
        let (other, _) = views.fee_statement(contract, &month, Some(&tariff))?;
        Ok(Rated::new(&ours, &other, &cut))
    }
}

impl Rated {
    fn new(ours: &FeeStatement, other: &FeeStatement, cut: &Cut) -> Self {
        let key = |line: &kippu_events::partners::fees::Line| (line.part, line.rule.clone());
        let amount = |of: &FeeStatement, wanted: &(u32, String)| {
            of.fee.lines.iter().find(|line| key(line) == *wanted).map(|line| line.amount)
        };
        let mut keys: Vec<(u32, String)> = ours.fee.lines.iter().map(key).collect();
        for line in &other.fee.lines {
            if !keys.contains(&key(line)) {
                keys.push(key(line));
            }
        }
        let line = |key: &(u32, String)| Line {
            rule: key.1.clone(),
            amount: amount(ours, key),
            amount_by_tariff: amount(other, key),
        };
        Self {
            contract: ours.contract,
            month: ours.month.clone(),
            cut: cut.to_string(),
            currency: other.fee.currency.to_string(),
            total: ours.fee.total,
            total_by_tariff: other.fee.total,
            lines: keys.iter().map(line).collect(),
        }
    }
}

impl std::fmt::Display for Rated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |amount: Option<i64>| amount.map_or_else(|| "-".to_owned(), |amount| amount.to_string());
        for Line { rule, amount, amount_by_tariff } in &self.lines {
            writeln!(f, "{rule}: {} → {}", text(*amount), text(*amount_by_tariff))?;
        }
        let Self { month, total, total_by_tariff, currency, .. } = self;
        write!(f, "what-if: {month} costs {total_by_tariff} in place of {total} minor units of {currency}")
    }
}
