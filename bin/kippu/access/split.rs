//! Splits a log into pieces of whole lines, which a batch takes.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use kippu_actors::partners::access_batches::request::MOST_LINES;
use kippu_events::partners::access::Directives;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// What a piece takes at most as text in JSON: with the rest of a command it fits into the body that nodes take unless they are told otherwise.
const MOST_COST: usize = 56 * 1024;
/// What is read at once.
const READ_BYTES: usize = 256 * 1024;

/// Some whole lines.
pub(super) struct Piece {
    /// Where the first one begins.
    pub(super) offset: u64,
    /// The lines, with their ends.
    pub(super) bytes: Vec<u8>,
    /// How many.
    pub(super) lines: u64,
    /// How much of the file was read for them.
    pub(super) read: u64,
    /// What directives before them say.
    pub(super) directives: Directives,
}

/// The log at `path`, as it was before it was compressed, and how many bytes the file has.
pub(super) fn open(path: &Path) -> io::Result<(Box<dyn Read + Send>, u64)> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut file = BufReader::with_capacity(READ_BYTES, file);
    let begin = io::BufRead::fill_buf(&mut file)?;
    let file: Box<dyn Read + Send> = if begin.starts_with(&GZIP) {
        Box::new(flate2::read::MultiGzDecoder::new(file))
    } else if begin.starts_with(&ZSTD) {
        Box::new(ruzstd::decoding::StreamingDecoder::new(file).map_err(io::Error::other)?)
    } else {
        Box::new(file)
    };
    Ok((file, size))
}

/// See the module.
pub(super) struct Split {
    file: Box<dyn Read + Send>,
    size: u64,
    is_complete: bool,
    offset: u64,
    buffer: Vec<u8>,
    is_over: bool,
    directives: Directives,
    /// Lines that are too long for any batch.
    too_long: u64,
}

impl Split {
    /// Opens the log at `path`, which begins at `offset` of its segment.
    pub(super) fn open(path: &Path, offset: u64, is_complete: bool) -> io::Result<Self> {
        let (file, size) = open(path)?;
        let (buffer, directives) = (Vec::new(), Directives::default());
        Ok(Self { file, size, is_complete, offset, buffer, is_over: false, directives, too_long: 0 })
    }

    /// The bytes of the file as it lies there.
    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// Its beginning.
    pub(super) fn sample(&mut self, most: usize) -> io::Result<&[u8]> {
        self.fill(most)?;
        Ok(&self.buffer[..self.buffer.len().min(most)])
    }

    /// Bytes of a last line that was left.
    pub(super) fn unfinished(&self) -> u64 {
        self.buffer.len() as u64
    }

    /// How many lines were left out because they are too long.
    pub(super) const fn too_long(&self) -> u64 {
        self.too_long
    }

    fn fill(&mut self, least: usize) -> io::Result<()> {
        while self.buffer.len() < least && !self.is_over {
            let before = self.buffer.len();
            let read = (&mut self.file).take(READ_BYTES as u64).read_to_end(&mut self.buffer)?;
            self.is_over = read == 0;
            debug_assert_eq!(self.buffer.len(), before + read);
        }
        Ok(())
    }

    /// The next lines; nothing once there are no more whole ones.
    pub(super) fn next_piece(&mut self) -> io::Result<Option<Piece>> {
        loop {
            // No byte costs less than one.
            self.fill(MOST_COST + 1)?;
            let (mut end, mut lines, mut cost) = (0, 0, 0);
            for line in self.buffer.split_inclusive(|byte| *byte == b'\n') {
                cost += line.iter().map(|byte| in_json(*byte)).sum::<usize>();
                let is_whole = line.ends_with(b"\n") || (self.is_over && self.is_complete);
                if cost > MOST_COST || !is_whole {
                    break;
                }
                (end, lines) = (end + line.len(), lines + 1);
                if lines >= MOST_LINES as u64 {
                    break;
                }
            }
            if end > 0 {
                return Ok(Some(self.taken(end, lines)));
            }
            if cost <= MOST_COST {
                return Ok(None);
            }
            self.pass_over()?;
        }
    }

    /// Leaves out a line, without holding it.
    fn pass_over(&mut self) -> io::Result<()> {
        self.too_long += 1;
        while !self.buffer.is_empty() {
            let end = memchr::memchr(b'\n', &self.buffer);
            let passed = end.map_or(self.buffer.len(), |end| end + 1);
            self.buffer.drain(..passed);
            self.offset += passed as u64;
            self.fill(1)?;
            if end.is_some() {
                break;
            }
        }
        Ok(())
    }

    fn taken(&mut self, end: usize, lines: u64) -> Piece {
        let rest = self.buffer.split_off(end);
        let bytes = std::mem::replace(&mut self.buffer, rest);
        let directives = self.directives.clone();
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"#")) {
            self.directives.read(line.trim_ascii_end());
        }
        let piece = Piece { offset: self.offset, lines, read: bytes.len() as u64, directives, bytes };
        self.offset += piece.bytes.len() as u64;
        piece
    }
}

/// How many bytes a byte of a line is in JSON, at most: in latin-1 those that are not ASCII become characters of two.
const fn in_json(byte: u8) -> usize {
    match byte {
        b'\n' | b'\r' | b'\t' | b'"' | b'\\' | 0x80.. => 2,
        0..0x20 => 6,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where each piece begins and how many lines it has, how many lines are too long, and how many bytes are left.
    fn split(bytes: &[u8], is_complete: bool) -> (Vec<(u64, u64)>, u64, u64) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let mut split = Split::open(file.path(), 0, is_complete).unwrap();
        let mut pieces = Vec::new();
        while let Some(piece) = split.next_piece().unwrap() {
            assert!(piece.bytes.iter().map(|byte| in_json(*byte)).sum::<usize>() <= MOST_COST);
            pieces.push((piece.offset, piece.lines));
        }
        (pieces, split.too_long(), split.unfinished())
    }

    #[test]
    fn pieces_are_of_whole_lines_and_the_last_one_waits_for_its_end() {
        assert_eq!(split(b"a\nb\nc", false), (vec![(0, 2)], 0, 1));
        assert_eq!(split(b"a\nb\nc", true), (vec![(0, 3)], 0, 0));
        assert_eq!(split(b"", true), (vec![], 0, 0));
        let many = "x\n".repeat(MOST_LINES + 1);
        assert_eq!(split(many.as_bytes(), false).0, [(0, MOST_LINES as u64), (2 * MOST_LINES as u64, 1)]);
    }

    #[test]
    fn a_line_that_no_batch_takes_is_left_out_and_the_next_one_is_not() {
        let long = [&b"a\n"[..], &vec![b'x'; 3 * READ_BYTES], b"\nb\n"].concat();
        let behind = 3 * READ_BYTES as u64 + 3;
        assert_eq!(split(&long, false), (vec![(0, 1), (behind, 1)], 1, 0));
        // What is written with escapes takes more.
        let quotes = [&vec![b'"'; MOST_COST / 2 + 1][..], b"\nb\n"].concat();
        assert_eq!(split(&quotes, false).1, 1);
    }
}
