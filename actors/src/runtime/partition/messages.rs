//! What a partition is told and asked.

use actix::prelude::*;
use kippu_events::log::{AppendError, Progress};
use tokio::sync::oneshot;

use super::{Duty, Partition};
use crate::problem::{self, Problem};
use crate::runtime::release::Reply;
use crate::runtime::serving::{Figures, Job, Serving, moved};
use crate::runtime::{Phase, Submission};

/// A command and where its answer goes.
pub struct Submit(pub Submission, pub Reply);

impl Message for Submit {
    type Result = ();
}

impl Handler<Submit> for Partition {
    type Result = ();

    fn handle(&mut self, Submit(submission, reply): Submit, ctx: &mut Context<Self>) {
        let not_serving = self.serving.is_none() || self.stopping.is_some() || self.duty != Duty::Owner;
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
}

/// The log's progress under the claim of one term.
pub struct Told {
    pub term: u64,
    pub progress: Progress,
}

impl Message for Told {
    type Result = ();
}

impl Handler<Told> for Partition {
    type Result = ();

    fn handle(&mut self, Told { term, progress }: Told, ctx: &mut Context<Self>) {
        if term != self.term {
            return;
        }
        match progress {
            // Between the claim and the end of the fold there is nothing under way that could be told durable.
            Progress::Ended(error) if self.serving.is_none() => self.end(&error, ctx),
            progress => self.with_serving(ctx, |serving| serving.told(progress)),
        }
    }
}

/// Serve from now on.
pub struct Assign;

impl Message for Assign {
    type Result = ();
}

impl Handler<Assign> for Partition {
    type Result = ();

    fn handle(&mut self, _: Assign, ctx: &mut Context<Self>) {
        self.take_up(ctx);
    }
}

/// Takes no more commands, answers those under way, and stands by. The sender is dropped then.
pub struct Revoke(pub oneshot::Sender<()>);

impl Message for Revoke {
    type Result = ();
}

impl Handler<Revoke> for Partition {
    type Result = ();

    fn handle(&mut self, Revoke(left): Revoke, ctx: &mut Context<Self>) {
        self.duty = Duty::Standby;
        self.leaving = Some(left);
        self.with_serving(ctx, |serving| {
            serving.tick();
            Ok(())
        });
        self.leave_if_idle(ctx);
    }
}

/// End the partition in this home; its history goes on at this place. Answered once the seal is handed over, or there.
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

/// Time has passed: what the interval does, now.
pub struct Tick;

impl Message for Tick {
    type Result = ();
}

impl Handler<Tick> for Partition {
    type Result = ();

    fn handle(&mut self, _: Tick, ctx: &mut Context<Self>) {
        self.reclaim(ctx);
        self.warm(ctx);
        self.with_serving(ctx, |serving| {
            serving.tick();
            Ok(())
        });
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

/// Takes no more commands, answers those under way, lets the store catch up, and stops. The sender is dropped once
/// the actor and all that it held are gone.
pub struct Stop(pub oneshot::Sender<()>);

impl Message for Stop {
    type Result = ();
}

impl Handler<Stop> for Partition {
    type Result = ();

    fn handle(&mut self, Stop(stopped): Stop, ctx: &mut Context<Self>) {
        self.stopping = Some(stopped);
        self.with_serving(ctx, |serving| {
            serving.tick();
            Ok(())
        });
        self.leave_if_idle(ctx);
    }
}
