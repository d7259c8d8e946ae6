//! A node with the shipped defaults, users, and the API clients that make the load.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use kippu_actors::Commands;
use kippu_actors::actor::Answer;
use kippu_actors::runtime::Outcome;
use kippu_events::access::Caller;
use kippu_events::access::clients::Role;
use kippu_events::{EntityId, Family};
use kippu_projections::Queries;
use serde_json::json;

use super::figure::BenchError;
use crate::config::Config;
use crate::node::{Node, key_of};

/// Registrations under way at once.
const AT_ONCE: usize = 128;

/// An API client: how it calls in process, and its key for calling over HTTP.
#[derive(Clone)]
pub(super) struct Party {
    pub(super) caller: Caller,
    pub(super) key: String,
}

/// Who makes the load.
#[derive(Clone)]
pub(super) struct Cast {
    /// Each stores the identification of a user of its own.
    pub(super) terminals: Vec<Party>,
    pub(super) settlers: Vec<Party>,
}

/// The configuration of a node that is measured: the defaults, but for the limit on one caller's rate, since few callers
/// make all the load here.
pub(super) fn config(dir: &Path) -> Config {
    let mut config = Config { data: Some(dir.to_owned()), ..Config::default() };
    config.rate.per_second = 0;
    config
}

/// Opens a node in `dir` and its cast.
pub(super) async fn open(dir: &Path, users: usize) -> Result<(Node, Cast), BenchError> {
    let node = Node::open(&config(dir), "", false).await?;
    let cast = cast(&node.commands, users).await?;
    Ok((node, cast))
}

/// Makes a node as `config` has it, alone on a topic of its own, and its cast.
pub(super) async fn make(config: &Config, users: usize) -> Result<(Node, Cast), BenchError> {
    let node = Node::init(config, false).await?;
    let cast = cast(&node.commands, users).await?;
    Ok((node, cast))
}

/// `config` for a node of this name.
pub(super) fn named(mut config: Config, name: &str) -> Config {
    name.clone_into(&mut config.node.name);
    config
}

/// The configuration of one more node, over the log of the `first`.
pub(super) fn joined(first: &Config, dir: &Path, name: &str) -> Config {
    named(Config { data: Some(dir.to_owned()), ..first.clone() }, name)
}

/// Makes the directory of one more node, with the keys of the `first`.
pub(super) fn join(first: &Config, second: &Config) -> Result<(), BenchError> {
    let keyring = first.data.iter().map(|data| data.join("keys/keyring.json")).collect::<PathBuf>();
    Ok(Node::join(second, &keyring, false).map(drop)?)
}

/// Registers `users` users, each with a terminal, and two settlers. Doing it again finds the same.
pub(super) async fn cast(commands: &Commands, users: usize) -> Result<Cast, BenchError> {
    let terminals = futures_util::stream::iter(0..users).map(|user| terminal(commands, user)).buffered(AT_ONCE);
    let terminals: Vec<Result<Party, BenchError>> = terminals.collect().await;
    let mut settlers = Vec::new();
    for name in ["settler-0", "settler-1"] {
        let opened = act(commands, Family::Clients, name, &json!({ "role": "settler", "name": name })).await?;
        settlers.push(party(&opened, Role::Settler, None)?);
    }
    Ok(Cast { terminals: terminals.into_iter().collect::<Result<_, _>>()?, settlers })
}

async fn terminal(commands: &Commands, user: usize) -> Result<Party, BenchError> {
    let limit = json!({ "source": "prepaid", "amount": 1_000_000_000_000_000_u64, "currency": "EUR" });
    let body = json!({ "login": format!("user-{user}"), "limit": limit });
    let registered = act(commands, Family::Users, &format!("user-{user}"), &body).await?;
    let id = registered.entity.id;
    let body = json!({ "role": "terminal", "name": "bench", "user": id });
    let opened = act(commands, Family::Clients, &format!("terminal-{user}"), &body).await?;
    party(&opened, Role::Terminal, Some(id))
}

async fn act(commands: &Commands, family: Family, key: &str, body: &serde_json::Value) -> Result<Outcome, BenchError> {
    let call = kippu_actors::Call { caller: Caller::OPERATOR, key: key.to_owned(), id: None, if_match: None };
    let outcome = commands.run(family, "open", call, body.to_string().as_bytes()).await;
    let outcome = outcome.map_err(|not_run| BenchError::Load(not_run.to_string()))?;
    match outcome.answer {
        Answer::Done { .. } => Ok(outcome),
        Answer::Refused(problem) => Err(BenchError::Load(problem.to_string())),
    }
}

fn party(opened: &Outcome, role: Role, user: Option<EntityId>) -> Result<Party, BenchError> {
    let key = key_of(&opened.answer).ok_or_else(|| BenchError::Load("a client got no key".to_owned()))?;
    Ok(Party { caller: Caller::of_client(opened.entity.id, role, user), key })
}

/// How far the slowest view lags behind the log now, and the seconds that it took to catch up.
pub(super) async fn catch_up(queries: &Queries) -> Result<(u64, f64), BenchError> {
    let (behind, begun) = (lag(queries), Instant::now());
    while lag(queries) > 0 {
        if begun.elapsed() > Duration::from_secs(600) {
            return Err(BenchError::Load("the views do not catch up".to_owned()));
        }
        actix_rt::time::sleep(Duration::from_millis(5)).await;
    }
    Ok((behind, begun.elapsed().as_secs_f64()))
}

/// Entries of the log that the slowest view has not read.
pub(super) fn lag(queries: &Queries) -> u64 {
    queries.status().views.iter().map(|view| view.lag).max().unwrap_or(0)
}
