//! `kippu users forget`: forgets a person, and prints the receipt. Once more, it prints the receipt of today.

use std::path::Path;

use kippu_actors::access::users::id_of;
use kippu_actors::access::users::request::{Login, Realm};
use kippu_actors::{Answer, Problem};
use kippu_client::{Client, Error};
use kippu_events::{EntityId, Family};
use kippu_projections::queries::Moment;
use serde_json::{Value, json};

use crate::config::Config;
use crate::exit::Exit;
use crate::node::{self, CLIENTS_WAIT, Node};
use crate::not_done::NotDone;
use crate::output::Output;
use crate::remote;
use crate::which::{Named, Which};

/// A person is forgotten once: behind this, the person's own id makes every retry the same command.
const KEY: &str = "cli-forget-";
/// What a person who was forgotten before is refused with.
const FORGOTTEN: &str = "user-forgotten";

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Whom: the id of a user, or a login.
    #[arg(value_name = "LOGIN|ID")]
    whom: String,
    /// Whose name for the user the login is, where there are several.
    #[arg(long)]
    realm: Option<String>,
    #[command(flatten)]
    which: Which,
}

/// Forgets.
pub(crate) fn run(args: &Args, output: &Output) -> Exit {
    match node::on_a_system(forget(args)) {
        Ok(receipt) => {
            let text = |member: &str| receipt.get(member).and_then(Value::as_str).unwrap_or("-").to_owned();
            let end = match receipt.get("final").and_then(Value::as_bool) {
                Some(true) => "final: the wrapping key of that time is replaced".to_owned(),
                Some(false) | None => format!("final once wrapping key {} is replaced", receipt["wrapping_key"]),
            };
            let (person, at, event) = (text("person"), text("forgotten_at"), text("event"));
            output.result(
                &receipt,
                format!("{person} was forgotten at {at}, event {event}; {end}\n{}", text("statement")),
            );
            Exit::Sound
        }
        Err(error) => output.failed(error.exit(), error),
    }
}

async fn forget(args: &Args) -> Result<Value, NotDone> {
    match args.which.named()? {
        Named::Running { url, key_file, roots } => {
            remotely(args, &remote::node_at(&url, &key_file, roots.as_deref())?).await
        }
        Named::Stopped(data) => locally(args, &data).await,
    }
}

async fn remotely(args: &Args, node: &Client) -> Result<Value, NotDone> {
    let id = match args.whom.parse::<EntityId>() {
        Ok(id) => id.to_string(),
        Err(_) => {
            let mut body = json!({ "login": args.whom });
            if let Some(realm) = &args.realm {
                body["realm"] = json!(realm);
            }
            let found = node.done(node.command("/v1/users/find", "find", body.to_string())).await?;
            found.get("id").and_then(Value::as_str).unwrap_or_default().to_owned()
        }
    };
    let forget = node.command(&format!("/v1/users/{id}/forget"), &format!("{KEY}{id}"), "{}");
    let answer = node.send(forget).await.map_err(Error::from)?;
    if !answer.status.is_success() && !answer.is_problem(FORGOTTEN) {
        let no_node = || Error::NoNode { told: node.what_answered(&answer), url: answer.url.clone() };
        return Err(answer.problem().map_or_else(no_node, Error::Problem).into());
    }
    Ok(node.done(node.query(&format!("/v1/users/{id}/receipt"), answer.position())).await?)
}

async fn locally(args: &Args, data: &Path) -> Result<Value, NotDone> {
    let config = Config { data: Some(data.to_owned()), ..Config::default() };
    let node = Node::open_stopped(&config).await?;
    let receipt = forget_in(args, &node).await;
    node.stop().await;
    receipt
}

async fn forget_in(args: &Args, node: &Node) -> Result<Value, NotDone> {
    let id = match args.whom.parse::<EntityId>() {
        Ok(id) => id,
        Err(_) => {
            let wrong = |error: kippu_actors::text::NotText| NotDone::Argument(error.to_string());
            let login = Login::try_from(args.whom.clone()).map_err(wrong)?;
            let realm = args.realm.clone().map(Realm::try_from).transpose().map_err(wrong)?;
            id_of(realm.as_ref(), &login, &node.secrets)
        }
    };
    let outcome = node.command(Family::Users, "forget", Some(id), &format!("{KEY}{id}"), &json!({})).await;
    let outcome = outcome.map_err(NotDone::Refused)?;
    match outcome.answer {
        Answer::Done { .. } => {}
        Answer::Refused(problem) if problem.kind.slug == FORGOTTEN => {}
        Answer::Refused(problem) => return Err(NotDone::Refused(problem)),
    }
    let reached = node.queries.reach("users", &Moment::Position(outcome.position), CLIENTS_WAIT).await;
    reached.map_err(|error| NotDone::Refused(Problem::internal(error.to_string())))?;
    let receipt = node::receipt(node, id).await.map_err(NotDone::Refused)?;
    Ok(serde_json::to_value(receipt).map_err(|error| Problem::internal(error.to_string()))?)
}
