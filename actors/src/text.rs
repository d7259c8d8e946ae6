//! Text that callers send: bounded, and without control characters, before anything looks at it.

use std::borrow::Cow;

use kippu_events::caseless;
use serde::de::value::StrDeserializer;
use serde::{Deserialize, Deserializer, Serialize};

/// One of a few names, written as text and in no other way: a map of a name to nothing would be taken for the name too.
///
/// # Errors
/// What is no text, or no such name.
pub fn named<'de, D: Deserializer<'de>, T: for<'a> Deserialize<'a>>(deserializer: D) -> Result<T, D::Error> {
    let name = Cow::<str>::deserialize(deserializer)?;
    T::deserialize(StrDeserializer::<D::Error>::new(&name))
}

/// Text of 1 to `MOST` characters, one of which can be seen, and none a control character. Stored as it came.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Text<const MOST: usize>(String);

/// Text that is empty, too long, or holds control characters. Does not repeat it: it may be personal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("text of 1 to {most} characters is wanted, not only white space or invisible ones, and no control characters")]
pub struct NotText {
    /// The most characters that it may have.
    pub most: usize,
}

impl<const MOST: usize> Text<MOST> {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MOST: usize> From<Text<MOST>> for String {
    fn from(text: Text<MOST>) -> Self {
        text.0
    }
}

impl<const MOST: usize> TryFrom<String> for Text<MOST> {
    type Error = NotText;

    fn try_from(text: String) -> Result<Self, NotText> {
        // No more than MOST + 1 characters are counted, however long the text is.
        let chars = text.chars().take(MOST + 1).count();
        if chars > MOST || !can_be_seen(&text) || text.chars().any(char::is_control) {
            return Err(NotText { most: MOST });
        }
        Ok(Self(text))
    }
}

/// Whether anything of `text` can be seen.
fn can_be_seen(text: &str) -> bool {
    // Nearly every text has such a character, and needs no tables.
    text.bytes().any(|byte| byte.is_ascii_graphic()) || !caseless::fold(text).is_empty()
}

impl<const MOST: usize> schemars::JsonSchema for Text<MOST> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Text{MOST}").into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$";
        schemars::json_schema!({ "type": "string", "minLength": 1, "maxLength": MOST, "pattern": pattern })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_counted_in_characters_and_holds_no_control_characters() {
        let fits = |text: &str| Text::<4>::try_from(text.to_owned()).is_ok();
        assert!(fits("a") && fits("abcd") && fits("切符切符"));
        for text in ["", "  ", "\u{3000}", "\u{200b}", "\u{ad} ", "abcde", "a\nb", "\0", "a\u{7f}", "\u{85}"] {
            assert!(!fits(text), "{text:?}");
        }
    }
}
