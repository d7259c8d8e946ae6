//! What only a member knows, as it was typed. It is in no event, no record of a command, and no message.

use serde::{Deserialize, Serialize};

/// A password or a code of `LEAST` to `MOST` characters. Has no `Debug`: it must not be printed.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct Hidden<const LEAST: usize, const MOST: usize>(String);

/// As NIST SP 800-63B has it: 8 characters at least, and 64 and more are taken.
pub type Password = Hidden<8, 128>;
/// A one-time code.
pub type Code = Hidden<6, 6>;

/// Text that can be no such secret. Does not repeat it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{least} to {most} characters are wanted")]
pub struct NotOne {
    least: usize,
    most: usize,
}

impl<const LEAST: usize, const MOST: usize> Hidden<LEAST, MOST> {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const LEAST: usize, const MOST: usize> TryFrom<String> for Hidden<LEAST, MOST> {
    type Error = NotOne;

    fn try_from(text: String) -> Result<Self, NotOne> {
        // No more than MOST + 1 characters are counted, however long the text is.
        let chars = text.chars().take(MOST + 1).count();
        if (LEAST..=MOST).contains(&chars) { Ok(Self(text)) } else { Err(NotOne { least: LEAST, most: MOST }) }
    }
}

/// What is written out of a command is hashed for its record and compared with retries: that one was given, and not which, or
/// retries would find it out without being counted.
impl<const LEAST: usize, const MOST: usize> Serialize for Hidden<LEAST, MOST> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("given")
    }
}

impl<const LEAST: usize, const MOST: usize> schemars::JsonSchema for Hidden<LEAST, MOST> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Hidden{LEAST}To{MOST}").into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "minLength": LEAST, "maxLength": MOST, "writeOnly": true })
    }
}

#[test]
fn a_secret_has_its_length_and_is_not_written_out() {
    let password = |text: &str| Password::try_from(text.to_owned());
    assert_eq!(
        password("1234567").err().map(|error| error.to_string()).as_deref(),
        Some("8 to 128 characters are wanted")
    );
    assert!(password(&"é".repeat(129)).is_err());
    let password = password(&"é".repeat(8)).map_err(|_| ()).unwrap();
    assert_eq!((password.as_str().len(), serde_json::to_string(&password).unwrap()), (16, "\"given\"".to_owned()));
}
