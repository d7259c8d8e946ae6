//! Personal fields, encrypted under their person's key before anything stores them.
//!
//! ```text
//! base64url( version u8 = 1 ‖ nonce 24 B ‖ XChaCha20-Poly1305 ciphertext ), bound to person and field name
//! ```

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use data_encoding::BASE64URL_NOPAD;

use super::keyring::Key;
use super::{EncryptedField, SecretsError};
use crate::EntityId;

const VERSION: u8 = 1;
const NONCE: usize = 24;

fn bound_to(person: EntityId, field: &str) -> Vec<u8> {
    let mut bound = person.as_bytes().to_vec();
    bound.extend_from_slice(&(field.len() as u64).to_be_bytes());
    bound.extend_from_slice(field.as_bytes());
    bound
}

/// Encrypts `plain`.
pub(super) fn encrypt(key: &Key, person: EntityId, field: &str, plain: &str) -> Result<EncryptedField, SecretsError> {
    let mut nonce = [0; NONCE];
    getrandom::fill(&mut nonce).map_err(|_| SecretsError::Entropy)?;
    let ciphertext = XChaCha20Poly1305::new((&key.0).into())
        .encrypt(XNonce::from_slice(&nonce), Payload { msg: plain.as_bytes(), aad: &bound_to(person, field) })
        .map_err(|_| SecretsError::Undecryptable)?;
    Ok(EncryptedField { xchacha20poly1305: BASE64URL_NOPAD.encode(&[&[VERSION][..], &nonce, &ciphertext].concat()) })
}

/// Opens what was encrypted.
pub(super) fn decrypt(
    key: &Key,
    person: EntityId,
    field: &str,
    encrypted: &EncryptedField,
) -> Result<String, SecretsError> {
    let open = || {
        let bytes = BASE64URL_NOPAD.decode(encrypted.xchacha20poly1305.as_bytes()).ok()?;
        let (version, rest) = bytes.split_first()?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE>()?;
        let plain = XChaCha20Poly1305::new((&key.0).into())
            .decrypt(XNonce::from_slice(nonce), Payload { msg: ciphertext, aad: &bound_to(person, field) })
            .ok()?;
        String::from_utf8(plain).ok().filter(|_| *version == VERSION)
    };
    open().ok_or(SecretsError::Undecryptable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(n: u8) -> EntityId {
        EntityId::from_hash(&[n; 32])
    }

    /// Shows F30.
    #[test]
    fn a_sealed_field_shows_nothing_and_opens_for_its_key_person_and_field_only() {
        let key = Key([1; 32]);
        for plain in ["", "Ann Example", "名前 – Zoë 🎫", &"x".repeat(10_000)] {
            let encrypted = encrypt(&key, person(1), "name", plain).unwrap();
            assert_eq!(decrypt(&key, person(1), "name", &encrypted).unwrap(), plain);
            let bytes = BASE64URL_NOPAD.decode(encrypted.xchacha20poly1305.as_bytes()).unwrap();
            assert_eq!(bytes.len(), 1 + NONCE + plain.len() + 16);
            assert!(plain.len() < 8 || bytes.windows(8).all(|run| run != &plain.as_bytes()[..8]));
            for (key, person, field) in [
                (Key([2; 32]), person(1), "name"),
                (Key([1; 32]), person(2), "name"),
                (Key([1; 32]), person(1), "login"),
                (Key([1; 32]), person(1), ""),
            ] {
                assert!(matches!(decrypt(&key, person, field, &encrypted), Err(SecretsError::Undecryptable)));
            }
        }
    }

    #[test]
    fn a_sealed_field_with_any_bit_turned_or_cut_anywhere_does_not_open() {
        let key = Key([1; 32]);
        let encrypted = encrypt(&key, person(1), "name", "Ann").unwrap().xchacha20poly1305;
        let closed = |text: String| {
            let result = decrypt(&key, person(1), "name", &EncryptedField { xchacha20poly1305: text });
            assert!(matches!(result, Err(SecretsError::Undecryptable)));
        };
        for end in 0..encrypted.len() {
            closed(encrypted[..end].to_owned());
        }
        let bytes = BASE64URL_NOPAD.decode(encrypted.as_bytes()).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            closed(BASE64URL_NOPAD.encode(&changed));
        }
        closed(format!("{encrypted}="));
        closed("not base64!".to_owned());
    }

    #[test]
    fn equal_fields_do_not_look_equal_sealed() {
        let key = Key([1; 32]);
        let of = || encrypt(&key, person(1), "name", "Ann").unwrap();
        assert_ne!(of(), of());
    }
}
