//! `kippu keys rotate`: replaces the key that persons' keys are wrapped under, so that who was forgotten before is so for good.

use kippu_actors::Problem;
use kippu_client::{Error, Method};
use serde_json::{Value, json};

use crate::config::Config;
use crate::exit::Exit;
use crate::node::{self, Node, NodeError};
use crate::output::Output;
use crate::remote::{self, RemoteError};
use crate::which::{Named, Unnamed, Which};

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct RotateArgs {
    #[command(flatten)]
    which: Which,
}

/// Why it was not replaced.
#[derive(Debug, thiserror::Error)]
enum KeysError {
    #[error(transparent)]
    Unnamed(#[from] Unnamed),
    #[error(transparent)]
    Node(#[from] NodeError),
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error(transparent)]
    Call(#[from] Error),
    #[error("{0}")]
    Refused(Problem),
}

impl KeysError {
    const fn exit(&self) -> Exit {
        match self {
            Self::Refused(_) | Self::Call(Error::Problem(_)) => Exit::Found,
            Self::Unnamed(_) => Exit::Usage,
            Self::Node(_) | Self::Remote(_) | Self::Call(_) => Exit::CouldNotRun,
        }
    }
}

/// Replaces it.
pub(crate) fn rotate(args: &RotateArgs, output: &Output) -> Exit {
    match node::on_a_system(rotated(args)) {
        Ok(value) => {
            output.result(&value, format!("persons' keys are wrapped under key {} alone", value["wrapping_key"]));
            Exit::Sound
        }
        Err(error) => output.failed(error.exit(), error),
    }
}

async fn rotated(args: &RotateArgs) -> Result<Value, KeysError> {
    let data = match args.which.named()? {
        Named::Stopped(data) => data,
        Named::Running { url, key_file, roots } => {
            let node = remote::node_at(&url, &key_file, roots.as_deref())?;
            return Ok(node.done(node.request(Method::POST, "/v1/keys/rotate")).await?);
        }
    };
    let node = Node::open_stopped(&Config { data: Some(data), ..Config::default() }).await?;
    let replaced = node::replace_wrapping_key(&node.secrets).await;
    node.stop().await;
    Ok(json!({ "wrapping_key": replaced.map_err(KeysError::Refused)? }))
}
