//! Where a line has names: the client's address, the user, and whatever else is an address.

use std::iter::once;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;

use crate::partners::access::line::{Access, Aside, Line, Text};
use crate::partners::access::words::is_written;

/// Where the names of `line`, which says `read`, lie in it, in order. Its path, its host and its agent are what it counts by, so
/// they stay; of a line that says nothing anybody can read, all is a name.
pub(super) fn names_in(line: &str, read: &Line<'_>) -> Vec<Range<usize>> {
    match read {
        Line::Aside(Aside::Blank | Aside::Directive) => Vec::new(),
        Line::Aside(Aside::Comment) => once(1..line.len()).collect(),
        Line::Aside(Aside::NoRequest) => in_order(addresses(line, &[])),
        Line::Malformed(_) | Line::TooLong => once(0..line.len()).collect(),
        Line::Access(access) => names_of(line, access),
    }
}

fn names_of(line: &str, access: &Access<'_>) -> Vec<Range<usize>> {
    let mut names = Vec::new();
    let known = [Some(&access.client), access.user.as_ref()].into_iter().flatten();
    for name in known.chain(&access.others) {
        match place(line, name) {
            Some(place) => names.push(place),
            None => names.extend(written(line, name)),
        }
    }
    let stays = [Some(&access.path), access.host.as_ref(), access.agent.as_ref()];
    let stays: Vec<Range<usize>> = stays.into_iter().flatten().filter_map(|text| place(line, text)).collect();
    names.extend(addresses(line, &stays));
    in_order(names)
}

/// One behind the other, the earlier before the later.
fn in_order(mut names: Vec<Range<usize>>) -> Vec<Range<usize>> {
    names.sort_unstable_by_key(|place| (place.start, std::cmp::Reverse(place.end)));
    let mut end = 0;
    names.retain(|place| {
        let is_behind = place.start >= end;
        if is_behind {
            end = place.end;
        }
        is_behind
    });
    names
}

/// Where `line` has `text`, which was read from it; nothing where it has that in another form.
fn place(line: &str, text: &Text<'_>) -> Option<Range<usize>> {
    let std::borrow::Cow::Borrowed(text) = text else { return None };
    let start = text.as_ptr().addr().checked_sub(line.as_ptr().addr())?;
    let place = start..start.checked_add(text.len())?;
    line.get(place.clone()).map(|_| place)
}

/// Where `line` has `name` within quotes and with escapes; all of it where it is nowhere.
fn written(line: &str, name: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = line.get(from..).and_then(|rest| rest.find('"')) {
        let begins = from + at + 1;
        let Some(quoted) = line.get(begins..) else { break };
        let Some(end) = closing(quoted) else { break };
        if quoted.get(..end).is_some_and(|text| is_written(name, text.as_bytes())) {
            found.push(begins..begins + end);
        }
        from = begins + end + 1;
    }
    // Wherever else it is, it is not to stay.
    if found.is_empty() { once(0..line.len()).collect() } else { found }
}

/// The quote that no backslash escapes.
fn closing(quoted: &str) -> Option<usize> {
    let mut is_escaped = false;
    quoted.bytes().position(|byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    })
}

/// Where `line` has addresses, except where they touch what `stays`. Numbers behind a word and a slash are a version.
fn addresses(line: &str, stays: &[Range<usize>]) -> Vec<Range<usize>> {
    let bytes = line.as_bytes();
    let is_of = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':');
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(begins) = bytes.get(from..).and_then(|rest| rest.iter().position(is_of)).map(|at| from + at) {
        let length = bytes.get(begins..).unwrap_or_default().iter().take_while(|byte| is_of(byte)).count();
        from = begins + length;
        let is_word = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_alphanumeric);
        // Behind a character that is written as `%3D` its two digits are none of the address.
        let is_behind_percent = begins.checked_sub(1).and_then(|at| bytes.get(at)) == Some(&b'%');
        let begins = if is_behind_percent { (begins + 2).min(from) } else { begins };
        let is_in_word = !is_behind_percent && is_word(begins.checked_sub(1));
        if from - begins < 3 || is_in_word || is_word(Some(from)) {
            continue;
        }
        let Some((place, is_v4)) = line.get(begins..from).and_then(|text| address(begins, text)) else { continue };
        let is_version = is_v4
            && place.start.checked_sub(1).and_then(|at| bytes.get(at)) == Some(&b'/')
            && is_word(place.start.checked_sub(2));
        if !is_version && stays.iter().all(|stays| place.end <= stays.start || stays.end <= place.start) {
            found.push(place);
        }
    }
    found
}

/// The address in `text`, which begins at `at`, perhaps with a port or punctuation around it; and whether it is one of IPv4.
fn address(at: usize, text: &str) -> Option<(Range<usize>, bool)> {
    let begins = |text: &str| text.len() - text.trim_start_matches('.').len();
    let tidy = text.trim_start_matches('.').trim_end_matches('.');
    if tidy.parse::<IpAddr>().is_ok() {
        let start = at + begins(text);
        return Some((start..start + tidy.len(), tidy.contains('.') && !tidy.contains(':')));
    }
    // With a port, or behind a colon.
    let mut start = at;
    for part in text.split(':') {
        let tidy = part.trim_start_matches('.').trim_end_matches('.');
        if tidy.parse::<Ipv4Addr>().is_ok() {
            let start = start + begins(part);
            return Some((start..start + tidy.len(), true));
        }
        start += part.len() + 1;
    }
    None
}
