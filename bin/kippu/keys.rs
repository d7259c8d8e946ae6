//! `kippu keys rotate`: replaces the key that persons' keys are wrapped under, so that who was forgotten before is so for good.

use kippu_client::Method;
use serde_json::{Value, json};

use crate::config::Config;
use crate::exit::Exit;
use crate::node::{self, Node};
use crate::not_done::NotDone;
use crate::output::Output;
use crate::remote;
use crate::which::{Named, Which};

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct RotateArgs {
    #[command(flatten)]
    which: Which,
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

async fn rotated(args: &RotateArgs) -> Result<Value, NotDone> {
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
    Ok(json!({ "wrapping_key": replaced.map_err(NotDone::Refused)? }))
}
