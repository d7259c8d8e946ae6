//! Whether a line counts, as far as the line itself can tell. What the lines before it say comes after, in `visits`.

use std::borrow::Cow;

use super::addresses;
use super::agents::{Agents, SHORTEST};
use super::line::{Access, Aside, Line};
use super::pages::{Class, NotATable, Table};
use super::path;
use super::rules::{Nameless, Period, Reason, Rules};

/// Statuses have three digits.
const STATUSES: usize = 1_000;
/// What only robots ask for.
const ROBOTS_TXT: &str = "/robots.txt";

/// Rules that are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotRules {
    /// It would be found in nearly every agent.
    #[error("texts in agents have at least {SHORTEST} bytes")]
    AgentTooShort,
    /// No line has it.
    #[error("statuses have at most three digits")]
    Status,
    /// The table of pages.
    #[error(transparent)]
    Table(#[from] NotATable),
}

/// What a line is by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// It counts, unless it is a reload.
    Counts(Hit<'a>),
    /// It does not count.
    Excluded(Reason),
}

/// An access to a page of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit<'a> {
    /// The page: its path in the normal form, behind the host if the table names one.
    pub page: Cow<'a, str>,
    /// What the page is.
    pub class: Class,
    /// Which line of the table says so, counted from 0.
    pub entry: usize,
}

/// Rules, made for going through many lines. It is pure: a line gives the same verdict whenever and wherever it is read.
#[derive(Debug, Clone)]
pub struct Classifier {
    period: Period,
    methods: Vec<Vec<u8>>,
    statuses: Box<[bool; STATUSES]>,
    robots: Agents,
    people: Agents,
    nameless: Nameless,
    origins: Vec<addresses::Origin>,
    parts: Vec<Vec<u8>>,
    table: Table,
}

impl Classifier {
    /// Goes by these rules for this period.
    ///
    /// # Errors
    ///
    /// If they cannot be gone by.
    pub fn of(rules: &Rules, period: Period) -> Result<Self, NotRules> {
        let mut statuses = Box::new([false; STATUSES]);
        for status in &rules.statuses {
            *statuses.get_mut(usize::from(*status)).ok_or(NotRules::Status)? = true;
        }
        let bytes = |texts: &[String]| texts.iter().map(|text| text.as_bytes().to_vec()).collect();
        Ok(Self {
            period,
            methods: bytes(&rules.methods),
            statuses,
            robots: Agents::of(&rules.robots).ok_or(NotRules::AgentTooShort)?,
            people: Agents::of(&rules.people).ok_or(NotRules::AgentTooShort)?,
            nameless: rules.nameless,
            origins: rules.origins.clone(),
            parts: bytes(&rules.parts),
            table: Table::of(&rules.pages)?,
        })
    }

    /// What the line is.
    #[must_use]
    pub fn judge<'a>(&self, line: &'a Line<'_>) -> Verdict<'a> {
        let access = match line {
            Line::Access(access) => access,
            Line::Aside(Aside::Blank | Aside::Comment | Aside::Directive) => return Verdict::Excluded(Reason::Comment),
            Line::Aside(Aside::NoRequest) => return Verdict::Excluded(Reason::NoRequest),
            Line::Malformed(_) => return Verdict::Excluded(Reason::Malformed),
            Line::TooLong => return Verdict::Excluded(Reason::TooLong),
        };
        match self.access(access) {
            Ok(hit) => Verdict::Counts(hit),
            Err(reason) => Verdict::Excluded(reason),
        }
    }

    fn access<'a>(&self, access: &'a Access<'_>) -> Result<Hit<'a>, Reason> {
        if !self.period.holds(access.at) {
            return Err(Reason::OutsidePeriod);
        }
        if !self.methods.iter().any(|method| **method == *access.method) {
            return Err(Reason::Method);
        }
        if self.statuses.get(usize::from(access.status)) != Some(&true) {
            return Err(Reason::Status);
        }
        let path = path::normal(&access.path);
        if self.is_robot(access) || path.as_deref() == Some(ROBOTS_TXT) {
            return Err(Reason::Robot);
        }
        if addresses::is_of(&access.client, &self.origins) {
            return Err(Reason::Origin);
        }
        let path = path.filter(|path| !self.is_part(path)).ok_or(Reason::NotAPage)?;
        let entry = self.table.find(&path, access.host.as_deref(), access.at).ok_or(Reason::NotListed)?;
        let page = match &entry.host {
            Some(host) => Cow::Owned(format!("{host}{path}")),
            None => path,
        };
        Ok(Hit { page, class: entry.class, entry: entry.page })
    }

    fn is_robot(&self, access: &Access<'_>) -> bool {
        match &access.agent {
            Some(agent) => self.robots.find(agent) && !self.people.find(agent),
            None => self.nameless == Nameless::Robot,
        }
    }

    /// Whether the last segment of the path ends like a part of a page.
    fn is_part(&self, path: &str) -> bool {
        let path = path.as_bytes();
        let dot = path.iter().rposition(|byte| matches!(byte, b'.' | b'/'));
        let Some(ending) = dot.filter(|at| path[*at] == b'.').map(|at| &path[at + 1..]) else { return false };
        self.parts.iter().any(|part| part.eq_ignore_ascii_case(ending))
    }
}
