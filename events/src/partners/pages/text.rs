//! Where a page lies on its site, and of which type it is: text in one form.

use serde::{Deserialize, Serialize};

/// Text in another form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is wanted")]
pub struct OtherForm(&'static str);

macro_rules! written {
    ($(#[$about:meta])* $name:ident, $most:expr, $pattern:literal, $example:literal, $said:literal, $is:expr) => {
        $(#[$about])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
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

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
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
                schemars::json_schema!({ "type": "string", "maxLength": $most, "pattern": $pattern, "examples": [$example] })
            }
        }
    };
}

/// As long as paths are in the field, and short enough that a line of an access log holds one.
pub const MOST_PATH_BYTES: usize = 512;

written!(
    /// The path of a page below its site. Its segments are of characters that no URL writes otherwise, none is empty, and none of
    /// them leads elsewhere.
    PagePath,
    MOST_PATH_BYTES,
    "^[A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*$",
    "offers/index.html",
    "a path of at most 512 letters of ASCII, digits, points, hyphens, underscores and tildes, in segments between slashes, none of them empty, `.` or `..`,",
    |text| text.len() <= MOST_PATH_BYTES && text.split('/').all(is_segment)
);

written!(
    /// A media type without parameters: each part as RFC 6838 restricts its names.
    MediaType,
    129,
    "^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,63}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,63}$",
    "text/html",
    "a media type as text/html, without parameters,",
    |text| text.split_once('/').is_some_and(|(kind, of)| is_name(kind) && is_name(of))
);

fn is_segment(text: &str) -> bool {
    let may = |byte: u8| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte);
    !matches!(text, "" | "." | "..") && text.bytes().all(may)
}

fn is_name(text: &str) -> bool {
    let may = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte);
    (1..=64).contains(&text.len()) && text.as_bytes()[0].is_ascii_alphanumeric() && text.bytes().all(may)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_below_its_site() {
        let path = |text: &str| PagePath::try_from(text.to_owned()).is_ok();
        for text in ["index.html", "a/b/c.css", "~you/..a", "...", "A_1-2.txt", &"a".repeat(512)] {
            assert!(path(text), "{text}");
        }
        for text in [
            "",
            "/",
            "/a",
            "a/",
            "a//b",
            ".",
            "..",
            "../a",
            "a/../b",
            "a/.",
            "a\\b",
            "a b",
            "é",
            "a%2e",
            "a\n",
            &"a".repeat(513),
        ] {
            assert!(!path(text), "{text:?}");
        }
    }

    #[test]
    fn a_media_type_is_no_header_of_its_own() {
        let media = |text: &str| MediaType::try_from(text.to_owned()).is_ok();
        assert!(media("text/html") && media("image/svg+xml"));
        for text in ["", "text", "text/", "text/html; charset=utf-8", "text/html\r\nx: y", "é/b"] {
            assert!(!media(text), "{text:?}");
        }
    }
}
