//! What was counted: accesses and bytes by day, page and class, and how many lines do not count, by reason.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::pages::Class;
use super::rules::Reason;
use super::visits::Audience;

/// The numbers of some lines. Tallies of different lines can be added up in whatever order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Lines that were read. As many as count and do not count.
    pub lines: u64,
    /// What counts.
    #[serde(with = "rows")]
    pub counted: BTreeMap<Key, Count>,
    /// What does not.
    pub excluded: BTreeMap<Reason, u64>,
}

/// What is counted by itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    /// The day, in the time zone of the count.
    pub day: Date,
    /// The page, as in [`super::classify::Hit`].
    #[serde(with = "text")]
    pub page: Arc<str>,
    /// What it was.
    pub class: Class,
}

/// How often and how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Count {
    /// Accesses.
    pub accesses: u64,
    /// Bytes of those whose line has them, at most the largest number.
    pub bytes: u64,
}

/// The numbers of a whole period.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Report {
    /// What adds up.
    pub tally: Tally,
    /// What does not.
    pub audience: Audience,
}

impl Tally {
    /// Counts an access.
    pub fn count(&mut self, key: Key, bytes: Option<u64>) {
        let count = self.counted.entry(key).or_default();
        count.accesses += 1;
        count.bytes = count.bytes.saturating_add(bytes.unwrap_or(0));
    }

    /// Counts a line that does not count.
    pub fn exclude(&mut self, reason: Reason) {
        *self.excluded.entry(reason).or_default() += 1;
    }

    /// Adds the numbers of other lines.
    pub fn merge(&mut self, other: Self) {
        self.lines = self.lines.saturating_add(other.lines);
        for (key, count) in other.counted {
            let sum = self.counted.entry(key).or_default();
            sum.accesses = sum.accesses.saturating_add(count.accesses);
            sum.bytes = sum.bytes.saturating_add(count.bytes);
        }
        for (reason, lines) in other.excluded {
            let sum = self.excluded.entry(reason).or_default();
            *sum = sum.saturating_add(lines);
        }
    }

    /// Accesses that count, of all days and pages.
    #[must_use]
    pub fn accesses(&self) -> u64 {
        self.counted.values().fold(0, |sum, count| sum.saturating_add(count.accesses))
    }

    /// Whether every line that was read counts or has a reason.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        self.excluded.values().fold(self.accesses(), |sum, lines| sum.saturating_add(*lines)) == self.lines
    }
}

/// A list of rows, since an object's keys are texts.
mod rows {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{Count, Key};

    #[derive(Serialize, Deserialize)]
    struct Row<K> {
        #[serde(flatten)]
        key: K,
        #[serde(flatten)]
        count: Count,
    }

    pub fn serialize<S: Serializer>(counted: &BTreeMap<Key, Count>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(counted.iter().map(|(key, count)| Row { key, count: *count }))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<Key, Count>, D::Error> {
        let rows = Vec::<Row<Key>>::deserialize(deserializer)?;
        Ok(rows.into_iter().map(|row| (row.key, row.count)).collect())
    }
}

/// A text that several own.
mod text {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(text)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<str>, D::Error> {
        String::deserialize(deserializer).map(Arc::from)
    }
}
