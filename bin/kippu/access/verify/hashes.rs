//! The lines of a log as `kippu access verify` reads them.

use std::collections::VecDeque;
use std::io::Read;
use std::path::{Path, PathBuf};

use kippu_events::partners::access::lines::{Cut, End, Lines};
use kippu_events::partners::access_batches::leaf;

use super::{AHEAD, VerifyError};
use crate::access::split;

/// So much of the file is read at once.
const READ_BYTES: usize = 256 * 1024;

/// The lines of a file, each by its hash.
pub(super) struct Hashes {
    path: PathBuf,
    file: Box<dyn Read + Send>,
    cutter: Lines,
    /// Read, and not compared.
    ahead: VecDeque<[u8; 32]>,
    /// The last ones that were compared.
    behind: VecDeque<[u8; 32]>,
    is_over: bool,
    /// The number of the next line.
    pub(super) line: u64,
}

impl Hashes {
    /// The file at `path`, from `offset` on.
    pub(super) fn open(path: &Path, offset: u64) -> Result<Self, VerifyError> {
        let io = |source| VerifyError::Io { path: path.to_owned(), source };
        let (mut file, _) = split::open(path).map_err(io)?;
        let mut line = 1;
        let mut before = (&mut file).take(offset);
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let read = before.read(&mut buffer).map_err(io)?;
            if read == 0 {
                break;
            }
            line += buffer.get(..read).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count() as u64;
        }
        let cutter = Lines::from(offset);
        Ok(Self {
            path: path.to_owned(),
            file,
            cutter,
            ahead: VecDeque::new(),
            behind: VecDeque::new(),
            is_over: false,
            line,
        })
    }

    /// The next lines: so many, unless the file ends before.
    pub(super) fn ahead(&mut self, count: usize) -> Result<&[[u8; 32]], VerifyError> {
        let mut buffer = vec![0; READ_BYTES];
        while self.ahead.len() < count && !self.is_over {
            let path = &self.path;
            let read = self.file.read(&mut buffer).map_err(|source| VerifyError::Io { path: path.clone(), source })?;
            let ahead = &mut self.ahead;
            // A line that is too long is in no batch.
            let keep = |_, cut: Cut<'_>| {
                if let Cut::Line(line) = cut {
                    ahead.push_back(leaf(line));
                }
            };
            if read == 0 {
                self.is_over = true;
                self.cutter.finish(End::Complete, keep);
            } else {
                self.cutter.push(buffer.get(..read).unwrap_or_default(), keep);
            }
        }
        let lines: &[[u8; 32]] = self.ahead.make_contiguous();
        Ok(lines.get(..count.min(lines.len())).unwrap_or_default())
    }

    pub(super) fn skip(&mut self, count: usize) {
        let count = count.min(self.ahead.len());
        self.behind.extend(self.ahead.drain(..count));
        self.behind.drain(..self.behind.len().saturating_sub(AHEAD));
        self.line += count as u64;
    }

    /// How many of the first of these lines are the last ones that were compared.
    pub(super) fn known(&self, lines: &[[u8; 32]]) -> usize {
        let most = lines.len().min(self.behind.len());
        let ends_so = |count: &usize| self.behind.iter().skip(self.behind.len() - count).eq(lines.iter().take(*count));
        (1..=most).rev().find(ends_so).unwrap_or_default()
    }

    /// How many lines are left.
    pub(super) fn rest(&mut self) -> Result<u64, VerifyError> {
        let mut left = 0;
        loop {
            let count = self.ahead(AHEAD)?.len();
            if count == 0 {
                return Ok(left);
            }
            left += count as u64;
            self.skip(count);
        }
    }
}
