//! `kippu fees compute|verify`: what a partner site owes its main site for a month, as a running node computes it from its own log, and
//! where that differs from what the other party says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kippu_client::Error;
use kippu_events::EntityId;
use kippu_events::text_file;
use kippu_projections::partners::statement::Month;
use serde::Serialize;
use serde_json::Value;

use crate::exit::Exit;
use crate::node;
use crate::output::Output;
use crate::peer::Running;
use crate::remote::RemoteError;

/// Of differences so many are told.
const MOST_TOLD: usize = 100;

/// Arguments of `compute`.
#[derive(clap::Args)]
pub(crate) struct ComputeArgs {
    /// The contract.
    #[arg(long, value_name = "ID")]
    contract: EntityId,
    /// The month, in the contract's time zone, as 2026-11.
    #[arg(long)]
    month: Month,
    #[command(flatten)]
    node: Running,
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
}

impl FeesError {
    const fn exit(&self) -> Exit {
        match self {
            Self::Call(Error::Problem(_)) => Exit::Found,
            Self::NotAStatement(_) => Exit::Usage,
            Self::Remote(_) | Self::Call(_) | Self::Io { .. } => Exit::CouldNotRun,
        }
    }
}

/// Something that one statement says otherwise than the other.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Difference {
    /// What it is about.
    what: String,
    /// As the file has it.
    theirs: Option<String>,
    /// As the node computes it.
    ours: Option<String>,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "nothing".to_owned());
        write!(f, "{}: theirs {}, ours {}", self.what, side(&self.theirs), side(&self.ours))
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
    let computed = node::on_a_system(async { statement(&args.node, args.contract, &args.month.to_string()).await });
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

async fn statement(node: &Running, contract: EntityId, month: &str) -> Result<Value, FeesError> {
    let node = node.node()?;
    let path = format!("/v1/contracts/{contract}/fees/{month}");
    Ok(node.done(node.query(&path, None)).await?)
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

/// Where two statements differ: by page and day first, since everything else follows from that.
fn differences(theirs: &Value, ours: &Value) -> Vec<Difference> {
    let (theirs, ours) = (entries(theirs), entries(ours));
    let mut found = Vec::new();
    for what in theirs.keys().chain(ours.keys().filter(|what| !theirs.contains_key(*what))) {
        let (of_theirs, of_ours) = (theirs.get(what), ours.get(what));
        if of_theirs != of_ours {
            let what = what.1.clone();
            found.push(Difference { what, theirs: of_theirs.cloned(), ours: of_ours.cloned() });
        }
    }
    found
}

/// What a statement says, by what it is about, in the order in which it is told.
fn entries(statement: &Value) -> BTreeMap<(u8, String), String> {
    let mut entries = BTreeMap::new();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut add = |rank: u8, what: String, value: &Value| drop(entries.insert((rank, what), value.to_string()));
    for stretch in list(&statement["stretches"]) {
        let terms = &stretch["terms"];
        for page in list(&stretch["pages"]) {
            let [day, name, class] = ["day", "page", "class"].map(|name| page[name].as_str().unwrap_or_default());
            add(0, format!("{day} {name} {class} accesses (terms {terms})"), &page["accesses"]);
            add(1, format!("{day} {name} {class} bytes (terms {terms})"), &page["bytes"]);
        }
        for name in ["lines", "visits", "visitors", "excluded"] {
            add(2, format!("{name} (terms {terms})"), &stretch[name]);
        }
    }
    for line in list(&statement["fee"]["lines"]) {
        let (rule, part) = (line["rule"].as_str().unwrap_or_default(), &line["part"]);
        add(3, format!("line {rule} (part {part})"), &line["amount"]);
    }
    add(4, "total".to_owned(), &statement["fee"]["total"]);
    for name in ["conflicting", "conflicts", "gaps", "main", "partner", "time_zone"] {
        add(5, name.to_owned(), &statement[name]);
    }
    entries
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn statement(accesses: u64, amount: i64) -> Value {
        json!({
            "stretches": [{ "terms": 1, "pages": [{ "day": "2026-11-03", "page": "/a", "class": "tie_up", "accesses": accesses, "bytes": 9 }] }],
            "fee": { "lines": [{ "rule": "ratio", "part": 0, "amount": amount }], "total": amount },
        })
    }

    #[test]
    fn what_differs_is_told_by_page_and_day_and_then_by_line() {
        assert_eq!(differences(&statement(3, 100), &statement(3, 100)), []);
        let told: Vec<String> =
            differences(&statement(3, 100), &statement(2, 90)).iter().map(ToString::to_string).collect();
        let first = "2026-11-03 /a tie_up accesses (terms 1): theirs 3, ours 2";
        assert_eq!(told, [first, "line ratio (part 0): theirs 100, ours 90", "total: theirs 100, ours 90"]);
    }

    #[test]
    fn what_one_statement_alone_has_differs() {
        let none = json!({ "stretches": [], "fee": { "lines": [], "total": 0 } });
        assert!(differences(&statement(3, 0), &none).iter().any(|it| it.ours.is_none()));
        assert!(differences(&none, &statement(3, 0)).iter().any(|it| it.theirs.is_none()));
    }
}
