//! `kippu-user terminal take`: what somebody read from the QR code of another terminal is a purchase of this one.

use std::io::{self, Read as _};
use std::path::PathBuf;

use serde_json::json;

use super::Which;
use super::code::Code;
use super::directory::Directory;
use super::error::Error;
use super::offer;
use super::purchase::{Approval, FORM, Keys, Manner, Purchase, Stage};
use crate::exit::Exit;
use crate::output::Output;

/// Such a code has less than three thousand bytes.
const MOST_BYTES: u64 = 1 << 16;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The file with the text of the code; `-` is standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Names this purchase.
    #[arg(long, value_name = "NAME")]
    purchase: Option<String>,
    #[command(flatten)]
    which: Which,
}

/// Takes it over. The same code is taken once.
pub(crate) fn run(args: &Args, output: &Output) -> Result<Exit, Error> {
    let directory = Directory::open(&args.which.dir)?;
    let (io, mut text) = (|| Error::io(&args.file), String::new());
    let reader: Box<dyn io::Read> = if args.file.as_os_str() == "-" {
        Box::new(io::stdin())
    } else {
        Box::new(std::fs::File::open(&args.file).map_err(io())?)
    };
    reader.take(MOST_BYTES).read_to_string(&mut text).map_err(io())?;
    let code: Code =
        serde_json::from_str(text.trim()).map_err(|source| Error::NotOurs { path: args.file.clone(), source })?;
    let settler = code.settler().map(str::to_owned);
    let Code { body, .. } = code;
    // What it says is looked at before anything is kept.
    offer::read(&body.offer)?;
    let token = body.token.clone();
    let is_same = |purchase: &Purchase| matches!(&purchase.stage, Stage::Approved(approval) if approval.token == token);
    let held = match directory.first(is_same)? {
        Some(held) => held,
        None => {
            let approval = Approval {
                id: None,
                issuer: body.issuer,
                token: body.token,
                statement: body.offer,
                settler,
                expires_at: None,
            };
            let purchase = Purchase {
                form: FORM,
                manner: Manner::Taken,
                shop: String::new(),
                wanted: Vec::new(),
                out: None,
                expires_in_secs: None,
                keys: Keys::random()?,
                stage: Stage::Approved(approval),
            };
            directory.begin(args.purchase.as_deref(), purchase)?
        }
    };
    let text = format!("purchase  {id}\nnext      kippu-user terminal hand-over {id}", id = held.id);
    output.result(&json!({ "purchase": held.id, "state": held.purchase.stage.name() }), text);
    Ok(Exit::Sound)
}
