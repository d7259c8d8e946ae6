//! Decoding an adjacently tagged enum whose tag and content were found apart.

use serde::de::value::MapDeserializer;
use serde::de::{DeserializeOwned, IntoDeserializer};
use serde_json::de::{Deserializer, StrRead};

/// Decodes an adjacently tagged enum from a tag and a content that were found apart.
///
/// # Errors
/// As `serde_json` has them.
pub fn from_tagged<T: DeserializeOwned>(
    tag: &'static str,
    kind: &str,
    content: &'static str,
    data: &str,
) -> Result<T, serde_json::Error> {
    let members = [(tag, Member::Kind(kind)), (content, Member::Data(data))];
    T::deserialize(MapDeserializer::new(members.into_iter()))
}

/// The member of the content that keeps it from being decoded, as `limit.amount`, where there is one.
#[must_use]
pub fn culprit<T: DeserializeOwned>(
    tag: &'static str,
    kind: &str,
    content: &'static str,
    data: &str,
) -> Option<String> {
    let members = [(tag, Member::Kind(kind)), (content, Member::Data(data))];
    let decoded: Result<T, _> = serde_path_to_error::deserialize(MapDeserializer::new(members.into_iter()));
    let path = decoded.err()?.path().to_string();
    Some(path.strip_prefix(content)?.strip_prefix('.')?.to_owned())
}

/// A member of the two-member object that an adjacently tagged event is decoded from.
enum Member<'a> {
    Kind(&'a str),
    Data(&'a str),
}

impl<'de> IntoDeserializer<'de, serde_json::Error> for Member<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> serde::Deserializer<'de> for Member<'de> {
    type Error = serde_json::Error;

    fn deserialize_any<V: serde::de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self {
            Self::Kind(kind) => visitor.visit_borrowed_str(kind),
            Self::Data(data) => whole(data, |json| json.deserialize_any(visitor)),
        }
    }

    fn deserialize_option<V: serde::de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self {
            Self::Kind(kind) => visitor.visit_borrowed_str(kind),
            Self::Data(data) => whole(data, |json| json.deserialize_option(visitor)),
        }
    }

    fn deserialize_enum<V: serde::de::Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        match self {
            Self::Kind(kind) => {
                let kind: serde::de::value::BorrowedStrDeserializer<'de, serde_json::Error> =
                    serde::de::value::BorrowedStrDeserializer::new(kind);
                kind.deserialize_enum(name, variants, visitor)
            }
            Self::Data(data) => whole(data, |json| json.deserialize_enum(name, variants, visitor)),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// Reads all of `text`.
fn whole<'de, T>(
    text: &'de str,
    read: impl FnOnce(&mut Deserializer<StrRead<'de>>) -> Result<T, serde_json::Error>,
) -> Result<T, serde_json::Error> {
    let mut json = Deserializer::from_str(text);
    let value = read(&mut json)?;
    json.end()?;
    Ok(value)
}
