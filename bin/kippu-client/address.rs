//! Where a node is called, as somebody types it.

use reqwest::Url;

/// Where a node's paths begin, for the address that somebody typed.
///
/// # Errors
/// What is wrong with it. It is not repeated, since it may hold a password.
pub(crate) fn root(address: &str) -> Result<String, String> {
    let text = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
    let url = Url::parse(&text).map_err(|error| format!("the address of the node is no URL: {error}"))?;
    if !["http", "https"].contains(&url.scheme()) {
        return Err("a node is called by http://HOST:PORT or https://HOST:PORT".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "the address of a node holds no user and no password: keys are in the file of --key-file".to_owned()
        );
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("the address of a node ends with its host, its port and perhaps a path".to_owned());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_holds_no_password() {
        for (typed, meant) in [
            ("127.0.0.1:7701", "http://127.0.0.1:7701"),
            ("http://n1:7701/", "http://n1:7701"),
            ("http://[::1]:7701/kippu/", "http://[::1]:7701/kippu"),
            ("https://n1.example", "https://n1.example"),
            ("HTTPS://n1:7701", "HTTPS://n1:7701"),
        ] {
            assert_eq!(root(typed).unwrap(), meant);
        }
        for typed in [
            "http://ann:secret@n1",
            "ann:secret@n1",
            "https://ann:secret@n1",
            "http://n1/?a=secret",
            "http://",
            "file:///x",
        ] {
            let error = root(typed).unwrap_err();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
