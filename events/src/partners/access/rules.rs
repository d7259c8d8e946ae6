//! What counts. Data, so that both sides of a contract can have the same rules and come to the same numbers.

use serde::{Deserialize, Serialize};

use super::addresses::Origin;
use super::agents::{PEOPLE, ROBOTS};
use super::pages::Page;
use crate::time::Time;

/// What counts as an access to which page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// Methods that count. An empty one is that of lines which name none.
    pub methods: Vec<String>,
    /// Statuses that count.
    pub statuses: Vec<u16>,
    /// Texts in the agents of robots, in whatever case. At least three bytes each.
    pub robots: Vec<String>,
    /// Texts in the agents of people, of whom a text of `robots` is true nevertheless.
    pub people: Vec<String>,
    /// What an access without an agent is. Logs in the common format have none at all.
    pub nameless: Nameless,
    /// Clients that do not count: one's own, watchers, scanners.
    pub origins: Vec<Origin>,
    /// Endings of paths that are no pages but parts of them, without the dot, in whatever case.
    pub parts: Vec<String>,
    /// How long a visitor may do nothing before the next access is another visit, in seconds. Exactly so long is the same one.
    pub visit_s: u32,
    /// An access to the same page so soon after the last one of the same visit, counted or not, is a reload, in seconds.
    /// Exactly so soon is one. 0: there are no reloads.
    pub reload_s: u32,
    /// The pages that count.
    pub pages: Vec<Page>,
}

/// What an access without an agent is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Nameless {
    /// One like others.
    #[default]
    Counts,
    /// A robot's.
    Robot,
}

/// A visit ends after half an hour, as everywhere.
const VISIT_S: u32 = 30 * 60;
/// As the COUNTER code of practice has it for double clicks.
const RELOAD_S: u32 = 30;
const PARTS: [&str; 30] = [
    "css",
    "js",
    "mjs",
    "map",
    "json",
    "xml",
    "txt",
    "png",
    "jpg",
    "jpeg",
    "gif",
    "svg",
    "webp",
    "avif",
    "ico",
    "bmp",
    "woff",
    "woff2",
    "ttf",
    "otf",
    "eot",
    "mp3",
    "mp4",
    "webm",
    "ogg",
    "wav",
    "mpg",
    "zip",
    "gz",
    "webmanifest",
];

impl Default for Rules {
    fn default() -> Self {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Self {
            methods: texts(&["GET"]),
            statuses: vec![200],
            robots: texts(&ROBOTS),
            people: texts(&PEOPLE),
            nameless: Nameless::default(),
            origins: Vec::new(),
            parts: texts(&PARTS),
            visit_s: VISIT_S,
            reload_s: RELOAD_S,
            pages: Vec::new(),
        }
    }
}

/// A stretch of time that is counted by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Period {
    /// Its first microsecond.
    pub from: Time,
    /// The first one after it.
    pub until: Time,
}

impl Period {
    /// Whether a time is in it.
    #[must_use]
    pub fn holds(&self, at: Time) -> bool {
        self.from <= at && at < self.until
    }
}

/// Why a line does not count. Every line that is read has one reason or counts; where several are true, the first in this
/// order is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It is blank, a comment or a directive.
    Comment,
    /// A connection in which nothing was requested.
    NoRequest,
    /// It is not of the log's format.
    Malformed,
    /// It is longer than lines are.
    TooLong,
    /// It is not of this period.
    OutsidePeriod,
    /// `HEAD`, `POST` …
    Method,
    /// Errors, redirects, not modified …
    Status,
    /// A robot, or somebody who asks what robots may do.
    Robot,
    /// A client that does not count.
    Origin,
    /// An image, a stylesheet, a script, or no path at all.
    NotAPage,
    /// A page that is not in the table, or not at this time.
    NotListed,
    /// The same page again.
    Reload,
}
