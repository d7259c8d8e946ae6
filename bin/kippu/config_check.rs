//! `kippu config check [FILE]`: whether a configuration would be taken, the files that it names included, and what would be
//! in force.

use std::path::PathBuf;

use kippu_events::Time;
use serde_json::json;

use crate::certificate::{CERTIFICATE, Certificate};
use crate::config::{Config, ConfigError, Flags};
use crate::exit::Exit;
use crate::output::Output;
use crate::remote;

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
    match Config::load_with(args.file.as_deref(), &args.flags, |config| files(config, output)) {
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

/// What is wrong with the files that `config` names, by setting.
fn files(config: &Config, output: &Output) -> Vec<(String, String)> {
    let mut wrong = Vec::new();
    match config.http.tls.files().map(|files| Certificate::read(&files)) {
        None => {}
        Some(Ok(certificate)) => {
            let now = Time::now();
            for remark in certificate.remarks(now, config.node.url.as_deref()) {
                output.warn(remark);
            }
            wrong.extend(certificate.refused(now).into_iter().map(|reason| (CERTIFICATE.to_owned(), reason)));
        }
        Some(Err(error)) => wrong.push((error.setting().to_owned(), error.to_string())),
    }
    if let Err(error) = remote::trusted(config.tls.roots.as_deref()) {
        wrong.push(("tls.roots".to_owned(), error.to_string()));
    }
    wrong
}
