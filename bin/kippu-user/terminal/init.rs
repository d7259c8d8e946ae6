//! `kippu-user terminal init`: where the parties answer that this terminal knows.

use std::path::PathBuf;

use serde_json::json;

use super::directory::Directory;
use super::error::Error;
use super::parties::Parties;
use super::{Patience, Which, settlement};
use crate::exit::Exit;
use crate::output::Output;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where the authentication server answers. A terminal without one takes approvals over, and gets none.
    #[arg(long, value_name = "URL", requires = "key_file")]
    authenticator: Option<String>,
    /// The file with this terminal's API key there. The key is copied.
    #[arg(long, value_name = "FILE", requires = "authenticator")]
    key_file: Option<PathBuf>,
    /// Where a settlement server answers; may be given several times. Those that are known stay.
    #[arg(long = "settler", value_name = "URL")]
    settlers: Vec<String>,
    /// A file with certificates of authorities that are trusted too, in PEM.
    #[arg(long, env = "KIPPU_TLS_ROOTS", value_name = "FILE")]
    tls_roots: Option<PathBuf>,
    #[command(flatten)]
    patience: Patience,
    #[command(flatten)]
    which: Which,
}

/// Sets what is named, and leaves the rest.
pub(crate) async fn run(args: &Args, output: &Output) -> Result<Exit, Error> {
    let key = match &args.key_file {
        Some(path) => Some(std::fs::read_to_string(path).map_err(Error::io(path))?),
        None => None,
    };
    let key = key.as_deref().map(str::trim);
    if key.is_some_and(|key| !key.starts_with("kpk_") || key.contains(char::is_whitespace)) {
        return Err(Error::Usage(
            "the file of --key-file holds no API key, which is one line that begins with kpk_".to_owned(),
        ));
    }
    let directory = Directory::make(&args.which.dir)?;
    let mut settings = directory.settings()?;
    if let Some(roots) = &args.tls_roots {
        settings.tls_roots = Some(std::path::absolute(roots).map_err(Error::io(roots))?);
    }
    let parties = Parties::new(&settings, args.patience.time())?;
    for url in &args.settlers {
        let settler = settlement::settler_at(url, &parties).await?;
        settings.settlers.retain(|known| known.party != settler.party);
        settings.settlers.push(settler);
    }
    if let (Some(url), Some(key)) = (&args.authenticator, key) {
        settings.authenticator = Some(parties.at(super::parties::Who::Authenticator, url, "")?.url().to_owned());
        directory.set_key(key)?;
    }
    directory.set(&settings)?;
    let value = json!({ "authenticator": settings.authenticator, "settlers": settings.settlers });
    let (at, settlers) = (settings.authenticator.as_deref().unwrap_or("nobody"), settings.settlers.len());
    output.result(&value, format_args!("a terminal of {at}, which knows {settlers} settlement servers"));
    Ok(Exit::Sound)
}
