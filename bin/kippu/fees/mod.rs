//! `kippu fees compute|verify|close|cosign|dispute|adjust`: what a partner site owes its main site for a month, as a running node
//! computes it from its own log, where that differs from what the other party says, and what both sign.

mod differences;
mod signing;

use std::path::{Path, PathBuf};

use kippu_client::Error;
use kippu_events::EntityId;
use kippu_events::partners::fees::Month;
use kippu_events::text_file;
use serde::Serialize;
use serde_json::Value;

use self::differences::{Difference, differences};
pub(crate) use self::signing::{AdjustArgs, CloseArgs, CosignArgs, DisputeArgs, adjust, close, cosign, dispute};
use crate::exit::Exit;
use crate::node;
use crate::output::Output;
use crate::peer::Running;
use crate::remote::RemoteError;

/// Of differences so many are told.
const MOST_TOLD: usize = 100;

/// Which statement a command is about.
#[derive(clap::Args)]
struct Of {
    /// The contract.
    #[arg(long, value_name = "ID")]
    contract: EntityId,
    /// The month, in the contract's time zone, as 2026-11.
    #[arg(long)]
    month: Month,
    #[command(flatten)]
    node: Running,
}

/// Arguments of `compute`.
#[derive(clap::Args)]
pub(crate) struct ComputeArgs {
    #[command(flatten)]
    of: Of,
}

/// Arguments of `verify`.
#[derive(clap::Args)]
pub(crate) struct VerifyArgs {
    /// The other party's statement, as its `kippu fees compute` printed it.
    #[arg(value_name = "FILE")]
    statement: PathBuf,
    #[command(flatten)]
    node: Running,
}

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
enum FeesError {
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error(transparent)]
    Call(#[from] Error),
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{} is no statement of fees", .0.display())]
    NotAStatement(PathBuf),
    /// The lines are not as they should be.
    #[error("{0}; nothing is signed (--anyway signs all the same)")]
    Doubtful(String),
    #[error("the main site has signed no statement of this month that waits for an answer")]
    NothingToAnswer,
    #[error(
        "the own node computes another statement than the main site has signed: see `kippu fees verify`, and dispute it"
    )]
    Differs,
    #[error("the two are equal: there is nothing to dispute or to adjust")]
    Equal,
    #[error("an adjustment of {0} counts in a later month: name a time in one with --at")]
    TooEarly(String),
    #[error("both parties have not signed the statement of {0}: as long as they have not, it can be signed anew")]
    NotClosed(String),
}

impl FeesError {
    const fn exit(&self) -> Exit {
        match self {
            Self::Call(Error::Problem(_)) | Self::Doubtful(_) | Self::NothingToAnswer | Self::Differs => Exit::Found,
            Self::Equal | Self::NotClosed(_) => Exit::Found,
            Self::TooEarly(_) => Exit::Usage,
            Self::NotAStatement(_) => Exit::Usage,
            Self::Remote(_) | Self::Call(_) | Self::Io { .. } => Exit::CouldNotRun,
        }
    }
}

/// What a comparison came to.
#[derive(Serialize)]
struct Verified {
    equal: bool,
    total: i64,
    differences: Vec<Difference>,
}

/// Prints the statement: the same bytes at both parties.
pub(crate) fn compute(args: &ComputeArgs, output: &Output) -> Exit {
    let Of { contract, month, node } = &args.of;
    let computed = node::on_a_system(async { statement(node, *contract, &month.to_string()).await });
    match computed {
        Ok(statement) => {
            output.result(&statement, &statement);
            let doubts = doubts(&statement);
            for doubt in &doubts {
                output.warn(doubt);
            }
            if doubts.is_empty() { Exit::Sound } else { Exit::Found }
        }
        Err(error) => output.failed(error.exit(), &error),
    }
}

/// What of the lines is not as it should be, so that the fee may be another.
fn doubts(statement: &Value) -> Vec<String> {
    let mut doubts = Vec::new();
    if let Some(count) = statement["conflicting"].as_u64().filter(|count| *count > 0) {
        doubts.push(format!("{count} lines came with several contents; of each, one counts"));
    }
    let totals = [&statement["fee"]["total"], &statement["total_with_others"], &statement["total_without_conflicts"]];
    let totals: Vec<i64> = totals.into_iter().filter_map(Value::as_i64).collect();
    if let (Some(least), Some(most)) = (totals.iter().min(), totals.iter().max())
        && totals.len() > 1
    {
        doubts.push(format!("{} minor units of the fee depend on them", most - least));
    }
    for gap in statement["gaps"].as_array().into_iter().flatten() {
        let [source, segment] = ["source", "segment"].map(|name| gap[name].as_str().unwrap_or_default());
        let (from, until) = (&gap["from"], &gap["until"]);
        doubts.push(format!("{source} {segment}: nobody has certified bytes {from} to {until}, and they do not count"));
    }
    doubts
}

/// Compares the statement in a file with what the node computes.
pub(crate) fn verify(args: &VerifyArgs, output: &Output) -> Exit {
    match node::on_a_system(compared(args)) {
        Ok(verified) => {
            let exit = if verified.equal { Exit::Sound } else { Exit::Found };
            let lines: Vec<String> = verified.differences.iter().map(ToString::to_string).collect();
            let text = if verified.equal {
                format!("fees verify: equal, {} minor units", verified.total)
            } else {
                format!("fees verify: {} differences\n{}", lines.len(), lines.join("\n"))
            };
            output.result(&verified, text);
            exit
        }
        Err(error) => output.failed(error.exit(), &error),
    }
}

/// Where a node answers what is owed.
fn path(contract: EntityId, month: &str) -> String {
    format!("/v1/contracts/{contract}/fees/{month}")
}

async fn statement(node: &Running, contract: EntityId, month: &str) -> Result<Value, FeesError> {
    let node = node.node()?;
    Ok(node.done(node.query(&path(contract, month), None)).await?)
}

async fn compared(args: &VerifyArgs) -> Result<Verified, FeesError> {
    let theirs = read(&args.statement)?;
    let wrong = || FeesError::NotAStatement(args.statement.clone());
    let contract = theirs["contract"].as_str().and_then(|id| id.parse().ok()).ok_or_else(wrong)?;
    let month = theirs["month"].as_str().ok_or_else(wrong)?;
    let ours = statement(&args.node, contract, month).await?;
    let mut differences = differences(&theirs, &ours);
    differences.truncate(MOST_TOLD);
    let total = ours["fee"]["total"].as_i64().unwrap_or_default();
    Ok(Verified { equal: theirs == ours, total, differences })
}

fn read(path: &Path) -> Result<Value, FeesError> {
    let text = text_file::read(path).map_err(|source| FeesError::Io { path: path.to_owned(), source })?;
    serde_json::from_str(&text).map_err(|_| FeesError::NotAStatement(path.to_owned()))
}
