//! Reads lines on a thread of its own, so that slow input keeps no answer waiting.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::Path;

use kippu_events::text_file::{self, BYTE_ORDER_MARK, KIND_BYTES};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use super::ImportError;
use super::line::Line;
use super::progress::Place;
use crate::closed;

/// The longest line, without what ends it; the largest body that a node takes is well below.
const MOST_LINE_BYTES: usize = 1 << 20;
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
    /// Whether it ends with the input instead of an end of a line: there may be more of it the next time.
    pub(super) is_open: bool,
}

/// Lines, as they are read.
pub(super) struct Input {
    pub(super) lines: mpsc::Receiver<Result<Numbered, io::Error>>,
    /// Of the whole input, where that is known.
    pub(super) bytes: u64,
}

impl Input {
    /// Opens `path`, and goes on behind `from`, which this input must have come past.
    pub(super) fn open(path: &Path, from: Place) -> Result<Self, ImportError> {
        let io = |source| ImportError::Io { path: path.to_owned(), source };
        let (reader, bytes): (Box<dyn Read + Send>, u64) = if path == Path::new("-") {
            closed::input().map_err(io)?;
            (Box::new(io::stdin()), 0)
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

fn read(mut lines: Lines<impl BufRead>, send: &mpsc::Sender<Result<Numbered, io::Error>>) {
    let mut text = Vec::new();
    loop {
        let next = match lines.next(&mut text) {
            Ok(None) => return,
            Ok(Some(ended)) => {
                let Ended { is_long, is_open } = ended;
                let parsed = match text.trim_ascii() {
                    _ if is_long => Err(format!("a line has at most {MOST_LINE_BYTES} bytes")),
                    [] => Ok(None),
                    command => Line::parse(command).map(Some),
                };
                Ok(Numbered { place: lines.place, bytes: lines.bytes, parsed, is_open })
            }
            Err(error) => Err(error),
        };
        let failed = next.is_err();
        if send.blocking_send(next).is_err() || failed {
            return;
        }
    }
}

/// How a line has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Ended {
    /// It was too long to be kept.
    is_long: bool,
    /// By the end of the input, instead of an end of a line.
    is_open: bool,
}

/// Splits input into lines, and keeps the place. A line ends with LF, CR LF, or CR alone, which JSON has only between
/// values. A byte order mark in front of one is no part of it, since files are put together of others.
struct Lines<R> {
    /// What is read before the rest, to see what it is.
    reader: io::Chain<io::Cursor<Vec<u8>>, R>,
    is_begun: bool,
    /// Whether the line before ended with CR, of which LF would be the other half.
    after_cr: bool,
    place: Place,
    bytes: u64,
}

impl<R: BufRead> Lines<R> {
    fn new(reader: R) -> Self {
        let reader = io::Cursor::new(Vec::new()).chain(reader);
        Self { reader, is_begun: false, after_cr: false, place: Place::default(), bytes: 0 }
    }

    /// Looks whether the input is text at all.
    fn begin(&mut self) -> io::Result<()> {
        if self.is_begun {
            return Ok(());
        }
        let mut head = Vec::new();
        self.reader.get_mut().1.by_ref().take(KIND_BYTES as u64).read_to_end(&mut head)?;
        if let Some(kind) = text_file::other_kind(&head) {
            return Err(io::Error::new(ErrorKind::InvalidData, kind));
        }
        *self.reader.get_mut().0 = io::Cursor::new(head);
        self.is_begun = true;
        Ok(())
    }

    /// Reads a line into `text`, without what ends it; nothing at the end of the input.
    fn next(&mut self, text: &mut Vec<u8>) -> io::Result<Option<Ended>> {
        self.begin()?;
        text.clear();
        let mut long = None;
        let is_open = loop {
            let Some((bytes, is_end)) = self.piece()? else { break true };
            text.extend_from_slice(&bytes);
            if text.len() > MOST_LINE_BYTES + BYTE_ORDER_MARK.len() {
                // No more of it is kept than is needed to know it again.
                long.get_or_insert_with(|| Sha256::new_with_prefix(self.place.digest)).update(&*text);
                text.clear();
            }
            if is_end {
                break false;
            }
        };
        if is_open && text.is_empty() && long.is_none() {
            return Ok(None);
        }
        if text.starts_with(BYTE_ORDER_MARK) && long.is_none() {
            text.drain(..BYTE_ORDER_MARK.len());
        }
        let is_long = long.is_some() || text.len() > MOST_LINE_BYTES;
        let mut sha = long.unwrap_or_else(|| Sha256::new_with_prefix(self.place.digest));
        // However it ended: the last line of a file that grows is given its end then.
        sha.update(if is_long { &**text } else { text.trim_ascii_end() });
        sha.update(b"\n");
        self.place = Place { lines: self.place.lines + 1, digest: sha.finalize().into() };
        Ok(Some(Ended { is_long, is_open }))
    }

    /// The next bytes of a line, and whether it ends behind them; nothing at the end of the input.
    fn piece(&mut self) -> io::Result<Option<(Vec<u8>, bool)>> {
        if self.after_cr {
            self.after_cr = false;
            if self.reader.fill_buf()?.first() == Some(&b'\n') {
                self.reader.consume(1);
                self.bytes += 1;
            }
        }
        let buffer = self.reader.fill_buf()?;
        if buffer.is_empty() {
            return Ok(None);
        }
        let end = memchr::memchr2(b'\n', b'\r', buffer);
        let bytes = buffer[..end.unwrap_or(buffer.len())].to_vec();
        self.after_cr = end.is_some_and(|end| buffer[end] == b'\r');
        let read = bytes.len() + usize::from(end.is_some());
        self.reader.consume(read);
        self.bytes += read as u64;
        Ok(Some((bytes, end.is_some())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: Ended = Ended { is_long: false, is_open: false };
    const OPEN: Ended = Ended { is_long: false, is_open: true };

    fn lines(text: &[u8]) -> Vec<(Ended, usize)> {
        let mut lines = Lines::new(text);
        let (mut text, mut found) = (Vec::new(), Vec::new());
        while let Some(ended) = lines.next(&mut text).unwrap() {
            found.push((ended, text.len()));
        }
        found
    }

    #[test]
    fn a_line_ends_with_its_end_or_with_the_input() {
        assert_eq!(lines(b""), []);
        assert_eq!(lines(b"a\n\r\nbc"), [(WHOLE, 1), (WHOLE, 0), (OPEN, 2)]);
        assert_eq!(lines(b"a\rbc\r\rd\r\n"), [(WHOLE, 1), (WHOLE, 2), (WHOLE, 0), (WHOLE, 1)]);
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_line() {
        let found = lines("\u{feff}a\n\u{feff}b\nc\u{feff}\n".as_bytes());
        assert_eq!(found.iter().map(|(_, length)| *length).collect::<Vec<_>>(), [1, 1, 4]);
    }

    #[test]
    fn a_line_may_be_as_long_as_is_said_whatever_ends_it() {
        for mark in ["", "\u{feff}"] {
            for end in ["", "\n", "\r\n", "\r"] {
                for (more, is_whole) in [(0, true), (1, false), (3, false), (4, false), (2 << 20, false)] {
                    let text = format!("{mark}{}{end}", "x".repeat(MOST_LINE_BYTES + more));
                    let found = lines(text.as_bytes());
                    assert_eq!(found.len(), 1, "{more} {end:?}");
                    assert_eq!(!found[0].0.is_long, is_whole, "{more} {end:?}");
                }
            }
        }
        let text = format!("{}\nnext\n", "x".repeat(3 << 20));
        assert_eq!(lines(text.as_bytes()).iter().map(|(ended, _)| ended.is_long).collect::<Vec<_>>(), [true, false]);
    }

    fn place(text: &[u8]) -> Place {
        let mut lines = Lines::new(text);
        while lines.next(&mut Vec::new()).unwrap().is_some() {}
        lines.place
    }

    #[test]
    fn the_place_tells_inputs_apart() {
        assert_eq!(place(b"a\nb\n"), place(b"a\nb\n"));
        assert_ne!(place(b"a\nb\n"), place(b"a\nc\n"));
        assert_ne!(place(b"a\nb\n"), place(b"ab\n\n"));
        let long = |last: char| place(format!("{}{last}\n", "x".repeat(3 << 20)).as_bytes());
        assert_ne!(long('y'), long('z'));
    }

    #[test]
    fn the_place_is_the_same_whatever_ends_the_last_line() {
        for end in ["", "\n", "\r\n", "\r", " \n"] {
            assert_eq!(place(format!("a\nb{end}").as_bytes()), place(b"a\nb\n"), "{end:?}");
        }
    }

    #[test]
    fn what_is_no_text_is_refused_before_its_first_line() {
        let error = Lines::new(&b"\x1f\x8b\x08\0\0\0"[..]).next(&mut Vec::new()).unwrap_err();
        assert!(error.to_string().contains("gunzip"), "{error}");
    }
}
