//! Bearer tokens: each is its own MAC, so that a retry derives the same text and nothing secret is stored.
//!
//! ```text
//! kpa_ base64url( key number u32 ‖ entity 15 B ‖ counter u32 ‖ HMAC-SHA-256(root key, purpose ‖ log id ‖ those) )
//! ```

use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest as _, Sha256};

use super::mac::Keyed;
use super::{Bearer, Forged, Purpose, TokenHash};
use crate::EntityId;
use crate::log::LogId;

const CLAIMS: usize = 4 + EntityId::BYTES + 4;
const BYTES: usize = CLAIMS + 32;
/// Characters of base64url behind the prefix. 55 bytes leave four bits unused, which the decoder insists are zero: a
/// token has exactly one text.
const CHARS: usize = 74;

impl Purpose {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Approval => "kpa_",
            Self::ApiKey => "kpk_",
        }
    }

    /// Every purpose.
    pub const ALL: [Self; 2] = [Self::Approval, Self::ApiKey];
}

/// Makes and checks the tokens of one log.
pub struct Mint {
    /// By root key number and purpose.
    keyed: Vec<(u32, [Keyed; 2])>,
}

impl Mint {
    /// A mint with these root keys, newest last.
    pub fn new(root: &super::keyring::Numbered, log: LogId) -> Self {
        let keyed =
            |key, purpose: Purpose| Keyed::new(key, "kippu.token.1").with(purpose.prefix().as_bytes()).with(&log.0);
        Self {
            keyed: root
                .iter()
                .map(|(number, key)| (*number, Purpose::ALL.map(|purpose| keyed(key, purpose))))
                .collect(),
        }
    }

    /// The number of the newest root key.
    pub fn current(&self) -> u32 {
        self.keyed.last().map_or(0, |(number, _)| *number)
    }

    fn keyed(&self, key: u32, purpose: Purpose) -> Option<Keyed> {
        let (_, by_purpose) = self.keyed.iter().find(|(number, _)| *number == key)?;
        Some(by_purpose[purpose as usize].clone())
    }

    /// The token's text.
    pub fn token(&self, purpose: Purpose, key: u32, entity: EntityId, counter: u32) -> Option<String> {
        let mut bytes = [0; BYTES];
        bytes[..4].copy_from_slice(&key.to_be_bytes());
        bytes[4..4 + EntityId::BYTES].copy_from_slice(entity.as_bytes());
        bytes[4 + EntityId::BYTES..CLAIMS].copy_from_slice(&counter.to_be_bytes());
        let mac = self.keyed(key, purpose)?.with(&bytes[..CLAIMS]).finish();
        bytes[CLAIMS..].copy_from_slice(&mac);
        let mut text = String::with_capacity(4 + CHARS);
        text.push_str(purpose.prefix());
        BASE64URL_NOPAD.encode_append(&bytes, &mut text);
        Some(text)
    }

    /// What a token says, if it is genuine.
    pub fn verify(&self, purpose: Purpose, text: &str) -> Result<Bearer, Forged> {
        let bytes = decode(purpose, text).ok_or(Forged)?;
        let bearer = claims(&bytes).ok_or(Forged)?;
        let (claims, mac) = bytes.split_at(CLAIMS);
        if !self.keyed(bearer.key, purpose).ok_or(Forged)?.with(claims).is(mac) {
            return Err(Forged);
        }
        Ok(bearer)
    }
}

impl Bearer {
    /// What `text` says if it has the form of a token of any purpose, genuine or not. For keeping things in order; who
    /// holds a token is to be believed only after [`super::Secrets::verify`].
    #[must_use]
    pub fn unchecked(text: &str) -> Option<Self> {
        Purpose::ALL.into_iter().find_map(|purpose| claims(&decode(purpose, text)?))
    }
}

fn decode(purpose: Purpose, text: &str) -> Option<[u8; BYTES]> {
    let encoded = text.strip_prefix(purpose.prefix()).filter(|encoded| encoded.len() == CHARS)?;
    let mut bytes = [0; BYTES];
    BASE64URL_NOPAD.decode_mut(encoded.as_bytes(), &mut bytes).ok()?;
    Some(bytes)
}

fn claims(bytes: &[u8; BYTES]) -> Option<Bearer> {
    let (key, rest) = bytes.split_first_chunk::<4>()?;
    let (entity, rest) = rest.split_first_chunk::<{ EntityId::BYTES }>()?;
    let counter = u32::from_be_bytes(*rest.first_chunk()?);
    Some(Bearer { key: u32::from_be_bytes(*key), entity: EntityId::from_bytes(*entity), counter })
}

/// The hash of a token's text.
pub fn hash(key: u32, text: &str) -> TokenHash {
    TokenHash { key, sha256: BASE64URL_NOPAD.encode(&Sha256::digest(text.as_bytes())) }
}
