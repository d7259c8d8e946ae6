//! Where a chunked body ends, as RFC 9112 has it: chunks with their extensions, the last one, trailer lines, an empty line.

/// What is expected next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum At {
    /// The size, so far.
    Size(u64),
    /// Behind the size, up to the end of the line.
    Extension(u64),
    /// So many bytes of data.
    Data(u64),
    /// The end of the line behind data.
    DataEnd,
    /// A trailer line, of which something was there or not.
    Trailer {
        is_empty: bool,
        /// Behind a CR: the library ends these lines at CR LF alone, and nobody may see their end at another place than it does.
        is_ending: bool,
    },
    Over,
    /// It is no chunked body: who decodes it will say so, and is given nothing behind it.
    Broken,
}

/// A chunked body, as far as it was seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Chunks(At);

impl Default for Chunks {
    fn default() -> Self {
        Self(At::Size(0))
    }
}

impl Chunks {
    /// How many of `bytes` belong to the body; where it is none, up to the byte that shows it.
    pub(super) fn take(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while let Some(rest) =
            bytes.get(taken..).filter(|rest| !rest.is_empty() && !self.are_over() && !self.are_broken())
        {
            taken += match self.0 {
                At::Data(left) => {
                    let part = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                    let left = left - part as u64;
                    self.0 = if left == 0 { At::DataEnd } else { At::Data(left) };
                    part
                }
                At::Size(_) | At::Extension(_) | At::DataEnd | At::Trailer { .. } | At::Over | At::Broken => {
                    self.0 = rest.first().map_or(self.0, |byte| self.0.step(*byte));
                    1
                }
            };
        }
        taken
    }

    /// Whether it was no chunked body.
    pub(super) fn are_broken(self) -> bool {
        self.0 == At::Broken
    }

    /// Whether the body is at its end.
    pub(super) fn are_over(self) -> bool {
        self.0 == At::Over
    }
}

/// Where a trailer line begins.
const TRAILER: At = At::Trailer { is_empty: true, is_ending: false };

impl At {
    fn step(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Size(size), byte) if byte.is_ascii_hexdigit() => {
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                size.checked_mul(16).map_or(Self::Broken, |size| Self::Size(size + u64::from(digit)))
            }
            (Self::Size(size) | Self::Extension(size), b'\n') if size == 0 => TRAILER,
            (Self::Size(size) | Self::Extension(size), b'\n') => Self::Data(size),
            (Self::Size(size), b';' | b' ' | b'\t' | b'\r') | (Self::Extension(size), _) => Self::Extension(size),
            (Self::DataEnd, b'\r') => self,
            (Self::DataEnd, b'\n') => Self::Size(0),
            (Self::Trailer { is_empty, is_ending: false }, b'\r') => Self::Trailer { is_empty, is_ending: true },
            (Self::Trailer { is_empty: true, is_ending: true }, b'\n') => Self::Over,
            (Self::Trailer { is_empty: false, is_ending: true }, b'\n') => TRAILER,
            (Self::Trailer { is_ending: true, .. }, _) | (Self::Trailer { .. }, b'\n') => Self::Broken,
            (Self::Trailer { .. }, _) => Self::Trailer { is_empty: false, is_ending: false },
            (Self::Size(_) | Self::DataEnd | Self::Data(_) | Self::Over | Self::Broken, _) => Self::Broken,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunked_body_ends_behind_its_empty_line_however_it_arrives() {
        for body in [
            "0\r\n\r\n",
            "2\r\n{}\r\n0\r\n\r\n",
            "2;name=value\r\n{}\r\n000;last\r\n\r\n",
            "A \r\n0\r\n\r\n56789\r\n0\r\nTrailer: one\r\nAnother: two\r\n\r\n",
        ] {
            for piece in 1..=body.len() {
                let mut chunks = Chunks::default();
                let all = format!("{body}GET / HTTP/1.1\r\n\r\n");
                let taken: usize = all.as_bytes().chunks(piece).map(|part| chunks.take(part)).sum();
                assert_eq!((taken, chunks.are_over()), (body.len(), true), "{body:?} in pieces of {piece}");
            }
        }
    }

    #[test]
    fn behind_what_is_no_chunked_body_there_is_no_request() {
        for body in ["x\r\n", "2\r\n{}x", "fffffffffffffffff\r\n", "-1\r\n", "0\r\n\n", "0\r\na\n\r\n", "0\r\na\rb\r\n"]
        {
            let all = format!("{body}0\r\n\r\nGET / HTTP/1.1\r\n\r\n");
            let mut chunks = Chunks::default();
            let taken = chunks.take(all.as_bytes());
            assert!(taken <= body.len() && chunks.are_broken() && !chunks.are_over(), "{body:?}: {taken}");
        }
    }
}
