//! Statements: what a party says and signs, so that others can hold it to that: compact JWS (RFC 7515) with Ed25519 (RFC 8037).
//!
//! ```text
//! base64url( {"alg":"EdDSA","kid":"<party>.<key>","typ":"<what it is>"} ) . base64url( content, JSON ) . base64url( signature )
//! ```

use data_encoding::BASE64URL_NOPAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::id::EntityId;
use crate::secrets::{PublicKey, Secrets, SigningUse};

/// As long as a record may be: what is longer can be in no event.
pub const MOST_CHARS: usize = 64 * 1024;

#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    kid: String,
    typ: String,
}

/// The statement of the type `typ` that says `content`, signed with the key number `number` for statements: the same text at
/// every call.
#[must_use]
pub fn sign(secrets: &Secrets, number: u32, typ: &str, content: &impl Serialize) -> String {
    let key = secrets.public_key(SigningUse::Statements, number).id();
    let header = Header { alg: "EdDSA".to_owned(), kid: format!("{}.{key}", secrets.party), typ: typ.to_owned() };
    // Statements are plain structs of strings and numbers, whose serialisation cannot fail.
    let part = |part: Result<Vec<u8>, _>| BASE64URL_NOPAD.encode(&part.unwrap_or_default());
    let signed = format!("{}.{}", part(serde_json::to_vec(&header)), part(serde_json::to_vec(content)));
    let signature = secrets.sign(SigningUse::Statements, number, signed.as_bytes());
    format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature))
}

/// A statement as `signer` would write it, whose signature counts nowhere: for samples.
pub(crate) fn sample(signer: EntityId, typ: &str, content: &impl Serialize) -> String {
    let header = Header { alg: "EdDSA".to_owned(), kid: format!("{signer}.sample"), typ: typ.to_owned() };
    let part = |part: Result<Vec<u8>, _>| BASE64URL_NOPAD.encode(&part.unwrap_or_default());
    format!("{}.{}.c2ln", part(serde_json::to_vec(&header)), part(serde_json::to_vec(content)))
}

/// What a statement hashes to: SHA-256 of its text, in hexadecimal digits.
#[must_use]
pub fn sha256(text: &str) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(text.as_bytes()))
}

/// Why a text is no statement that counts. Deliberately says no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAStatement {
    /// It has not the form of one.
    #[error("it is no signed statement")]
    Form,
    /// Nobody whom we know has signed it.
    #[error("its signature is not that of the party that it names")]
    Signature,
    /// It says something else than it should.
    #[error("its content is of another kind")]
    Content,
}

/// A statement whose signature is not checked yet.
#[derive(Clone, Debug)]
pub struct Unverified<'a> {
    /// The party that it names as its signer.
    pub signer: EntityId,
    /// The key that it names.
    pub key: String,
    typ: String,
    signed: &'a str,
    content: Vec<u8>,
    signature: Vec<u8>,
}

impl<'a> Unverified<'a> {
    /// Takes `text` apart.
    ///
    /// # Errors
    /// [`NotAStatement::Form`].
    pub fn parse(text: &'a str) -> Result<Self, NotAStatement> {
        let parse = || {
            let (signed, signature) = text.rsplit_once('.').filter(|_| text.len() <= MOST_CHARS)?;
            let (header, content) = signed.split_once('.')?;
            let bytes = |part: &str| BASE64URL_NOPAD.decode(part.as_bytes()).ok();
            let header: Header = serde_json::from_slice(&bytes(header)?).ok()?;
            let (signer, key) = header.kid.split_once('.').filter(|_| header.alg == "EdDSA")?;
            let (content, signature) = (bytes(content)?, bytes(signature)?);
            Some(Self {
                signer: signer.parse().ok()?,
                key: key.to_owned(),
                typ: header.typ,
                signed,
                content,
                signature,
            })
        };
        parse().ok_or(NotAStatement::Form)
    }

    /// Of which type it claims to be.
    #[must_use]
    pub fn typ(&self) -> &str {
        &self.typ
    }

    /// What it claims to say, whether or not anybody has signed that: to find out whom it concerns, and for nothing else.
    #[must_use]
    pub fn claimed<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.content).ok()
    }

    /// What it says, if it is of the type `typ` and `key` has signed it, which MUST be one of the party that it names.
    ///
    /// # Errors
    /// Where it is not.
    pub fn verify<T: DeserializeOwned>(&self, key: Option<PublicKey>, typ: &str) -> Result<T, NotAStatement> {
        let key = key.filter(|key| key.id() == self.key).ok_or(NotAStatement::Signature)?;
        if !key.has_signed(self.signed.as_bytes(), &self.signature) {
            return Err(NotAStatement::Signature);
        }
        if self.typ != typ {
            return Err(NotAStatement::Content);
        }
        serde_json::from_slice(&self.content).map_err(|_| NotAStatement::Content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log_id::LogId;

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Offer {
        total: u64,
    }

    fn secrets(log: u8) -> Secrets {
        Secrets::ephemeral(u64::from(log), LogId([log; 16]))
    }

    /// Shows F47.
    #[test]
    fn a_statement_counts_for_its_signer_its_key_and_its_type_alone_and_with_every_character() {
        let (shop, other) = (secrets(1), secrets(2));
        let text = sign(&shop, 0, "kippu-offer", &Offer { total: 7 });
        assert_eq!(text, sign(&shop, 0, "kippu-offer", &Offer { total: 7 }));
        let parsed = Unverified::parse(&text).unwrap();
        assert_eq!(parsed.signer, shop.party);
        let key = |secrets: &Secrets, number| Some(secrets.public_key(SigningUse::Statements, number));
        assert_eq!(parsed.verify(key(&shop, 0), "kippu-offer"), Ok(Offer { total: 7 }));
        for wrong in [key(&shop, 1), key(&other, 0), None, Some(shop.public_key(SigningUse::Http, 0))] {
            assert_eq!(parsed.verify::<Offer>(wrong, "kippu-offer"), Err(NotAStatement::Signature));
        }
        assert_eq!(parsed.verify::<Offer>(key(&shop, 0), "kippu-receipt"), Err(NotAStatement::Content));
        for place in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            let read = Unverified::parse(&changed).and_then(|it| it.verify::<Offer>(key(&shop, 0), "kippu-offer"));
            assert!(read.is_err(), "{changed}");
        }
    }

    #[test]
    fn what_is_no_statement_is_refused_by_its_form() {
        let none = BASE64URL_NOPAD.encode(br#"{"alg":"none","kid":"a.b","typ":"t"}"#);
        for text in ["", ".", "..", "a.b.c", &format!("{none}.e30."), &"a.".repeat(MOST_CHARS)] {
            assert_eq!(Unverified::parse(text).err(), Some(NotAStatement::Form), "{text:.40}");
        }
    }
}
