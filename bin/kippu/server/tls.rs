//! TLS towards callers: connections are encrypted below what reads heads, and with whatever certificate the files hold by now.

use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use kippu_events::Time;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{interval, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert, ServerConfig};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::server::TlsStream;

use crate::certificate::{Certificate, CertificateError};
use crate::config::Files;

/// The one protocol that is spoken inside.
const HTTP_1_1: &[u8] = b"http/1.1";
/// How often the files are looked at. Whoever exchanges them has days for it.
const EVERY: Duration = Duration::from_secs(60);

/// Why no TLS is spoken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// The certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The library.
    #[error("TLS cannot be set up: {0}")]
    Library(#[from] tokio_rustls::rustls::Error),
    /// The signal by which the files are looked at at once.
    #[error("SIGHUP cannot be waited for: {0}")]
    Signal(io::Error),
}

/// TLS of this node.
pub(crate) struct Tls {
    pub(super) acceptor: Acceptor,
    pub(super) current: Arc<Current>,
    files: Files,
    hangups: Signal,
}

/// Takes connections.
#[derive(Clone)]
pub(super) struct Acceptor(TlsAcceptor);

/// The certificate that callers are shown now.
#[derive(Debug)]
pub(super) struct Current(RwLock<Certificate>);

/// What came of looking at the files.
enum Looked {
    /// They hold what callers are shown.
    Same,
    /// They held another certificate, which callers are shown from now on.
    Exchanged,
    /// They hold none that can be shown.
    Kept(CertificateError),
}

impl Current {
    fn certificate(&self) -> Certificate {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// When it ends.
    pub(super) fn ends(&self) -> Time {
        self.certificate().ends()
    }

    fn take(&self, read: Result<Certificate, CertificateError>) -> Looked {
        match read {
            Ok(found) if found.is(&self.certificate()) => Looked::Same,
            Ok(found) => {
                *self.0.write().unwrap_or_else(PoisonError::into_inner) = found;
                Looked::Exchanged
            }
            Err(error) => Looked::Kept(error),
        }
    }
}

impl ResolvesServerCert for Current {
    /// The same for every name that a caller asks for: a node is one server.
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.certificate().shown)
    }
}

impl Tls {
    /// With the certificate in `files`. MUST be called on a tokio runtime; from then on SIGHUP ends nothing.
    ///
    /// # Errors
    /// [`TlsError`].
    pub(crate) fn open(files: Files) -> Result<Self, TlsError> {
        let current = Arc::new(Current(RwLock::new(Certificate::read(&files)?)));
        let hangups = signal(SignalKind::hangup()).map_err(TlsError::Signal)?;
        let provider = Arc::new(ring::default_provider());
        // TLS 1.2 and 1.3: the library has no older ones.
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let resolver = Arc::clone(&current) as Arc<dyn ResolvesServerCert>;
        let mut config = config.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![HTTP_1_1.to_vec()];
        Ok(Self { acceptor: Acceptor(Arc::new(config).into()), current, files, hangups })
    }

    /// What an operator should know of the certificate, of a node that others reach at `url`.
    pub(crate) fn concerns(&self, url: Option<&str>) -> Vec<String> {
        let (certificate, now) = (self.current.certificate(), Time::now());
        [certificate.refused(now), certificate.remarks(now, url)].concat()
    }

    /// Looks at the files again and again, and at once when SIGHUP comes.
    pub(super) async fn renew(mut self) {
        let mut every = interval(EVERY);
        // The first one is now.
        every.tick().await;
        // Each thing is told once: that days are left, once a day.
        let mut told = self.concerns(None);
        loop {
            let is_asked_for = tokio::select! {
                _ = every.tick() => false,
                Some(()) = self.hangups.recv() => true,
            };
            let files = self.files.clone();
            // A file system may take its time.
            let Ok(read) = tokio::task::spawn_blocking(move || Certificate::read(&files)).await else { continue };
            let mut concerns = Vec::new();
            match self.current.take(read) {
                Looked::Same if is_asked_for => tracing::info!("the certificate is the same as before"),
                Looked::Same => {}
                Looked::Exchanged => {
                    tracing::info!(ends = %self.current.ends(), "another certificate is shown from now on")
                }
                Looked::Kept(error) => concerns.push(format!("{error}; the certificate before is shown on")),
            }
            concerns.extend(self.concerns(None));
            for concern in concerns.iter().filter(|concern| is_asked_for || !told.contains(concern)) {
                tracing::warn!("{concern}");
            }
            told = concerns;
        }
    }
}

impl Acceptor {
    /// Agrees on TLS with whoever has connected, who has as long for it as `patience`.
    ///
    /// # Errors
    /// Where that comes to nothing, as with a caller that speaks plain HTTP.
    pub(super) async fn accept(&self, stream: TcpStream, patience: Duration) -> io::Result<TlsStream<TcpStream>> {
        let agreed = match timeout(patience, self.0.accept(stream)).await {
            Ok(agreed) => agreed,
            Err(late) => Err(late.into()),
        };
        agreed.inspect_err(|error| tracing::debug!(%error, "no TLS was agreed on: the connection is closed"))
    }
}

#[cfg(test)]
mod tests {
    use rcgen::CertificateParams;

    use super::*;
    use crate::certificate::tests::Made;

    fn another() -> CertificateParams {
        CertificateParams::new(vec!["n1.example".to_owned()]).unwrap()
    }

    #[test]
    fn another_certificate_is_shown_once_it_is_whole_and_a_wrong_one_never() {
        let made = Made::new();
        let current = Current(RwLock::new(Certificate::read(&made.files).unwrap()));
        let look = || current.take(Certificate::read(&made.files));
        let first = current.certificate();
        assert!(matches!(look(), Looked::Same));
        let key = std::fs::read(&made.files.key).unwrap();
        made.exchange(another());
        let (second, new_key) = (Certificate::read(&made.files).unwrap(), std::fs::read(&made.files.key).unwrap());
        // The certificate is there already, and its key is not.
        std::fs::write(&made.files.key, key).unwrap();
        assert!(matches!(look(), Looked::Kept(CertificateError::Mismatch(_))));
        assert!(current.certificate().is(&first));
        std::fs::write(&made.files.key, new_key).unwrap();
        assert!(matches!(look(), Looked::Exchanged));
        assert!(current.certificate().is(&second));
        std::fs::remove_file(&made.files.certificate).unwrap();
        assert!(matches!(look(), Looked::Kept(CertificateError::Io { .. })));
        assert!(current.certificate().is(&second));
    }

    /// Shows D6.
    #[tokio::test(start_paused = true)]
    async fn files_are_looked_at_each_minute() {
        let made = Made::new();
        let tls = Tls::open(made.files.clone()).unwrap();
        let current = Arc::clone(&tls.current);
        made.exchange(another());
        let second = Certificate::read(&made.files).unwrap();
        let mut renewing = std::pin::pin!(tls.renew());
        assert!(timeout(EVERY - Duration::from_secs(1), &mut renewing).await.is_err());
        assert!(!current.certificate().is(&second));
        assert!(timeout(Duration::from_secs(2), &mut renewing).await.is_err());
        assert!(current.certificate().is(&second));
    }

    #[actix_web::test]
    async fn a_handshake_that_does_not_come_to_its_end_ends_in_time() {
        let tls = Tls::open(Made::new().files.clone()).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (caller, taken) = tokio::join!(tokio::net::TcpStream::connect(address), listener.accept());
        let _silent = caller.unwrap();
        let patience = Duration::from_millis(20);
        let error = tls.acceptor.accept(taken.unwrap().0, patience).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
