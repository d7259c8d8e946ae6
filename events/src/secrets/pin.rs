//! PINs: a keyed hash, so that the log alone cannot be searched, then argon2id, so that the log and one key cannot
//! either.

use argon2::{Algorithm, Argon2, Params, Version};
use data_encoding::BASE64URL_NOPAD;

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
pub fn verifier(number: u32, pepper: &Key, user: EntityId, pin: &str) -> PinVerifier {
    let salt = Keyed::new(pepper, "kippu.pin.salt.1").with(user.as_bytes()).finish();
    let peppered = Keyed::new(pepper, "kippu.pin.1").with(user.as_bytes()).with(pin.as_bytes()).finish();
    let mut out = [0; 32];
    // The parameters are constants within argon2's bounds, and 32 bytes are a valid salt and output.
    #[allow(clippy::expect_used)]
    Params::new(MEMORY_KIB, PASSES, LANES, Some(out.len()))
        .and_then(|params| {
            Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into(&peppered, &salt, &mut out)
        })
        .expect("argon2id with constant parameters");
    PinVerifier { pepper: number, argon2id: BASE64URL_NOPAD.encode(&out) }
}
