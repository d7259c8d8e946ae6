//! From bytes of a log to what its lines say.

use serde::{Deserialize, Serialize};

use super::format::Format;
use super::line::{Aside, Line};
use super::lines::{Cut, End, Lines, Unfinished, cut};
use super::ncsa::{self, Shape};
use super::w3c::Directives;
use super::{balancer, json};

/// Windows writes one in front of UTF-8.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads one log, from its beginning or from where it was left.
#[derive(Debug)]
pub struct Reader {
    format: Format,
    lines: Lines,
    directives: Directives,
}

/// Where reading goes on, with all that was said before. [`Reader::resume`] with it reads the same lines as if nothing had
/// come between.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct State {
    /// Where the first line begins that was not read.
    pub offset: u64,
    /// What the directives of a W3C log said so far.
    #[serde(default)]
    pub directives: Directives,
}

impl Reader {
    /// Reads a log of this format from its beginning.
    #[must_use]
    pub fn of(format: Format) -> Self {
        Self::resume(format, State::default())
    }

    /// Reads a log of this format from where it was left.
    #[must_use]
    pub fn resume(format: Format, state: State) -> Self {
        Self { format, lines: Lines::from(state.offset), directives: state.directives.resumed() }
    }

    /// Where this reader is. Bytes of a line that has not ended are to be pushed again.
    #[must_use]
    pub fn state(&self) -> State {
        State { offset: self.lines.offset(), directives: self.directives.clone() }
    }

    /// Takes the next bytes of the log, and calls `each` with the offset of every line that ends in them and what it says.
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(u64, &Line<'_>)) {
        let Self { format, lines, directives } = self;
        lines.push(bytes, |offset, cut| each(offset, &read(format, directives, offset, cut)));
    }

    /// No more bytes come. A last line without an end is one if the log is complete, else it is returned as unfinished.
    pub fn finish(&mut self, end: End, mut each: impl FnMut(u64, &Line<'_>)) -> Option<Unfinished> {
        let Self { format, lines, directives } = self;
        lines.finish(end, |offset, cut| each(offset, &read(format, directives, offset, cut)))
    }

    /// What a line that begins at `offset` says, without LF. Directives count for the lines after it.
    pub fn parse_at<'a>(&mut self, offset: u64, line: &'a [u8]) -> Line<'a> {
        read(&self.format, &mut self.directives, offset, cut(line))
    }
}

fn read<'a>(format: &Format, directives: &mut Directives, offset: u64, cut: Cut<'a>) -> Line<'a> {
    match cut {
        Cut::Line(line) if offset == 0 => parse(format, directives, line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line)),
        Cut::Line(line) => parse(format, directives, line),
        Cut::TooLong => Line::TooLong,
    }
}

fn parse<'a>(format: &Format, directives: &mut Directives, line: &'a [u8]) -> Line<'a> {
    match line.first() {
        None => return Line::Aside(Aside::Blank),
        Some(b'#') if *format == Format::W3c => return Line::Aside(directives.read(line)),
        Some(b'#') => return Line::Aside(Aside::Comment),
        Some(b' ' | b'\t') if line.trim_ascii().is_empty() => return Line::Aside(Aside::Blank),
        Some(_) => {}
    }
    let access = match format {
        Format::Common => ncsa::parse(line, Shape { vhost: false, combined: false }),
        Format::CommonVhost => ncsa::parse(line, Shape { vhost: true, combined: false }),
        Format::Combined => ncsa::parse(line, Shape { vhost: false, combined: true }),
        Format::CombinedVhost => ncsa::parse(line, Shape { vhost: true, combined: true }),
        Format::W3c => directives.parse(line),
        Format::Nginx(template) => template.parse(line),
        Format::Json => json::parse(line),
        Format::Elb => return balancer::parse(line, false),
        Format::Alb => return balancer::parse(line, true),
    };
    match access {
        Ok(access) => Line::Access(access),
        Err(flaw) => Line::Malformed(flaw),
    }
}
