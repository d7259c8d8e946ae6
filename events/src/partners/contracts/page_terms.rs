//! What the terms of a contract say of pages: which of them the partner shows, who may write them, and when.

use serde::{Deserialize, Serialize};

use crate::time::Time;

/// Who may write tie-up pages at the partner's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PageRights {
    /// The main site, and the partner too, so that it can repair them.
    Repair,
    /// The main site alone: they show its brand.
    #[default]
    Brand,
}

/// Who is asked before a revision is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Confirmation {
    /// Nobody.
    #[default]
    None,
    /// The partner's manager.
    Manager,
}

/// How a revision comes to be shown at the partner's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// Its bytes take the place of those before, at the same address.
    #[default]
    Overwrite,
    /// Nothing is copied: links at the partner's lead to the revision at the main site.
    Links,
    /// Its bytes are written beside those before; links and the address change once the partner's manager has approved it.
    Switch,
}

impl Way {
    /// Whether it is the ordinary one.
    #[must_use]
    pub const fn is_overwrite(&self) -> bool {
        matches!(self, Self::Overwrite)
    }
}

/// What terms say of pages.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PageTerms {
    /// Who may write tie-up pages.
    #[serde(default)]
    pub rights: PageRights,
    /// Who is asked before a revision is shown.
    #[serde(default)]
    pub confirmation: Confirmation,
    /// Revisions are brought at multiples of this behind the beginning of the terms; left out, as soon as the main page is revised.
    #[serde(default)]
    pub every_secs: Option<u32>,
    /// So long the partner's manager is waited for, who is asked: three days where nothing else is said.
    #[serde(default = "three_days")]
    pub answer_secs: u32,
    /// After so long the partner's manager is asked again who said no, or nothing; left out, once the main site's manager says so.
    #[serde(default)]
    pub again_secs: Option<u32>,
    /// How a revision comes to be shown. Links ask nobody, and a switch always asks.
    #[serde(default, skip_serializing_if = "Way::is_overwrite")]
    pub way: Way,
}

const fn three_days() -> u32 {
    3 * 24 * 60 * 60
}

impl Default for PageTerms {
    fn default() -> Self {
        Self {
            rights: PageRights::default(),
            confirmation: Confirmation::default(),
            every_secs: None,
            answer_secs: three_days(),
            again_secs: None,
            way: Way::default(),
        }
    }
}

impl PageTerms {
    /// When a page is brought that was revised at `revised`, by terms that began at `begun`.
    #[must_use]
    pub fn brought_at(&self, begun: Time, revised: Time) -> Time {
        let Some(every) = self.every_secs.filter(|every| *every > 0) else { return revised };
        let every = i64::from(every) * 1_000_000;
        let behind = revised.micros().saturating_sub(begun.micros()).max(0);
        let periods = behind / every + i64::from(behind % every > 0);
        Time::from_micros(begun.micros().saturating_add(periods.saturating_mul(every))).max(revised)
    }

    /// So long the partner's manager is waited for, where one is asked.
    #[must_use]
    pub const fn asks(&self) -> Option<u32> {
        match (self.way, self.confirmation) {
            (Way::Links, _) | (Way::Overwrite, Confirmation::None) => None,
            (Way::Switch, _) | (Way::Overwrite, Confirmation::Manager) => Some(self.answer_secs),
        }
    }

    /// What is wrong with them.
    #[must_use]
    pub fn wrong(&self) -> Option<&'static str> {
        if self.every_secs == Some(0) || self.again_secs == Some(0) || self.answer_secs == 0 {
            return Some("every_secs, answer_secs and again_secs are at least 1");
        }
        if self.way == Way::Links && self.confirmation == Confirmation::Manager {
            return Some("links ask nobody, since nothing is copied that could be looked at");
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Time {
        Time::from_micros(secs * 1_000_000)
    }

    #[test]
    fn a_revision_is_brought_at_once_or_at_the_next_multiple_of_the_period() {
        let mut terms = PageTerms::default();
        assert_eq!(terms.brought_at(at(100), at(137)), at(137));
        terms.every_secs = Some(60);
        for (revised, brought) in [(100, 100), (101, 160), (160, 160), (161, 220), (40, 100)] {
            assert_eq!(terms.brought_at(at(100), at(revised)), at(brought), "{revised}");
        }
        assert!(terms.wrong().is_none());
        terms.every_secs = Some(0);
        assert!(terms.wrong().is_some());
    }
}
