//! What both parties sign of a month: the main site closes it, the partner site cosigns or disputes, and what comes later is an
//! adjustment in another month.

use std::path::PathBuf;

use kippu_client::{Answer, Client, Error};
use kippu_events::blobs::BlobId;
use kippu_events::partners::fees::Month;
use kippu_events::{EntityId, Time};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Difference, FeesError, Of, differences, doubts, path, read};
use crate::exit::Exit;
use crate::node;
use crate::output::Output;
use crate::peer::Running;
use crate::remote;

/// Arguments of `close`.
#[derive(clap::Args)]
pub(crate) struct CloseArgs {
    #[command(flatten)]
    of: Of,
    /// Sign also where lines contradict each other or are missing.
    #[arg(long)]
    anyway: bool,
}

/// Arguments of `cosign`.
#[derive(clap::Args)]
pub(crate) struct CosignArgs {
    #[command(flatten)]
    of: Of,
}

/// Arguments of `dispute`.
#[derive(clap::Args)]
pub(crate) struct DisputeArgs {
    /// The main site's statement, as its `kippu fees compute` printed it.
    #[arg(value_name = "FILE")]
    statement: PathBuf,
    /// Why, in words; no personal data.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    node: Running,
}

/// Arguments of `adjust`.
#[derive(clap::Args)]
pub(crate) struct AdjustArgs {
    #[command(flatten)]
    of: Of,
    /// When the adjustment counts: a time in a later month, as 2026-12-05T00:00:00Z.
    #[arg(long, value_name = "TIME")]
    at: Time,
    /// Why; no personal data.
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// A statement as a node computed it.
struct Computed {
    bytes: Vec<u8>,
    value: Value,
    cut: String,
}

impl Computed {
    async fn of(node: &Client, contract: EntityId, month: Month) -> Result<Self, FeesError> {
        let answer: Answer =
            node.send(node.query(&path(contract, &month.to_string()), None)).await.map_err(Error::from)?;
        if let Some(problem) = answer.problem() {
            return Err(Error::Problem(problem).into());
        }
        let value = answer.json::<Value>().filter(|value| value["fee"]["total"].is_i64());
        let value =
            value.ok_or_else(|| Error::NoNode { told: node.what_answered(&answer), url: answer.url.clone() })?;
        let cut = answer.header("kippu-cut").unwrap_or_default().to_owned();
        Ok(Self { bytes: answer.body, value, cut })
    }

    fn sha256(&self) -> BlobId {
        BlobId::of(&self.bytes)
    }

    fn total(&self) -> &Value {
        &self.value["fee"]["total"]
    }

    /// What is signed of it.
    fn said(&self, contract: EntityId, month: Month, number: u64) -> Value {
        json!({
            "contract": contract, "month": month, "number": number, "sha256": self.sha256(), "total": self.total(),
            "currency": self.value["fee"]["currency"], "cut": self.cut,
        })
    }

    /// Has the node keep it: what is signed can be looked at for ever.
    async fn upload(&self, node: &Client) -> Result<(), FeesError> {
        let put = node.request(Method::PUT, &format!("/v1/blobs/{}", self.sha256())).body(self.bytes.clone());
        node.done(put).await?;
        Ok(())
    }
}

/// What was signed of the month before, as the view shows it.
async fn signed(node: &Client, contract: EntityId, month: Month) -> Result<Option<Value>, FeesError> {
    let path = format!("/v1/fee-statements?contract={contract}&month={month}");
    Ok(remote::all_rows(node, &path).await?.into_iter().next())
}

async fn give(node: &Client, path: &str, body: &Value) -> Result<Value, FeesError> {
    Ok(node.give(path, &remote::random_key()?, body.to_string()).await?)
}

fn told(output: &Output, done: Result<(Value, String), FeesError>) -> Exit {
    match done {
        Ok((answer, text)) => {
            output.result(&answer, text);
            Exit::Sound
        }
        Err(error) => output.failed(error.exit(), &error),
    }
}

/// Signs the statement that the main site's node computes.
pub(crate) fn close(args: &CloseArgs, output: &Output) -> Exit {
    let CloseArgs { of: Of { contract, month, node }, anyway } = args;
    let done = node::on_a_system(async {
        let node = node.node()?;
        let computed = Computed::of(&node, *contract, *month).await?;
        let mut doubts = doubts(&computed.value);
        doubts.extend(not_here(&node, *contract).await?);
        if !doubts.is_empty() && !anyway {
            return Err(FeesError::Doubtful(doubts.join("; ")));
        }
        computed.upload(&node).await?;
        let last = signed(&node, *contract, *month).await?;
        let number =
            last.map_or(0, |row| row["number"].as_u64().unwrap_or_default() - u64::from(!row["refusal"].is_null()));
        let said = computed.said(*contract, *month, number + 1);
        let answer = give(&node, "/v1/fee-statements", &json!({ "said": said })).await?;
        let (total, sha256) = (computed.total(), computed.sha256());
        Ok((answer, format!("fees close: statement {} of {month} signed, {total} minor units, {sha256}", number + 1)))
    });
    told(output, done)
}

/// That there are lines of which this node has the certificate alone.
async fn not_here(node: &Client, contract: EntityId) -> Result<Option<String>, FeesError> {
    let mut lines = 0;
    for state in ["announced", "called"] {
        let path = format!("/v1/access-batches?contract={contract}&state={state}");
        lines += remote::all_rows(node, &path).await?.iter().filter_map(|row| row["lines"].as_u64()).sum::<u64>();
    }
    Ok((lines > 0).then(|| format!("{lines} lines were announced and are not here: call for them")))
}

/// The statement that waits for the partner site's answer, and what its own node computes.
async fn waiting(node: &Client, contract: EntityId, month: Month) -> Result<(Value, Computed), FeesError> {
    let row = signed(node, contract, month).await?.filter(|row| row["state"] == "signed" || !row["refusal"].is_null());
    Ok((row.ok_or(FeesError::NothingToAnswer)?, Computed::of(node, contract, month).await?))
}

/// Signs the same as the main site, where the own node computes the same.
pub(crate) fn cosign(args: &CosignArgs, output: &Output) -> Exit {
    let Of { contract, month, node } = &args.of;
    let done = node::on_a_system(async {
        let node = node.node()?;
        let (row, computed) = waiting(&node, *contract, *month).await?;
        if row["sha256"] != json!(computed.sha256()) {
            return Err(FeesError::Differs);
        }
        computed.upload(&node).await?;
        let said = computed.said(*contract, *month, row["number"].as_u64().unwrap_or_default());
        let answer = give(&node, "/v1/fee-statements/cosign", &json!({ "said": said })).await?;
        Ok((answer, format!("fees cosign: {month} is closed, {} minor units", computed.total())))
    });
    told(output, done)
}

/// Tells the main site where the own node's statement differs from the main site's.
pub(crate) fn dispute(args: &DisputeArgs, output: &Output) -> Exit {
    let done = node::on_a_system(async {
        let node = args.node.node()?;
        let wrong = || FeesError::NotAStatement(args.statement.clone());
        let theirs = read(&args.statement)?;
        let contract = theirs["contract"].as_str().and_then(|id| id.parse().ok()).ok_or_else(wrong)?;
        let month: Month = theirs["month"].as_str().and_then(|month| month.parse().ok()).ok_or_else(wrong)?;
        let (row, computed) = waiting(&node, contract, month).await?;
        let mut found = differences(&theirs, &computed.value);
        if found.is_empty() {
            return Err(FeesError::Equal);
        }
        found.truncate(super::MOST_TOLD);
        let shown: Vec<Value> = found.iter().map(in_short).collect();
        let mut body = json!({ "contract": contract, "month": month, "number": row["number"], "differences": shown });
        if let Some(reason) = &args.reason {
            body["reason"] = json!(reason);
        }
        let answer = give(&node, "/v1/fee-statements/dispute", &body).await?;
        let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
        Ok((answer, format!("fees dispute: {} differences\n{}", lines.len(), lines.join("\n"))))
    });
    told(output, done)
}

/// A difference as a command takes it.
fn in_short(difference: &Difference) -> Value {
    let cut = |text: &str, most: usize| text.chars().take(most).collect::<String>();
    let mut shown = json!({ "what": cut(&difference.what, 512) });
    for (name, side) in [("main", &difference.theirs), ("partner", &difference.ours)] {
        if let Some(side) = side {
            shown[name] = json!(cut(side, 256));
        }
    }
    shown
}

/// Reports, for a later month, by how much a closed month comes to be more or less than what both have signed.
pub(crate) fn adjust(args: &AdjustArgs, output: &Output) -> Exit {
    let AdjustArgs { of: Of { contract, month, node }, at, reason } = args;
    let done = node::on_a_system(async {
        let node = node.node()?;
        let closed = signed(&node, *contract, *month).await?.filter(|row| row["state"] == "cosigned");
        let closed = closed.ok_or_else(|| FeesError::NotClosed(month.to_string()))?;
        let computed = Computed::of(&node, *contract, *month).await?;
        let ends =
            computed.value["stretches"].as_array().and_then(|all| all.last()).and_then(|last| last["until"].as_str());
        if ends.and_then(|ends| ends.parse::<Time>().ok()).is_some_and(|ends| *at < ends) {
            return Err(FeesError::TooEarly(month.to_string()));
        }
        let reported = reported(&node, *contract, *month).await?;
        let sum = |value: &Value| value.as_i64().unwrap_or_default();
        let amount = sum(computed.total()) - sum(&closed["total"]) - reported.iter().sum::<i64>();
        if amount == 0 {
            return Err(FeesError::Equal);
        }
        let name = format!("adjustment-{month}-{}", reported.len() + 1);
        let facts = json!({ "adjustments": [{ "month": month, "amount": amount, "reason": reason }] });
        let body = json!({ "contract": contract, "name": name, "at": at, "facts": facts });
        let answer = give(&node, "/v1/fee-reports", &body).await?;
        Ok((answer, format!("fees adjust: {month} comes to {amount} minor units more, reported as {name}")))
    });
    told(output, done)
}

/// What was adjusted of a month before.
async fn reported(node: &Client, contract: EntityId, month: Month) -> Result<Vec<i64>, FeesError> {
    let rows = remote::all_rows(node, &format!("/v1/fee-reports?contract={contract}")).await?;
    let adjustments = rows.iter().flat_map(|row| row["facts"]["adjustments"].as_array().into_iter().flatten());
    let of_month = adjustments.filter(|adjustment| adjustment["month"] == json!(month));
    Ok(of_month.filter_map(|adjustment| adjustment["amount"].as_i64()).collect())
}
