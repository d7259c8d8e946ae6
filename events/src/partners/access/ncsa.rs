//! The Common Log Format of NCSA, the combined one with referrer and agent, and both with the server's name in front.

use std::borrow::Cow;

use super::line::{Access, Flaw};
use super::stamp;
use super::words::{closing, given, unescaped, without_port};

/// Which of the four formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// The server's name comes first.
    pub vhost: bool,
    /// Referrer and agent come last.
    pub combined: bool,
}

/// Length of `10/Feb/2012:16:42:07 -0500`.
const TIME: usize = 26;

/// The access in a line such as
///
/// ```text
/// [host ]client ident user [10/Feb/2012:16:42:07 -0500] "GET / HTTP/1.0" 301 368[ "referrer" "agent"[ …]]
/// ```
///
/// # Errors
///
/// The first flaw of a line that is not one.
pub fn parse(line: &[u8], shape: Shape) -> Result<Access<'_>, Flaw> {
    let (mut head, at, rest) = around_time(line)?;
    let close = closing(rest, |rest| status(rest).is_some()).ok_or(Flaw::Quote)?;
    let (code, rest) = (unescaped(&rest[..close]), &rest[close + 1..]);
    let (status, rest) = status(rest).ok_or(Flaw::Status)?;
    let (size, rest) = rest.split_at(memchr::memchr(b' ', rest).unwrap_or(rest.len()));

    let host = if shape.vhost { Some(word(&mut head)?) } else { None };
    let client = word(&mut head)?;
    let identity = given(Cow::Borrowed(word(&mut head)?));
    if head.is_empty() {
        return Err(Flaw::Shape);
    }
    let mut access = Access::of_request(&code, at, Cow::Borrowed(client));
    if let Some(host) = host {
        access.host = given(without_port(&Cow::Borrowed(host)));
    }
    access.user = given(unescaped(head));
    access.others.extend(identity);
    access.status = status;
    access.bytes = match size {
        b"-" => None,
        size => Some(stamp::number(size).ok_or(Flaw::Size)?),
    };
    if shape.combined {
        let rest = rest.strip_prefix(b" \"").ok_or(Flaw::Shape)?;
        let close = closing(rest, |rest| rest.starts_with(b" \"")).ok_or(Flaw::Quote)?;
        access.referrer = given(unescaped(&rest[..close]));
        let rest = &rest[close + 3..];
        let close = closing(rest, |rest| matches!(rest, [] | [b' ', ..])).ok_or(Flaw::Quote)?;
        access.agent = given(unescaped(&rest[..close]));
    } else if !rest.trim_ascii_end().is_empty() {
        return Err(Flaw::Tail);
    }
    Ok(access)
}

/// What comes before the time, the time, and what comes after the quote that opens the request. A user's name may hold
/// ` [`, but no quote that is not escaped.
fn around_time(line: &[u8]) -> Result<(&[u8], crate::time::Time, &[u8]), Flaw> {
    let mut flaw = Flaw::Shape;
    for open in memchr::memchr_iter(b'[', line) {
        let (head, rest) = line.split_at(open);
        let Some((time, rest)) = rest[1..].split_at_checked(TIME) else { break };
        let (Some(head), Some(rest)) = (head.strip_suffix(b" "), rest.strip_prefix(b"] \"")) else { continue };
        match stamp::ncsa(time) {
            Some(at) => return Ok((head, at, rest)),
            None => flaw = Flaw::Time,
        }
    }
    Err(flaw)
}

/// The next word of the head, which cannot be its last one.
fn word<'a>(head: &mut &'a [u8]) -> Result<&'a [u8], Flaw> {
    let blank = memchr::memchr(b' ', head).ok_or(Flaw::Shape)?;
    let (word, rest) = head.split_at(blank);
    *head = &rest[1..];
    if word.is_empty() { Err(Flaw::Client) } else { Ok(word) }
}

/// The status in ` 301 …` or ` - …`, and what follows it.
fn status(text: &[u8]) -> Option<(u16, &[u8])> {
    match text {
        [b' ', a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', b' ', rest @ ..] => {
            Some((u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0'), rest))
        }
        [b' ', b'-', b' ', rest @ ..] => Some((0, rest)),
        _ => None,
    }
}
