//! TLS in the configuration: with what certificate this node answers, where it answers without one, and whom it trusts.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use reqwest::Url;
use serde::{Deserialize, Serialize};

use super::{Http, shown};

/// With what certificate this node answers.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ServerTls {
    /// The file with the certificate, and those between it and its authority.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "shown")]
    pub(crate) certificate: Option<PathBuf>,
    /// The file with its key.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "shown")]
    pub(crate) key: Option<PathBuf>,
}

/// Whom this node trusts where it calls others.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ClientTls {
    /// The file with the certificates of authorities besides those that browsers trust.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "shown")]
    pub(crate) roots: Option<PathBuf>,
}

/// The files of a certificate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Files {
    /// The certificate, and those between it and its authority.
    pub(crate) certificate: PathBuf,
    /// Its key.
    pub(crate) key: PathBuf,
}

/// Where plain HTTP is answered by a node that has no certificate, and to where its webhooks may send in plain.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Plain {
    /// At any address.
    Allow,
    /// Where only this machine comes: what crosses a network holds keys and tokens.
    #[default]
    Loopback,
    /// Nowhere.
    Refuse,
}

impl ServerTls {
    /// Whether nothing is said.
    pub(super) fn is_empty(&self) -> bool {
        self.certificate.is_none() && self.key.is_none()
    }

    /// The files, where TLS is spoken.
    pub(crate) fn files(&self) -> Option<Files> {
        Some(Files { certificate: self.certificate.clone()?, key: self.key.clone()? })
    }
}

impl ClientTls {
    /// Whether nothing is said.
    pub(super) const fn is_empty(&self) -> bool {
        self.roots.is_none()
    }
}

impl Plain {
    /// Whether what this node sends to `url` may cross the way there in plain.
    pub(crate) fn calls(self, url: &Url) -> bool {
        match self {
            Self::Allow => true,
            Self::Loopback => {
                let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
                host == "localhost" || host.parse::<IpAddr>().is_ok_and(|host| host.to_canonical().is_loopback())
            }
            Self::Refuse => false,
        }
    }

    /// Whether plain HTTP is answered at `address`.
    fn answers_at(self, address: SocketAddr) -> bool {
        match self {
            Self::Allow => true,
            Self::Loopback => address.ip().to_canonical().is_loopback(),
            Self::Refuse => false,
        }
    }
}

impl Http {
    /// What is wrong with how this node is to answer, by the setting that is to blame.
    pub(super) fn wrongly_encrypted(&self) -> Option<(&'static str, String)> {
        let Self { listen, plain, tls: ServerTls { certificate, key }, .. } = self;
        let (setting, reason) = match (certificate, key, plain) {
            (Some(_), Some(_), _) => return None,
            (None, None, plain) if plain.answers_at(*listen) => return None,
            (Some(_), None, _) => ("http.tls.certificate", "a certificate wants its key: name that in http.tls.key"),
            (None, Some(_), _) => ("http.tls.key", "a key wants its certificate: name that in http.tls.certificate"),
            (None, None, Plain::Refuse) => {
                ("http.plain", "plain HTTP is refused, and there is no certificate: name one in http.tls.certificate")
            }
            (None, None, Plain::Loopback | Plain::Allow) => (
                "http.listen",
                "without a certificate this node answers on the loopback address alone: name one in http.tls.certificate; \
                 or, where keys and tokens may cross that network as they are, as to a proxy that speaks TLS, set http.plain to allow",
            ),
        };
        Some((setting, reason.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blamed(plain: Plain, listen: &str, files: [bool; 2]) -> Option<&'static str> {
        let file = |is_there: bool| is_there.then(|| PathBuf::from("f"));
        let tls = ServerTls { certificate: file(files[0]), key: file(files[1]) };
        let http = Http { plain, listen: listen.parse().unwrap(), tls, ..Http::default() };
        http.wrongly_encrypted().map(|(setting, _)| setting)
    }

    /// Shows D11.
    #[test]
    fn plain_http_is_answered_where_it_is_allowed_alone() {
        let here = ["127.0.0.1:7701", "127.8.8.8:0", "[::1]:7701", "[::ffff:127.0.0.1]:7701"];
        let anywhere = ["0.0.0.0:7701", "[::]:7701", "10.0.0.1:7701", "[::ffff:10.0.0.1]:7701"];
        for listen in here {
            assert_eq!(blamed(Plain::Loopback, listen, [false; 2]), None, "{listen}");
        }
        for listen in anywhere {
            assert_eq!(blamed(Plain::Loopback, listen, [false; 2]), Some("http.listen"), "{listen}");
        }
        for listen in here.into_iter().chain(anywhere) {
            assert_eq!(blamed(Plain::Allow, listen, [false; 2]), None, "{listen}");
            assert_eq!(blamed(Plain::Refuse, listen, [false; 2]), Some("http.plain"), "{listen}");
            for plain in [Plain::Allow, Plain::Loopback, Plain::Refuse] {
                assert_eq!(blamed(plain, listen, [true; 2]), None, "{listen}");
            }
        }
    }

    /// Shows D11.
    #[test]
    fn webhooks_send_in_plain_where_that_is_allowed_alone() {
        let calls = |plain: Plain, url: &str| plain.calls(&url.parse().unwrap());
        for here in ["http://127.0.0.1:9/a", "http://127.8.8.8", "http://[::1]:9", "http://localhost/a"] {
            assert!(calls(Plain::Loopback, here) && calls(Plain::Allow, here) && !calls(Plain::Refuse, here), "{here}");
        }
        for there in ["http://10.0.0.1", "http://localhost.example", "http://127.0.0.1.example", "http://[2001:db8::1]"]
        {
            assert!(!calls(Plain::Loopback, there) && calls(Plain::Allow, there), "{there}");
        }
    }

    #[test]
    fn a_certificate_and_its_key_come_together() {
        for plain in [Plain::Allow, Plain::Loopback, Plain::Refuse] {
            assert_eq!(blamed(plain, "127.0.0.1:1", [true, false]), Some("http.tls.certificate"));
            assert_eq!(blamed(plain, "127.0.0.1:1", [false, true]), Some("http.tls.key"));
        }
    }
}
