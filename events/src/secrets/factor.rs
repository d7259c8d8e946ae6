//! One-time codes (RFC 6238, with HMAC-SHA-256): the secret of each is derived, so that nothing has to be stored.

use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use super::Secrets;
use crate::{EntityId, Time};

/// A code lasts so long.
const STEP_SECS: i64 = 30;
/// Its digits.
const DIGITS: u32 = 6;
/// Clocks that are a step apart still fit: RFC 6238 recommends one step at most.
const STEPS_APART: i64 = 1;

/// The code of a step, as RFC 4226 cuts it.
fn code(secret: &[u8], step: u64, digits: u32) -> u32 {
    // A key of any length is one.
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(secret) else { return 0 };
    let hash = mac.chain_update(step.to_be_bytes()).finalize().into_bytes();
    let offset = usize::from(hash.last().copied().unwrap_or_default() & 0xf);
    let cut = hash.get(offset..).and_then(|rest| rest.first_chunk::<4>()).copied().unwrap_or_default();
    (u32::from_be_bytes(cut) & 0x7fff_ffff) % 10_u32.pow(digits)
}

impl Secrets {
    /// The secret of the one-time codes of `member`, in base32, as apps that show such codes take it.
    #[must_use]
    pub fn factor(&self, member: EntityId) -> String {
        BASE32_NOPAD.encode(&self.factor.clone().with(member.as_bytes()).finish())
    }

    /// The step of time around `now` whose code `text` is, if it is one.
    #[must_use]
    pub fn factor_step(&self, member: EntityId, text: &str, now: Time) -> Option<u64> {
        let secret = self.factor.clone().with(member.as_bytes()).finish();
        let middle = now.micros() / 1_000_000 / STEP_SECS;
        let mut found = None;
        for step in middle - STEPS_APART..=middle + STEPS_APART {
            let Ok(step) = u64::try_from(step) else { continue };
            let expected = format!("{:0width$}", code(&secret, step, DIGITS), width = DIGITS as usize);
            if bool::from(expected.as_bytes().ct_eq(text.as_bytes())) {
                found = Some(step);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log_id::LogId;

    /// The examples of RFC 6238, appendix B, for HMAC-SHA-256.
    #[test]
    fn codes_are_those_of_the_standard() {
        let secret = b"12345678901234567890123456789012";
        for (secs, expected) in [
            (59, 46_119_246),
            (1_111_111_109, 68_084_774),
            (1_111_111_111, 67_062_674),
            (1_234_567_890, 91_819_424),
            (2_000_000_000, 90_698_825),
            (20_000_000_000_u64, 77_737_706),
        ] {
            assert_eq!(code(secret, secs / 30, 8), expected, "{secs}");
        }
    }

    #[test]
    fn a_code_fits_its_member_its_step_and_those_next_to_it() {
        let secrets = Secrets::ephemeral(1, LogId([1; 16]));
        let [member, other] = [1, 2].map(|byte| EntityId::from_hash(&[byte; 32]));
        let at = |secs: i64| Time::from_micros(secs * 1_000_000);
        let secret = BASE32_NOPAD.decode(secrets.factor(member).as_bytes()).unwrap();
        let text = format!("{:06}", code(&secret, 100, 6));
        let step = |secs| secrets.factor_step(member, &text, at(secs));
        assert_eq!([2_969, 2_970, 3_000, 3_059, 3_060].map(step), [None, Some(100), Some(100), Some(100), None]);
        assert_eq!(secrets.factor_step(other, &text, at(3_000)), None);
        for wrong in ["", "000", "0000000", "abcdef"] {
            assert_eq!(secrets.factor_step(member, wrong, at(3_000)), None, "{wrong}");
        }
    }
}
