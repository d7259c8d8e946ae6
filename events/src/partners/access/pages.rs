//! Which paths are pages that count, as what, and from when until when.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::path;
use crate::time::Time;

/// What a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Made with and paid by somebody else.
    TieUp,
    /// One's own.
    Original,
}

/// A line of the table: a path, or all paths below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
// Lists of rows have pages too, and this name in the document.
#[schemars(rename = "CountedPage")]
pub struct Page {
    /// The path, in whatever spelling [`path::normal`] takes for the same.
    pub path: String,
    /// Whether the paths below it are meant too.
    #[serde(default)]
    pub reach: Reach,
    /// Of which host alone. `None` is of whatever host, also of logs that name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// What it is.
    pub class: Class,
    /// From this time on; `None` is from ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Time>,
    /// Up to this time and not at it; `None` is for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}

/// How far a line of the table goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// This path.
    #[default]
    Exact,
    /// This path and all below it: `/a` reaches `/a`, `/a/` and `/a/b`, not `/ab`; `/a/` does not reach `/a`.
    Prefix,
}

/// A table in which a line contradicts another or says nothing. Counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotATable {
    /// Its path does not begin with `/`.
    #[error("the path of page {page} does not begin with /")]
    NotAPath {
        /// Which one.
        page: usize,
    },
    /// It ends before it begins.
    #[error("page {page} ends before it begins")]
    NoTime {
        /// Which one.
        page: usize,
    },
    /// Two lines say of one path at one time what it is.
    #[error("pages {first} and {second} are the same at the same time")]
    Twice {
        /// The earlier one.
        first: usize,
        /// The later one.
        second: usize,
    },
}

/// The table, made for looking up. Of the lines that reach a path at its time and host, the exact one counts, else the one
/// with the longest prefix; of two of the same path, the one that names the host.
#[derive(Debug, Clone)]
pub struct Table {
    exact: HashMap<Box<str>, Vec<Entry>>,
    prefix: HashMap<Box<str>, Vec<Entry>>,
    /// Lengths of the prefixes, longest first.
    lengths: Vec<usize>,
}

/// A line of the table that a path was found in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Which one, counted from 0.
    pub page: usize,
    /// The host that it names.
    pub host: Option<String>,
    /// What it makes of the path.
    pub class: Class,
    from: Time,
    until: Time,
}

impl Table {
    /// The table of these lines.
    ///
    /// # Errors
    ///
    /// If one is no line, or two say different things of one path.
    pub fn of(pages: &[Page]) -> Result<Self, NotATable> {
        let (mut exact, mut prefix) = (HashMap::<Box<str>, Vec<Entry>>::new(), HashMap::<Box<str>, Vec<Entry>>::new());
        for (at, page) in pages.iter().enumerate() {
            let path = path::normal(page.path.as_bytes()).ok_or(NotATable::NotAPath { page: at })?;
            let entry = Entry {
                page: at,
                host: page.host.as_ref().map(|host| host.to_ascii_lowercase()),
                class: page.class,
                from: page.from.unwrap_or(Time::from_micros(i64::MIN)),
                until: page.until.unwrap_or(Time::from_micros(i64::MAX)),
            };
            if entry.from >= entry.until {
                return Err(NotATable::NoTime { page: at });
            }
            let map = match page.reach {
                Reach::Exact => &mut exact,
                Reach::Prefix => &mut prefix,
            };
            let entries = map.entry(path.into()).or_default();
            let same =
                |other: &&Entry| other.host == entry.host && other.from < entry.until && entry.from < other.until;
            if let Some(first) = entries.iter().find(same) {
                return Err(NotATable::Twice { first: first.page, second: at });
            }
            entries.push(entry);
            // Those that name a host first.
            entries.sort_by_key(|entry| entry.host.is_none());
        }
        let lengths: BTreeSet<usize> = prefix.keys().map(|path| path.len()).collect();
        Ok(Self { exact, prefix, lengths: lengths.into_iter().rev().collect() })
    }

    /// The line for a path in its normal form, on this host at this time.
    #[must_use]
    pub fn find(&self, path: &str, host: Option<&[u8]>, at: Time) -> Option<&Entry> {
        let fits = |entry: &&Entry| {
            let hosts = entry
                .host
                .as_ref()
                .is_none_or(|wanted| host.is_some_and(|host| host.eq_ignore_ascii_case(wanted.as_bytes())));
            hosts && entry.from <= at && at < entry.until
        };
        if let Some(entry) = self.exact.get(path).and_then(|entries| entries.iter().find(fits)) {
            return Some(entry);
        }
        let ends_here = |len: &usize| {
            let bytes = path.as_bytes();
            *len <= bytes.len() && (*len == bytes.len() || bytes[len - 1] == b'/' || bytes[*len] == b'/')
        };
        let lengths = self.lengths.iter().copied().filter(ends_here);
        lengths.filter_map(|len| self.prefix.get(&path[..len])).find_map(|entries| entries.iter().find(fits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(path: &str, reach: Reach, class: Class) -> Page {
        Page { path: path.to_owned(), reach, host: None, class, from: None, until: None }
    }

    fn at(micros: i64) -> Option<Time> {
        Some(Time::from_micros(micros))
    }

    #[test]
    fn the_exact_line_counts_before_the_longest_prefix() {
        let pages = [
            page("/", Reach::Prefix, Class::Original),
            page("/a", Reach::Prefix, Class::TieUp),
            page("/a/b", Reach::Exact, Class::Original),
            page("/c/", Reach::Prefix, Class::TieUp),
            page("/\u{e9}", Reach::Exact, Class::TieUp),
        ];
        let table = Table::of(&pages).unwrap();
        let found = |path: &str| table.find(path, None, Time::default()).map(|entry| entry.page);
        for (path, line) in
            [("/", 0), ("/x", 0), ("/a", 1), ("/a/", 1), ("/a/b/c", 1), ("/ab", 0), ("/a/b", 2), ("/c", 0), ("/c/d", 3)]
        {
            assert_eq!(found(path), Some(line), "{path}");
        }
        assert_eq!(found("/%C3%A9"), Some(4));
    }

    #[test]
    fn a_line_counts_in_its_time_and_on_its_host() {
        let early = Page { until: at(10), ..page("/a", Reach::Exact, Class::TieUp) };
        let late = Page { from: at(10), ..page("/a", Reach::Exact, Class::Original) };
        let hosted = Page { host: Some("B.example.com".to_owned()), ..page("/a", Reach::Exact, Class::Original) };
        let table = Table::of(&[early.clone(), late, hosted]).unwrap();
        let found = |host: Option<&str>, micros| {
            table.find("/a", host.map(str::as_bytes), Time::from_micros(micros)).map(|entry| entry.page)
        };
        assert_eq!([found(None, 9), found(None, 10), found(Some("a.example.com"), 9)], [Some(0), Some(1), Some(0)]);
        assert_eq!(found(Some("b.EXAMPLE.com"), 9), Some(2));
        let table = Table::of(&[early]).unwrap();
        assert_eq!(table.find("/a", None, Time::from_micros(10)), None);
    }

    #[test]
    fn a_table_that_contradicts_itself_is_refused() {
        let one = Page { from: at(0), until: at(10), ..page("/a/../b", Reach::Exact, Class::TieUp) };
        let other = Page { from: at(9), ..page("/b", Reach::Exact, Class::Original) };
        assert_eq!(Table::of(&[one.clone(), other]).err(), Some(NotATable::Twice { first: 0, second: 1 }));
        assert_eq!(Table::of(&[Page { until: at(0), ..one }]).err(), Some(NotATable::NoTime { page: 0 }));
        let nowhere = page("b", Reach::Exact, Class::TieUp);
        assert_eq!(Table::of(&[nowhere]).err(), Some(NotATable::NotAPath { page: 0 }));
    }
}
