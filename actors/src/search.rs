//! Looking for the node that serves a command's partition, where several nodes share them and one of them may be gone.

use std::time::{Duration, Instant};

use crate::problem::{self, Problem};

/// How long a command waits for somebody to serve its partition. Longer than nodes take to notice that one of them is gone,
/// and to take over what it served.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// Looking for who serves the partition of a command. It is asked again and again with the same key, which makes that harmless.
pub struct Search {
    until: Instant,
    problem: Option<Problem>,
}

impl Search {
    /// It begins now.
    #[must_use]
    pub fn begin() -> Self {
        Self { until: Instant::now() + PATIENCE, problem: None }
    }

    /// Whether nobody is looked for any longer.
    #[must_use]
    pub fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }

    /// It was not done for this reason. Once somebody may have done it, it stays so.
    pub fn failed(&mut self, problem: Problem) {
        if self.problem.as_ref().is_none_or(|before| before.kind != &problem::UNKNOWN_OUTCOME) {
            self.problem = Some(problem);
        }
    }

    /// Whether somebody may have done it.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.problem.as_ref().is_some_and(|problem| problem.kind == &problem::UNKNOWN_OUTCOME)
    }

    /// What the caller is told where it is not done for this reason either. Who has decided knows; who could not decide does not.
    #[must_use]
    pub fn told(&mut self, problem: Problem) -> Problem {
        let is_decided = problem.kind.status < 500;
        if is_decided || problem.kind != &problem::UNAVAILABLE && !self.is_unknown() {
            return problem;
        }
        self.failed(problem.clone());
        self.problem.take().unwrap_or(problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_have_been_done_by_one_is_not_said_to_be_undone_where_another_did_not_do_it() {
        let [undone, unknown, no, full] =
            [&problem::UNAVAILABLE, &problem::UNKNOWN_OUTCOME, &problem::NOT_FOUND, &problem::OVERLOADED]
                .map(|kind| Problem::later(kind, "d"));
        let mut search = Search::begin();
        search.failed(undone.clone());
        assert_eq!(search.told(undone.clone()), undone);
        assert_eq!(search.told(full.clone()), full);
        search.failed(unknown.clone());
        search.failed(undone.clone());
        assert_eq!(search.told(undone), unknown);
        search.failed(unknown.clone());
        assert_eq!(search.told(full), unknown);
        assert_eq!((search.told(no.clone()), search.is_over()), (no, false), "who decided knows");
    }
}
