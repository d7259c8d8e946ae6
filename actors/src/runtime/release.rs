//! Answers wait here, in order, until everything they were decided on is durable – refusals also for a proof that this
//! writer still owned the partition after it refused.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::Outcome;
use crate::problem::{self, Problem};

/// Where an answer goes.
pub type Reply = oneshot::Sender<Result<Outcome, Problem>>;

struct Waiting {
    /// The record that must be durable.
    number: u64,
    /// The proof of ownership that must have come, for what appended nothing.
    ticket: Option<u64>,
    answer: Result<Outcome, Problem>,
    replies: Vec<Reply>,
    /// Since when it waits.
    since: Instant,
}

/// The answers that are under way.
#[derive(Default)]
pub struct Release {
    queue: VecDeque<Waiting>,
    durable: u64,
    /// The last proof that was asked for.
    asked: u64,
    /// The last proof that came.
    owned: u64,
    /// The last proof that somebody waits for.
    wanted: u64,
    /// When the proof that is under way was asked for.
    asked_at: Option<Instant>,
}

impl Release {
    /// How many answers wait.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// The answer to a command that became the record `number`.
    pub fn accept(&mut self, number: u64, outcome: Outcome, reply: Option<Reply>) {
        self.queue.push_back(Waiting {
            number,
            ticket: None,
            answer: Ok(outcome),
            replies: reply.into_iter().collect(),
            since: Instant::now(),
        });
    }

    /// Another caller of the command that became the record `number`; the reply comes back where that is not under
    /// way any more.
    pub fn join(&mut self, number: u64, reply: Reply) -> Option<Reply> {
        let from = self.queue.partition_point(|waiting| waiting.number < number);
        let accepted = self.queue.iter_mut().skip(from).take_while(|w| w.number == number).find(|w| w.ticket.is_none());
        match accepted {
            Some(waiting) => {
                waiting.replies.push(reply);
                None
            }
            None => Some(reply),
        }
    }

    /// A refusal that was decided when `number` was the head. Gives the ticket of a proof to ask for now, if none is
    /// being asked for.
    #[must_use]
    pub fn refuse(&mut self, number: u64, problem: Problem, reply: Reply) -> Option<u64> {
        let idle = self.asked == self.owned;
        // A proof that is under way may have begun before this decision: only the one after it counts.
        let ticket = self.asked + 1;
        self.wanted = ticket;
        let (answer, replies, since) = (Err(problem), vec![reply], Instant::now());
        self.queue.push_back(Waiting { number, ticket: Some(ticket), answer, replies, since });
        idle.then(|| self.ask())
    }

    /// The ticket of a proof that nobody waits for, to be asked for now: whether the log answers shows also where nothing is
    /// done. None while one is under way.
    #[must_use]
    pub fn ask_if_idle(&mut self) -> Option<u64> {
        (self.asked == self.owned).then(|| self.ask())
    }

    fn ask(&mut self) -> u64 {
        self.asked += 1;
        self.asked_at = Some(Instant::now());
        self.asked
    }

    /// For how long the log has owed its oldest answer, to a record or to the question who owns the partition.
    pub fn owed(&self) -> Duration {
        let asked = self.asked_at.filter(|_| self.asked > self.owned);
        let waits = self.queue.front().map(|waiting| waiting.since);
        asked.into_iter().chain(waits).min().map(|since| since.elapsed()).unwrap_or_default()
    }

    /// Everything up to `number` is durable.
    pub fn durable(&mut self, number: u64) {
        self.durable = self.durable.max(number);
        self.release();
    }

    /// The proof with `ticket` came. Gives the ticket of another proof to ask for.
    #[must_use]
    pub fn owned(&mut self, ticket: u64) -> Option<u64> {
        self.owned = self.owned.max(ticket);
        self.release();
        (self.wanted > self.asked).then(|| self.ask())
    }

    fn release(&mut self) {
        let (durable, owned) = (self.durable, self.owned);
        let ready = |waiting: &Waiting| waiting.number <= durable && waiting.ticket.is_none_or(|t| t <= owned);
        while self.queue.front().is_some_and(ready) {
            if let Some(waiting) = self.queue.pop_front() {
                waiting.send();
            }
        }
    }

    /// The writer has ended: nobody knows what became of what is under way.
    pub fn fail(&mut self) {
        for mut waiting in self.queue.drain(..) {
            waiting.answer = Err(Problem::later(
                &problem::UNKNOWN_OUTCOME,
                "the log did not confirm in time; ask again with the same key",
            ));
            waiting.send();
        }
    }
}

impl Waiting {
    fn send(self) {
        let mut replies = self.replies.into_iter();
        let Some(first) = replies.next() else { return };
        for other in replies {
            let answer = self.answer.clone().map(|outcome| Outcome { replayed: true, ..outcome });
            // A caller that has gone away needs no answer.
            drop(other.send(answer));
        }
        drop(first.send(self.answer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal() -> Problem {
        Problem::new(&problem::NOT_FOUND, "no")
    }

    fn channel() -> (Reply, oneshot::Receiver<Result<Outcome, Problem>>) {
        oneshot::channel()
    }

    /// Shows F16.
    #[test]
    fn a_refusal_waits_for_the_record_it_was_decided_on_and_for_a_proof() {
        for proof_first in [true, false] {
            let mut release = Release::default();
            let (reply, mut answer) = channel();
            assert_eq!(release.refuse(7, refusal(), reply), Some(1));
            if proof_first {
                assert_eq!(release.owned(1), None);
            } else {
                release.durable(7);
            }
            assert!(answer.try_recv().is_err(), "one of both is missing");
            if proof_first {
                release.durable(7);
            } else {
                assert_eq!(release.owned(1), None);
            }
            assert_eq!(answer.try_recv().map(|a| a.is_err()), Ok(true));
        }
    }

    #[test]
    fn a_proof_that_began_before_the_decision_does_not_count() {
        let mut release = Release::default();
        let (first, mut first_answer) = channel();
        let (second, mut second_answer) = channel();
        assert_eq!(release.refuse(0, refusal(), first), Some(1));
        assert_eq!(release.refuse(0, refusal(), second), None, "one proof at a time");
        assert_eq!(release.owned(1), Some(2), "the second needs a proof of its own");
        assert!(first_answer.try_recv().is_ok());
        assert!(second_answer.try_recv().is_err());
        assert_eq!(release.owned(2), None);
        assert!(second_answer.try_recv().is_ok());
    }

    #[test]
    fn a_proof_for_nobody_is_asked_for_one_at_a_time_and_is_none_for_who_refuses_meanwhile() {
        let mut release = Release::default();
        assert_eq!((release.owed(), release.ask_if_idle()), (Duration::ZERO, Some(1)));
        assert_eq!(release.ask_if_idle(), None, "one proof at a time");
        assert!(release.owed() > Duration::ZERO);
        let (reply, mut answer) = channel();
        assert_eq!(release.refuse(0, refusal(), reply), None);
        assert_eq!(release.owned(1), Some(2), "the refusal needs a proof of its own");
        assert!(answer.try_recv().is_err());
        assert_eq!(release.owned(2), None);
        assert!(answer.try_recv().is_ok());
        assert_eq!((release.owed(), release.len()), (Duration::ZERO, 0));
    }

    #[test]
    fn when_the_writer_ends_everybody_is_told_that_nobody_knows() {
        let mut release = Release::default();
        let (reply, mut answer) = channel();
        let _ticket = release.refuse(1, refusal(), reply);
        release.fail();
        let told = answer.try_recv().map(|a| a.err().map(|problem| problem.kind.slug));
        assert_eq!(told, Ok(Some("unknown-outcome")));
    }
}
