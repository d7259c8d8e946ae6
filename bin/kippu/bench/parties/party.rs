//! A party: a node in a process of its own that is killed and started again at the same address, and its operator.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use kippu_client::{Client, Error, Method};
use serde_json::{Value, json};

use super::super::child::Process;
use super::super::figure::BenchError;
use super::super::scene;
use super::PATIENCE;
use crate::config::Config;
use crate::node::DataDir;
use crate::parties::CARD;

/// See the module.
pub(in crate::bench) struct Party {
    /// Who it is to the others.
    pub(in crate::bench) id: String,
    /// Where it answers.
    pub(super) address: SocketAddr,
    pub(in crate::bench) operator: Client,
    config: Config,
    process: Process,
}

impl Party {
    /// Starts a party of this name in a folder of `dir`, which it makes or has made before.
    pub(in crate::bench) async fn start(dir: &Path, name: &str) -> Result<Self, BenchError> {
        let config = scene::named(scene::config(&dir.join(name)), name);
        let process = Process::start(&config)?;
        let address = process.address;
        let guest = Client::new(&address.to_string(), "", PATIENCE)?;
        ready(&guest).await?;
        let key = config.data.as_deref().map(|data| std::fs::read_to_string(DataDir::new(data).operator_key()));
        let key = key.transpose()?.unwrap_or_default();
        let operator = guest.with_key(key.trim());
        let card = operator.done(operator.query(CARD, None)).await?;
        Ok(Self { id: text(&card, "party")?, address, operator, config, process })
    }

    /// Lets this party know `other`, in these roles.
    pub(in crate::bench) async fn knows(&self, other: &Self, roles: &[&str]) -> Result<(), BenchError> {
        let mut card = self.operator.done(other.operator.query(CARD, None)).await?;
        card["roles"] = json!(roles);
        self.give("/v1/peers", &format!("peer-{}", other.id), &card).await.map(drop)
    }

    /// Gives a command as the operator; gives what was done.
    pub(in crate::bench) async fn give(&self, path: &str, key: &str, body: &Value) -> Result<Value, BenchError> {
        let begun = Instant::now();
        loop {
            match self.operator.give(path, key, body.to_string()).await {
                // A node that has just begun may not take every command yet.
                Err(error @ Error::Problem(_)) if error.is_open() && begun.elapsed() < PATIENCE => pause().await,
                given => return Ok(given?),
            }
        }
    }

    /// Uploads bytes that commands may name; gives what they hash to.
    pub(super) async fn upload(&self, bytes: Vec<u8>) -> Result<String, BenchError> {
        use sha2::Digest as _;
        let sha256 = data_encoding::HEXLOWER.encode(&sha2::Sha256::digest(&bytes));
        let request = self.operator.request(Method::PUT, &format!("/v1/blobs/{sha256}")).body(bytes);
        let answer = self.operator.send(request).await?;
        if answer.status.is_success() { Ok(sha256) } else { Err(BenchError::load(answer.text())) }
    }

    /// Tries at once what it owes.
    pub(super) async fn hurry(&self) -> Result<(), BenchError> {
        let answer = self.operator.send(self.operator.request(Method::POST, "/v1/activities/retry")).await?;
        if answer.status.is_success() { Ok(()) } else { Err(BenchError::load(answer.text())) }
    }

    /// Bytes of it in memory.
    pub(super) fn memory_bytes(&self) -> Result<u64, BenchError> {
        self.process.memory_bytes()
    }

    /// SIGKILL.
    pub(in crate::bench) fn kill(&mut self) -> Result<(), BenchError> {
        Ok(self.process.kill()?)
    }

    /// Starts it again where it was.
    pub(super) async fn start_again(&mut self) -> Result<(), BenchError> {
        self.process = Process::start_at(&self.config, self.address)?;
        ready(&self.operator).await
    }
}

/// Waits until the node says that it is ready.
async fn ready(node: &Client) -> Result<(), BenchError> {
    let begun = Instant::now();
    loop {
        match node.send(node.query("/readyz", None)).await {
            Ok(answer) if answer.status.is_success() => return Ok(()),
            Ok(answer) if begun.elapsed() > PATIENCE => return Err(BenchError::load(answer.text())),
            Err(lost) if begun.elapsed() > PATIENCE => return Err(lost.into()),
            Ok(_) | Err(_) => pause().await,
        }
    }
}

async fn pause() {
    actix_rt::time::sleep(Duration::from_millis(5)).await;
}

/// A member of `answer` that is text.
pub(super) fn text(answer: &Value, member: &str) -> Result<String, BenchError> {
    let text = answer.get(member).and_then(Value::as_str).map(str::to_owned);
    text.ok_or_else(|| BenchError::Load(format!("no {member} in {answer}")))
}
