//! Lines of a period in, numbers out. Parts of the logs may be gathered apart, on several threads and in whatever order, and
//! then merged.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::classify::{Classifier, Verdict};
use super::days::Days;
use super::line::{Access, Line};
use super::rules::{Reason, Rules};
use super::tally::{Key, Report, Tally};
use super::visits::{Outcome, Place, Visited, Visitor, settle};

/// Lines that were read so far. Those that do not count are a number each; an access to a page of the table is kept until
/// the end, in about 100 bytes.
#[derive(Debug, Default)]
pub struct Gather {
    tally: Tally,
    accesses: Vec<Visited>,
    pages: HashSet<Arc<str>>,
}

impl Gather {
    /// Takes a line. Every line MUST be taken once. `visitor` tells who it was, and is asked for pages of the table only.
    pub fn take(
        &mut self,
        classifier: &Classifier,
        place: Place,
        line: &Line<'_>,
        visitor: impl FnOnce(&Access<'_>) -> Visitor,
    ) {
        self.tally.lines += 1;
        match (classifier.judge(line), line) {
            (Verdict::Counts(hit), Line::Access(access)) => {
                let page = match self.pages.get(&*hit.page) {
                    Some(page) => Arc::clone(page),
                    None => {
                        let page: Arc<str> = Arc::from(&*hit.page);
                        self.pages.insert(Arc::clone(&page));
                        page
                    }
                };
                let (visitor, class) = (visitor(access), hit.class);
                self.accesses.push(Visited { visitor, at: access.at, place, page, class, bytes: access.bytes });
            }
            (Verdict::Excluded(reason), _) => self.tally.exclude(reason),
            // Only accesses count.
            (Verdict::Counts(_), Line::Aside(_) | Line::Malformed(_) | Line::TooLong) => {
                self.tally.exclude(Reason::Malformed);
            }
        }
    }

    /// Adds what was gathered elsewhere.
    pub fn merge(&mut self, other: Self) {
        self.tally.merge(other.tally);
        self.accesses.extend(other.accesses);
    }

    /// The numbers, once all lines of the period were taken. Days are those of `zone`.
    #[must_use]
    pub fn finish(self, rules: &Rules, zone: TimeZone) -> Report {
        let Self { mut tally, mut accesses, pages: _ } = self;
        let mut days = Days::of(zone);
        let audience = settle(&mut accesses, rules, |access, outcome| match outcome {
            Outcome::Counted => {
                let key = Key { day: days.day(access.at), page: Arc::clone(&access.page), class: access.class };
                tally.count(key, access.bytes);
            }
            Outcome::Reload => tally.exclude(Reason::Reload),
        });
        Report { tally, audience }
    }
}
