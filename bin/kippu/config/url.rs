//! The address by which other nodes and callers reach this one: scheme, host and port, and nothing that a path could not be
//! put behind.

use std::net::IpAddr;

use reqwest::Url;

/// What a claim has space for.
const MOST_BYTES: usize = 200;

/// `text` as a base that paths are put behind: without a slash at its end.
///
/// # Errors
/// What is wrong with it.
pub(super) fn base(text: &str) -> Result<String, String> {
    let url = Url::parse(text).map_err(|error| format!("{error}: a URL is http://HOST:PORT or https://HOST:PORT"))?;
    if !["http", "https"].contains(&url.scheme()) {
        return Err("a URL starts with http:// or https://".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("everybody reads this URL: it has no user and no password".to_owned());
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err("a URL ends with host and port: other nodes put the path behind it".to_owned());
    }
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    if host.parse::<IpAddr>().is_ok_and(|host| host.is_unspecified()) {
        return Err(format!("{host} leads every node to itself: name the address at which others reach this one"));
    }
    let base = url.origin().ascii_serialization();
    if base.len() > MOST_BYTES {
        return Err(format!("a URL has at most {MOST_BYTES} characters"));
    }
    Ok(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_has_no_slash_at_its_end() {
        let of = |text| base(text).unwrap();
        assert_eq!(of("http://n1:7701"), "http://n1:7701");
        assert_eq!(of("http://n1:7701/"), "http://n1:7701");
        assert_eq!(of("https://n1.int"), "https://n1.int");
        assert_eq!(of("http://[::1]:7701/"), "http://[::1]:7701");
    }

    #[test]
    fn what_a_path_cannot_be_put_behind_is_refused_with_the_reason() {
        for (text, reason) in [
            ("n1:7701", "starts with http://"),
            ("n1", "a URL is http://HOST:PORT"),
            ("ftp://n1", "starts with http://"),
            ("http://", "a URL is http://HOST:PORT"),
            ("http://n1:7701/kippu", "ends with host and port"),
            ("http://n1:7701//", "ends with host and port"),
            ("http://n1:7701?a=b", "ends with host and port"),
            ("http://n1:7701#a", "ends with host and port"),
            ("http://0.0.0.0:7701", "leads every node to itself"),
            ("http://[::]:7701", "leads every node to itself"),
            ("http://ann@n1:7701", "no user"),
            ("http://:secret@n1:7701", "no user"),
        ] {
            let error = base(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
        assert!(base(&format!("http://{}", ["a"; 120].join("."))).unwrap_err().contains("at most 200"));
    }
}
