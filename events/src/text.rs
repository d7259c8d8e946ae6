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

/// Gives a newtype over so many bytes its form as text, lower-case hexadecimal, and the same in what people read; otherwise
/// it is the bytes.
macro_rules! hex {
    ($name:ident, $bytes:literal, $expecting:literal) => {
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let mut text = [0; 2 * $bytes];
                data_encoding::HEXLOWER.encode_mut(&self.0, &mut text);
                f.pad(std::str::from_utf8(&text).map_err(|_| std::fmt::Error)?)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = data_encoding::DecodeError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let bytes = data_encoding::HEXLOWER.decode(text.as_bytes())?;
                let (position, kind) = (text.len(), data_encoding::DecodeKind::Length);
                bytes.try_into().map(Self).map_err(|_| data_encoding::DecodeError { position, kind })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() { serializer.collect_str(self) } else { self.0.serialize(serializer) }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    crate::text::parse(deserializer, $expecting)
                } else {
                    serde::Deserialize::deserialize(deserializer).map(Self)
                }
            }
        }
    };
}
pub(crate) use hex;

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
