//! `kippu completions SHELL`: a script that completes this command's words.

use crate::exit::Exit;
use crate::output::Output;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// For which shell.
    shell: clap_complete::Shell,
}

/// Prints the script for `command`.
pub(crate) fn run(args: &Args, mut command: clap::Command, output: &Output) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "kippu", &mut script);
    output.print(String::from_utf8_lossy(&script));
    Exit::Sound
}
