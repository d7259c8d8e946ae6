//! Where a browser goes once its user has signed in: a path of this node, and nowhere else.

/// As long as a path that names an offer of many items.
const MOST_BYTES: usize = 16_384;

/// The path `next`, if no browser takes it for another host's.
pub(super) fn local(next: &str) -> Option<&str> {
    // A second slash begins a host. Browsers read a backslash as a slash, and leave out control characters.
    let is_plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let is_path = next.starts_with('/') && !next.starts_with("//");
    (is_plain && is_path && next.len() <= MOST_BYTES).then_some(next)
}

/// `text` as a value in a query.
pub(crate) fn in_query(text: &str) -> String {
    let mut query = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            query.push(char::from(byte));
        } else {
            query.push_str(&format!("%{byte:02X}"));
        }
    }
    query
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shows F45.
    #[test]
    fn only_a_path_of_this_node_is_gone_to() {
        for path in ["/", "/a", "/a/b?c=d&e=//f#g", "/./a", "/%2F/evil.example", "/a//b"] {
            assert_eq!(local(path), Some(path));
        }
        for other in [
            "",
            "a",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/a\\b",
            "/\t/evil.example",
            "\t//evil.example",
            " //evil.example",
            "/\n/evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "https:/evil.example",
            "/é",
            "/a\r\nSet-Cookie: a=b",
            &format!("/{}", "a".repeat(MOST_BYTES)),
        ] {
            assert_eq!(local(other), None, "{other:?}");
        }
    }

    #[test]
    fn a_value_in_a_query_holds_nothing_that_means_something_there() {
        assert_eq!(in_query("/a?b=c&d#e+f%g"), "/a%3Fb%3Dc%26d%23e%2Bf%25g");
    }
}
