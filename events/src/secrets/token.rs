//! Bearer tokens: each is its own MAC, so that a retry derives the same text and nothing secret is stored.
//!
//! ```text
//! kpa_ base64url( key number u32 ‖ entity 15 B ‖ counter u32 ‖ HMAC-SHA-256(root key, purpose ‖ log id ‖ those) )
//! ```

use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest as _, Sha256};

use super::keyring::Key;
use super::mac::Keyed;
use super::numbered::Numbered;
use super::{Bearer, Forged, Purpose, TokenHash};
use crate::EntityId;
use crate::log_id::LogId;

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
            Self::Capability => "kpc_",
            Self::Session => "kps_",
        }
    }

    /// Every purpose.
    pub const ALL: [Self; 4] = [Self::Approval, Self::ApiKey, Self::Capability, Self::Session];
}

/// Makes and checks the tokens of one log.
pub(super) struct Mint {
    keyed: Numbered<ByPurpose>,
}

/// One root key, set up for each purpose.
struct ByPurpose {
    approval: Keyed,
    api_key: Keyed,
    capability: Keyed,
    session: Keyed,
}

impl ByPurpose {
    fn new(key: &Key, log: LogId) -> Self {
        let keyed = |purpose: Purpose| Keyed::new(key, "kippu.token.1").with(purpose.prefix().as_bytes()).with(&log.0);
        let [approval, api_key, capability, session] = Purpose::ALL.map(keyed);
        Self { approval, api_key, capability, session }
    }

    fn of(&self, purpose: Purpose) -> Keyed {
        match purpose {
            Purpose::Approval => self.approval.clone(),
            Purpose::ApiKey => self.api_key.clone(),
            Purpose::Capability => self.capability.clone(),
            Purpose::Session => self.session.clone(),
        }
    }
}

impl Mint {
    /// A mint with these root keys.
    pub(super) fn new(root: &Numbered<Key>, log: LogId) -> Self {
        Self { keyed: root.map(|key| ByPurpose::new(key, log)) }
    }

    /// The token's text.
    pub(super) fn token(&self, purpose: Purpose, key: u32, entity: EntityId, counter: u32) -> Option<String> {
        Some(text(purpose, &self.keyed.get(key)?.of(purpose), Bearer { key, entity, counter }))
    }

    /// The hash of the newest key's token.
    pub(super) fn hash(&self, purpose: Purpose, entity: EntityId, counter: u32) -> TokenHash {
        let (key, keyed) = self.keyed.newest();
        let text = text(purpose, &keyed.of(purpose), Bearer { key, entity, counter });
        TokenHash { key, sha256: BASE64URL_NOPAD.encode(&Sha256::digest(text.as_bytes())) }
    }

    /// What a token says, if it is genuine.
    pub(super) fn verify(&self, purpose: Purpose, text: &str) -> Result<Bearer, Forged> {
        let bytes = decode(purpose, text).ok_or(Forged)?;
        let bearer = claims(&bytes).ok_or(Forged)?;
        let (claims, mac) = bytes.split_at(CLAIMS);
        if !self.keyed.get(bearer.key).ok_or(Forged)?.of(purpose).with(claims).is(mac) {
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

/// What the bytes say, genuine or not.
fn claims(bytes: &[u8; BYTES]) -> Option<Bearer> {
    let (key, rest) = bytes.split_first_chunk::<4>()?;
    let (entity, rest) = rest.split_first_chunk::<{ EntityId::BYTES }>()?;
    let counter = u32::from_be_bytes(*rest.first_chunk()?);
    Some(Bearer { key: u32::from_be_bytes(*key), entity: EntityId::from_bytes(*entity), counter })
}

fn text(purpose: Purpose, keyed: &Keyed, bearer: Bearer) -> String {
    let mut bytes = [0; BYTES];
    bytes[..4].copy_from_slice(&bearer.key.to_be_bytes());
    bytes[4..4 + EntityId::BYTES].copy_from_slice(bearer.entity.as_bytes());
    bytes[4 + EntityId::BYTES..CLAIMS].copy_from_slice(&bearer.counter.to_be_bytes());
    let mac = keyed.clone().with(&bytes[..CLAIMS]).finish();
    bytes[CLAIMS..].copy_from_slice(&mac);
    let mut text = String::with_capacity(purpose.prefix().len() + CHARS);
    text.push_str(purpose.prefix());
    BASE64URL_NOPAD.encode_append(&bytes, &mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: LogId = LogId([1; 16]);

    fn entity() -> EntityId {
        EntityId::from_hash(&[9; 32])
    }

    fn two_keys() -> Numbered<Key> {
        Numbered::oldest_first_from(vec![(1, Key([1; 32])), (2, Key([2; 32]))]).unwrap()
    }

    #[test]
    fn a_token_of_an_older_root_key_is_good_until_that_key_is_gone() {
        let before = Mint::new(&Numbered::one(1, Key([1; 32])), LOG);
        let text = before.token(Purpose::Approval, 1, entity(), 4).unwrap();
        let both = Mint::new(&two_keys(), LOG);
        assert_eq!(both.verify(Purpose::Approval, &text), Ok(Bearer { key: 1, entity: entity(), counter: 4 }));
        assert_eq!(both.token(Purpose::Approval, 1, entity(), 4), Some(text.clone()));
        assert_eq!(both.hash(Purpose::Approval, entity(), 4).key, 2);
        let after = Mint::new(&Numbered::one(2, Key([2; 32])), LOG);
        assert_eq!(after.verify(Purpose::Approval, &text), Err(Forged));
        assert_eq!(after.token(Purpose::Approval, 1, entity(), 4), None);
    }

    #[test]
    fn a_hash_is_that_of_the_text_and_holds_no_part_of_it() {
        let mint = Mint::new(&two_keys(), LOG);
        let text = mint.token(Purpose::ApiKey, 2, entity(), 0).unwrap();
        let hash = mint.hash(Purpose::ApiKey, entity(), 0);
        assert_eq!(hash.sha256, BASE64URL_NOPAD.encode(&Sha256::digest(text.as_bytes())));
        assert_ne!(hash, mint.hash(Purpose::Approval, entity(), 0));
        assert_ne!(hash, mint.hash(Purpose::ApiKey, entity(), 1));
    }

    /// The 55 bytes leave four bits of the last character unused. Were they ignored, each token had sixteen texts.
    #[test]
    fn a_token_has_exactly_one_text() {
        let mint = Mint::new(&two_keys(), LOG);
        let text = mint.token(Purpose::Approval, 2, entity(), u32::MAX).unwrap();
        let (front, _) = text.split_at(text.len() - 1);
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let good = alphabet.chars().filter(|last| mint.verify(Purpose::Approval, &format!("{front}{last}")).is_ok());
        assert_eq!(good.count(), 1);
        for other in
            [text.to_uppercase(), text.replace('-', "+"), format!(" {text}"), format!("{text}=="), "kpa_".into()]
        {
            assert!(other == text || mint.verify(Purpose::Approval, &other).is_err(), "{other}");
        }
        let wide = format!("kpa_{}", "é".repeat(CHARS / 2));
        assert_eq!(mint.verify(Purpose::Approval, &wide), Err(Forged));
    }
}
