//! The parties as the terminal calls them: each command again under its key until there is an answer.

use std::fmt;
use std::time::{Duration, Instant};

use kippu_client::{Answer, Client, Nodes, Pauses, Roots};
use reqwest::RequestBuilder;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::directory::Settings;
use super::error::Error;

/// How long one answer may take. Whoever is slower is asked again.
const ANSWER: Duration = Duration::from_secs(20);
/// How long a file may take: an hour, for gigabytes over a slow line.
const FILE: Duration = Duration::from_secs(3600);

/// Who is called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Who {
    Shop,
    Authenticator,
    Settler,
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shop => "the shop",
            Self::Authenticator => "the authentication server",
            Self::Settler => "the settlement server",
        })
    }
}

/// Calls parties.
pub(super) struct Parties {
    roots: Roots,
    /// How long each is asked again.
    patience: Duration,
}

/// A party, and as whom it is called: by an API key, a capability, or as nobody.
pub(super) struct Party {
    who: Who,
    nodes: Nodes,
    node: Client,
    key: String,
}

impl Parties {
    pub(super) fn new(settings: &Settings, patience: Duration) -> Result<Self, Error> {
        let roots = settings.tls_roots.as_deref().map(Roots::read).transpose()?.unwrap_or_default();
        Ok(Self { roots, patience })
    }

    /// The party at `url`.
    pub(super) fn at(&self, who: Who, url: &str, key: &str) -> Result<Party, Error> {
        let node = Client::trusting(url, "", ANSWER, &self.roots).map_err(Error::Address)?;
        Ok(Party { who, nodes: Nodes::new(vec![node.clone()], self.patience), node, key: key.to_owned() })
    }

    /// A request for a file, which is sent once.
    pub(super) fn file(&self, url: &str, capability: &str) -> Result<RequestBuilder, Error> {
        let node = Client::trusting(url, capability, FILE, &self.roots).map_err(Error::Address)?;
        Ok(node.request(kippu_client::Method::GET, ""))
    }

    /// A time until which something is waited for.
    pub(super) fn wait(&self) -> Wait {
        Wait { until: Instant::now() + self.patience, pauses: Pauses::default() }
    }
}

/// Looks at something again and again, for some time.
pub(super) struct Wait {
    until: Instant,
    pauses: Pauses,
}

impl Wait {
    /// Pauses before the next look; says whether there is to be one.
    pub(super) async fn again(&mut self) -> bool {
        if Instant::now() >= self.until {
            return false;
        }
        self.pauses.pass(None).await;
        true
    }
}

impl Party {
    /// Where it answers.
    pub(super) fn url(&self) -> &str {
        &self.node.url
    }

    /// Gives a command, which takes effect once under `key`.
    pub(super) async fn give<T: DeserializeOwned>(&self, path: &str, key: &str, body: &Value) -> Result<T, Error> {
        let body = body.to_string();
        let sent = self.nodes.until_answered(&self.key, |node| node.command(path, key, body.clone())).await;
        let (answer, _) = sent.map_err(|source| Error::Unanswered { who: self.who, source })?;
        self.understood(&answer)
    }

    /// Asks.
    pub(super) async fn ask<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        let sent = self.nodes.until_answered(&self.key, |node| node.query(path, None)).await;
        let (answer, _) = sent.map_err(|source| Error::Unanswered { who: self.who, source })?;
        self.understood(&answer)
    }

    fn understood<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, Error> {
        if !answer.status.is_success() {
            return Err(match answer.problem() {
                Some(problem) => Error::Refused { who: self.who, problem },
                None => self.odd(self.node.with_key(&self.key).what_answered(answer)),
            });
        }
        answer.json().ok_or_else(|| self.odd(self.node.with_key(&self.key).what_answered(answer)))
    }

    /// Something was answered that nobody can make sense of.
    pub(super) fn odd(&self, told: impl Into<String>) -> Error {
        Error::NotUnderstood { who: self.who, told: told.into() }
    }
}
