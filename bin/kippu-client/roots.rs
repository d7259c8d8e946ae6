//! Whose certificates a client takes: those of the authorities that browsers trust, and of those that a file names besides.
//! What the environment or the machine says of authorities does not count.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use reqwest::{Certificate, ClientBuilder};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tokio_rustls::rustls::RootCertStore;

/// Larger than any list of authorities: that of browsers has a quarter of it.
const MOST_BYTES: u64 = 1 << 20;

/// Authorities besides those that browsers trust.
#[derive(Clone, Debug, Default)]
pub struct Roots(Vec<Certificate>);

/// Why a file names no authorities.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// It cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It holds something else.
    #[error("{} holds no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----", .0.display())]
    Nothing(PathBuf),
    /// It is larger than such a file can be.
    #[error("{} has more than {MOST_BYTES} bytes, and is no list of certificates", .0.display())]
    Large(PathBuf),
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
}

impl Roots {
    /// The authorities whose certificates are in the file at `path`, in PEM.
    ///
    /// # Errors
    /// [`RootsError`]; a file without any is none.
    pub fn read(path: &Path) -> Result<Self, RootsError> {
        let io = |source| RootsError::Io { path: path.to_owned(), source };
        let mut bytes = Vec::new();
        File::open(path).map_err(io)?.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
        if bytes.len() as u64 > MOST_BYTES {
            return Err(RootsError::Large(path.to_owned()));
        }
        let mut found = Vec::new();
        for (number, certificate) in (1..).zip(CertificateDer::pem_slice_iter(&bytes)) {
            let wrong = |reason: String| RootsError::Wrong { path: path.to_owned(), number, reason };
            let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
            // The library tells of a wrong one only once a client is made, and not which one it is.
            RootCertStore::empty().add(certificate.clone()).map_err(|error| wrong(error.to_string()))?;
            found.push(Certificate::from_der(&certificate).map_err(|error| wrong(error.to_string()))?);
        }
        if found.is_empty() { Err(RootsError::Nothing(path.to_owned())) } else { Ok(Self(found)) }
    }

    /// `builder`, for clients that trust these.
    pub(crate) fn trusted_by(&self, builder: ClientBuilder) -> ClientBuilder {
        self.0.iter().fold(builder.use_rustls_tls(), |builder, root| builder.add_root_certificate(root.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<usize, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Roots::read(file.path()).map(|roots| roots.0.len()).map_err(|error| error.to_string())
    }

    fn authority() -> String {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut about = rcgen::CertificateParams::new(Vec::new()).unwrap();
        about.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        about.self_signed(&key).unwrap().pem()
    }

    #[test]
    fn every_certificate_of_a_file_is_trusted_whatever_stands_between_them() {
        let text = format!("# ours\n{}\nof another party\n{}", authority(), authority());
        assert_eq!(read(&text), Ok(2));
        assert_eq!(read(&text.replace('\n', "\r\n")), Ok(2));
    }

    #[test]
    fn a_file_without_certificates_or_with_a_broken_one_is_refused_by_name_and_place() {
        assert!(read("").unwrap_err().contains("holds no certificate in PEM"));
        assert!(read("kpk_abc").unwrap_err().contains("holds no certificate in PEM"));
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(read(&format!("{}{broken}", authority())).unwrap_err().contains("certificate 2 cannot be read"));
        assert!(Roots::read(Path::new("/nowhere/roots.pem")).unwrap_err().to_string().contains("/nowhere/roots.pem"));
    }
}
