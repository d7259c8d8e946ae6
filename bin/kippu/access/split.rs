//! Splits a log into pieces of whole lines, which a batch takes.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use kippu_actors::partners::access_batches::request::{MOST_BYTES, MOST_LINES};
use kippu_events::partners::access::Directives;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
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
            self.fill(MOST_BYTES + 1)?;
            let (mut end, mut lines) = (0, 0);
            for at in memchr::memchr_iter(b'\n', &self.buffer[..self.buffer.len().min(MOST_BYTES)]) {
                (end, lines) = (at + 1, lines + 1);
                if lines >= MOST_LINES as u64 {
                    break;
                }
            }
            if end > 0 {
                return Ok(Some(self.taken(end, lines)));
            }
            if self.buffer.len() > MOST_BYTES {
                self.pass_over()?;
            } else {
                let is_last = self.is_complete && !self.buffer.is_empty();
                return Ok(is_last.then(|| self.taken(self.buffer.len(), 1)));
            }
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
