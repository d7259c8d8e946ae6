//! Which node a command is for: a stopped one by its data directory, or a running one by its address and a key. Each flag
//! wins over its variable, and one flag is enough to say which of the two is meant: `--data` leaves the variables of a
//! running node unread, `--server` and `--key-file` that of a stopped one.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Which {
    /// The data directory of a stopped node [env: KIPPU_DATA].
    #[arg(long, value_name = "DIR", conflicts_with_all = ["server", "key_file"])]
    data: Option<PathBuf>,
    /// A running node, as `http://127.0.0.1:7701` or `https://n1.example` [env: KIPPU_SERVER].
    #[arg(long, value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    server: Option<String>,
    /// The file with the API key of whom the running node is to take this for [env: KIPPU_KEY_FILE].
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// A file with certificates of authorities that are trusted besides those that browsers trust, in PEM [env: KIPPU_TLS_ROOTS].
    #[arg(long, value_name = "FILE")]
    tls_roots: Option<PathBuf>,
}

/// A node.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// A stopped one.
    Stopped(PathBuf),
    /// A running one.
    Running {
        /// Where it answers.
        url: String,
        /// The file with the key for it.
        key_file: PathBuf,
        /// The file with authorities that are trusted too.
        roots: Option<PathBuf>,
    },
}

/// Why no node is named.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unnamed {
    #[error("no node: name a stopped one with --data, or a running one with --server and --key-file")]
    Nothing,
    #[error("KIPPU_DATA and KIPPU_SERVER name two nodes: say which with --data, or with --server and --key-file")]
    Two,
    #[error("a running node wants an API key: name the file that holds one with --key-file")]
    NoKey,
    #[error("an API key is for a running node: name it with --server")]
    NoServer,
}

impl Which {
    /// The node.
    ///
    /// # Errors
    /// [`Unnamed`].
    pub(crate) fn named(&self) -> Result<Named, Unnamed> {
        self.named_with(|name| std::env::var_os(name).filter(|value| !value.is_empty()))
    }

    fn named_with(&self, variable: impl Fn(&str) -> Option<OsString>) -> Result<Named, Unnamed> {
        let data = || variable("KIPPU_DATA").map(PathBuf::from);
        let server = || self.server.clone().or_else(|| variable("KIPPU_SERVER")?.into_string().ok());
        let key_file = || self.key_file.clone().or_else(|| variable("KIPPU_KEY_FILE").map(PathBuf::from));
        let roots = || self.tls_roots.clone().or_else(|| variable("KIPPU_TLS_ROOTS").map(PathBuf::from));
        let running = |url| Ok(Named::Running { url, key_file: key_file().ok_or(Unnamed::NoKey)?, roots: roots() });
        if let Some(data) = &self.data {
            return Ok(Named::Stopped(data.clone()));
        }
        if self.server.is_some() || self.key_file.is_some() {
            return server().ok_or(Unnamed::NoServer).and_then(running);
        }
        match (data(), server()) {
            (Some(_), Some(_)) => Err(Unnamed::Two),
            (Some(data), None) => Ok(Named::Stopped(data)),
            (None, Some(url)) => running(url),
            (None, None) => Err(Unnamed::Nothing),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(data: Option<&str>, server: Option<&str>, key: Option<&str>, env: &[&str]) -> Result<Named, Unnamed> {
        let (data, server, key_file) = (data.map(Into::into), server.map(Into::into), key.map(Into::into));
        let which = Which { data, server, key_file, tls_roots: None };
        which.named_with(|name| env.contains(&name).then(|| name.into()))
    }

    fn running(url: &str, key_file: &str) -> Result<Named, Unnamed> {
        Ok(Named::Running { url: url.to_owned(), key_file: key_file.into(), roots: None })
    }

    #[test]
    fn authorities_come_with_a_running_node() {
        let which = |roots: Option<&str>, env: &[&str]| {
            let which = Which {
                data: None,
                server: Some("u".to_owned()),
                key_file: Some("k".into()),
                tls_roots: roots.map(Into::into),
            };
            match which.named_with(|name| env.contains(&name).then(|| name.into())) {
                Ok(Named::Running { roots, .. }) => roots,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(which(Some("r"), &["KIPPU_TLS_ROOTS"]), Some("r".into()));
        assert_eq!(which(None, &["KIPPU_TLS_ROOTS"]), Some("KIPPU_TLS_ROOTS".into()));
        assert_eq!(which(None, &[]), None);
    }

    #[test]
    fn a_flag_wins_over_every_variable() {
        let all = &["KIPPU_DATA", "KIPPU_SERVER", "KIPPU_KEY_FILE"];
        assert_eq!(named(Some("d"), None, None, all), Ok(Named::Stopped("d".into())));
        assert_eq!(named(None, Some("u"), Some("k"), all), running("u", "k"));
        assert_eq!(named(None, Some("u"), None, all), running("u", "KIPPU_KEY_FILE"));
        assert_eq!(named(None, None, Some("k"), all), running("KIPPU_SERVER", "k"));
        assert_eq!(named(None, None, Some("k"), &["KIPPU_DATA"]), Err(Unnamed::NoServer));
    }

    #[test]
    fn without_a_flag_the_variables_name_one_node_or_none() {
        assert_eq!(named(None, None, None, &["KIPPU_DATA"]), Ok(Named::Stopped("KIPPU_DATA".into())));
        assert_eq!(named(None, None, None, &["KIPPU_DATA", "KIPPU_KEY_FILE"]), Ok(Named::Stopped("KIPPU_DATA".into())));
        let both = &["KIPPU_SERVER", "KIPPU_KEY_FILE"];
        assert_eq!(named(None, None, None, both), running("KIPPU_SERVER", "KIPPU_KEY_FILE"));
        assert_eq!(named(None, None, None, &["KIPPU_SERVER"]), Err(Unnamed::NoKey));
        assert_eq!(named(None, None, None, &["KIPPU_DATA", "KIPPU_SERVER"]), Err(Unnamed::Two));
        assert_eq!(named(None, None, None, &["KIPPU_KEY_FILE"]), Err(Unnamed::Nothing));
    }
}
