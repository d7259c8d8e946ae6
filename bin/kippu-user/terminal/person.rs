//! Who buys: by name or number and a PIN, where the terminal does not store that. The PIN is kept nowhere.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::PathBuf;

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use serde_json::{Value, json};

use super::error::Error;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Person {
    /// Your name or number at the authentication server, where this terminal does not store it.
    #[arg(long, value_name = "NAME")]
    login: Option<String>,
    /// Whose name for you that is.
    #[arg(long, value_name = "NAME", requires = "login")]
    realm: Option<String>,
    /// The file with your PIN; it is asked for where this is left out.
    #[arg(long, value_name = "FILE", requires = "login")]
    pin_file: Option<PathBuf>,
}

impl Person {
    /// As the authentication server wants it.
    pub(super) fn identification(&self) -> Result<Option<Value>, Error> {
        let Some(login) = &self.login else { return Ok(None) };
        let pin = match &self.pin_file {
            Some(path) => std::fs::read_to_string(path).map_err(Error::io(path))?,
            None => typed()?,
        };
        let mut person = json!({ "login": login, "pin": pin.trim() });
        if let (Some(realm), Some(person)) = (&self.realm, person.as_object_mut()) {
            person.insert("realm".to_owned(), realm.as_str().into());
        }
        Ok(Some(person))
    }
}

/// The PIN, typed without being shown.
fn typed() -> Result<String, Error> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return Err(Error::Usage("name the file with your PIN with --pin-file, where nobody can be asked".to_owned()));
    }
    let io = |source: io::Error| Error::Io { path: PathBuf::from("standard input"), source };
    let shown = tcgetattr(&stdin).map_err(|error| io(error.into()))?;
    let mut hidden = shown.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    let _closed = write!(io::stderr().lock(), "PIN: ");
    tcsetattr(&stdin, OptionalActions::Flush, &hidden).map_err(|error| io(error.into()))?;
    let mut pin = String::new();
    let read = stdin.lock().read_line(&mut pin);
    tcsetattr(&stdin, OptionalActions::Flush, &shown).map_err(|error| io(error.into()))?;
    let _closed = writeln!(io::stderr().lock());
    read.map_err(io)?;
    Ok(pin)
}
