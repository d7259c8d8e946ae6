//! What the terms of a contract say of visitors' requests to tie-up pages: who processes which, and which steps of one are the main
//! site's.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// One function of a shop, or of another service, that a request needs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// What it costs.
    Price,
    /// Whether it is there; what is bought is reserved.
    Stock,
    /// The payment.
    Payment,
    /// The delivery.
    Delivery,
    /// Whatever else is answered, as a question about a timetable.
    Answer,
}

impl Step {
    /// What a request of this kind needs, in order. Kinds that have no name here are questions.
    #[must_use]
    pub fn of(kind: &str) -> &'static [Self] {
        match kind {
            "buy" => &[Self::Price, Self::Stock, Self::Payment, Self::Delivery],
            "price" => &[Self::Price],
            "stock" => &[Self::Stock],
            _ => &[Self::Answer],
        }
    }
}

/// Who processes a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The partner site. The main site hears nothing of it, but for steps that are entrusted to it.
    #[default]
    Partner,
    /// The main site, which is told of it.
    Main,
    /// The partner site, which asks the main site first and takes the steps that are answered.
    Commanded,
}

/// Who processes some requests.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Requests of this kind, as `buy`; left out, of every kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Requests for this article; left out, for every one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub article: Option<String>,
    /// Who processes them.
    #[serde(default)]
    pub mode: Mode,
    /// Steps that the main site takes although the partner processes the request.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub entrusted: BTreeSet<Step>,
}

/// What terms say of visitors' requests to tie-up pages.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Delegation {
    /// The first rule that fits a request counts; where none does, the partner processes it.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// So long each step is waited for: two minutes where nothing else is said.
    #[serde(default = "two_minutes")]
    pub answer_secs: u32,
    /// So long what a site reserved for the other one's request stays reserved without a word from there: a day where nothing else is said.
    #[serde(default = "a_day")]
    pub hold_secs: u32,
}

const fn two_minutes() -> u32 {
    2 * 60
}

const fn a_day() -> u32 {
    24 * 60 * 60
}

impl Default for Delegation {
    fn default() -> Self {
        Self { rules: Vec::new(), answer_secs: two_minutes(), hold_secs: a_day() }
    }
}

impl Delegation {
    /// Whether it is what counts where terms say nothing.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Who processes a request, and which of its steps the main site takes.
    #[must_use]
    pub fn of(&self, kind: &str, article: &str) -> (Mode, BTreeSet<Step>) {
        let fits = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
        let rule = self.rules.iter().find(|rule| fits(&rule.kind, kind) && fits(&rule.article, article));
        rule.map(|rule| (rule.mode, rule.entrusted.clone())).unwrap_or_default()
    }

    /// What is wrong with it.
    #[must_use]
    pub fn wrong(&self) -> Option<&'static str> {
        if self.answer_secs == 0 || self.hold_secs == 0 {
            return Some("answer_secs and hold_secs are at least 1");
        }
        let is_vain = |rule: &Rule| rule.mode != Mode::Partner && !rule.entrusted.is_empty();
        self.rules.iter().any(is_vain).then_some("steps are entrusted where the mode is `partner`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_fits_counts_and_otherwise_the_partner_does_all() {
        let rule = |kind: Option<&str>, article: Option<&str>, mode| Rule {
            kind: kind.map(str::to_owned),
            article: article.map(str::to_owned),
            mode,
            entrusted: BTreeSet::new(),
        };
        let rules = vec![rule(Some("buy"), Some("book"), Mode::Main), rule(Some("buy"), None, Mode::Commanded)];
        let delegation = Delegation { rules, ..Delegation::default() };
        let modes = [("buy", "book"), ("buy", "map"), ("price", "book")].map(|(kind, of)| delegation.of(kind, of).0);
        assert_eq!(modes, [Mode::Main, Mode::Commanded, Mode::Partner]);
    }

    #[test]
    fn steps_are_entrusted_by_a_partner_that_processes_the_rest() {
        let rule = |mode| Rule { mode, entrusted: [Step::Stock].into(), ..Rule::default() };
        let of = |mode| Delegation { rules: vec![rule(mode)], ..Delegation::default() };
        assert_eq!(of(Mode::Partner).wrong(), None);
        assert!(of(Mode::Main).wrong().is_some() && of(Mode::Commanded).wrong().is_some());
        assert!(Delegation { answer_secs: 0, ..Delegation::default() }.wrong().is_some());
    }
}
