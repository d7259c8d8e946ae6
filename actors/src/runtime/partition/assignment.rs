//! Who serves the partition: following, opening, and letting go.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use actix::prelude::*;
use kippu_events::Time;
use kippu_events::log::AppendError;
use tokio::sync::oneshot;

use super::{Assignment, Panicked, Partition, RECLAIM_AFTER, Shared, messages::Tell};
use crate::runtime::Phase;
use crate::runtime::open::{OpenError, Opened, Warmed, open, warm};
use crate::runtime::serving::Serving;

/// How long to wait before a partition that could not be opened is tried again.
const REOPEN_AFTER: Duration = Duration::from_secs(1);

impl Partition {
    /// Serves from now on.
    pub(super) fn take_up(&mut self, ctx: &mut Context<Self>) {
        self.assignment = Assignment::Owner;
        self.leaving = None;
        // They are told that there is none now.
        self.waiting.clear();
        if let Some(serving) = &self.serving {
            self.phase.send_replace(Phase::Serving { last: serving.last() });
        } else if self.stopping.is_none() {
            self.phase.send_replace(Phase::Opening);
            self.open(ctx);
        }
    }

    /// Claims and opens the partition, if this node is to serve it and does not yet.
    pub(super) fn open(&mut self, ctx: &mut Context<Self>) {
        if self.folding || self.serving.is_some() || self.assignment != Assignment::Owner || self.stopping.is_some() {
            return;
        }
        self.folding = true;
        self.term += 1;
        let term = self.term;
        let told = ctx.address();
        let listener = Arc::new(move |progress| told.do_send(Tell::Progress { term, progress }));
        let Shared { log, store, .. } = &self.shared;
        let (log, store, claimant) = (Arc::clone(log), Arc::clone(store), self.claimant.clone());
        let (partition, store_term, unread) = (self.env.partition, Arc::clone(&self.store_term), self.unread);
        let opening = move || {
            *store_term.lock().unwrap_or_else(PoisonError::into_inner) = term;
            // Where it still cannot be read, there is no use in one more claim.
            if unread {
                warm(&*log, &store, partition)?;
            }
            open(&*log, &store, partition, &claimant, listener)
        };
        self.on_blocking_pool(ctx, opening, move |this, ctx, opened| {
            this.folding = false;
            match opened {
                _ if this.assignment != Assignment::Owner => this.rest(Phase::Standby { last: Time::default() }),
                // The claim ended before it was open.
                Ok(_) if term != this.term => this.reopen(ctx),
                Ok(Ok(opened)) => this.serve(opened),
                Ok(Err(error)) => this.not_opened(error, ctx),
                // Folding the same history again would panic again.
                Err(Panicked) => this.halt("a defect was met in folding its history".to_owned()),
            }
        });
    }

    /// Brings the store up to the log, for the node that may have to serve the partition next.
    pub(super) fn warm(&mut self, ctx: &mut Context<Self>) {
        let (shared, partition) = (&self.shared, self.env.partition);
        let idle = !self.folding && self.serving.is_none() && self.stopping.is_none();
        let behind = shared.behind.get(usize::from(partition));
        if self.assignment == Assignment::Owner
            || !idle
            || !behind.is_some_and(|behind| behind.swap(false, Ordering::AcqRel))
        {
            return;
        }
        self.folding = true;
        self.term += 1;
        let (log, store, term) = (Arc::clone(&shared.log), Arc::clone(&shared.store), self.term);
        let (store_term, waiting) = (Arc::clone(&self.store_term), std::mem::take(&mut self.waiting));
        let warming = move || {
            let mut current = store_term.lock().unwrap_or_else(PoisonError::into_inner);
            *current = term;
            warm(&*log, &store, partition)
        };
        self.on_blocking_pool(ctx, warming, |this, ctx, warmed| {
            this.folding = false;
            match warmed {
                _ if this.assignment == Assignment::Owner => return this.open(ctx),
                Ok(Ok(Warmed { next: Some(next), .. })) => this.moved(next),
                Ok(Ok(Warmed { last, .. })) => this.rest(Phase::Standby { last }),
                Ok(Err(error)) => {
                    this.halt(error.to_string());
                    this.touch();
                }
                Err(Panicked) => this.halt("a defect was met in folding its history".to_owned()),
            }
            // Where it could not be brought up to the log they are told that there is none now.
            waiting.into_iter().for_each(|(key, reply)| this.peek(key, reply, ctx));
            // Those that came meanwhile want what has come meanwhile.
            if !this.waiting.is_empty() {
                this.warm(ctx);
            }
        });
    }

    /// The store may be behind the log.
    pub(super) fn touch(&self) {
        if let Some(behind) = self.shared.behind.get(usize::from(self.env.partition)) {
            behind.store(true, Ordering::Release);
        }
    }

    /// Nothing is served here now. Whoever waits for that knows by this.
    fn rest(&mut self, phase: Phase) {
        self.phase.send_replace(phase);
        self.leaving = None;
    }

    fn reopen(&self, ctx: &mut Context<Self>) {
        ctx.run_later(REOPEN_AFTER, |this, ctx| this.open(ctx));
    }

    fn serve(&mut self, opened: Opened) {
        tracing::debug!(partition = self.env.partition, folded = opened.folded, "partition open");
        self.unread = false;
        self.phase.send_replace(Phase::Serving { last: opened.last });
        self.serving = Some(Serving::new(Arc::clone(&self.env), opened, self.drift));
    }

    /// Nothing is served here any more, by nobody.
    fn moved(&mut self, next: String) {
        tracing::info!(partition = self.env.partition, %next, "the history of this partition goes on at another place");
        self.rest(Phase::Moved { next });
    }

    fn not_opened(&mut self, error: OpenError, ctx: &mut Context<Self>) {
        if let OpenError::Claim(end @ (AppendError::Sealed { .. } | AppendError::Deposed { .. })) = error {
            return self.end(&end, ctx);
        }
        self.unread = match error {
            OpenError::Read(_) | OpenError::EntityStore(_) | OpenError::Damaged(_) => true,
            OpenError::Claim(_) => self.unread,
        };
        self.halt(error.to_string());
        if error.is_passing() {
            self.reopen(ctx);
        }
    }

    fn halt(&mut self, reason: String) {
        // Said once, however often it is tried again.
        if !matches!(&*self.phase.borrow(), Phase::Halted(said) if *said == reason) {
            tracing::error!(partition = self.env.partition, %reason, "the partition is not served");
        }
        self.rest(Phase::Halted(reason));
    }

    /// Takes no more commands, answers those under way, and stands by; `left` is dropped then.
    pub(super) fn let_go(&mut self, left: oneshot::Sender<()>, ctx: &mut Context<Self>) {
        self.assignment = Assignment::Standby;
        self.leaving = Some(left);
        // From here on commands are for another node, however long those under way take.
        if let Some(serving) = &self.serving {
            self.phase.send_replace(Phase::Standby { last: serving.last() });
        }
        self.tick(ctx);
        self.leave_if_idle(ctx);
    }

    /// Ends this claim. What comes next is a new one, unless somebody else has taken over. The phase is told before anybody
    /// is refused for it, so that no node calls itself ready while it refuses.
    pub(super) fn end(&mut self, error: &AppendError, ctx: &mut Context<Self>) {
        let ended = self.serving.take();
        if let Some(serving) = &ended {
            self.drift = serving.drift();
        }
        self.ended(error, ctx);
        if let Some(serving) = ended {
            serving.fail();
        }
    }

    fn ended(&mut self, error: &AppendError, ctx: &mut Context<Self>) {
        self.touch();
        self.term += 1;
        if self.stopping.is_some() {
            return ctx.stop();
        }
        if let AppendError::Sealed { next } = error {
            return self.moved(next.clone());
        }
        if self.assignment == Assignment::Owner && matches!(error, AppendError::Deposed { .. }) {
            self.assignment = Assignment::Deposed(RECLAIM_AFTER);
        }
        if self.assignment != Assignment::Owner {
            tracing::info!(partition = self.env.partition, %error, "the partition is served by another node");
            return self.rest(Phase::Standby { last: Time::default() });
        }
        self.halt(error.to_string());
        self.reopen(ctx);
    }

    /// Claims again, where another node has taken the partition and nobody said in time that it was to.
    pub(super) fn reclaim(&mut self, ctx: &mut Context<Self>) {
        let Assignment::Deposed(ticks) = self.assignment else { return };
        self.assignment = Assignment::Deposed(ticks.saturating_sub(1));
        if ticks == 0 {
            tracing::warn!(partition = self.env.partition, "the partition is still this node's: it is claimed again");
            self.take_up(ctx);
        }
    }

    /// Stops, or stands by, if that is what is wanted and nothing is under way.
    pub(super) fn leave_if_idle(&mut self, ctx: &mut Context<Self>) {
        if !self.serving.as_ref().is_none_or(Serving::is_idle) {
            return;
        }
        if self.stopping.is_some() {
            ctx.stop();
        } else if self.assignment == Assignment::Standby && !self.folding && self.leaving.is_some() {
            // The writer goes with it, and what it is still told is of an earlier term.
            if let Some(serving) = self.serving.take() {
                self.drift = serving.drift();
            }
            self.term += 1;
            self.touch();
            self.rest(Phase::Standby { last: Time::default() });
        }
    }
}
