//! Rows as answers have them: JSON, written once.

use std::fmt;

use serde::Serialize;

use crate::error::NotARow;

/// A row as JSON, written once: answers hand these bytes on.
#[derive(Clone, PartialEq, Eq)]
pub struct Json(Vec<u8>);

impl Json {
    /// `row` as JSON. Members are written in the order in which `T` has them, which in answers is that of their names.
    pub(crate) fn of<T: Serialize>(row: &T) -> Result<Self, NotARow> {
        serde_json::to_vec(row).map(Self).map_err(|error| NotARow(error.to_string()))
    }

    /// The same row without these members.
    pub(crate) fn without(self, hidden: &[&str]) -> Result<Self, NotARow> {
        let is_there = |name: &&str| memchr::memmem::find(&self.0, format!("\"{name}\":").as_bytes()).is_some();
        if !hidden.iter().any(is_there) {
            return Ok(self);
        }
        let mut row: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(&self.0).map_err(|error| NotARow(error.to_string()))?;
        row.retain(|name, _| !hidden.contains(&name.as_str()));
        Self::of(&row)
    }

    /// The text, in UTF-8.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text, in UTF-8.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}
