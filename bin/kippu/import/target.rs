//! Where lines run: in this process on a data directory of its own, or through a running node.

use std::path::Path;
use std::time::Duration;

use kippu_actors::Problem;
use kippu_actors::actor::{Answer as Decided, Call};
use kippu_actors::http::path_of;
use kippu_client::Client;
use kippu_events::Principal;
use kippu_events::access::Caller;
use kippu_events::log::LogId;
use kippu_events::secrets::Bearer;
use serde::Deserialize;

use super::ImportError;
use super::line::Line;
use crate::config::Config;
use crate::node::Node;
use crate::remote::{RemoteError, read_key, trusted};

/// Longer than any command takes while a node is well.
const ANSWER_TIME: Duration = Duration::from_secs(30);

/// What one try of a line gave.
#[derive(Debug)]
pub(crate) enum Answer {
    /// It took effect.
    Applied,
    /// It had taken effect before.
    Replayed,
    /// A rule said no.
    Refused { problem: String, detail: String },
    /// A defect.
    Failed { problem: String, detail: String },
    /// Nobody knows yet: the same key again.
    Later { detail: String, after: Option<Duration> },
    /// No line can do better.
    Never { detail: String },
}

/// See the module.
pub(crate) enum Target {
    Local(Box<Node>),
    Server { node: Client, caller: Principal, log: LogId },
}

/// What `/livez` tells of a node, as far as it is needed here.
#[derive(Deserialize)]
struct Alive {
    log: String,
}

impl Target {
    /// The node in `data`, which nobody else runs.
    pub(crate) async fn local(data: &Path) -> Result<Self, ImportError> {
        let config = Config { data: Some(data.to_owned()), ..Config::default() };
        let node = Node::open_stopped(&config).await.map_err(|e| ImportError::Target(e.to_string()))?;
        Ok(Self::Local(Box::new(node)))
    }

    /// The node at `url`, as the API client with the key in `key_file`; the authorities in the file `roots` are trusted too.
    pub(crate) async fn server(url: &str, key_file: &Path, roots: Option<&Path>) -> Result<Self, ImportError> {
        let key = read_key(key_file).map_err(|error| ImportError::Target(error.to_string()))?;
        let no_key = || ImportError::Target(RemoteError::NoKey(key_file.to_owned()).to_string());
        let caller = Principal::Client(Bearer::unchecked(&key).ok_or_else(no_key)?.entity);
        let wrong = |reason: String| ImportError::Target(format!("{url}: {reason}"));
        let roots = trusted(roots).map_err(|error| ImportError::Target(error.to_string()))?;
        let node = Client::trusting(url, "", ANSWER_TIME, &roots);
        let node = node.map_err(|error| ImportError::Target(error.to_string()))?;
        // Whoever answers is not told the key before it is a node.
        let answer = node.send(node.query("/livez", None)).await.map_err(|lost| wrong(lost.why()))?;
        let alive = answer.json::<Alive>().filter(|_| answer.status.is_success());
        let alive = alive.ok_or_else(|| wrong(node.what_answered(&answer)))?;
        let log = alive.log.parse().map_err(|_| wrong("the node does not say which log it serves".to_owned()))?;
        Ok(Self::Server { node: node.with_key(&key), caller, log })
    }

    /// The log that lines go to.
    pub(super) fn log(&self) -> LogId {
        match self {
            Self::Local(node) => node.log.id(),
            Self::Server { log, .. } => *log,
        }
    }

    /// Whose commands the lines are: a key names a command of one caller.
    pub(super) const fn caller(&self) -> Principal {
        match self {
            Self::Local(_) => Caller::OPERATOR.principal,
            Self::Server { caller, .. } => *caller,
        }
    }

    /// Runs `line` once.
    pub(crate) async fn attempt(&self, line: &Line) -> Answer {
        match self {
            Self::Local(node) => {
                let call = Call { caller: Caller::OPERATOR, key: line.key.clone(), id: line.id, if_match: None };
                let ran = node.commands.give(line.family, line.spec, call, line.body.get().as_bytes()).await;
                match ran {
                    Ok(outcome) => match outcome.answer {
                        Decided::Done { .. } => done(outcome.replayed),
                        Decided::Refused(problem) => judged(&problem),
                    },
                    Err(not_run) => judged(&not_run.into()),
                }
            }
            Self::Server { node, .. } => {
                let id = line.id.map_or_else(String::new, |id| id.to_string());
                let path = path_of(line.family, line.spec).replace("{id}", &id);
                match node.send(node.command(&path, &line.key, line.body.get().to_owned())).await {
                    Ok(answer) => answered(node, &answer),
                    Err(lost) if lost.source.is_builder() => {
                        Answer::Failed { problem: "not-a-command".to_owned(), detail: lost.why() }
                    }
                    // Sent or not: nobody knows.
                    Err(lost) => Answer::Later { detail: lost.why(), after: None },
                }
            }
        }
    }

    /// Lets go of what was opened.
    pub(crate) async fn close(&self) {
        match self {
            Self::Local(node) => node.stop().await,
            Self::Server { .. } => {}
        }
    }
}

const fn done(replayed: bool) -> Answer {
    if replayed { Answer::Replayed } else { Answer::Applied }
}

fn judged(problem: &Problem) -> Answer {
    let after = problem.retry_after_secs.map(|seconds| Duration::from_secs(seconds.into()));
    by_status(problem.kind.status, problem.kind.slug, problem.detail.clone(), after)
}

/// What a status means for a line. The outcome of a request that timed out, here or there, is not known.
fn by_status(status: u16, slug: &str, detail: String, after: Option<Duration>) -> Answer {
    match status {
        408 | 429 | 502 | 503 | 504 | 507 => Answer::Later { detail: format!("{slug}: {detail}"), after },
        401 => Answer::Never { detail: format!("{slug}: {detail}") },
        400..=499 => Answer::Refused { problem: slug.to_owned(), detail },
        _ => Answer::Failed { problem: slug.to_owned(), detail },
    }
}

fn answered(node: &Client, answer: &kippu_client::Answer) -> Answer {
    // A command that was done has a position; whoever answers without one is no node.
    if answer.status.is_success() && answer.position().is_some() {
        return done(answer.is_replayed());
    }
    let after = answer.retry_after();
    match answer.problem() {
        Some(problem) => by_status(problem.status, problem.slug(), problem.detail.clone(), after),
        // What somebody else says is no decision of a node.
        None if answer.is_for_later() => Answer::Later { detail: node.what_answered(answer), after },
        None => Answer::Never { detail: node.what_answered(answer) },
    }
}
