//! Why a call brought nothing.

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
        let mut source = std::error::Error::source(&self.source);
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        text
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
