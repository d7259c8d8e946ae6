//! Lines of a log that comes in parts, each with the offset at which it begins.
//!
//! ```text
//! 0      7      14         25
//! GET /a\nGET /b\r\nGET /c
//! └ 0 ───┘└ 7 ────┘└ 15: unfinished, until the rest comes
//! ```
//!
//! Lines end with LF or CRLF. Which parts the bytes came in MUST NOT make a difference to the lines.

/// The longest line that is read, its CR included. Servers take requests of 8 KiB and write perhaps four such fields; what is
/// longer is no log, and must not be held.
pub const LONGEST: usize = 64 * 1_024;

/// A line as it was cut out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut<'a> {
    /// Its bytes, without its end.
    Line(&'a [u8]),
    /// It has more than [`LONGEST`].
    TooLong,
}

/// What is left when no more bytes come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The log is complete: its last line is one even without an end.
    Complete,
    /// More may be written to it: what has no end is half a line.
    Growing,
}

/// Bytes without a line end, at the end of a log that grows. Read again from `offset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfinished {
    /// Where the line begins.
    pub offset: u64,
    /// How much of it there is.
    pub bytes: u64,
}

/// Cuts bytes into lines.
#[derive(Debug, Default)]
pub struct Lines {
    /// Where the line begins that has not ended yet.
    offset: u64,
    /// The bytes of it, at most [`LONGEST`]; none once it is longer.
    held: Vec<u8>,
    /// How many bytes it has so far.
    seen: u64,
}

impl Lines {
    /// Lines of a log from `offset` on, which MUST be the beginning of one.
    #[must_use]
    pub fn from(offset: u64) -> Self {
        Self { offset, ..Self::default() }
    }

    /// Where the line begins that has not ended yet: reading goes on from there after a restart.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Takes the next bytes, and calls `each` with the offset of every line that ends in them.
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(u64, Cut<'_>)) {
        let mut from = 0;
        for end in memchr::memchr_iter(b'\n', bytes) {
            let part = &bytes[from..end];
            from = end + 1;
            let line = if self.seen == 0 {
                cut(part)
            } else {
                self.hold(part);
                if self.seen > LONGEST as u64 { Cut::TooLong } else { cut(&self.held) }
            };
            each(self.offset, line);
            let seen = if self.seen == 0 { part.len() as u64 } else { self.seen };
            self.begin(seen + 1);
        }
        self.hold(&bytes[from..]);
    }

    /// Calls `each` with the last line, if it has no end and the log is complete.
    pub fn finish(&mut self, end: End, mut each: impl FnMut(u64, Cut<'_>)) -> Option<Unfinished> {
        if self.seen == 0 {
            return None;
        }
        match end {
            End::Growing => Some(Unfinished { offset: self.offset, bytes: self.seen }),
            End::Complete => {
                each(self.offset, if self.seen > LONGEST as u64 { Cut::TooLong } else { cut(&self.held) });
                self.begin(self.seen);
                None
            }
        }
    }

    fn begin(&mut self, bytes: u64) {
        self.offset = self.offset.saturating_add(bytes);
        self.held.clear();
        self.seen = 0;
    }

    fn hold(&mut self, part: &[u8]) {
        self.seen = self.seen.saturating_add(part.len() as u64);
        if self.seen <= LONGEST as u64 {
            self.held.extend_from_slice(part);
        } else {
            self.held = Vec::new();
        }
    }
}

pub(super) fn cut(line: &[u8]) -> Cut<'_> {
    if line.len() > LONGEST { Cut::TooLong } else { Cut::Line(line.strip_suffix(b"\r").unwrap_or(line)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cuts(parts: &[&[u8]], end: End) -> (Vec<(u64, Option<usize>)>, Option<Unfinished>) {
        let (mut lines, mut found) = (Lines::default(), Vec::new());
        let len = |cut: Cut<'_>| match cut {
            Cut::Line(line) => Some(line.len()),
            Cut::TooLong => None,
        };
        for part in parts {
            lines.push(part, |offset, cut| found.push((offset, len(cut))));
            assert!(lines.held.len() <= LONGEST);
        }
        let left = lines.finish(end, |offset, cut| found.push((offset, len(cut))));
        (found, left)
    }

    #[test]
    fn lines_end_with_lf_or_crlf_wherever_the_bytes_are_split() {
        let all = b"abc\r\n\nde\rf\nxyz\r";
        for at in 0..=all.len() {
            let (found, left) = cuts(&[&all[..at], &all[at..]], End::Growing);
            assert_eq!(found, [(0, Some(3)), (5, Some(0)), (6, Some(4))]);
            assert_eq!(left, Some(Unfinished { offset: 11, bytes: 4 }));
            assert_eq!(cuts(&[&all[..at], &all[at..]], End::Complete).0[3], (11, Some(3)));
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_named_and_the_next_one_is_read() {
        let longest = vec![b'x'; LONGEST];
        for parts in [&[&longest[..], b"\na\n"][..], &[&[&longest[..], b"\na\n"].concat()]] {
            assert_eq!(cuts(parts, End::Growing).0, [(0, Some(LONGEST)), (LONGEST as u64 + 1, Some(1))]);
        }
        for parts in
            [&[&longest[..], b"x", &longest, b"\na\n"][..], &[&[&longest[..], b"x", &longest, b"\na\n"].concat()]]
        {
            assert_eq!(cuts(parts, End::Growing).0, [(0, None), (2 * LONGEST as u64 + 2, Some(1))]);
        }
        assert_eq!(cuts(&[&longest, b"x"], End::Complete).0, [(0, None)]);
    }
}
