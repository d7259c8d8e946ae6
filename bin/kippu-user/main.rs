//! `kippu-user`: what the users of services have in their hands. It plays a buyer's terminal. It calls nodes of several parties over
//! HTTP, as any program could, and is no node.

mod cli;
mod exit;
mod money;
mod output;
mod terminal;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::{Cli, Command, Terminal};
use crate::exit::Exit;
use crate::output::Output;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(said) => {
            // Without standard error, the exit code tells it alone.
            let _closed = said.print();
            return if said.use_stderr() { Exit::Usage } else { Exit::Sound }.into();
        }
    };
    let output = Output::new(cli.json);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return output.failed(Exit::CouldNotRun, error).into(),
    };
    let ended = runtime.block_on(run(cli.command, &output));
    let exit = match ended {
        Ok(exit) => exit,
        Err(error) => output.failed(error.exit(), error),
    };
    output.end(exit).into()
}

async fn run(command: Command, output: &Output) -> Result<Exit, terminal::Error> {
    let Command::Terminal(command) = command;
    match command {
        Terminal::Init(args) => terminal::init::run(&args, output).await,
        Terminal::Buy(args) => terminal::buy::run(&args, output).await,
        Terminal::Approve(args) => terminal::approve::run(&args, output).await,
        Terminal::HandOver(args) => terminal::hand_over::run(&args, output).await,
        Terminal::Qr(args) => terminal::qr::run(&args, output),
        Terminal::Take(args) => terminal::take::run(&args, output),
        Terminal::List(args) => terminal::list::run(&args, output),
    }
}
