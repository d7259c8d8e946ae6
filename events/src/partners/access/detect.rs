//! Which format a log is in, by what reads its first lines.

use super::format::{Format, NAMED};
use super::line::Line;
use super::lines::{Cut, End, Lines};
use super::reader::{BYTE_ORDER_MARK, Reader};

/// Lines that are looked at. A log that changes after that was not one log.
const LINES: usize = 64;

impl Format {
    /// The format that reads most lines of `sample`, which begins where the log does. A line that `sample` cuts off is not
    /// looked at unless there is no other. `None` if no format reads one; an nginx format of somebody's own is never found.
    #[must_use]
    pub fn detect(sample: &[u8]) -> Option<Self> {
        let mut lines: Vec<Vec<u8>> = Vec::new();
        let mut keep = |_, cut: Cut<'_>| match cut {
            Cut::Line(line) if lines.len() < LINES => lines.push(line.to_vec()),
            Cut::Line(_) | Cut::TooLong => {}
        };
        let mut cutter = Lines::default();
        cutter.push(sample.strip_prefix(BYTE_ORDER_MARK).unwrap_or(sample), &mut keep);
        if cutter.offset() == 0 {
            cutter.finish(End::Complete, &mut keep);
        }
        let mut best = (0, None);
        for (_, format) in NAMED {
            let mut reader = Reader::of(format.clone());
            let read = lines.iter().filter(|line| matches!(reader.parse_at(0, line), Line::Access(_))).count();
            if read > best.0 {
                best = (read, Some(format));
            }
        }
        best.1
    }
}
