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
