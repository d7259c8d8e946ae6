//! Deserialising what is written as text, without copying the text.

use std::fmt::{self, Display};
use std::marker::PhantomData;
use std::str::FromStr;

struct Parsed<T> {
    expecting: &'static str,
    what: PhantomData<T>,
}

impl<T: FromStr<Err: Display>> serde::de::Visitor<'_> for Parsed<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expecting)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

/// The value that the text ahead is; `expecting` says in an error what it should have been.
pub(crate) fn parse<'de, T: FromStr<Err: Display>, D: serde::Deserializer<'de>>(
    deserializer: D,
    expecting: &'static str,
) -> Result<T, D::Error> {
    deserializer.deserialize_str(Parsed { expecting, what: PhantomData })
}

#[cfg(test)]
mod tests {
    use crate::{EntityId, Principal, Time};

    #[test]
    fn text_is_read_borrowed_escaped_owned_and_from_a_value_alike() {
        let id = EntityId::from_hash(&[7; 32]);
        let text = id.to_string();
        let plain = format!("\"{text}\"");
        let escaped = format!("\"\\u{:04x}{}\"", text.as_bytes()[0], &text[1..]);
        assert_eq!(serde_json::from_str::<EntityId>(&plain).unwrap(), id);
        assert_eq!(serde_json::from_str::<EntityId>(&escaped).unwrap(), id, "{escaped}");
        assert_eq!(serde_json::from_reader::<_, EntityId>(plain.as_bytes()).unwrap(), id);
        assert_eq!(serde_json::from_value::<EntityId>(id.to_string().into()).unwrap(), id);
    }

    #[test]
    fn what_is_no_text_or_the_wrong_text_is_refused_with_the_reason() {
        let reason = |text| serde_json::from_str::<Time>(text).unwrap_err().to_string();
        assert!(reason("7").contains("expected a time"), "{}", reason("7"));
        assert!(reason("\"soon\"").contains("RFC 3339"), "{}", reason("\"soon\""));
        assert!(serde_json::from_str::<Principal>("null").is_err());
    }
}
