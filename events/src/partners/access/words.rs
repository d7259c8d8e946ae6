//! Words of a line, and the escapes that formats have in them.

use std::borrow::Cow;

use super::line::{Flaw, Text};

/// How a quote is written within quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quotes {
    /// `\"`.
    Backslash,
    /// `""`.
    Doubled,
}

/// Words between blanks, of which those that begin with a quote go on to the quote that closes them.
#[derive(Debug)]
pub struct Words<'a> {
    rest: &'a [u8],
    quotes: Quotes,
}

impl<'a> Words<'a> {
    /// The words of `line`.
    #[must_use]
    pub fn of(line: &'a [u8], quotes: Quotes) -> Self {
        Self { rest: line, quotes }
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = Result<Text<'a>, Flaw>;

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.rest.iter().position(|byte| *byte != b' ')?;
        let rest = &self.rest[start..];
        let Some((b'"', quoted)) = rest.split_first() else {
            let (word, rest) = rest.split_at(memchr::memchr(b' ', rest).unwrap_or(rest.len()));
            self.rest = rest;
            return Some(Ok(Cow::Borrowed(word)));
        };
        let end = match self.quotes {
            Quotes::Backslash => closing(quoted, |rest| matches!(rest, [] | [b' ', ..])),
            Quotes::Doubled => doubled(quoted),
        };
        let Some(end) = end else {
            self.rest = &[];
            return Some(Err(Flaw::Quote));
        };
        self.rest = &quoted[end + 1..];
        Some(Ok(match self.quotes {
            Quotes::Backslash => unescaped(&quoted[..end]),
            Quotes::Doubled => halved(&quoted[..end]),
        }))
    }
}

/// Where the first quote is that no backslash escapes and after which `goes_on` likes what it sees.
#[inline]
pub fn closing(text: &[u8], goes_on: impl Fn(&[u8]) -> bool) -> Option<usize> {
    memchr::memchr_iter(b'"', text).find(|at| {
        let slashes = text[..*at].iter().rev().take_while(|byte| **byte == b'\\').count();
        slashes % 2 == 0 && goes_on(&text[at + 1..])
    })
}

fn doubled(text: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + memchr::memchr(b'"', text.get(from..)?)?;
        match text.get(at + 1) {
            Some(b'"') => from = at + 2,
            Some(b' ') | None => return Some(at),
            // Whoever wrote this does not double quotes.
            Some(_) => from = at + 1,
        }
    }
}

/// The text with `"` for every `""`.
pub fn halved(text: &[u8]) -> Text<'_> {
    if memchr::memmem::find(text, b"\"\"").is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memmem::find(rest, b"\"\"") {
        out.extend_from_slice(&rest[..=at]);
        rest = &rest[at + 2..];
    }
    out.extend_from_slice(rest);
    Cow::Owned(out)
}

/// The text as it was before Apache (`\"`, `\\`, `\n`, `\xhh`) or nginx (`\xHH`) escaped it. What is no escape of theirs
/// stays, since older servers escape nothing.
#[must_use]
#[inline]
pub fn unescaped(text: &[u8]) -> Text<'_> {
    let Some(first) = memchr::memchr(b'\\', text) else { return Cow::Borrowed(text) };
    let mut out = Vec::with_capacity(text.len());
    out.extend_from_slice(&text[..first]);
    let mut rest = &text[first..];
    while let Some((byte, behind)) = rest.split_first() {
        let (byte, len) = if *byte == b'\\' { escape(behind) } else { (*byte, 0) };
        out.push(byte);
        rest = &behind[len..];
    }
    Cow::Owned(out)
}

/// The byte that is written so after a backslash, and how long that is.
fn escape(behind: &[u8]) -> (u8, usize) {
    match behind {
        [quoted @ (b'"' | b'\\'), ..] => (*quoted, 1),
        [b'n', ..] => (b'\n', 1),
        [b'r', ..] => (b'\r', 1),
        [b't', ..] => (b'\t', 1),
        [b'b', ..] => (8, 1),
        [b'f', ..] => (12, 1),
        [b'v', ..] => (11, 1),
        [b'x', high, low, ..] => match (nibble(*high), nibble(*low)) {
            (Some(high), Some(low)) => (high << 4 | low, 3),
            _ => (b'\\', 0),
        },
        _ => (b'\\', 0),
    }
}

/// Whether `text` is `name` with the escapes of one of the formats.
#[must_use]
pub fn is_written(name: &[u8], text: &[u8]) -> bool {
    let of_json = || serde_json::from_slice::<String>(&[b"\"", text, b"\""].concat()).ok();
    *unescaped(text) == *name || *halved(text) == *name || of_json().is_some_and(|said| said.as_bytes() == name)
}

/// The value of a hexadecimal digit.
#[must_use]
pub fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// A part of a text, borrowed if the text is.
#[inline]
pub fn part<'a>(text: &Text<'a>, range: std::ops::Range<usize>) -> Text<'a> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(range).unwrap_or_default()),
        Cow::Owned(text) => Cow::Owned(text.get(range).unwrap_or_default().to_vec()),
    }
}

/// The text, unless it is empty or `-`.
#[must_use]
#[inline]
pub fn given(text: Text<'_>) -> Option<Text<'_>> {
    (!text.is_empty() && *text != *b"-").then_some(text)
}

/// `www.example.com:443` or `[2001:db8::1]:443` without port and brackets. An address of IPv6 without brackets has no port.
#[must_use]
pub fn without_port<'a>(text: &Text<'a>) -> Text<'a> {
    let len = text.len();
    if text.first() == Some(&b'[') {
        let end = memchr::memchr(b']', text).unwrap_or(len);
        return part(text, 1..end);
    }
    match memchr::memchr(b':', text) {
        Some(at) if text[at + 1..].iter().all(u8::is_ascii_digit) => part(text, 0..at),
        _ => text.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str, quotes: Quotes) -> Vec<String> {
        Words::of(line.as_bytes(), quotes)
            .map(|word| {
                word.map_or_else(|flaw| format!("{flaw:?}"), |word| String::from_utf8_lossy(&word).into_owned())
            })
            .collect()
    }

    #[test]
    fn quoted_words_go_on_to_the_quote_that_closes_them() {
        assert_eq!(words(r#"a  "b \"c\" d" e"#, Quotes::Backslash), ["a", r#"b "c" d"#, "e"]);
        assert_eq!(words(r#"a "b ""c"" d" "" e"#, Quotes::Doubled), ["a", r#"b "c" d"#, "", "e"]);
        assert_eq!(words(r#"a "b"#, Quotes::Backslash), ["a", "Quote"]);
        assert_eq!(words(r#"a "b""#, Quotes::Doubled), ["a", "b"]);
    }

    #[test]
    fn escapes_are_undone_and_other_backslashes_stay() {
        assert_eq!(*unescaped(br#"\x16\x03\"\\\q\x4"#), *b"\x16\x03\"\\\\q\\x4");
        assert!(matches!(unescaped(b"plain"), Cow::Borrowed(_)));
    }

    #[test]
    fn ports_go_and_addresses_stay() {
        for (text, without) in [
            ("www.example.com:443", "www.example.com"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("192.0.2.1", "192.0.2.1"),
            ("", ""),
        ] {
            assert_eq!(*without_port(&Cow::Borrowed(text.as_bytes())), *without.as_bytes());
        }
    }
}
