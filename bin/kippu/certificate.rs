//! The certificate that a node shows to callers, with its key: read from files, and looked at before anybody depends on it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kippu_events::{Time, text_file};
use reqwest::Url;
use rustls_pki_types::pem::{self, PemObject as _};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::client::verify_server_name;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{Error, InconsistentKeys};
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::{BasicConstraints, SubjectAltName};

use crate::config::Files;

/// So long before its end a certificate should have been exchanged: programs that do so by themselves begin a month before.
const SOON: Duration = Duration::from_hours(14 * 24);
/// What of a key file's mode lets somebody pose as this node who is neither its owner nor of the group that it is read by.
const OPEN: u32 = 0o027;

/// A certificate that its key fits.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    /// As callers are shown it.
    pub(crate) shown: Arc<CertifiedKey>,
    begins: Time,
    ends: Time,
    is_of_an_authority: bool,
    names_somebody: bool,
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CertificateError {
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The setting that names it.
        setting: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file holds none.
    #[error("{} holds no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----", .0.display())]
    NoCertificate(PathBuf),
    /// One of them is none.
    #[error("{}: certificate {number} cannot be read: {reason}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// Which one of it, from 1.
        number: usize,
        /// Why.
        reason: String,
    },
    /// Others may read the key.
    #[error("others may read {}, which has mode {mode:04o}, and pose as this node: `chmod 600` it, or 640", path.display())]
    Open {
        /// The key's file.
        path: PathBuf,
        /// What is allowed.
        mode: u32,
    },
    /// A file holds no key.
    #[error(
        "{} holds no private key in PEM, which begins with -----BEGIN PRIVATE KEY-----; one under a passphrase is not taken",
        .0.display()
    )]
    NoKey(PathBuf),
    /// Its kind is not known here.
    #[error("{}: the key cannot be used: {reason}", path.display())]
    Key {
        /// The key's file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// They are not of each other.
    #[error("the key in {} is not that of the first certificate in {}", .0.key.display(), .0.certificate.display())]
    Mismatch(Files),
}

impl CertificateError {
    /// The setting that names the file that is to blame.
    pub(crate) const fn setting(&self) -> &'static str {
        match self {
            Self::Io { setting, .. } => setting,
            Self::NoCertificate(_) | Self::Wrong { .. } => CERTIFICATE,
            Self::Open { .. } | Self::NoKey(_) | Self::Key { .. } | Self::Mismatch(_) => KEY,
        }
    }
}

/// The settings that name the files.
pub(crate) const CERTIFICATE: &str = "http.tls.certificate";
const KEY: &str = "http.tls.key";

impl Certificate {
    /// The certificate in `files`.
    ///
    /// # Errors
    /// [`CertificateError`]. One whose time is over is a certificate all the same: callers judge that.
    pub(crate) fn read(files: &Files) -> Result<Self, CertificateError> {
        let path = &files.certificate;
        let text = read(CERTIFICATE, path)?;
        let wrong = |number, reason: String| CertificateError::Wrong { path: path.clone(), number, reason };
        let (mut chain, mut parsed) = (Vec::new(), Vec::new());
        for (number, found) in (1..).zip(CertificateDer::pem_slice_iter(text.as_bytes())) {
            let found = found.map_err(|error| wrong(number, error.to_string()))?;
            parsed.push(x509_cert::Certificate::from_der(&found).map_err(|error| wrong(number, error.to_string()))?);
            chain.push(found);
        }
        let first = parsed.first().ok_or_else(|| CertificateError::NoCertificate(path.clone()))?;
        let about = &first.tbs_certificate;
        let constraints = about.get::<BasicConstraints>().map_err(|error| wrong(1, error.to_string()))?;
        let names = about.get::<SubjectAltName>().map_err(|error| wrong(1, error.to_string()))?;
        // All of them count, or none does.
        let time = |time: &x509_cert::time::Time| Time::default().after(time.to_unix_duration());
        let times = parsed.iter().map(|it| &it.tbs_certificate.validity);
        Ok(Self {
            begins: times.clone().map(|it| time(&it.not_before)).max().unwrap_or_default(),
            ends: times.map(|it| time(&it.not_after)).min().unwrap_or_default(),
            is_of_an_authority: constraints.is_some_and(|(_, constraints)| constraints.ca),
            names_somebody: names.is_some_and(|(_, names)| !names.0.is_empty()),
            shown: Arc::new(with_key(files, chain)?),
        })
    }

    /// Whether it is the same as `other`, which has the same key then.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.shown.cert == other.shown.cert
    }

    /// When it ends.
    pub(crate) const fn ends(&self) -> Time {
        self.ends
    }

    /// Why callers refuse it.
    pub(crate) fn refused(&self, now: Time) -> Vec<String> {
        let mut reasons = Vec::new();
        if now < self.begins {
            reasons.push(format!("the certificate does not count before {}", self.begins));
        }
        if self.ends < now {
            reasons.push(format!("the certificate ended at {}", self.ends));
        }
        if self.is_of_an_authority {
            reasons
                .push("the certificate is that of an authority, and not of a server that one vouches for".to_owned());
        }
        if !self.names_somebody {
            reasons.push("the certificate names no host: it has no subjectAltName".to_owned());
        }
        reasons
    }

    /// What else an operator should know, of a node that others reach at `url`.
    pub(crate) fn remarks(&self, now: Time, url: Option<&str>) -> Vec<String> {
        let mut remarks = Vec::new();
        let left = self.ends.since(now);
        if now <= self.ends && left < SOON {
            let days = left.as_secs() / (24 * 60 * 60);
            remarks.push(format!("the certificate ends in {days} days, at {}", self.ends));
        }
        if let Some(host) = url.and_then(host_of)
            && self.names_somebody
            && !self.names(&host)
        {
            remarks
                .push(format!("the certificate does not name {host}, where node.url says that this node is reached"));
        }
        remarks
    }

    fn names(&self, host: &str) -> bool {
        let first = self.shown.end_entity_cert().and_then(ParsedCertificate::try_from);
        match (first, ServerName::try_from(host)) {
            (Ok(first), Ok(name)) => verify_server_name(&first, &name).is_ok(),
            (Err(_), _) | (_, Err(_)) => false,
        }
    }
}

fn host_of(url: &str) -> Option<String> {
    Some(Url::parse(url).ok()?.host_str()?.trim_matches(['[', ']']).to_owned())
}

fn read(setting: &'static str, path: &Path) -> Result<String, CertificateError> {
    text_file::read(path).map_err(|source| CertificateError::Io { setting, path: path.to_owned(), source })
}

/// `chain` with the key that is its first one's.
fn with_key(files: &Files, chain: Vec<CertificateDer<'static>>) -> Result<CertifiedKey, CertificateError> {
    let path = &files.key;
    let about = fs::metadata(path);
    let mode = about.map_err(|source| CertificateError::Io { setting: KEY, path: path.clone(), source })?;
    let mode = mode.permissions().mode() & 0o777;
    if mode & OPEN != 0 {
        return Err(CertificateError::Open { path: path.clone(), mode });
    }
    let key = PrivateKeyDer::from_pem_slice(read(KEY, path)?.as_bytes()).map_err(|error| match error {
        pem::Error::NoItemsFound => CertificateError::NoKey(path.clone()),
        // What the library quotes may be part of the key.
        _ => CertificateError::Key { path: path.clone(), reason: "it is not PEM to its end".to_owned() },
    })?;
    CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(|error| match error {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => CertificateError::Mismatch(files.clone()),
        Error::InvalidCertificate(_) => {
            CertificateError::Wrong { path: files.certificate.clone(), number: 1, reason: error.to_string() }
        }
        error => CertificateError::Key { path: path.clone(), reason: error.to_string() },
    })
}

#[cfg(test)]
pub(crate) mod tests;
