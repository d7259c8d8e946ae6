//! `kippu-user terminal hand-over`: the user lets the settlement server have an approval that was kept.

use std::path::PathBuf;

use super::directory::{Directory, Held, Settings};
use super::error::Error;
use super::parties::Parties;
use super::purchase::Stage;
use super::{Patience, Which, qr, report, settlement};
use crate::exit::Exit;
use crate::output::Output;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The purchase.
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    how: How,
}

/// To whom an approval is handed over, and where what was bought goes.
#[derive(clap::Args)]
pub(super) struct How {
    /// Where files go; in the terminal's directory where it is left out.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// A settlement server of the offer, where that is to be another one than the first that is known.
    #[arg(long, value_name = "URL")]
    pub(super) settler: Option<String>,
    #[command(flatten)]
    pub(super) patience: Patience,
    #[command(flatten)]
    pub(super) which: Which,
}

impl How {
    /// Where files go, whatever directory is worked in later.
    pub(super) fn out(&self) -> Result<Option<PathBuf>, Error> {
        self.out.as_ref().map(|out| std::path::absolute(out).map_err(Error::io(out))).transpose()
    }

    /// Hands over what is approved, waits until it is settled, and tells.
    pub(super) async fn settle(
        &self,
        held: &mut Held,
        (directory, settings, parties): (&Directory, &Settings, &Parties),
        output: &Output,
    ) -> Result<Exit, Error> {
        settlement::presented(held, self.settler.as_deref(), settings, parties).await?;
        settlement::settled(held, parties).await?;
        report::told(held, directory, parties, output).await?;
        Ok(Exit::Sound)
    }
}

/// Hands it over, and fetches what was bought.
pub(crate) async fn run(args: &Args, output: &Output) -> Result<Exit, Error> {
    let (directory, settings, parties) = args.how.which.open(&args.how.patience)?;
    let mut held = directory.get(&args.id)?;
    match &held.purchase.stage {
        Stage::Asked | Stage::Offered { .. } | Stage::Confirmed { .. } | Stage::Pending { .. } => {
            return Err(Error::Usage(format!("purchase {} is not approved yet", held.id)));
        }
        Stage::Over { .. } => {}
        Stage::Approved(approval) => {
            if let Some(out) = args.how.out()? {
                held.purchase.out = Some(out);
            }
            match qr::code(approval, args.how.settler.as_deref(), &settings).and_then(|code| code.drawn()) {
                Ok(drawn) => output.note(drawn.characters()),
                Err(error) => output.note(format_args!("no QR code: {error}")),
            }
        }
        Stage::Presented(_) | Stage::Held { .. } | Stage::Settled { .. } => {}
    }
    if let Some(said) = held.said_before() {
        return Err(said);
    }
    args.how.settle(&mut held, (&directory, &settings, &parties), output).await
}
