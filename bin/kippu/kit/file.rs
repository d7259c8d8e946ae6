//! The file of a kit: a line that the main site has signed, and behind it the bytes that this line vouches for.
//!
//! ```text
//! statement LF { "main": card, "from": time, "terms": {…}, "files": { name: text, … } }
//! ```

use std::collections::BTreeMap;
use std::path::Path;

use kippu_actors::partners::kits::{KIT, Signed};
use kippu_events::Time;
use kippu_events::blobs::BlobId;
use kippu_events::partners::contracts::Terms;
use kippu_events::partners::pages::PagePath;
use kippu_events::secrets::SigningUse;
use kippu_events::statement::{NotAStatement, Unverified};
use kippu_events::text_file;
use kippu_events::whole::write_whole;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::parties::Card;

/// What a kit holds.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Contents {
    /// The main site.
    pub(crate) main: Card,
    /// From when the terms count.
    pub(crate) from: Time,
    /// The terms that whoever joins is proposed.
    pub(crate) terms: Terms,
    /// Templates, a manual, an example of a configuration.
    pub(crate) files: BTreeMap<PagePath, String>,
}

/// Why a file is no kit that counts.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotAKit {
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// Its first line is none that a party has signed.
    #[error("its first line is no statement of a main site: {0}")]
    Statement(#[from] NotAStatement),
    /// Some of it is not what was signed.
    #[error("it was altered: what is behind its first line is not what the main site has signed")]
    Altered,
    /// It holds something else.
    #[error("it does not hold what a kit holds: {0}")]
    Form(serde_json::Error),
    /// Whoever signed it is another party than it says.
    #[error("it was signed by another party than the main site that it names")]
    OtherSigner,
    /// It is another main site's.
    #[error("it is signed with the key {found}, and not with {wanted}")]
    OtherKey {
        /// As was asked for.
        wanted: String,
        /// As it is.
        found: String,
    },
    /// It lets nobody join any more.
    #[error("the time in which somebody may join by it was over at {0}")]
    Late(Time),
}

/// A kit, whole as its main site has signed it.
pub(crate) struct Kit {
    /// What was signed.
    pub(crate) signed: Signed,
    /// The key that has signed it.
    pub(crate) key: String,
    /// What it holds.
    pub(crate) contents: Contents,
}

/// What `bytes` hash to.
pub(crate) fn hash(bytes: &[u8]) -> BlobId {
    BlobId(Sha256::digest(bytes).into())
}

impl Kit {
    /// Reads and checks the kit in `path`, which MUST be signed with `key` where one is given.
    ///
    /// # Errors
    /// Where it is none, was altered, or its time is over.
    pub(crate) fn read(path: &Path, key: Option<&str>, now: Time) -> Result<Self, NotAKit> {
        Self::parse(&text_file::read(path)?, key, now)
    }

    /// Lays its files into `dir`, which is made.
    ///
    /// # Errors
    /// Where they cannot be written.
    pub(crate) fn write_files(&self, dir: &Path) -> std::io::Result<()> {
        for (name, text) in &self.contents.files {
            let path = dir.join(name.as_str());
            std::fs::create_dir_all(path.parent().unwrap_or(dir))?;
            write_whole(&path, text.as_bytes(), 0o600)?;
        }
        Ok(())
    }

    fn parse(text: &str, key: Option<&str>, now: Time) -> Result<Self, NotAKit> {
        let (statement, rest) = text.split_once('\n').ok_or(NotAStatement::Form)?;
        let unverified = Unverified::parse(statement)?;
        // Believed only once the key in it has signed what its bytes hash to.
        let claimed: Signed = unverified.claimed().ok_or(NotAStatement::Content)?;
        if claimed.contents != hash(rest.as_bytes()) {
            return Err(NotAKit::Altered);
        }
        let contents: Contents = serde_json::from_str(rest).map_err(NotAKit::Form)?;
        if contents.main.party != unverified.signer {
            return Err(NotAKit::OtherSigner);
        }
        let is_its = |of: SigningUse, id: String| of == SigningUse::Statements && id == unverified.key;
        let its = contents.main.keys.iter().find(|key| is_its(key.r#use, key.x.id())).map(|key| key.x);
        let signed: Signed = unverified.verify(its, KIT)?;
        if let Some(wanted) = key.filter(|wanted| *wanted != unverified.key) {
            return Err(NotAKit::OtherKey { wanted: wanted.to_owned(), found: unverified.key });
        }
        if signed.until <= now {
            return Err(NotAKit::Late(signed.until));
        }
        Ok(Self { signed, key: unverified.key, contents })
    }
}

#[cfg(test)]
mod tests {
    use kippu_events::log::LogId;
    use kippu_events::secrets::Secrets;
    use kippu_events::{EntityId, statement};

    use super::*;
    use crate::parties::CardKey;

    const NOW: Time = Time::from_micros(1_795_254_300_000_000);

    fn kit(secrets: &Secrets, main: &Secrets) -> String {
        let key = |of| CardKey { r#use: of, x: main.public_key(of, 0) };
        let keys = SigningUse::ALL.into_iter().map(key).collect();
        let main = Card { party: main.party, name: "main".to_owned(), url: "http://127.0.0.1:1".to_owned(), keys };
        let files = BTreeMap::from([(PagePath::try_from("a.html".to_owned()).unwrap(), "text".to_owned())]);
        let contents = Contents { main, from: NOW, terms: Terms::sample(), files };
        let rest = serde_json::to_string(&contents).unwrap();
        let (kit, contents, until) =
            (EntityId::from_bytes([1; 15]), hash(rest.as_bytes()), Time::from_micros(NOW.micros() + 1));
        let signed = Signed { kit, contents, until, capability: "kpc_x".to_owned() };
        format!("{}\n{rest}", statement::sign(secrets, 0, KIT, &signed))
    }

    #[test]
    fn a_kit_counts_as_it_was_signed_and_with_no_other_byte() {
        let (main, other) = (Secrets::ephemeral(1, LogId([1; 16])), Secrets::ephemeral(2, LogId([2; 16])));
        let text = kit(&main, &main);
        let read = Kit::parse(&text, None, NOW).unwrap();
        assert_eq!(read.contents.main.party, main.party);
        assert!(Kit::parse(&text, Some(&read.key), NOW).is_ok());
        assert!(matches!(Kit::parse(&text, Some("another"), NOW), Err(NotAKit::OtherKey { .. })));
        assert!(matches!(Kit::parse(&text, None, read.signed.until), Err(NotAKit::Late(_))));
        for place in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            assert!(Kit::parse(&String::from_utf8(changed).unwrap(), None, NOW).is_err(), "{place}");
        }
        // Signed by somebody else than it names.
        assert!(Kit::parse(&kit(&other, &main), None, NOW).is_err());
        assert!(Kit::parse("", None, NOW).is_err());
    }
}
