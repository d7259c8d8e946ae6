//! What a body hashes to, as a header field (RFC 9530).

use data_encoding::BASE64;
use sfv::{BareItem, Dictionary, ListEntry, Parser};
use sha2::{Digest as _, Sha256, Sha512};

/// The one that is made here.
const SHA_256: &str = "sha-256";
/// Taken from others too: RFC 9530 names it next to the other as one that may be relied on.
const SHA_512: &str = "sha-512";

/// The `Content-Digest` of `body`.
#[must_use]
pub fn of(body: &[u8]) -> String {
    format!("{SHA_256}=:{}:", BASE64.encode(&Sha256::digest(body)))
}

/// Why a `Content-Digest` does not count.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    /// It has not the form of one.
    #[error("its header field `content-digest` has not the form of RFC 9530")]
    Malformed,
    /// It has no algorithm that may be relied on.
    #[error("its header field `content-digest` has neither {SHA_256} nor {SHA_512}")]
    Algorithm,
    /// The body is another one.
    #[error("its body is not that of its header field `content-digest`")]
    Body,
}

/// Whether `body` is the one that `field` tells of: it MUST be by SHA-256 or SHA-512, and by both where both are there. Others
/// are not looked at.
///
/// # Errors
/// Where it is not.
pub fn check(field: &str, body: &[u8]) -> Result<(), Refused> {
    let digests: Dictionary = Parser::new(field).parse().map_err(|_| Refused::Malformed)?;
    let mut known = 0;
    for (name, digest) in &digests {
        let due = match name.as_str() {
            SHA_256 => Sha256::digest(body).to_vec(),
            SHA_512 => Sha512::digest(body).to_vec(),
            _ => continue,
        };
        let ListEntry::Item(item) = digest else { return Err(Refused::Malformed) };
        let BareItem::ByteSequence(told) = &item.bare_item else { return Err(Refused::Malformed) };
        if *told != due {
            return Err(Refused::Body);
        }
        known += 1;
    }
    if known == 0 { Err(Refused::Algorithm) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: &[u8] = br#"{"hello": "world"}"#;
    const SHORT: &str = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";
    const LONG: &str =
        "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:";

    #[test]
    fn digests_are_those_of_the_rfcs_examples() {
        for (body, digest) in [
            (HELLO, SHORT),
            (b"", "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"),
            (br#""hello""#, "sha-256=:Wqdirjg/u3J688ejbUlApbjECpiUUtIwT8lY/z81Tno=:"),
            (br#"{"title": "New Title"}"#, "sha-256=:bWopGGNiZtbVgHsG+I4knzfEJpmmmQHf7RHDXA3o1hQ=:"),
        ] {
            assert_eq!(of(body), digest);
            assert_eq!(check(digest, body), Ok(()));
        }
        // Wrapped in Brotli, with both: as long as the body is not decoded.
        let wrapped = BASE64.decode(b"iwiAeyJoZWxsbyI6ICJ3b3JsZCJ9Aw==").unwrap();
        let both = "sha-256=:4REjxQ4yrqUVicfSKYNO/cF9zNj5ANbzgDZt3/h3Qxo=:,sha-512=:pxo7aYzcGI88pnDnoSmAnaOEVys0MABhgvHY9+VI+ElE60jBCwnMPyA/s3NF3ZO5oIWA7lf8ukk+5KJzm3p5og==:";
        assert_eq!(check(both, &wrapped), Ok(()));
    }

    #[test]
    fn a_body_counts_by_every_algorithm_that_is_known_and_by_one_at_least() {
        let other = "md5=:SrhWoYLtFnc7Ws7I8DDl0A==:, unixsum=30637";
        for counts in [SHORT, LONG, &format!("{SHORT}, {LONG}"), &format!("{other}, {LONG}")] {
            assert_eq!(check(counts, HELLO), Ok(()), "{counts}");
            assert_eq!(check(counts, b"{}"), Err(Refused::Body), "{counts}");
        }
        let wrong = of(b"{}");
        for (field, refused) in [
            (other, Refused::Algorithm),
            ("", Refused::Algorithm),
            ("SHA-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:", Refused::Malformed),
            ("sha-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=", Refused::Malformed),
            ("sha-256=\"X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=\"", Refused::Malformed),
            ("sha-256=(:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:)", Refused::Malformed),
            ("sha-256", Refused::Malformed),
            ("sha-256=::", Refused::Body),
            (&format!("{wrong}, {LONG}"), Refused::Body),
            (&format!("{SHORT}, {wrong}"), Refused::Body),
        ] {
            assert_eq!(check(field, HELLO), Err(refused), "{field}");
        }
    }
}
