//! The one spelling of a path, by which pages are looked up and told apart.

use std::borrow::Cow;

use super::words::nibble;

/// What is a path's own and not percent-encoded (RFC 3986, `pchar` and `/`, without `%`).
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let bytes = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@/";
    let mut at = 0;
    while at < bytes.len() {
        plain[bytes[at] as usize] = true;
        at += 1;
    }
    plain
};

/// The normal form of a path, without what follows `?` or `#`:
///
/// * `//` is `/`; `.` and `..` are resolved, also as `%2e`, and never lead out of the root;
/// * bytes that a path cannot have are percent-encoded, and percent-encoding has capitals, so that `/é`, `/%c3%a9` and
///   `/%C3%A9` are one page. What is encoded is not decoded: `/%61` and `/a` are two.
///
/// `None` for what does not begin with `/`. A normal form is its own normal form.
#[must_use]
pub fn normal(path: &[u8]) -> Option<Cow<'_, str>> {
    let mut before = b' ';
    let mut len = path.len();
    if path.first() != Some(&b'/') {
        return None;
    }
    for (at, byte) in path.iter().enumerate() {
        if !PLAIN[usize::from(*byte)] || (before == b'/' && matches!(byte, b'/' | b'.')) {
            if matches!(byte, b'?' | b'#') {
                len = at;
                break;
            }
            return Some(Cow::Owned(resolved(path)));
        }
        before = *byte;
    }
    // All of it is ASCII.
    std::str::from_utf8(&path[..len]).ok().map(Cow::Borrowed)
}

fn resolved(path: &[u8]) -> String {
    let end = path.iter().position(|byte| matches!(byte, b'?' | b'#')).unwrap_or(path.len());
    let encoded = encoded(&path[..end]);
    let mut kept: Vec<&str> = Vec::new();
    let mut folder = true;
    for segment in encoded.split('/') {
        folder = true;
        match segment {
            "" | "." | "%2E" => {}
            ".." | ".%2E" | "%2E." | "%2E%2E" => drop(kept.pop()),
            name => {
                kept.push(name);
                folder = false;
            }
        }
    }
    let mut out = String::with_capacity(encoded.len());
    for name in &kept {
        out.push('/');
        out.push_str(name);
    }
    if folder {
        out.push('/');
    }
    out
}

fn encoded(path: &[u8]) -> String {
    let mut out = String::with_capacity(path.len() + 8);
    let mut rest = path;
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        if PLAIN[usize::from(*byte)] {
            out.push(char::from(*byte));
        } else if let (b'%', [high, low, after @ ..]) = (*byte, behind)
            && let (Some(high), Some(low)) = (nibble(*high), nibble(*low))
        {
            push_encoded(&mut out, high << 4 | low);
            rest = after;
        } else {
            push_encoded(&mut out, *byte);
        }
    }
    out
}

fn push_encoded(out: &mut String, byte: u8) {
    const DIGITS: [u8; 16] = *b"0123456789ABCDEF";
    out.push('%');
    out.push(char::from(DIGITS[usize::from(byte >> 4)]));
    out.push(char::from(DIGITS[usize::from(byte & 15)]));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_one_spelling() {
        for (path, page) in [
            ("/", "/"),
            ("/a/b.html?c=/../d", "/a/b.html"),
            ("/a#b", "/a"),
            ("//a///b//", "/a/b/"),
            ("/a/./b/../c", "/a/c"),
            ("/a/..", "/"),
            ("/a/.", "/a/"),
            ("/../../etc/passwd", "/etc/passwd"),
            ("/a/%2e%2E/../%2e./b", "/b"),
            ("/.well-known/x", "/.well-known/x"),
            ("/..a/b..", "/..a/b.."),
            ("/\u{e9}", "/%C3%A9"),
            ("/%c3%a9", "/%C3%A9"),
            ("/%61 b", "/%61%20b"),
            ("/100%", "/100%25"),
        ] {
            assert_eq!(normal(path.as_bytes()).as_deref(), Some(page), "{path}");
        }
        assert_eq!(normal(b"/\xff").as_deref(), Some("/%FF"));
    }

    #[test]
    fn what_does_not_begin_at_the_root_is_no_path() {
        for path in ["", "*", "a/b", "example.com:443", "?a", "../a"] {
            assert_eq!(normal(path.as_bytes()), None, "{path}");
        }
    }
}
