//! What events hold of secrets: nothing from which anybody without the key store learns anything.

use serde::{Deserialize, Serialize};

/// What a token hashes to, and under which root key it was made. All that the log holds of a token.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TokenHash {
    /// The root key's number.
    pub key: u32,
    /// SHA-256 of the token's text, base64url.
    pub sha256: String,
}

/// Checks a PIN: argon2id over a keyed hash of it. Stored; useless without the key store.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PinVerifier {
    /// The pepper's number.
    pub pepper: u32,
    /// The argon2id output, base64url.
    pub argon2id: String,
}

/// A personal field, encrypted under its person's key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct EncryptedField {
    /// `XChaCha20-Poly1305` nonce and ciphertext, base64url.
    pub xchacha20poly1305: String,
}
