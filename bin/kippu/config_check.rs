//! `kippu config check [FILE]`: whether a configuration would be taken, and what would be in force.

use std::path::PathBuf;

use serde_json::json;

use crate::config::{Config, ConfigError, Flags};
use crate::exit::Exit;
use crate::output::Output;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The file; without one, defaults and environment are checked.
    #[arg(env = "KIPPU_CONFIG")]
    file: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
}

/// Prints what would be in force, or every complaint.
pub(crate) fn run(args: &Args, output: &Output) -> Exit {
    for variable in Flags::unknown_variables(std::env::vars_os()) {
        output.warn(format_args!("{variable}: looks like a setting, but is none"));
    }
    match Config::load(args.file.as_deref(), &args.flags) {
        Ok(config) => {
            let text = toml::to_string(&config).unwrap_or_else(|e| format!("# {e}"));
            output.result(&json!({ "sound": true, "config": config }), text.trim_end());
            Exit::Sound
        }
        Err(ConfigError::Wrong { complaints }) => {
            let text = complaints.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
            output.result(&json!({ "sound": false, "complaints": complaints }), text);
            Exit::Found
        }
        Err(error @ ConfigError::Io { .. }) => output.failed(Exit::CouldNotRun, error),
    }
}
