//! A witness: somebody else than who keeps the log, who says by a cosignature that all that it was ever shown of this log is one
//! history. What it has seen last is all that it keeps, as the note itself.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;

use kippu_events::whole::{PLAIN, write_whole};

use super::consistency::{Consistent, compare};
use super::error::EvidenceError;
use super::folder::Folder;
use super::key::Keys;
use super::signed::{Signed, Signer};

/// What came of it.
#[derive(Debug)]
pub struct Witnessed {
    /// The checkpoint with the cosignature.
    pub signed: Signed,
    /// How it goes on from the one before; nothing where this is the first that the witness sees of the log.
    pub since: Option<Consistent>,
}

/// Cosigns `signed`, which one of `keys` MUST have signed, if it goes on from what `state` has seen last. `state` is durable before
/// there is a cosignature.
///
/// # Errors
/// [`super::Fault`] where it does not go on; nothing is cosigned then.
pub fn witness(
    mut signed: Signed,
    keys: &Keys,
    folder: &Folder,
    state: &Path,
    signer: &Signer<'_>,
) -> Result<Witnessed, EvidenceError> {
    signed.verify(keys, &[])?;
    let io = |source| EvidenceError::Io { path: state.to_owned(), source };
    // Two at once could each cosign what the other would have refused.
    let mut lock_file = state.as_os_str().to_owned();
    lock_file.push(".lock");
    let lock = File::create(lock_file).map_err(io)?;
    lock.lock().map_err(io)?;
    let before = match fs::read(state) {
        Ok(bytes) => Some(Signed::read(&bytes)?),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(source) => return Err(io(source)),
    };
    let since = before.as_ref().map(|before| compare(before, &signed, Some(folder))).transpose()?;
    match &before {
        // What it states has to be there, to be compared with next time.
        None => drop(folder.cut(&signed)?),
        Some(before) if before.size() > signed.size() => {
            return Err(EvidenceError::Older { size: signed.size(), seen: before.size() });
        }
        Some(_) => {}
    }
    write_whole(state, &signed.to_bytes(), PLAIN).map_err(io)?;
    signed.add(signer)?;
    Ok(Witnessed { signed, since })
}
