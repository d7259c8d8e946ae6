//! Personal fields, sealed under their person's key before anything stores them.
//!
//! ```text
//! base64url( version u8 = 1 ‖ nonce 24 B ‖ XChaCha20-Poly1305 ciphertext ), bound to person and field name
//! ```

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use data_encoding::BASE64URL_NOPAD;

use super::keyring::Key;
use super::{Sealed, SecretsError};
use crate::EntityId;

const VERSION: u8 = 1;
const NONCE: usize = 24;

fn bound_to(person: EntityId, field: &str) -> Vec<u8> {
    let mut bound = person.as_bytes().to_vec();
    bound.extend_from_slice(&(field.len() as u64).to_be_bytes());
    bound.extend_from_slice(field.as_bytes());
    bound
}

/// Seals `plain`.
pub fn seal(key: &Key, person: EntityId, field: &str, plain: &str) -> Result<Sealed, SecretsError> {
    let mut nonce = [0; NONCE];
    getrandom::fill(&mut nonce).map_err(|_| SecretsError::Entropy)?;
    let ciphertext = XChaCha20Poly1305::new((&key.0).into())
        .encrypt(XNonce::from_slice(&nonce), Payload { msg: plain.as_bytes(), aad: &bound_to(person, field) })
        .map_err(|_| SecretsError::Unsealable)?;
    Ok(Sealed { xchacha20poly1305: BASE64URL_NOPAD.encode(&[&[VERSION][..], &nonce, &ciphertext].concat()) })
}

/// Opens what was sealed.
pub fn unseal(key: &Key, person: EntityId, field: &str, sealed: &Sealed) -> Result<String, SecretsError> {
    let open = || {
        let bytes = BASE64URL_NOPAD.decode(sealed.xchacha20poly1305.as_bytes()).ok()?;
        let (version, rest) = bytes.split_first()?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE>()?;
        let plain = XChaCha20Poly1305::new((&key.0).into())
            .decrypt(XNonce::from_slice(nonce), Payload { msg: ciphertext, aad: &bound_to(person, field) })
            .ok()?;
        String::from_utf8(plain).ok().filter(|_| *version == VERSION)
    };
    open().ok_or(SecretsError::Unsealable)
}
