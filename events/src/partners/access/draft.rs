//! An access in the making, for formats whose fields come in any order and by names: W3C, nginx, JSON.

use std::borrow::Cow;

use super::line::{Access, Flaw, Text};
use super::words::{given, part, without_port};
use super::{request, stamp};

/// What a field of such a format is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// A time that says itself what it is.
    Time,
    /// A date in UTC.
    Date,
    /// A time of day in UTC.
    Clock,
    /// Who asked.
    Client,
    /// Which of the server's names.
    Host,
    /// Who the client is.
    User,
    /// `GET`.
    Method,
    /// `GET /a?b HTTP/1.1`.
    Request,
    /// `/a?b`.
    Target,
    /// `b`.
    Query,
    /// What the client got.
    Status,
    /// Bytes of the answer.
    Bytes,
    /// Where from.
    Referrer,
    /// What the client is.
    Agent,
    /// Time taken in seconds.
    TakenS,
    /// Time taken in milliseconds.
    TakenMs,
    /// Time taken in nanoseconds.
    TakenNs,
}

/// One more than the last field's number.
const FIELDS: usize = Field::TakenNs as usize + 1;

/// The fields of a line that were found so far.
#[derive(Debug, Default)]
pub struct Draft<'a> {
    found: [Option<Text<'a>>; FIELDS],
    ranks: [u8; FIELDS],
    /// Clients and users that a name of a higher rank took the place of.
    others: Vec<Text<'a>>,
}

impl<'a> Draft<'a> {
    /// Takes what the line has for `field`, unless it had it by a name of the same or a higher rank. Ranks begin with 1; a
    /// `-` is below all of them.
    pub fn put(&mut self, field: Field, rank: u8, text: Text<'a>) {
        let at = field as usize;
        let is_name = matches!(field, Field::Client | Field::User);
        let rank = if *text == *b"-" { 1 } else { rank.saturating_add(1) };
        if rank > self.ranks[at] && !text.is_empty() {
            self.ranks[at] = rank;
            let before = self.found[at].replace(text);
            self.others.extend(before.filter(|_| is_name).and_then(given));
        } else if is_name {
            self.others.extend(given(text));
        }
    }

    fn take(&mut self, field: Field) -> Option<Text<'a>> {
        self.found[field as usize].take().and_then(given)
    }

    /// The access.
    ///
    /// # Errors
    ///
    /// The first thing that is missing or not what it should be.
    pub fn finish(mut self) -> Result<Access<'a>, Flaw> {
        let at = match (self.take(Field::Time), self.take(Field::Date), self.take(Field::Clock)) {
            (Some(time), _, _) => stamp::any(&time),
            (None, Some(date), Some(clock)) => stamp::utc(&date, &clock),
            _ => None,
        };
        let at = at.ok_or(Flaw::Time)?;
        let client = given(without_port(&self.take(Field::Client).unwrap_or_default())).ok_or(Flaw::Client)?;
        let (method, aim) = match (self.take(Field::Request), self.take(Field::Target)) {
            (Some(line), aim) => {
                let (method, target) = request::split(&line);
                (self.take(Field::Method).unwrap_or(method), aim.unwrap_or(target))
            }
            (None, Some(aim)) => (self.take(Field::Method).unwrap_or_default(), aim),
            // A request that nobody could read is `-` in every column.
            (None, None) if self.ranks[Field::Request as usize] + self.ranks[Field::Target as usize] > 0 => {
                (self.take(Field::Method).unwrap_or_default(), Cow::default())
            }
            (None, None) => return Err(Flaw::Target),
        };
        let (aimed_at, path, query) = request::target(&aim);
        let status = match self.found[Field::Status as usize].take() {
            Some(text) => status(&text)?,
            None => return Err(Flaw::Status),
        };
        let bytes = match self.take(Field::Bytes) {
            Some(size) => Some(stamp::number(&size).ok_or(Flaw::Size)?),
            None => None,
        };
        let taken_us = [(Field::TakenS, 6), (Field::TakenMs, 3), (Field::TakenNs, -3)]
            .into_iter()
            .find_map(|(field, power)| stamp::scaled(&self.take(field)?, power));
        let others = std::mem::take(&mut self.others);
        Ok(Access {
            at,
            client,
            host: self.take(Field::Host).or(aimed_at).and_then(|host| given(without_port(&host))),
            user: self.take(Field::User),
            others,
            method,
            path,
            query: query.or_else(|| self.take(Field::Query)),
            status,
            bytes,
            referrer: self.take(Field::Referrer),
            agent: self.take(Field::Agent),
            taken_us,
        })
    }
}

/// Up to three digits, or `-`.
fn status(text: &Text<'_>) -> Result<u16, Flaw> {
    match &**text {
        b"-" => Ok(0),
        digits if digits.len() <= 3 => {
            stamp::number(digits).and_then(|status| status.try_into().ok()).ok_or(Flaw::Status)
        }
        _ => Err(Flaw::Status),
    }
}

/// A text with quotes around it without them.
#[must_use]
pub fn unquoted<'a>(text: &Text<'a>) -> Text<'a> {
    match &**text {
        [b'"', .., b'"'] => part(text, 1..text.len() - 1),
        _ => text.clone(),
    }
}
