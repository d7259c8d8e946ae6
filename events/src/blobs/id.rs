//! The name of a blob.

use sha2::{Digest as _, Sha256};

/// What a blob's bytes hash to, SHA-256; written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobId(pub [u8; 32]);

crate::text::hex!(BlobId, 32, "the SHA-256 of a blob, 64 hexadecimal digits");

impl BlobId {
    /// The name of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The name of what was hashed.
    pub(super) fn of_hash(hash: Sha256) -> Self {
        Self(hash.finalize().into())
    }
}

impl schemars::JsonSchema for BlobId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "BlobId".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string", "pattern": "^[0-9a-f]{64}$", "description": "The SHA-256 of a blob's bytes."
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_is_named_by_its_hash_in_lower_case_digits() {
        let text = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(BlobId::of(b"").to_string(), text);
        assert_eq!(text.parse(), Ok(BlobId::of(b"")));
        assert_eq!(serde_json::to_value(BlobId::of(b"")).unwrap(), text);
        for wrong in [&text[1..], &text.to_uppercase(), &format!("{text}0"), ""] {
            assert!(wrong.parse::<BlobId>().is_err(), "{wrong}");
        }
    }
}
