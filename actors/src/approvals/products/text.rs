//! What is written of products in one way only: SKUs, hashes and media types.

use serde::{Deserialize, Serialize};

/// Text in another form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is wanted")]
pub struct OtherForm(&'static str);

macro_rules! written {
    ($(#[$about:meta])* $name:ident, $pattern:literal, $example:literal, $said:literal, $is:expr) => {
        $(#[$about])*
        #[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = OtherForm;

            fn try_from(text: String) -> Result<Self, OtherForm> {
                let is: fn(&str) -> bool = $is;
                if is(&text) { Ok(Self(text)) } else { Err(OtherForm($said)) }
            }
        }

        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "pattern": $pattern, "examples": [$example] })
            }
        }
    };
}

written!(
    /// What a shop calls a product.
    Sku,
    "^[A-Za-z0-9._-]{1,64}$",
    "song-1",
    "an sku of 1 to 64 letters of ASCII, digits, points, hyphens and underscores",
    |text| (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
);

written!(
    /// What bytes hash to.
    Sha256Text,
    "^[0-9a-f]{64}$",
    "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
    "a sha-256 of 64 hexadecimal digits in lower case",
    |text| text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
);

written!(
    /// A media type without parameters: each part as RFC 6838 restricts its names.
    MediaType,
    "^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,63}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,63}$",
    "audio/ogg",
    "a media type as audio/ogg, without parameters,",
    |text| text.split_once('/').is_some_and(|(kind, of)| is_name(kind) && is_name(of))
);

fn is_name(text: &str) -> bool {
    let may = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte);
    (1..=64).contains(&text.len()) && text.as_bytes()[0].is_ascii_alphanumeric() && text.bytes().all(may)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_otherwise_is_refused() {
        let sku = |text: &str| Sku::try_from(text.to_owned()).is_ok();
        assert!(sku("b-5fx") && sku("A.1_2") && sku(&"a".repeat(64)));
        for text in ["", "a b", "a/b", "é", "a\n", &"a".repeat(65)] {
            assert!(!sku(text), "{text:?}");
        }
        let hash = |text: &str| Sha256Text::try_from(text.to_owned()).is_ok();
        assert!(hash(&"0a".repeat(32)) && !hash(&"0A".repeat(32)) && !hash("0a") && !hash(&"0g".repeat(32)));
        let media = |text: &str| MediaType::try_from(text.to_owned()).is_ok();
        assert!(media("audio/ogg") && media("image/svg+xml") && media("application/vnd.x.y"));
        for text in ["", "audio", "audio/", "/ogg", "audio/ogg; codecs=opus", "audio/ogg\r\nx: y", "a/b/c", "é/b"] {
            assert!(!media(text), "{text:?}");
        }
    }
}
