//! What the terms of a contract say of when lines of access logs are handed over.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Which lines are handed over as soon as they are certified. Of all others the certificate is, and they follow on call.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Push {
    /// All.
    #[default]
    All,
    /// Those of these servers.
    Sources(BTreeSet<String>),
}

impl Push {
    /// Whether lines of this server are handed over at once.
    #[must_use]
    pub fn has(&self, source: &str) -> bool {
        match self {
            Self::All => true,
            Self::Sources(sources) => sources.contains(source),
        }
    }
}
