//! `kippu-user terminal approve`: gets an approval, and keeps it until the user hands it over.

use serde_json::json;

use super::buy::What;
use super::error::Error;
use super::purchase::{Manner, Stage};
use super::{Patience, Which, offer};
use crate::exit::Exit;
use crate::money;
use crate::output::Output;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    what: What,
    /// For how long the approval is to be good; a quarter of an hour where it is left out.
    #[arg(long, value_name = "SECONDS")]
    expires_in_secs: Option<u32>,
    #[command(flatten)]
    patience: Patience,
    #[command(flatten)]
    which: Which,
}

/// Gets the approval.
pub(crate) async fn run(args: &Args, output: &Output) -> Result<Exit, Error> {
    let (directory, _settings, parties) = args.which.open(&args.patience)?;
    let mut held = args.what.begun(Manner::Later, args.expires_in_secs, None, &directory, output)?;
    args.what.approved(&mut held, &directory, &parties, output).await?;
    let Stage::Approved(approval) = &held.purchase.stage else {
        output.note(format_args!("purchase {} was handed over before", held.id));
        return Ok(Exit::Sound);
    };
    let offer = offer::read(&approval.statement)?;
    let until = approval.expires_at.as_deref().unwrap_or("-");
    let value = json!({
        "purchase": held.id, "state": held.purchase.stage.name(), "approval": approval.id,
        "amount": offer.total, "currency": offer.currency, "expires_at": approval.expires_at,
    });
    let text = format!(
        "purchase  {id}\nstate     approved until {until}\namount    {}\nnext      kippu-user terminal hand-over {id}",
        money::shown(offer.total, &offer.currency),
        id = held.id,
    );
    output.result(&value, text);
    Ok(Exit::Sound)
}
