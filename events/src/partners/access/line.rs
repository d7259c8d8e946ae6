//! What a line of an access log says. Nothing here owns memory unless the line had it escaped.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::time::Time;

/// Bytes of a line, as the client or the server wrote them: they MUST NOT be taken for UTF-8. They are borrowed from the line
/// where it has them unescaped; escapes of the format (`\x22`, `\"`, `""`, JSON's) are undone, percent-encoding is not.
pub type Text<'a> = Cow<'a, [u8]>;

/// One request that a web server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access<'a> {
    /// When, in UTC. Of the request or of the answer, as the server has it.
    pub at: Time,
    /// Who asked: an address, or a host name where the server looked names up. Without port.
    pub client: Text<'a>,
    /// Which of the server's names was asked, without port.
    pub host: Option<Text<'a>>,
    /// Whom the server took the client for.
    pub user: Option<Text<'a>>,
    /// Other names that the line has of the client or the user, as an identity or a second member: nothing counts by them.
    pub others: Vec<Text<'a>>,
    /// `GET`. Empty where the line does not say.
    pub method: Text<'a>,
    /// `/articles/1`: the target up to its `?`, without `https://host`. Empty where there is none.
    pub path: Text<'a>,
    /// What follows the `?`.
    pub query: Option<Text<'a>>,
    /// The status that the client got. 0 where there was none, as with a connection that broke.
    pub status: u16,
    /// Bytes of the answer, with or without its head as the format has it. `None` where the line has `-`.
    pub bytes: Option<u64>,
    /// Where the client says that it comes from.
    pub referrer: Option<Text<'a>>,
    /// What the client says that it is. Of W3C logs with `+` or `%20` for blanks, as they have it.
    pub agent: Option<Text<'a>>,
    /// How long it took, in microseconds. `None` where nobody can read it, since nothing depends on it.
    pub taken_us: Option<u64>,
}

/// A line of an access log.
// An access is what nearly every line is; a box would cost every one of them an allocation.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line<'a> {
    /// A request.
    Access(Access<'a>),
    /// Nothing that asks for anything, rightly so.
    Aside(Aside),
    /// Not a line of this format.
    Malformed(Flaw),
    /// Longer than [`super::lines::LONGEST`].
    TooLong,
}

/// A line that is no request and no mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aside {
    /// Nothing in it.
    Blank,
    /// `# …`.
    Comment,
    /// A directive of a W3C log, such as `#Fields:`.
    Directive,
    /// A connection in which nothing was requested, as load balancers log those for TCP.
    NoRequest,
}

/// The first thing about a line that its format does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Flaw {
    /// Its parts are not where they belong.
    #[error("its parts are not where the format has them")]
    Shape,
    /// No client.
    #[error("it names no client")]
    Client,
    /// No time, one that there is not, or one without a zone.
    #[error("it has no time that is one")]
    Time,
    /// A quote that does not close.
    #[error("a quote does not close")]
    Quote,
    /// No target.
    #[error("it names no target of a request")]
    Target,
    /// No status.
    #[error("it has no status of up to three digits")]
    Status,
    /// A size that is neither a number nor `-`.
    #[error("its size is neither a number nor -")]
    Size,
    /// More than the format has.
    #[error("something follows its end")]
    Tail,
    /// More or fewer columns than the directive names.
    #[error("it has other columns than the directive above it")]
    Columns,
    /// A W3C line with no `#Fields:` before it.
    #[error("no directive says what its columns are")]
    NoFields,
    /// Not a JSON object with values of the expected kinds.
    #[error("it is not an object in JSON with such members")]
    Json,
}
