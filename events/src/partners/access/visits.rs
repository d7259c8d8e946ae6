//! Visits and reloads: what an access is by the accesses before it. All accesses of a period are looked at together, in the
//! order of their times, so that it makes no difference in what parts and in what order they were read.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::pages::Class;
use super::rules::Rules;
use crate::time::Time;

/// Where a line is. No two lines that are counted MAY have the same place; it decides among accesses of the same microsecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Which log.
    pub source: u64,
    /// Which part of it.
    pub segment: u64,
    /// At which byte of the part the line begins.
    pub offset: u64,
}

/// Who it was, as the caller tells visitors apart: 16 bytes that mean nothing here, such as a keyed hash of address and agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Visitor(pub [u8; 16]);

/// An access that counts unless it is a reload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visited {
    /// By whom.
    pub visitor: Visitor,
    /// When.
    pub at: Time,
    /// Where its line is.
    pub place: Place,
    /// What was looked at.
    pub page: Arc<str>,
    /// What that is.
    pub class: Class,
    /// How much it was, where the log says so.
    pub bytes: Option<u64>,
}

/// What an access is in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It counts.
    Counted,
    /// The visitor has just had the same page.
    Reload,
}

/// How many came. Of two stretches of time both know the same visitors, so these numbers MUST NOT be added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Audience {
    /// Stretches of accesses by one visitor without too long a pause. A reload goes on with a visit.
    pub visits: u64,
    /// Different visitors.
    pub visitors: u64,
}

/// Goes through all accesses of a period, each visitor's in the order of (time, source, segment, offset), and calls `each`
/// with what each one is. The order in which `accesses` come makes no difference; they are sorted. A period begins without
/// visits: what was before it is not known.
pub fn settle(accesses: &mut [Visited], rules: &Rules, mut each: impl FnMut(&Visited, Outcome)) -> Audience {
    let (pause, reload) = (micros(rules.visit_s), micros(rules.reload_s));
    accesses.sort_unstable_by_key(|access| (access.visitor, access.at, access.place));
    let mut audience = Audience::default();
    let mut before: Option<(Visitor, Time)> = None;
    let mut seen: HashMap<&str, Time> = HashMap::new();
    for access in &*accesses {
        let since = |time: Time| access.at.micros().saturating_sub(time.micros());
        let (same_visitor, same_visit) = match before {
            Some((visitor, last)) if visitor == access.visitor => (true, since(last) <= pause),
            Some(_) | None => (false, false),
        };
        if !same_visit {
            audience.visits += 1;
            audience.visitors += u64::from(!same_visitor);
            seen.clear();
        }
        before = Some((access.visitor, access.at));
        let again = seen.insert(&access.page, access.at).is_some_and(|last| reload > 0 && since(last) <= reload);
        each(access, if again { Outcome::Reload } else { Outcome::Counted });
    }
    audience
}

fn micros(seconds: u32) -> i64 {
    i64::from(seconds) * 1_000_000
}
