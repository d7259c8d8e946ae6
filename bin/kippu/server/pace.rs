//! How long a connection may take. Connections are few, so none is held by somebody who sends or reads a byte now and
//! then: an answer that is not taken, a request behind it that never is whole, the rest of a body that nobody reads.
//!
//! A body is timed by whoever reads it. Everything else is timed here.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// What a connection is given.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    /// Until the first head is whole, and until more of what was written is taken.
    pub(crate) request: Duration,
    /// How long nothing may be sent between an answer and the next head.
    pub(crate) idle: Duration,
}

impl Patience {
    /// From an answer to the end of the next head. Longer than callers are told, so that what is sent at the last moment
    /// finds the connection open.
    pub(crate) fn next(&self) -> Duration {
        self.idle + self.request
    }
}

/// Whose turn it is on a connection. Every request on it holds this.
#[derive(Clone)]
pub(crate) struct Turn {
    /// When the next head is due; nothing while a request is under way.
    due: Rc<Cell<Option<Instant>>>,
    patience: Patience,
}

impl Turn {
    /// A head is here: the turn is ours.
    pub(crate) fn asked(&self) {
        self.due.set(None);
    }

    /// An answer is on its way: the turn is the caller's.
    pub(crate) fn answered(&self) {
        self.due.set(Some(Instant::now() + self.patience.next()));
    }

    /// How long the connection may be idle, in seconds.
    pub(crate) fn idle_secs(&self) -> u64 {
        self.patience.idle.as_secs()
    }
}

/// A connection that ends with an error once its caller takes too long.
pub(crate) struct Paced {
    stream: TcpStream,
    turn: Turn,
    /// When more of what was written should have been taken; nothing while nothing waits.
    stuck: Option<Instant>,
    timer: Pin<Box<Sleep>>,
}

impl Paced {
    pub(crate) fn new(stream: TcpStream, patience: Patience) -> Self {
        let due = Instant::now() + patience.request;
        let turn = Turn { due: Rc::new(Cell::new(Some(due))), patience };
        Self { stream, turn, stuck: None, timer: Box::pin(sleep_until(due)) }
    }

    pub(crate) fn turn(&self) -> Turn {
        self.turn.clone()
    }

    /// Sees to it that the connection is looked at again when its time is up.
    ///
    /// # Errors
    /// Once it is.
    fn in_time(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let due = [self.turn.due.get(), self.stuck].into_iter().flatten().min();
        let Some(due) = due else { return Ok(()) };
        // A timer that rings early is set again then: that is rarer than an answer.
        if due < self.timer.deadline() {
            self.timer.as_mut().reset(due);
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            if due <= Instant::now() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.timer.as_mut().reset(due);
        }
        Ok(())
    }

    /// What writing came to. Where the kernel takes nothing, it has to take more in time; it does so only once there is
    /// space for a good part of its buffer, so single bytes that are read do not count.
    fn written<T>(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.stuck = None;
        } else {
            self.stuck.get_or_insert_with(|| Instant::now() + self.turn.patience.request);
        }
        // The answer may have gone out after the last look at what comes in.
        self.in_time(cx)?;
        outcome
    }
}

impl AsyncRead for Paced {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.in_time(cx)?;
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Paced {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(cx, outcome)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(cx);
        self.written(cx, outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
