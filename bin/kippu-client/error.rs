//! Why a call brought nothing.

use std::error::Error as _;
use std::io;

use tokio_rustls::rustls::{self, CertificateError, InvalidMessage};

use crate::answer::{Problem, is_for_later};

/// There is no whole answer, or there could be no request.
#[derive(Debug, thiserror::Error)]
#[error("{url} does not answer: {}", self.why())]
pub struct Lost {
    /// What was asked.
    pub url: String,
    /// Why.
    pub source: reqwest::Error,
}

impl Lost {
    /// Why, with all causes: reqwest tells only the outermost by itself.
    pub fn why(&self) -> String {
        let mut text = self.source.to_string();
        let mut source = self.source.source();
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        match of_tls(&self.source).and_then(remedy) {
            Some(remedy) => format!("{text}; {remedy}"),
            None => text,
        }
    }
}

/// What TLS has to say, where that is among the causes of `error`.
fn of_tls<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(found) = cause.downcast_ref() {
            return Some(found);
        }
        // What an error of the system holds is none of its causes.
        let held = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = held.map(|held| held as &(dyn std::error::Error + 'static)).or_else(|| cause.source());
    }
    None
}

/// What whoever called may do about it, where that is not plain from what TLS says.
fn remedy(error: &rustls::Error) -> Option<&'static str> {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => Some(
            "nobody who is trusted here has issued that certificate: name the file with the certificate of who has, with --tls-roots \
             or KIPPU_TLS_ROOTS",
        ),
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            Some("whoever answers there does not speak TLS: perhaps it is called by http://")
        }
        // Others' errors, which grow.
        _ => None,
    }
}

/// Why a call brought not what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is none.
    #[error("{0}")]
    Address(String),
    /// Whether it was done is not known: the same key tells.
    #[error(transparent)]
    NoAnswer(#[from] Lost),
    /// An answer of somebody else.
    #[error("{url}: {told}")]
    NoNode {
        /// What was asked.
        url: String,
        /// What was answered.
        told: String,
    },
    /// The node says no.
    #[error(transparent)]
    Problem(#[from] Problem),
}

impl Error {
    /// Whether the request was sent, and nobody knows what came of it.
    pub fn is_open(&self) -> bool {
        match self {
            Self::Address(_) => false,
            Self::NoAnswer(_) | Self::NoNode { .. } => true,
            Self::Problem(problem) => is_for_later(problem.status),
        }
    }
}
