//! A figure: what we reach, what the machine allows, and their ratio.

use std::collections::BTreeMap;
use std::fmt;

use clap::ValueEnum as _;
use serde::Serialize;
use serde_json::{Map, Value};

use super::Which;
use crate::node::NodeError;

/// Said with every figure that has clients.
const SHARED: &str = "the clients that make the load share the cores with what is measured";

/// See the module.
#[derive(Debug, Serialize)]
pub(super) struct Figure {
    pub(super) ours: f64,
    pub(super) limit: f64,
    pub(super) ratio: f64,
    pub(super) unit: &'static str,
    /// What the ratio should be.
    pub(super) goal: &'static str,
    pub(super) reached: bool,
    /// What else was seen.
    pub(super) details: Map<String, Value>,
}

/// What the ratio should be.
pub(super) enum Goal {
    AtLeast(f64, &'static str),
    AtMost(f64, &'static str),
    /// Told, not judged.
    Told,
}

impl Figure {
    pub(super) fn new(ours: f64, limit: f64, unit: &'static str, goal: Goal) -> Self {
        let ratio = ours / limit;
        let (reached, goal) = match goal {
            Goal::AtLeast(least, text) => (ratio >= least, text),
            Goal::AtMost(most, text) => (ratio <= most, text),
            Goal::Told => (true, "told, not judged"),
        };
        Self { ours: round(ours), limit: round(limit), ratio: round(ratio), unit, goal, reached, details: Map::new() }
    }

    /// With one more detail.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }
}

/// Three digits behind the point: more are noise.
pub(super) fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// The middle one.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// What is printed.
#[derive(Debug, Serialize)]
pub(super) struct Figures {
    #[serde(flatten)]
    pub(super) figures: BTreeMap<Which, Figure>,
    #[serde(skip)]
    pub(super) quick: bool,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (which, figure) in &self.figures {
            let Figure { ours, limit, ratio, unit, goal, reached, details } = figure;
            let mark = if *reached || self.quick { "" } else { "  (not reached)" };
            let named = which.to_possible_value();
            let title = named.as_ref().and_then(clap::builder::PossibleValue::get_help).map(ToString::to_string);
            writeln!(f, "{which:?}  {}", title.unwrap_or_default())?;
            writeln!(f, "      {ours} ÷ {limit} {unit} = {ratio}  [{goal}]{mark}")?;
            for (name, value) in details {
                writeln!(f, "      {name}: {value}")?;
            }
        }
        if self.quick {
            writeln!(f, "(a quick run: these are no figures to quote)")?;
        }
        write!(f, "{SHARED}")
    }
}

impl BenchError {
    /// What went wrong with a load.
    pub(super) fn load(error: impl fmt::Display) -> Self {
        Self::Load(error.to_string())
    }
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub(super) enum BenchError {
    #[error(transparent)]
    Node(#[from] NodeError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("measured without the store or the brokers between: {0}")]
    Bare(String),
    #[error("there are no brokers to measure with: name them with --log")]
    NoBroker,
    #[error("the load went wrong: {0}")]
    Load(String),
    #[error(transparent)]
    Call(#[from] kippu_client::Error),
    #[error(transparent)]
    Lost(#[from] kippu_client::Lost),
    #[error(transparent)]
    Open(#[from] kippu_events::log::rocks::OpenError),
    #[error(transparent)]
    Read(#[from] kippu_events::log::ReadError),
}
