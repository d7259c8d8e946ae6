//! What a partition is told and asked.

use actix::prelude::*;
use std::sync::Arc;

use kippu_events::EntityKey;
use kippu_events::log::{AppendError, Progress};
use tokio::sync::oneshot;

use super::{Assignment, Partition};
use crate::actor::LookedUp;
use crate::problem::{self, Problem};
use crate::runtime::loaded_entity::LoadedEntity;
use crate::runtime::release::Reply;
use crate::runtime::serving::{Figures, Job, MOST_WAITING, PeekReply, Serving, moved};
use crate::runtime::{Phase, Submission};

/// What is not answered to whoever tells it.
pub enum Tell {
    /// A command, and where its answer goes.
    Submit(Submission, Reply),
    /// Look an entity up.
    Peek(EntityKey, PeekReply),
    /// The same, of all that is in the log by now.
    PeekNow(EntityKey, PeekReply),
    /// The log's progress under the claim of one term.
    Progress { term: u64, progress: Progress },
    /// Serve from now on.
    Assign,
    /// Take no more commands, answer those under way, and stand by. The sender is dropped then.
    Revoke(oneshot::Sender<()>),
    /// Time has passed.
    Tick,
    /// Take no more commands, answer those under way, let the store catch up, and stop. The sender is dropped once the
    /// actor and all that it held are gone.
    Stop(oneshot::Sender<()>),
}

impl Message for Tell {
    type Result = ();
}

impl Handler<Tell> for Partition {
    type Result = ();

    fn handle(&mut self, tell: Tell, ctx: &mut Context<Self>) {
        match tell {
            Tell::Submit(submission, reply) => self.submit(submission, reply, ctx),
            Tell::Peek(key, reply) => self.peek(key, reply, ctx),
            Tell::PeekNow(key, reply) => self.peek_now(key, reply, ctx),
            Tell::Progress { term, progress } if term == self.term => match progress {
                // Between the claim and the end of the fold there is nothing under way that could be told durable.
                Progress::Ended(error) if self.serving.is_none() => self.end(&error, ctx),
                progress => self.with_serving(ctx, |serving| serving.told(progress)),
            },
            Tell::Progress { .. } => {}
            Tell::Assign => self.take_up(ctx),
            Tell::Revoke(left) => self.let_go(left, ctx),
            Tell::Tick => {
                self.reclaim(ctx);
                self.warm(ctx);
                self.tick(ctx);
            }
            Tell::Stop(stopped) => {
                self.stopping = Some(stopped);
                self.tick(ctx);
                self.leave_if_idle(ctx);
            }
        }
    }
}

impl Partition {
    fn submit(&mut self, submission: Submission, reply: Reply, ctx: &mut Context<Self>) {
        let not_serving = self.serving.is_none() || self.stopping.is_some() || self.assignment != Assignment::Owner;
        if not_serving {
            let problem = match &*self.phase.borrow() {
                Phase::Moved { next } => moved(next),
                Phase::Warming | Phase::Standby { .. } | Phase::Opening | Phase::Serving { .. } | Phase::Halted(_) => {
                    Problem::later(&problem::UNAVAILABLE, "the partition of this entity is not being served")
                }
            };
            // A caller that has gone away needs no answer.
            return drop(reply.send(Err(problem)));
        }
        let job = Job { submission, reply: Some(reply), looked_up: false };
        self.with_serving(ctx, |serving| {
            serving.submit(job);
            Ok(())
        });
    }

    /// Where another node serves the partition, the store of this one follows it, somewhat behind.
    pub(super) fn peek(&mut self, key: EntityKey, reply: PeekReply, ctx: &mut Context<Self>) {
        if self.serving.is_some() {
            return self.with_serving(ctx, |serving| {
                serving.peek(key, reply);
                Ok(())
            });
        }
        let following = matches!(&*self.phase.borrow(), Phase::Standby { .. } | Phase::Moved { .. });
        if following {
            let (store, partition) = (Arc::clone(&self.shared.store), self.env.partition);
            let load = move || store.load(partition, key);
            self.on_blocking_pool(ctx, load, move |_, _, found| {
                // A caller that has gone away needs no answer, and one that gets none is told that there is none now.
                if let Ok(Ok(found)) = found {
                    let found = found.unwrap_or_else(|| LoadedEntity::fresh(key.family));
                    drop(reply.send(Ok(LookedUp { key, state: found.state, version: found.version })));
                }
            });
        }
    }

    /// As [`Partition::peek`], once the store has been brought up to the log.
    fn peek_now(&mut self, key: EntityKey, reply: PeekReply, ctx: &mut Context<Self>) {
        if self.serving.is_some() || self.assignment == Assignment::Owner {
            return self.peek(key, reply, ctx);
        }
        if self.waiting.len() >= MOST_WAITING {
            let problem = Problem::later(&problem::OVERLOADED, "too many answers are under way");
            // A caller that has gone away needs no answer.
            return drop(reply.send(Err(problem)));
        }
        self.waiting.push((key, reply));
        self.touch();
        self.warm(ctx);
    }

    pub(super) fn tick(&mut self, ctx: &mut Context<Self>) {
        self.with_serving(ctx, |serving| {
            serving.tick();
            Ok(())
        });
    }
}

/// End the partition in this location; its history goes on at this place. Answered once the seal is handed over, or there.
pub struct SealUp(pub String);

impl Message for SealUp {
    type Result = Result<(), AppendError>;
}

impl Handler<SealUp> for Partition {
    type Result = Result<(), AppendError>;

    fn handle(&mut self, SealUp(next): SealUp, ctx: &mut Context<Self>) -> Self::Result {
        if let Phase::Moved { next: there } = &*self.phase.borrow() {
            return if *there == next { Ok(()) } else { Err(AppendError::Sealed { next: there.clone() }) };
        }
        let mut sealed = Err(AppendError::Unavailable("it is not being served".to_owned()));
        self.with_serving(ctx, |serving| {
            sealed = serving.seal(&next);
            Ok(())
        });
        sealed
    }
}

/// Asks for figures; none while the partition is not being served.
pub struct AskFigures;

impl Message for AskFigures {
    type Result = Option<Figures>;
}

impl Handler<AskFigures> for Partition {
    type Result = Option<Figures>;

    fn handle(&mut self, _: AskFigures, _: &mut Context<Self>) -> Option<Figures> {
        self.serving.as_ref().map(Serving::figures)
    }
}
