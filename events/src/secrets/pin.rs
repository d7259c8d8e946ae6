//! PINs: a keyed hash, so that the log alone cannot be searched, then argon2id, so that the log and one key cannot
//! either.

use argon2::{Algorithm, Argon2, Params, Version};
use data_encoding::BASE64URL_NOPAD;
use zeroize::Zeroizing;

use super::PinVerifier;
use super::keyring::Key;
use super::mac::Keyed;
use crate::EntityId;

/// OWASP's recommendation for argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// What checks `pin` of `user`. Takes tens of milliseconds on purpose. The salt is a keyed hash of the user, so that
/// checking needs no look at what is stored, and an unknown user costs as much as a known one.
pub(super) fn verifier(number: u32, pepper: &Key, user: EntityId, pin: &str) -> PinVerifier {
    let salt = Keyed::new(pepper, "kippu.pin.salt.1").with(user.as_bytes()).finish();
    let peppered = Keyed::new(pepper, "kippu.pin.1").with(user.as_bytes()).with(pin.as_bytes()).finish();
    let peppered = Zeroizing::new(peppered);
    let mut out = [0; 32];
    // The parameters are constants within argon2's bounds, and 32 bytes are a valid salt and output.
    #[allow(clippy::expect_used)]
    Params::new(MEMORY_KIB, PASSES, LANES, Some(out.len()))
        .and_then(|params| {
            let argon2id = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            argon2id.hash_password_into(&*peppered, &salt, &mut out)
        })
        .expect("argon2id with constant parameters");
    PinVerifier { pepper: number, argon2id: BASE64URL_NOPAD.encode(&out) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_depends_on_pepper_user_and_pin_and_on_nothing_else() {
        let of = |pepper: u8, user: u8, pin| verifier(1, &Key([pepper; 32]), EntityId::from_hash(&[user; 32]), pin);
        let stored = of(1, 1, "123456");
        assert!(stored.matches(&of(1, 1, "123456")));
        for other in [of(2, 1, "123456"), of(1, 2, "123456"), of(1, 1, "123457"), of(1, 1, "12345"), of(1, 1, "")] {
            assert!(!stored.matches(&other));
        }
    }

    #[test]
    fn a_verifier_of_another_pepper_number_never_matches() {
        let stored = verifier(1, &Key([1; 32]), EntityId::from_hash(&[1; 32]), "1234");
        assert!(!stored.matches(&PinVerifier { pepper: 2, ..stored.clone() }));
    }
}
