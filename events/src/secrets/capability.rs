//! Capabilities: tokens of which each shows one entity, and lets its holder act on it; and what an entity keeps for itself.

use super::{EncryptedField, Purpose, Secrets, SecretsError, TokenHash, encryption};
use crate::{EntityKey, Family};

impl Secrets {
    /// The capability number `number` of `entity`, the same at every call; nothing where there is no such root key.
    #[must_use]
    pub fn capability_token(&self, key: u32, entity: EntityKey, number: u8) -> Option<String> {
        self.mint.token(Purpose::Capability, key, entity.id, capability(entity.family, number))
    }

    /// What the newest key's capability number `number` of `entity` hashes to, as events hold it.
    #[must_use]
    pub fn capability_hash(&self, entity: EntityKey, number: u8) -> TokenHash {
        self.mint.hash(Purpose::Capability, entity.id, capability(entity.family, number))
    }

    /// The entity whose capability `text` is, if it is genuine; constant time.
    #[must_use]
    pub fn capability(&self, text: &str) -> Option<EntityKey> {
        let bearer = self.mint.verify(Purpose::Capability, text).ok()?;
        let family = Family::from_code(u8::try_from(bearer.counter >> 8).ok()?)?;
        Some(EntityKey { family, id: bearer.entity })
    }

    /// Encrypts `plain`, which is nobody's personal data, for the same `entity` and field: what an entity has to keep until it
    /// has used it, such as a token of another party.
    ///
    /// # Errors
    /// Where there is no randomness.
    pub fn encrypt_here(&self, entity: EntityKey, field: &str, plain: &str) -> Result<EncryptedField, SecretsError> {
        encryption::encrypt(&self.field, entity.id, &format!("{}/{field}", entity.family.name()), plain)
    }

    /// Opens what [`Secrets::encrypt_here`] encrypted.
    ///
    /// # Errors
    /// Where this is not what was encrypted.
    pub fn decrypt_here(
        &self,
        entity: EntityKey,
        field: &str,
        encrypted: &EncryptedField,
    ) -> Result<String, SecretsError> {
        encryption::decrypt(&self.field, entity.id, &format!("{}/{field}", entity.family.name()), encrypted)
    }
}

/// The counter of a capability names the family too: an id alone does not.
fn capability(family: Family, number: u8) -> u32 {
    u32::from(family.code()) << 8 | u32::from(number)
}
