//! `kippu-user terminal qr`: an approval as a QR code in a file.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::Which;
use super::code::{Code, Form};
use super::directory::{Directory, Settings, write_bytes};
use super::error::Error;
use super::offer;
use super::purchase::{Approval, Stage};
use crate::exit::Exit;
use crate::output::Output;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The purchase.
    #[arg(value_name = "ID")]
    id: String,
    /// The picture: a name that ends in .png or .svg; with .txt what a reader of the picture gets. Whoever sees it has the approval.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The settlement server where it is to be presented, where that is to be another one than the first that is known.
    #[arg(long, value_name = "URL")]
    settler: Option<String>,
    #[command(flatten)]
    which: Which,
}

/// Writes the code.
pub(crate) fn run(args: &Args, output: &Output) -> Result<Exit, Error> {
    let form = Form::of(&args.out);
    let form = form.ok_or_else(|| Error::Usage("the name of the file ends in .png, .svg or .txt".to_owned()))?;
    let directory = Directory::open(&args.which.dir)?;
    let held = directory.get(&args.id)?;
    let Stage::Approved(approval) = &held.purchase.stage else {
        let stage = held.purchase.stage.name();
        return Err(Error::Usage(format!("purchase {} is {stage}: there is no approval to hand over", held.id)));
    };
    let code = code(approval, args.settler.as_deref(), &directory.settings()?)?;
    let bytes = match form {
        Form::Png => code.drawn()?.png()?,
        Form::Svg => code.drawn()?.svg().into_bytes(),
        Form::Text => code.text()?.into_bytes(),
    };
    let folder = args.out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let name = args.out.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    write_bytes(folder, name, &bytes)?;
    output.result(&json!({ "file": args.out, "post": code.post }), format_args!("{}", args.out.display()));
    Ok(Exit::Sound)
}

/// The code for the settlement server that the user names, or the first of the offer that is known.
pub(super) fn code(approval: &Approval, named: Option<&str>, settings: &Settings) -> Result<Code, Error> {
    let offer = offer::read(&approval.statement)?;
    let known = || offer.settlers.iter().find_map(|party| settings.settlers.iter().find(|it| it.party == *party));
    let url = named.or(approval.settler.as_deref()).map(|url| url.trim_end_matches('/').to_owned());
    let url = url.or_else(|| known().map(|settler| settler.url.clone()));
    let none =
        || Error::Usage("none of the settlement servers of the offer is known: name one with --settler".to_owned());
    Ok(Code::new(approval, &url.ok_or_else(none)?))
}
