//! The API as this client uses it: every command has a key, and is sent with that same key until there is an answer. So it
//! takes effect once, whatever happens to the connection or to the node in between.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use kippu_client::{Answer, Client, Nodes, Roots};
use serde_json::Value;

/// The API, at any node of those that share a history.
pub(crate) struct Api {
    pub(crate) nodes: Nodes,
}

/// One command, which can be sent again and again.
#[derive(Clone)]
pub(crate) struct Command {
    /// Behind the node's URL.
    pub(crate) path: String,
    /// The caller's API key.
    pub(crate) bearer: String,
    /// The idempotency key.
    pub(crate) key: String,
    /// The command's fields.
    pub(crate) body: Value,
}

/// The text in `field` of an answer.
pub(crate) fn text(answer: &Answer, field: &str) -> anyhow::Result<String> {
    let body = json(answer)?;
    let text = body.get(field).and_then(Value::as_str).map(str::to_owned);
    text.with_context(|| format!("the answer has no {field:?}: {body}"))
}

fn json(answer: &Answer) -> anyhow::Result<Value> {
    answer.json().with_context(|| format!("the answer of {} is no JSON", answer.url))
}

/// Whether both say the same. Each problem names its request, so that its kind counts alone.
fn say_the_same(one: &Answer, other: &Answer) -> anyhow::Result<bool> {
    let kind = |answer: &Answer| answer.problem().map(|problem| problem.kind);
    let is_same = (one.status, kind(one)) == (other.status, kind(other));
    Ok(is_same && (kind(one).is_some() || json(one)? == json(other)?))
}

impl Api {
    /// The API at `urls`. A request is tried again for as long as `patience`, at the next node each time.
    pub(crate) fn new(urls: &[String], patience: Duration) -> anyhow::Result<Self> {
        let http = kippu_client::builder(Duration::from_secs(30), &Roots::default()).build()?;
        let nodes = urls.iter().map(|url| Client::over(http.clone(), url)).collect();
        Ok(Self { nodes: Nodes::new(nodes, patience) })
    }

    /// What a query says, reflecting at least `position`.
    pub(crate) async fn query(&self, bearer: &str, path: &str, position: Option<&str>) -> anyhow::Result<Value> {
        let asked = self.nodes.until_answered(bearer, |node| node.query(path, position)).await;
        let (answer, _) = asked.with_context(|| format!("GET {path}"))?;
        let body = json(&answer)?;
        ensure!(answer.status.is_success(), "GET {path}: {} {body}", answer.status);
        Ok(body)
    }

    /// The answer to `command`, and whether the node was lost in between.
    async fn command(&self, command: &Command) -> anyhow::Result<(Answer, bool)> {
        let Command { path, bearer, key, body } = command;
        let body = body.to_string();
        let asked = self.nodes.until_answered(bearer, |node| node.command(path, key, body.clone())).await;
        asked.with_context(|| format!("POST {path} with key {key}"))
    }
}

/// One caller at a time over one connection. Remembers its last answer, and when the node was lost asks for that one
/// again, to see that the node remembers it too.
pub(crate) struct Line<'a> {
    /// The API.
    pub(crate) api: &'a Api,
    last: Option<(Command, Answer)>,
    /// Answers that were asked for again and were the same.
    pub(crate) repeated: u64,
}

impl<'a> Line<'a> {
    /// A line to `api`.
    pub(crate) const fn new(api: &'a Api) -> Self {
        Self { api, last: None, repeated: 0 }
    }

    /// Sends `command` until it is answered.
    pub(crate) async fn send(&mut self, command: Command) -> anyhow::Result<Answer> {
        let (answer, lost) = self.api.command(&command).await?;
        if lost && let Some((earlier, before)) = &self.last {
            let (again, _) = self.api.command(earlier).await?;
            ensure!(
                say_the_same(before, &again)?,
                "key {} of {} was answered with {} {} first, and with {} {} after the node was lost",
                earlier.key,
                earlier.path,
                before.status,
                json(before)?,
                again.status,
                json(&again)?,
            );
            self.repeated += 1;
        }
        self.last = Some((command, answer.clone()));
        Ok(answer)
    }
}
