//! Keeps many lines under way, each until it is answered.

use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use indicatif::ProgressBar;
use kippu_client::Pauses;
use serde::Serialize;

use super::ImportError;
use super::line::Line;
use super::order::{self, Order};
use super::progress::{End, Place, Progress};
use super::read::{Input, Numbered};
use super::target::{Answer, Target};
use crate::output::Output;

/// A line is tried again after this at the latest, whoever wants more: it may be a proxy that knows nothing of the node.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Lines that may have ended before one in front of them; each costs a few dozen bytes.
const MOST_AHEAD: usize = 1 << 16;

/// See the module.
pub(super) struct Drive<'a> {
    pub(super) target: &'a Target,
    pub(super) output: &'a Output,
    pub(super) bar: &'a ProgressBar,
    pub(super) in_flight: usize,
    pub(super) deadline: Duration,
    /// Where the lines come from, as it is called.
    pub(super) input: &'a Path,
}

/// A line that was not applied.
#[derive(Serialize)]
struct Remark<'a> {
    line: u64,
    outcome: &'a str,
    problem: &'a str,
    detail: &'a str,
}

impl Target {
    /// Tries a line until it is answered, or its time is over.
    pub(crate) async fn settle(&self, line: &Line, deadline: Duration) -> Answer {
        let begun = Instant::now();
        let mut pauses = Pauses::default();
        loop {
            match self.attempt(line).await {
                Answer::Later { detail, after } => {
                    let wait = pauses.next(after).min(LONGEST_PAUSE);
                    if begun.elapsed() + wait > deadline {
                        return Answer::Later { detail, after };
                    }
                    actix_rt::time::sleep(wait).await;
                }
                answer @ (Answer::Applied
                | Answer::Replayed
                | Answer::Refused { .. }
                | Answer::Failed { .. }
                | Answer::Never { .. }) => return answer,
            }
        }
    }
}

struct Ended {
    place: Place,
    bytes: u64,
    order: order::Place,
    answer: Answer,
}

impl Drive<'_> {
    /// Runs every line of `input`. Stops early only where going on makes no sense; what then has ended is in `progress`.
    pub(super) async fn run(&self, mut input: Input, progress: &mut Progress) -> Result<(), ImportError> {
        let mut order = Order::default();
        let mut running = FuturesUnordered::new();
        let mut places = std::collections::HashMap::new();
        let mut more = true;
        while more || !running.is_empty() {
            let space = running.len() + order.parked() < self.in_flight && progress.ahead() < MOST_AHEAD;
            tokio::select! {
                read = input.lines.recv(), if more && space => match read {
                    None => more = false,
                    Some(Err(source)) => return Err(ImportError::Io { path: self.input.to_owned(), source }),
                    Some(Ok(Numbered { place, bytes, parsed, is_open })) => match parsed {
                        Ok(Some(line)) => {
                            places.insert(place.lines, (place, bytes));
                            if let Some((_, at, line)) = order.add(place.lines, line) {
                                running.push(self.settle(place, bytes, at, line));
                            }
                        }
                        // The rest of it is yet to be written, or nothing is: the next run looks at it again.
                        Ok(None) if is_open => {}
                        Ok(None) => progress.ended(place, End::Blank)?,
                        Err(reason) => {
                            self.remark(place.lines, "failed", "not-a-command", &reason);
                            if is_open {
                                progress.left_open();
                            } else {
                                progress.ended(place, End::Failed)?;
                            }
                        }
                    },
                },
                Some(ended) = running.next(), if !running.is_empty() => {
                    let Ended { place, bytes, order: at, answer } = ended;
                    let end = self.end(place.lines, answer)?;
                    places.remove(&place.lines);
                    for (number, at, line) in order.done(place.lines, at) {
                        if let Some((place, bytes)) = places.get(&number) {
                            running.push(self.settle(*place, *bytes, at, line));
                        }
                    }
                    progress.ended(place, end)?;
                    self.bar.set_position(bytes);
                }
            }
        }
        Ok(())
    }

    /// Tries a line until it is answered, or its time is over.
    async fn settle(&self, place: Place, bytes: u64, order: order::Place, line: Line) -> Ended {
        Ended { place, bytes, order, answer: self.target.settle(&line, self.deadline).await }
    }

    fn end(&self, line: u64, answer: Answer) -> Result<End, ImportError> {
        match answer {
            Answer::Applied => Ok(End::Applied),
            Answer::Replayed => Ok(End::Replayed),
            Answer::Refused { problem, detail } => {
                self.remark(line, "refused", &problem, &detail);
                Ok(End::Refused)
            }
            Answer::Failed { problem, detail } => {
                self.remark(line, "failed", &problem, &detail);
                Ok(End::Failed)
            }
            Answer::Later { detail, .. } | Answer::Never { detail } => {
                Err(ImportError::Stopped { line, reason: detail })
            }
        }
    }

    /// Says what became of a line that was not applied: on standard error, or as a line of JSON.
    fn remark(&self, line: u64, outcome: &str, problem: &str, detail: &str) {
        if self.output.is_json() {
            self.output.result(&Remark { line, outcome, problem, detail }, "");
        } else {
            self.bar.suspend(|| self.output.note(format_args!("line {line}: {outcome}: {problem}: {detail}")));
        }
    }
}
