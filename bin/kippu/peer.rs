//! `kippu peer card|add|list|rotate|revoke`: other parties, through a running node.

use std::path::PathBuf;

use kippu_client::{Client, Error};
use kippu_events::access::Role;
use kippu_events::{EntityId, text_file};
use serde_json::{Value, json};

use crate::exit::Exit;
use crate::node;
use crate::output::Output;
use crate::parties::{CARD, Card};
use crate::remote::{self, RemoteError};

/// Arguments of `card`.
#[derive(clap::Args)]
pub(crate) struct CardArgs {
    /// The running node.
    #[arg(long, env = "KIPPU_SERVER", value_name = "URL")]
    server: String,
    #[command(flatten)]
    roots: Trusted,
}

/// A running node, as an operator calls it.
#[derive(clap::Args)]
pub(crate) struct Running {
    /// The running node.
    #[arg(long, env = "KIPPU_SERVER", value_name = "URL")]
    pub(crate) server: String,
    /// The file with an operator's API key.
    #[arg(long, env = "KIPPU_KEY_FILE", value_name = "FILE")]
    pub(crate) key_file: PathBuf,
    #[command(flatten)]
    roots: Trusted,
}

/// Whom to trust besides the authorities of browsers.
#[derive(clap::Args)]
pub(crate) struct Trusted {
    /// A file with certificates of authorities that are trusted too, in PEM.
    #[arg(long, env = "KIPPU_TLS_ROOTS", value_name = "FILE")]
    tls_roots: Option<PathBuf>,
}

impl Running {
    /// The node.
    ///
    /// # Errors
    /// Where the key or the authorities cannot be read, or the address is none.
    pub(crate) fn node(&self) -> Result<Client, RemoteError> {
        remote::node_at(&self.server, &self.key_file, self.roots.tls_roots.as_deref())
    }

    /// The authorities that are trusted.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub(crate) fn roots(&self) -> Result<kippu_client::Roots, RemoteError> {
        Ok(remote::trusted(self.roots.tls_roots.as_deref())?)
    }
}

/// Arguments of `add`.
#[derive(clap::Args)]
pub(crate) struct AddArgs {
    /// The other party's card, as its `kippu peer card` printed it.
    card: PathBuf,
    /// What it is to this node; may be given several times.
    #[arg(long, required = true, value_parser = role, value_name = "shop|settler|authenticator|reference|main_site|partner_site")]
    role: Vec<Role>,
    #[command(flatten)]
    node: Running,
}

/// Arguments of `list`.
#[derive(clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    node: Running,
}

/// Arguments of `rotate`.
#[derive(clap::Args)]
pub(crate) struct RotateArgs {
    /// The other party's card of today.
    card: PathBuf,
    #[command(flatten)]
    node: Running,
}

/// Arguments of `revoke`.
#[derive(clap::Args)]
pub(crate) struct RevokeArgs {
    /// The peer.
    id: EntityId,
    #[command(flatten)]
    node: Running,
}

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
enum PeerError {
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error(transparent)]
    Call(#[from] Error),
    #[error("{}: {source}", path.display())]
    CardFile { path: PathBuf, source: std::io::Error },
    #[error("{} is no card of a party: {reason}", path.display())]
    NoCard { path: PathBuf, reason: serde_json::Error },
}

impl PeerError {
    const fn exit(&self) -> Exit {
        match self {
            Self::Call(Error::Problem(_)) => Exit::Found,
            Self::Remote(_) | Self::Call(_) | Self::CardFile { .. } | Self::NoCard { .. } => Exit::CouldNotRun,
        }
    }
}

/// Prints what another party needs to register this node's.
pub(crate) fn card(args: &CardArgs, output: &Output) -> Exit {
    let card = async {
        let node = remote::nobody_at(
            &args.server,
            &remote::trusted(args.roots.tls_roots.as_deref()).map_err(RemoteError::from)?,
        )?;
        Ok(node.done(node.query(CARD, None)).await?)
    };
    finish(output, node::on_a_system(card), |card: &Value| format!("{card:#}"))
}

/// Registers another party.
pub(crate) fn add(args: &AddArgs, output: &Output) -> Exit {
    let added = async {
        let Card { party, name, url, keys } = read_card(&args.card)?;
        let body = json!({ "party": party, "name": name, "url": url, "roles": args.role, "keys": keys });
        let node = args.node.node()?;
        // A party is registered once: its own name makes every retry the same command.
        Ok(node.give("/v1/peers", &format!("cli-peer-{party}"), body.to_string()).await?)
    };
    let id = |peer: &Value| format!("peer {}", peer.get("id").and_then(Value::as_str).unwrap_or("-"));
    finish(output, node::on_a_system(added), id)
}

/// Lists peers.
pub(crate) fn list(args: &ListArgs, output: &Output) -> Exit {
    let listed = async {
        let node = args.node.node()?;
        Ok(node.done(node.query("/v1/peers?limit=1000", None)).await?)
    };
    finish(output, node::on_a_system(listed), |page: &Value| {
        let text = |row: &Value, member: &str| row.get(member).and_then(Value::as_str).unwrap_or("-").to_owned();
        let rows = page.get("data").and_then(Value::as_array).cloned().unwrap_or_default();
        let line = |row: &Value| {
            let roles = row.get("roles").and_then(Value::as_array).cloned().unwrap_or_default();
            let roles: Vec<&str> = roles.iter().filter_map(Value::as_str).collect();
            let (id, state, name, url) = (text(row, "id"), text(row, "state"), text(row, "name"), text(row, "url"));
            format!("{id}  {state:8}  {:24}  {name}  {url}", roles.join(","))
        };
        rows.iter().map(line).collect::<Vec<_>>().join("\n")
    })
}

/// Adds the keys of a peer that are new on its card, and ends those that are no longer there.
pub(crate) fn rotate(args: &RotateArgs, output: &Output) -> Exit {
    let rotated = async {
        let Card { party, keys, .. } = read_card(&args.card)?;
        let node = args.node.node()?;
        let row = node.done(node.query(&format!("/v1/peers/{party}"), None)).await?;
        let known = row.get("keys").and_then(Value::as_array).cloned().unwrap_or_default();
        let its = |key: &Value| key.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let (mut added, mut ended) = (0, 0);
        for key in keys.iter().filter(|key| !known.iter().any(|one| its(one) == key.x.id())) {
            let (path, name) = (format!("/v1/peers/{party}/add-key"), format!("cli-add-key-{}", key.x.id()));
            node.give(&path, &name, json!({ "key": key }).to_string()).await?;
            added += 1;
        }
        for key in known.iter().map(its).filter(|id| !keys.iter().any(|key| key.x.id() == *id)) {
            let path = format!("/v1/peers/{party}/revoke-key");
            node.give(&path, &format!("cli-end-key-{key}"), json!({ "key": key }).to_string()).await?;
            ended += 1;
        }
        Ok(json!({ "id": party, "added": added, "ended": ended }))
    };
    finish(output, node::on_a_system(rotated), |done: &Value| {
        format!("keys added {}, ended {}", done["added"], done["ended"])
    })
}

/// Ends a peer for ever.
pub(crate) fn revoke(args: &RevokeArgs, output: &Output) -> Exit {
    let revoked = async {
        let node = args.node.node()?;
        let path = format!("/v1/peers/{}/revoke", args.id);
        Ok(node.give(&path, &format!("cli-revoke-{}", args.id), "{}").await?)
    };
    finish(output, node::on_a_system(revoked), |_| format!("peer {} is revoked", args.id))
}

fn read_card(path: &std::path::Path) -> Result<Card, PeerError> {
    let path = path.to_owned();
    let text = text_file::read(&path).map_err(|source| PeerError::CardFile { path: path.clone(), source })?;
    serde_json::from_str(&text).map_err(|reason| PeerError::NoCard { path, reason })
}

fn finish(output: &Output, outcome: Result<Value, PeerError>, text: impl FnOnce(&Value) -> String) -> Exit {
    match outcome {
        Ok(value) => {
            output.result(&value, text(&value));
            Exit::Sound
        }
        Err(error) => output.failed(error.exit(), error),
    }
}

fn role(text: &str) -> Result<Role, String> {
    let found = Role::ALL.into_iter().find(|role| role.name() == text && role.is_for_peers());
    found.ok_or_else(|| {
        let known: Vec<&str> = Role::ALL.into_iter().filter(|role| role.is_for_peers()).map(Role::name).collect();
        format!("a role of a peer is one of {}", known.join(", "))
    })
}
