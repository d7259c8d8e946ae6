//! Small text files that other programs write: what is plainly meant is taken, and anything else is refused with the line
//! and the cause.

use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;

use serde::de::DeserializeOwned;

/// Larger than any file that is read whole: manifests are the largest, with some hundred bytes for each 64 MiB of history.
const MOST_BYTES: u64 = 256 << 20;
/// What some editors put in front of UTF-8.
pub const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Bytes that [`other_kind`] looks at.
pub const KIND_BYTES: usize = 6;

/// What is wrong with the bytes of a file. Quotes nothing of it: it may be a secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotText {
    /// The line, from 1, where one is to blame.
    pub line: Option<usize>,
    /// The cause.
    pub reason: String,
}

impl fmt::Display for NotText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

impl std::error::Error for NotText {}

/// Reads `path`, which may be a pipe too, as UTF-8 without its byte order mark.
///
/// # Errors
/// As the file system says, or of the kind `InvalidData` with a [`NotText`] in it.
pub fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES {
        let reason = format!("it has more than {MOST_BYTES} bytes");
        return Err(io::Error::new(ErrorKind::InvalidData, NotText { line: None, reason }));
    }
    decode(bytes).map_err(|wrong| io::Error::new(ErrorKind::InvalidData, wrong))
}

/// What is wrong with the bytes, where `error` is of [`read`] and not of the file system.
#[must_use]
pub fn not_text(error: &io::Error) -> Option<&NotText> {
    error.get_ref()?.downcast_ref()
}

/// What `text` says in JSON.
///
/// # Errors
/// Why it says nothing.
pub fn json<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    if text.trim().is_empty() {
        return Err("it is empty".to_owned());
    }
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn decode(mut bytes: Vec<u8>) -> Result<String, NotText> {
    if let Some(kind) = other_kind(&bytes) {
        return Err(NotText { line: None, reason: kind.to_owned() });
    }
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
    if let Some(at) = memchr::memchr(0, &bytes) {
        let line = lines_before(bytes.get(..at).unwrap_or_default()) + 1;
        return Err(NotText { line: Some(line), reason: ZEROS.to_owned() });
    }
    String::from_utf8(bytes).map_err(|error| {
        let before = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        NotText { line: Some(lines_before(before) + 1), reason: not_utf8() }
    })
}

/// What is said of bytes of zero.
pub const ZEROS: &str = "it holds bytes of zero, as a file that was not written to its end, or that is no text";

/// What is said of bytes that are not UTF-8.
#[must_use]
pub fn not_utf8() -> String {
    "it is not UTF-8; a file in Windows-1252 is made so by `iconv -f WINDOWS-1252 -t UTF-8`".to_owned()
}

/// What a file that begins with `bytes` is instead of text in UTF-8, if that shows there.
#[must_use]
pub fn other_kind(bytes: &[u8]) -> Option<&'static str> {
    const UTF_16: &str = "it is UTF-16, not UTF-8; `iconv -f UTF-16 -t UTF-8` makes it so";
    const UTF_32: &str = "it is UTF-32, not UTF-8; `iconv -f UTF-32 -t UTF-8` makes it so";
    Some(match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => UTF_32,
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => UTF_16,
        // Without a mark. Text begins with a character of ASCII.
        [low, 0, next, 0, ..] | [0, low, 0, next, ..] if *low != 0 && *next != 0 => UTF_16,
        [0x1f, 0x8b, ..] => "it is compressed: unpack it first, as with gunzip",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "it is compressed: unpack it first, as with unzstd",
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => "it is compressed: unpack it first, as with unxz",
        [b'B', b'Z', b'h', b'1'..=b'9', b'1', b'A', ..] => "it is compressed: unpack it first, as with bunzip2",
        [b'P', b'K', 3, 4, ..] => "it is a ZIP archive: unpack it first",
        _ => return None,
    })
}

/// Ends of lines in `bytes`, however they are written: LF, CR LF, or CR alone.
fn lines_before(bytes: &[u8]) -> usize {
    let alone = |at: usize| bytes.get(at) == Some(&b'\r') && bytes.get(at + 1) != Some(&b'\n');
    memchr::memchr2_iter(b'\n', b'\r', bytes).filter(|at| bytes.get(*at) == Some(&b'\n') || alone(*at)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(bytes: &[u8]) -> String {
        decode(bytes.to_vec()).unwrap_err().to_string()
    }

    #[test]
    fn a_byte_order_mark_is_no_text_and_line_ends_stay() {
        assert_eq!(decode(b"\xef\xbb\xbfa\r\nb\rc".to_vec()).unwrap(), "a\r\nb\rc");
        assert_eq!(decode(Vec::new()).unwrap(), "");
    }

    #[test]
    fn what_is_not_utf8_is_told_by_what_it_is() {
        let utf_16 = |text: &str, to: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(to).collect::<Vec<u8>>();
        for to in [u16::to_le_bytes, u16::to_be_bytes] {
            assert!(refused(&utf_16("\u{feff}{}", to)).contains("UTF-16"));
            assert!(refused(&utf_16("{\"a\":1}", to)).contains("UTF-16"));
        }
        assert!(refused(b"\xff\xfe\0\0{\0\0\0").contains("UTF-32"));
        assert!(refused(b"\x1f\x8b\x08\0\0\0").contains("gunzip"));
        assert!(refused(b"PK\x03\x04").contains("ZIP"));
    }

    #[test]
    fn the_line_that_is_to_blame_is_named_whatever_ends_lines() {
        for text in [&b"a\nb\nJos\xe9\n"[..], b"a\r\nb\r\nJos\xe9\r\n", b"a\rb\rJos\xe9\r", b"\xef\xbb\xbfa\nb\n\xe9"] {
            assert!(refused(text).starts_with("line 3: it is not UTF-8"), "{}", refused(text));
        }
        assert!(refused(b"a\nb\0\0\0\n").starts_with("line 2: it holds bytes of zero"));
    }
}
