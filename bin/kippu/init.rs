//! `kippu init`: makes a data directory with a log, a key store and a first operator, and starts nothing.

use std::path::{Path, PathBuf};

use kippu_events::access::Role;
use kippu_events::{Family, Time};
use serde_json::json;

use crate::config::{Config, Flags};
use crate::exit::Exit;
use crate::kit::Kit;
use crate::node::{self, Node};
use crate::output::Output;
use crate::parties::Card;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Configuration file.
    #[arg(long, env = "KIPPU_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Make one more node of a log on Kafka: a copy of the file keys/keyring.json of a node that there is.
    #[arg(long, value_name = "FILE")]
    keyring: Option<PathBuf>,
    /// Make the node of a partner site by this kit of its main site, which is known as a peer from the beginning.
    #[arg(long, value_name = "FILE", conflicts_with = "keyring")]
    kit: Option<PathBuf>,
    /// The key that has to have signed the kit, as the main site's operator told it.
    #[arg(long, value_name = "KEY", requires = "kit", allow_hyphen_values = true)]
    signed_with: Option<String>,
    /// Make it although persons' keys are gone, and the names in the history with them.
    #[arg(long, requires = "keyring")]
    without_keys: bool,
    /// Begin a history although this machine's clock says that it is not 2026 yet.
    #[arg(long)]
    accept_clock: bool,
    #[command(flatten)]
    flags: Flags,
}

/// Makes the directory.
pub(crate) fn run(args: &Args, output: &Output) -> Exit {
    let config = match Config::load(args.config.as_deref(), &args.flags) {
        Ok(config) => config,
        Err(error) => return output.failed(error.exit(), error),
    };
    if let Some(keyring) = &args.keyring {
        return join(&config, keyring, args.without_keys, output);
    }
    // Looked at first: by one that was altered nothing is made.
    let kit = args.kit.as_ref().map(|file| Kit::read(file, args.signed_with.as_deref(), Time::now()));
    let kit = match kit.transpose() {
        Ok(kit) => kit,
        Err(error) => {
            let file = args.kit.as_deref().unwrap_or(Path::new("")).display();
            return output.failed(Exit::Found, format_args!("{file} is no kit that counts: {error}"));
        }
    };
    let made = node::on_a_system(async {
        let node = Node::init(&config, args.accept_clock).await?;
        if let Some(kit) = &kit {
            begin(&node, kit).await?;
        }
        node.stop().await;
        Ok::<_, node::NodeError>((node.log.id(), node.log.partitions(), node.dir.clone()))
    });
    match made {
        Ok((log, partitions, dir)) => {
            let key_file = dir.operator_key();
            if let Some(kit) = &kit {
                let main = &kit.contents.main;
                output.note(format_args!(
                    "the main site is {} at {}, whose kit is signed with the key {}",
                    main.name, main.url, kit.key
                ));
            }
            output.result(
                &json!({ "log": log.to_string(), "partitions": partitions, "data": dir.path().display().to_string(), "operator_key_file": key_file.display().to_string() }),
                format!(
                    "log {log} with {partitions} partitions in {}\nthe first operator's API key lies in {}; move it to where you keep secrets",
                    dir.path().display(),
                    key_file.display()
                ),
            );
            Exit::Sound
        }
        Err(error @ node::NodeError::NoDir) => output.failed(Exit::Usage, error),
        Err(error) => output.failed(Exit::CouldNotRun, error),
    }
}

/// Lets the new node know its main site, and lays the files of the kit beside its history.
async fn begin(node: &Node, kit: &Kit) -> Result<(), node::NodeError> {
    let Card { party, name, url, keys } = &kit.contents.main;
    let body = json!({ "party": party, "name": name, "url": url, "roles": [Role::MainSite], "keys": keys });
    let known = node.command(Family::Peers, "open", None, "kit-main-site", &body).await;
    known.map_err(|problem| node::NodeError::Kit(problem.to_string()))?;
    kit.write_files(&node.dir.path().join("kit")).map_err(|error| node::NodeError::Kit(error.to_string()))
}

/// Makes the directory of one more node.
fn join(config: &Config, keyring: &Path, without_keys: bool, output: &Output) -> Exit {
    match Node::join(config, keyring, without_keys) {
        Ok((log, partitions)) => {
            output.result(
                &json!({ "log": log.to_string(), "partitions": partitions, "data": config.data.as_ref().map(|data| data.display().to_string()) }),
                format_args!("one more node of the log {log} with {partitions} partitions"),
            );
            Exit::Sound
        }
        Err(error @ (node::NodeError::NoDir | node::NodeError::NotShared)) => output.failed(Exit::Usage, error),
        Err(error) => output.failed(Exit::CouldNotRun, error),
    }
}
