//! `kippu-user terminal hand-over`: the user lets the settlement server have an approval that was kept.

use std::path::PathBuf;

use super::directory::Directory;
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
    /// Where files go; in the terminal's directory where it is left out.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// A settlement server of the offer, where that is to be another one than the first that is known.
    #[arg(long, value_name = "URL")]
    settler: Option<String>,
    #[command(flatten)]
    patience: Patience,
    #[command(flatten)]
    which: Which,
}

/// Hands it over, and fetches what was bought.
pub(crate) async fn run(args: &Args, output: &Output) -> Result<Exit, Error> {
    let directory = Directory::open(&args.which.dir)?;
    let settings = directory.settings()?;
    let parties = Parties::new(&settings, args.patience.time())?;
    let mut held = directory.get(&args.id)?;
    match &held.purchase.stage {
        Stage::Asked | Stage::Offered { .. } | Stage::Confirmed { .. } | Stage::Pending { .. } => {
            return Err(Error::Usage(format!("purchase {} is not approved yet", held.id)));
        }
        Stage::Over { .. } => {}
        Stage::Approved(approval) => {
            if let Some(out) = &args.out {
                held.purchase.out = Some(std::path::absolute(out).map_err(Error::io(out))?);
            }
            match qr::code(approval, args.settler.as_deref(), &settings).and_then(|code| code.drawn()) {
                Ok(drawn) => output.note(drawn.characters()),
                Err(error) => output.note(format_args!("no QR code: {error}")),
            }
        }
        Stage::Presented(_) | Stage::Held { .. } | Stage::Settled { .. } => {}
    }
    if let Some(said) = held.said_before() {
        return Err(said);
    }
    settlement::presented(&mut held, args.settler.as_deref(), &settings, &parties).await?;
    settlement::settled(&mut held, &parties).await?;
    report::told(&held, &directory, &parties, output).await?;
    Ok(Exit::Sound)
}
