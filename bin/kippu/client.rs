//! `kippu client add|list|revoke`: API clients, through a running node or, with the node stopped, in its data directory.

use std::path::Path;

use kippu_client::Error;
use kippu_events::access::Caller;
use kippu_events::access::clients::Role;
use kippu_events::{EntityId, Family};
use kippu_projections::queries::{MOST_ROWS, Page};
use serde_json::{Value, json};

use crate::config::Config;
use crate::exit::Exit;
use crate::node::{self, Node, NodeError};
use crate::output::Output;
use crate::remote::{self, RemoteError};
use crate::which::{Named, Unnamed, Which};

/// Arguments of `add`.
#[derive(clap::Args)]
pub(crate) struct AddArgs {
    /// What it is for.
    #[arg(long, value_parser = role, value_name = "operator|shop|settler|terminal")]
    role: Role,
    /// What operators call it; no personal data.
    #[arg(long)]
    name: String,
    /// The user whose identification is stored in this terminal.
    #[arg(long, value_name = "ID")]
    user: Option<EntityId>,
    /// Names this call for its retries: the same key finds the same client.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    #[command(flatten)]
    which: Which,
}

/// Arguments of `list`.
#[derive(clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    which: Which,
}

/// Arguments of `revoke`.
#[derive(clap::Args)]
pub(crate) struct RevokeArgs {
    /// The client.
    id: EntityId,
    #[command(flatten)]
    which: Which,
}

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
enum ClientError {
    #[error(transparent)]
    Node(#[from] NodeError),
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error(transparent)]
    Call(#[from] Error),
    #[error("{0}")]
    Refused(kippu_actors::Problem),
    #[error(transparent)]
    Query(#[from] kippu_projections::QueryError),
    #[error("a row is no JSON: {0}")]
    Row(#[from] serde_json::Error),
    #[error(transparent)]
    Unnamed(#[from] Unnamed),
    /// Whether there is a client now is not known.
    #[error("{error}; if the client was opened, the same call with --idempotency-key {key} tells its id and key")]
    Unanswered { error: Error, key: String },
}

impl ClientError {
    const fn exit(&self) -> Exit {
        match self {
            // The node ran and said no.
            Self::Refused(_) | Self::Call(Error::Problem(_)) => Exit::Found,
            Self::Unnamed(_) => Exit::Usage,
            Self::Node(_)
            | Self::Remote(_)
            | Self::Call(_)
            | Self::Unanswered { .. }
            | Self::Query(_)
            | Self::Row(_) => Exit::CouldNotRun,
        }
    }
}

/// Opens a client. Its key is printed here and nowhere else.
///
/// Where it cannot be printed, it is not lost: the same command tells it again.
pub(crate) fn add(args: &AddArgs, output: &Output) -> Exit {
    let key = match args.idempotency_key.clone().map_or_else(remote::random_key, Ok) {
        Ok(key) => key,
        Err(error) => return output.failed(Exit::CouldNotRun, error),
    };
    let opened = node::on_a_system(opened(args, &key)).map_err(|error| match error {
        ClientError::Call(error) if error.is_open() => ClientError::Unanswered { error, key: key.clone() },
        error => error,
    });
    let mut id = String::new();
    let exit = finish(output, opened, |value| {
        let text = |member: &str| value.get(member).and_then(Value::as_str).unwrap_or("-").to_owned();
        id = text("id");
        format!("client {id}\nkey    {}", text("key"))
    });
    if !output.is_whole() {
        output.warn(format_args!(
            "client {id} is open, and its key was not read by anybody: the same call with --idempotency-key {key} tells \
             it again, or `kippu client revoke {id}` ends it"
        ));
    }
    exit
}

/// Lists clients.
pub(crate) fn list(args: &ListArgs, output: &Output) -> Exit {
    finish(output, node::on_a_system(listed(args)), |value| {
        let text = |row: &Value, member: &str| row.get(member).and_then(Value::as_str).unwrap_or("-").to_owned();
        let rows = value.get("clients").and_then(Value::as_array).cloned().unwrap_or_default();
        let lines: Vec<String> = rows
            .iter()
            .map(|row| {
                format!("{}  {:8}  {:8}  {}", text(row, "id"), text(row, "role"), text(row, "state"), text(row, "name"))
            })
            .collect();
        lines.join("\n")
    })
}

/// Revokes a client. When this returns, its key is refused.
pub(crate) fn revoke(args: &RevokeArgs, output: &Output) -> Exit {
    finish(output, node::on_a_system(revoked(args)), |_| format!("client {} is revoked", args.id))
}

fn finish(output: &Output, outcome: Result<Value, ClientError>, text: impl FnOnce(&Value) -> String) -> Exit {
    match outcome {
        Ok(value) => {
            output.result(&value, text(&value));
            Exit::Sound
        }
        Err(error) => output.failed(error.exit(), error),
    }
}

async fn opened(args: &AddArgs, key: &str) -> Result<Value, ClientError> {
    let mut body = json!({ "role": args.role, "name": args.name });
    if let Some(user) = args.user {
        body["user"] = json!(user);
    }
    command(&args.which, None, "open", key, &body).await
}

async fn revoked(args: &RevokeArgs) -> Result<Value, ClientError> {
    // One client is revoked once: its own name makes every retry the same command.
    let key = format!("cli-revoke-{}", args.id);
    command(&args.which, Some(args.id), "revoke", &key, &json!({})).await
}

async fn command(
    which: &Which,
    id: Option<EntityId>,
    name: &str,
    key: &str,
    body: &Value,
) -> Result<Value, ClientError> {
    let data = match which.named()? {
        Named::Stopped(data) => data,
        Named::Running { url, key_file, roots } => {
            let path = match id {
                Some(id) => format!("/v1/clients/{id}/{name}"),
                None => "/v1/clients".to_owned(),
            };
            let node = remote::node_at(&url, &key_file, roots.as_deref())?;
            return Ok(node.give(&path, key, body.to_string()).await?);
        }
    };
    let node = open(&data).await?;
    let outcome = node.command(Family::Clients, name, id, key, body).await;
    let known = match &outcome {
        Ok(outcome) => node.known(outcome).await,
        Err(_) => Ok(()),
    };
    node.stop().await;
    let outcome = outcome.map_err(ClientError::Refused)?;
    known?;
    match outcome.answer {
        kippu_actors::Answer::Done { body, .. } => Ok(serde_json::from_slice(&body).unwrap_or_default()),
        kippu_actors::Answer::Refused(problem) => Err(ClientError::Refused(problem)),
    }
}

async fn listed(args: &ListArgs) -> Result<Value, ClientError> {
    let rows = match args.which.named()? {
        Named::Running { url, key_file, roots } => {
            remote::all_rows(&remote::node_at(&url, &key_file, roots.as_deref())?, "/v1/clients").await?
        }
        Named::Stopped(data) => {
            let node = open(&data).await?;
            let listed = all_rows(&node).await;
            node.stop().await;
            listed?
        }
    };
    Ok(json!({ "clients": rows }))
}

async fn all_rows(node: &Node) -> Result<Vec<Value>, ClientError> {
    node.queries.caught_up(node::CLIENTS_WAIT).await?;
    let (mut rows, mut cursor) = (Vec::new(), None);
    loop {
        let page = Page { cursor, limit: MOST_ROWS, ..Page::default() };
        let listed = node.queries.list("clients", &Caller::OPERATOR, &page)?;
        for row in &listed.rows {
            rows.push(serde_json::from_slice(row.as_bytes())?);
        }
        match listed.next {
            Some(next) => cursor = Some(next),
            None => return Ok(rows),
        }
    }
}

/// The stopped node in the data directory.
async fn open(data: &Path) -> Result<Node, ClientError> {
    Ok(Node::open_stopped(&Config { data: Some(data.to_owned()), ..Config::default() }).await?)
}

fn role(text: &str) -> Result<Role, String> {
    serde_json::from_value(Value::String(text.to_owned()))
        .map_err(|_| "a role is operator, shop, settler or terminal".to_owned())
}
