//! `kippu activities list|retry`: what a running node owes to others.

use kippu_client::Error;
use kippu_events::EntityId;
use serde_json::Value;

use crate::exit::Exit;
use crate::node;
use crate::output::Output;
use crate::peer::Running;
use crate::remote::RemoteError;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only what is owed to this peer or webhook.
    #[arg(long, value_name = "ID")]
    to: Option<EntityId>,
    #[command(flatten)]
    node: Running,
}

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
enum ActivitiesError {
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error(transparent)]
    Call(#[from] Error),
    #[error(transparent)]
    Lost(#[from] kippu_client::Lost),
    #[error("{0}")]
    Answered(String),
}

impl Args {
    fn path(&self, path: &str) -> String {
        self.to.map_or_else(|| path.to_owned(), |to| format!("{path}?to={to}"))
    }
}

/// Shows what is owed.
pub(crate) fn list(args: &Args, output: &Output) -> Exit {
    let listed = async {
        let node = args.node.node()?;
        Ok::<_, ActivitiesError>(node.done(node.query(&args.path("/v1/activities"), None)).await?)
    };
    match node::on_a_system(listed) {
        Ok(page) => {
            let text = |row: &Value, member: &str| row.get(member).and_then(Value::as_str).unwrap_or("-").to_owned();
            let rows = page.get("data").and_then(Value::as_array).cloned().unwrap_or_default();
            let line = |row: &Value| {
                let (entity, to, since) = (text(row, "entity"), text(row, "to"), text(row, "since"));
                format!("{entity}  to {to}  since {since}  tries {}  {}", row["tries"], text(row, "last_error"))
            };
            output.result(&page, rows.iter().map(line).collect::<Vec<_>>().join("\n"));
            Exit::Sound
        }
        Err(error) => output.failed(Exit::CouldNotRun, error),
    }
}

/// Tries at once what waits for its time.
pub(crate) fn retry(args: &Args, output: &Output) -> Exit {
    let retried = async {
        let node = args.node.node()?;
        let answer = node.send(node.request(kippu_client::Method::POST, &args.path("/v1/activities/retry"))).await?;
        if answer.status.is_success() { Ok(()) } else { Err(ActivitiesError::Answered(answer.text().into_owned())) }
    };
    match node::on_a_system(retried) {
        Ok(()) => {
            output.result(&serde_json::json!({}), "what is owed is tried now".to_owned());
            Exit::Sound
        }
        Err(error) => output.failed(Exit::CouldNotRun, error),
    }
}
