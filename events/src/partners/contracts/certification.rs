//! What the terms of a contract say of lines of access logs: which side certifies them, and which may check them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Side;

/// Who certifies lines, and who may check them and what follows from them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Certification {
    /// Who certifies lines: both, where nothing else is said.
    #[serde(default = "both")]
    pub writers: BTreeSet<Side>,
    /// Who may compare lines and compute the fee: both, where nothing else is said.
    #[serde(default = "both")]
    pub verifiers: BTreeSet<Side>,
}

fn both() -> BTreeSet<Side> {
    BTreeSet::from([Side::Main, Side::Partner])
}

impl Default for Certification {
    fn default() -> Self {
        Self { writers: both(), verifiers: both() }
    }
}

impl Certification {
    /// What is wrong with it.
    #[must_use]
    pub fn wrong(&self) -> Option<&'static str> {
        let is_empty = self.writers.is_empty() || self.verifiers.is_empty();
        is_empty.then_some("somebody certifies lines, and somebody may check them")
    }
}
