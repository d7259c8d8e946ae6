//! `kippu webhook add|list|roll|remove`: endpoints to which events are sent, through a running node.

use kippu_client::Error;
use kippu_events::{EntityId, Family};
use serde_json::{Value, json};

use crate::exit::Exit;
use crate::node;
use crate::output::Output;
use crate::peer::Running;
use crate::remote::{self, RemoteError};

/// Arguments of `add`.
#[derive(clap::Args)]
pub(crate) struct AddArgs {
    /// The API client that is told: its endpoint is sent what it may see.
    #[arg(long, value_name = "ID")]
    client: EntityId,
    /// Where events are sent: https://, or http:// where the node may call so.
    #[arg(long)]
    url: String,
    /// Only events of this family; may be given several times.
    #[arg(long, value_parser = family, value_name = "FAMILY")]
    family: Vec<String>,
    /// Begin with the first event of the history, not with what happens from now on.
    #[arg(long)]
    from_beginning: bool,
    #[command(flatten)]
    call: Call,
}

/// Arguments of `list`.
#[derive(clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    node: Running,
}

/// Arguments of `roll`.
#[derive(clap::Args)]
pub(crate) struct RollArgs {
    /// The webhook.
    id: EntityId,
    #[command(flatten)]
    call: Call,
}

/// Arguments of `remove`.
#[derive(clap::Args)]
pub(crate) struct RemoveArgs {
    /// The webhook.
    id: EntityId,
    #[command(flatten)]
    node: Running,
}

/// A call that is told a secret.
#[derive(clap::Args)]
struct Call {
    /// Names this call for its retries: the same key is told the same secret.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    #[command(flatten)]
    node: Running,
}

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
enum WebhookError {
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error(transparent)]
    Call(#[from] Error),
    /// Whether it was done is not known.
    #[error("{error}; if it was done, the same call with --idempotency-key {key} tells the secret")]
    Unanswered { error: Error, key: String },
}

impl WebhookError {
    const fn exit(&self) -> Exit {
        match self {
            Self::Call(Error::Problem(_)) => Exit::Found,
            Self::Remote(_) | Self::Call(_) | Self::Unanswered { .. } => Exit::CouldNotRun,
        }
    }
}

/// Adds an endpoint. Its secret is printed here and nowhere else.
pub(crate) fn add(args: &AddArgs, output: &Output) -> Exit {
    let from = if args.from_beginning { "beginning" } else { "now" };
    let body = json!({ "client": args.client, "url": args.url, "families": args.family, "from": from });
    told_a_secret(&args.call, "/v1/webhooks", &body, output)
}

/// Gives an endpoint another secret, which is printed here and nowhere else.
pub(crate) fn roll(args: &RollArgs, output: &Output) -> Exit {
    told_a_secret(&args.call, &format!("/v1/webhooks/{}/roll-secret", args.id), &json!({}), output)
}

/// Where it cannot be printed, it is not lost: the same command tells it again.
fn told_a_secret(call: &Call, path: &str, body: &Value, output: &Output) -> Exit {
    let key = match call.idempotency_key.clone().map_or_else(remote::random_key, Ok) {
        Ok(key) => key,
        Err(error) => return output.failed(Exit::CouldNotRun, error),
    };
    let given = node::on_a_system(async {
        let given = call.node.node()?.give(path, &key, body.to_string()).await;
        given.map_err(|error| match error {
            error if error.is_open() => WebhookError::Unanswered { error, key: key.clone() },
            error => WebhookError::Call(error),
        })
    });
    let exit =
        finish(output, given, |value| format!("webhook {}\nsecret  {}", text(value, "id"), text(value, "secret")));
    if !output.is_whole() {
        output.warn(format_args!(
            "the secret was not read by anybody: the same call with --idempotency-key {key} tells it again"
        ));
    }
    exit
}

/// Lists endpoints.
pub(crate) fn list(args: &ListArgs, output: &Output) -> Exit {
    let listed = async {
        let node = args.node.node()?;
        Ok(node.done(node.query("/v1/webhooks?limit=1000", None)).await?)
    };
    finish(output, node::on_a_system(listed), |page: &Value| {
        let rows = page.get("data").and_then(Value::as_array).cloned().unwrap_or_default();
        let line = |row: &Value| {
            let [id, state, client, url, since, reason] =
                ["id", "state", "client", "url", "failing_since", "reason"].map(|member| text(row, member));
            let (delivered, dead) = (&row["delivered"], &row["dead_letters"]);
            let figures = format!("delivered {delivered}  dead letters {dead}  failing since {since}  {reason}");
            format!("{id}  {state:8}  client {client}  {url}  {figures}")
        };
        rows.iter().map(line).collect::<Vec<_>>().join("\n")
    })
}

/// Ends an endpoint for ever.
pub(crate) fn remove(args: &RemoveArgs, output: &Output) -> Exit {
    let removed = async {
        let path = format!("/v1/webhooks/{}/remove", args.id);
        // One endpoint is removed once: its own name makes every retry the same command.
        Ok(args.node.node()?.give(&path, &format!("cli-remove-{}", args.id), "{}").await?)
    };
    finish(output, node::on_a_system(removed), |_| format!("webhook {} is removed", args.id))
}

fn text(row: &Value, member: &str) -> String {
    row.get(member).and_then(Value::as_str).unwrap_or("-").to_owned()
}

fn finish(output: &Output, outcome: Result<Value, WebhookError>, text: impl FnOnce(&Value) -> String) -> Exit {
    match outcome {
        Ok(value) => {
            output.result(&value, text(&value));
            Exit::Sound
        }
        Err(error) => output.failed(error.exit(), error),
    }
}

fn family(name: &str) -> Result<String, String> {
    let known = Family::from_name(name).filter(|family| *family != Family::Webhooks);
    known.map(|_| name.to_owned()).ok_or_else(|| "there is no such family whose events are sent".to_owned())
}
