//! Load balancers of AWS: the classic one (ELB) and the one for applications (ALB), whose lines have a type in front.

use super::line::{Access, Aside, Flaw, Line, Text};
use super::stamp;
use super::words::{Quotes, Words, given, part, without_port};

/// The access in a line such as
///
/// ```text
/// [https ]2015-05-13T23:39:43.945958Z balancer client:port backend:port 0.000086 0.001048 0.001337 200 200 0 57 "GET https://…" "agent" …
/// ```
///
/// The status is what the client got, the size what it was sent, and the time taken the sum of the three.
pub fn parse(line: &[u8], typed: bool) -> Line<'_> {
    match access(line, typed) {
        Ok(Some(access)) => Line::Access(access),
        Ok(None) => Line::Aside(Aside::NoRequest),
        Err(flaw) => Line::Malformed(flaw),
    }
}

fn access(line: &[u8], typed: bool) -> Result<Option<Access<'_>>, Flaw> {
    let mut words = Words::of(line, Quotes::Backslash);
    let mut next = || words.next().unwrap_or(Err(Flaw::Shape));
    if typed {
        next()?;
    }
    let at = stamp::iso(&next()?).ok_or(Flaw::Time)?;
    let _balancer = next()?;
    let client = next()?;
    let _backend = next()?;
    let taken_us = taken([next()?, next()?, next()?]);
    let status = status(&next()?)?;
    let _backend_status = next()?;
    let _received = next()?;
    let bytes = match &*next()? {
        b"-" => None,
        size => Some(stamp::number(size).ok_or(Flaw::Size)?),
    };
    let request = next()?;
    if request.starts_with(b"- - - ") && status == 0 {
        return Ok(None);
    }
    // Balancers of the first years name no agent.
    let agent = words.next().transpose()?.and_then(given);
    let client = given(without_port(&client)).ok_or(Flaw::Client)?;
    let access = Access::of_request(&without_odd_end(&request), at, client);
    Ok(Some(Access { status, bytes, agent, taken_us, ..access }))
}

/// Requests that no balancer could read end with a blank too many.
fn without_odd_end<'a>(request: &Text<'a>) -> Text<'a> {
    part(request, 0..request.trim_ascii_end().len())
}

fn status(text: &[u8]) -> Result<u16, Flaw> {
    match text {
        b"-" => Ok(0),
        text if text.len() <= 3 => stamp::number(text).and_then(|status| status.try_into().ok()).ok_or(Flaw::Status),
        _ => Err(Flaw::Status),
    }
}

/// -1 where a part of the way was not gone.
fn taken(parts: [Text<'_>; 3]) -> Option<u64> {
    parts.iter().try_fold(0_u64, |sum, part| sum.checked_add(stamp::scaled(part, 6)?))
}
