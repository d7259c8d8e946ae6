//! Reads lines on a thread of its own, so that slow input keeps no answer waiting.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use super::ImportError;
use super::line::Line;
use super::progress::Place;

/// The longest line; the largest body that a node takes is well below.
const MOST_LINE_BYTES: u64 = 1 << 20;
/// Lines that are read ahead.
const AHEAD: usize = 1024;

/// A line and its place in the input.
pub(super) struct Numbered {
    /// Its number, the digest of the input up to its end.
    pub(super) place: Place,
    /// Bytes read up to its end.
    pub(super) bytes: u64,
    /// The command; nothing for an empty line; or what is wrong with it.
    pub(super) parsed: Result<Option<Line>, String>,
}

/// Lines, as they are read.
pub(super) struct Input {
    pub(super) lines: mpsc::Receiver<Result<Numbered, std::io::Error>>,
    /// Of the whole input, where that is known.
    pub(super) bytes: u64,
}

impl Input {
    /// Opens `path`, and goes on behind `from`, which this input must have come past.
    pub(super) fn open(path: &Path, from: Place) -> Result<Self, ImportError> {
        let io = |source| ImportError::Io { path: path.to_owned(), source };
        let (reader, bytes): (Box<dyn Read + Send>, u64) = if path == Path::new("-") {
            (Box::new(std::io::stdin()), 0)
        } else {
            let file = File::open(path).map_err(io)?;
            let bytes = file.metadata().map_err(io)?.len();
            (Box::new(file), bytes)
        };
        let mut lines = Lines::new(BufReader::with_capacity(1 << 16, reader));
        while lines.place.lines < from.lines {
            if lines.next(&mut Vec::new()).map_err(io)?.is_none() {
                break;
            }
        }
        if lines.place != from {
            let reason = "the input is not the one whose progress is kept; remove the progress file to begin anew";
            return Err(ImportError::Progress { path: path.to_owned(), reason: reason.to_owned() });
        }
        let (send, receive) = mpsc::channel(AHEAD);
        std::thread::Builder::new().name("kippu-import".to_owned()).spawn(move || read(lines, &send)).map_err(io)?;
        Ok(Self { lines: receive, bytes })
    }
}

fn read(mut lines: Lines<impl BufRead>, send: &mpsc::Sender<Result<Numbered, std::io::Error>>) {
    let mut text = Vec::new();
    loop {
        let next = match lines.next(&mut text) {
            Ok(None) => return,
            Ok(Some(whole)) => {
                let trimmed = text.trim_ascii();
                let parsed = match (whole, trimmed.is_empty()) {
                    (false, _) => Err(format!("a line has at most {MOST_LINE_BYTES} bytes")),
                    (true, true) => Ok(None),
                    (true, false) => Line::parse(trimmed).map(Some),
                };
                Ok(Numbered { place: lines.place, bytes: lines.bytes, parsed })
            }
            Err(error) => Err(error),
        };
        let failed = next.is_err();
        if send.blocking_send(next).is_err() || failed {
            return;
        }
    }
}

/// Splits input into lines, and keeps the place.
struct Lines<R> {
    reader: R,
    place: Place,
    bytes: u64,
}

impl<R: BufRead> Lines<R> {
    fn new(reader: R) -> Self {
        Self { reader, place: Place::default(), bytes: 0 }
    }

    /// Reads a line into `text`; nothing at the end of the input, and false where the line is too long to be kept.
    fn next(&mut self, text: &mut Vec<u8>) -> std::io::Result<Option<bool>> {
        let mut sha = Sha256::new();
        sha.update(self.place.digest);
        let (mut whole, mut read_any) = (true, false);
        loop {
            text.clear();
            let read = (&mut self.reader).take(MOST_LINE_BYTES).read_until(b'\n', text)?;
            sha.update(&text);
            self.bytes += read as u64;
            read_any |= read > 0;
            let ended = read == 0 || text.ends_with(b"\n");
            if ended && !read_any {
                return Ok(None);
            }
            if ended || (read as u64) < MOST_LINE_BYTES {
                self.place = Place { lines: self.place.lines + 1, digest: sha.finalize().into() };
                return Ok(Some(whole));
            }
            whole = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8]) -> Vec<(bool, usize)> {
        let mut lines = Lines::new(text);
        let (mut text, mut found) = (Vec::new(), Vec::new());
        while let Some(whole) = lines.next(&mut text).unwrap() {
            found.push((whole, text.len()));
        }
        found
    }

    #[test]
    fn a_line_ends_with_its_end_or_with_the_input() {
        assert_eq!(lines(b""), []);
        assert_eq!(lines(b"a\n\r\nbc"), [(true, 2), (true, 2), (true, 2)]);
    }

    #[test]
    fn a_line_that_is_too_long_is_told_and_the_next_is_read() {
        let mut text = vec![b'x'; 3 << 20];
        text.extend_from_slice(b"\nnext\n");
        let found = lines(&text);
        assert_eq!(found.iter().map(|(whole, _)| *whole).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn the_place_tells_inputs_apart() {
        let place = |text: &[u8]| {
            let mut lines = Lines::new(text);
            while lines.next(&mut Vec::new()).unwrap().is_some() {}
            lines.place
        };
        assert_eq!(place(b"a\nb\n"), place(b"a\nb\n"));
        assert_ne!(place(b"a\nb\n"), place(b"a\nc\n"));
        assert_ne!(place(b"a\nb\n"), place(b"ab\n\n"));
    }
}
