//! `kippu completions SHELL`: a script that completes this command's words.

use std::io::Write as _;

use crate::exit::Exit;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// For which shell.
    shell: clap_complete::Shell,
}

/// Prints the script for `command`.
pub(crate) fn run(args: &Args, mut command: clap::Command) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "kippu", &mut script);
    match std::io::stdout().lock().write_all(&script) {
        Ok(()) => Exit::Sound,
        Err(_closed) => Exit::CouldNotRun,
    }
}
