//! How long a connection may take. Connections are few, so none is held by somebody who sends or reads a byte now and
//! then: an answer that is not taken, a request behind it that never is whole, the rest of a body that nobody reads.
//! What moves may take as long as it likes: an answer of hours is bounded by its progress, and not at all while it has
//! nothing to say.
//!
//! A body is timed by whoever reads it, and agreeing on TLS by whoever does so. Everything else is timed here, in bytes of HTTP.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::rt::net::TcpStream;
use actix_web::web::Bytes;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::wire::Wire;

/// So much of an answer is taken within `Patience::request`, or all that there is, so that single bytes that are read do
/// not count. Less than what the kernel takes at once of a caller that reads on, which is half of [`UNSENT_BYTES`].
const LEAST_BYTES: usize = 16 * 1024;
/// What the kernel keeps of an answer beyond what is under way to the caller. By itself it grows to megabytes and takes
/// more only once a third of that is free: a caller on a slow line would look like one that takes nothing.
const UNSENT_BYTES: u32 = 64 * 1024;

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
    /// When the next head is due; nothing from the end of a head to the end of its answer.
    due: Rc<Cell<Option<Instant>>>,
    patience: Patience,
}

impl Turn {
    fn new(patience: Patience) -> Self {
        Self { due: Rc::new(Cell::new(Some(Instant::now() + patience.request))), patience }
    }

    /// A head is here: the turn is ours.
    pub(crate) fn asked(&self) {
        self.due.set(None);
    }

    /// There is all of an answer: the turn is the caller's.
    pub(crate) fn answered(&self) {
        self.due.set(Some(Instant::now() + self.patience.next()));
    }

    /// More of an answer was taken. If it is the last one, the next head is due later.
    fn taken(&self) {
        if self.due.get().is_some() {
            self.answered();
        }
    }

    /// How long the connection may be idle, in seconds.
    pub(crate) fn idle_secs(&self) -> u64 {
        self.patience.idle.as_secs()
    }
}

/// The body of an answer: the turn is ours until it has ended or is not wanted any more.
pub(crate) struct Answer {
    body: BoxBody,
    turn: Turn,
}

impl Answer {
    pub(crate) fn new(body: BoxBody, turn: Turn) -> Self {
        Self { body, turn }
    }
}

impl MessageBody for Answer {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(cx)
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.turn.answered();
    }
}

/// Written bytes that the caller has to take.
struct Stuck {
    /// When enough of them should have been taken.
    due: Instant,
    taken: usize,
}

/// Lets the kernel keep little of what `stream`'s caller has not taken.
pub(crate) fn keep_little_unsent(stream: &TcpStream) {
    // A system that does not take it has larger steps, in which a slow caller has to be faster.
    let _taken = SockRef::from(stream).set_tcp_notsent_lowat(UNSENT_BYTES);
}

/// A connection that ends with an error once its caller takes too long.
pub(crate) struct Paced<S = Wire> {
    stream: S,
    turn: Turn,
    /// Nothing while nothing waits.
    stuck: Option<Stuck>,
    timer: Pin<Box<Sleep>>,
}

impl<S> Paced<S> {
    pub(crate) fn new(stream: S, patience: Patience) -> Self {
        let timer = Box::pin(sleep_until(Instant::now() + patience.request));
        Self { stream, turn: Turn::new(patience), stuck: None, timer }
    }

    pub(crate) fn turn(&self) -> Turn {
        self.turn.clone()
    }

    /// Sees to it that the connection is looked at again when its time is up.
    ///
    /// # Errors
    /// Once it is.
    fn in_time(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let stuck = self.stuck.as_ref().map(|stuck| stuck.due);
        let due = [self.turn.due.get(), stuck].into_iter().flatten().min();
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

    /// What writing `offered` bytes came to.
    fn written(&mut self, outcome: &Poll<io::Result<usize>>, offered: usize) {
        let next = || Stuck { due: Instant::now() + self.turn.patience.request, taken: 0 };
        match outcome {
            Poll::Ready(Ok(taken)) => {
                self.turn.taken();
                if let Some(stuck) = &mut self.stuck {
                    stuck.taken += taken;
                    if *taken == offered {
                        self.stuck = None;
                    } else if stuck.taken >= LEAST_BYTES {
                        *stuck = next();
                    }
                }
            }
            Poll::Pending => drop(self.stuck.get_or_insert_with(next)),
            Poll::Ready(Err(_)) => {}
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.in_time(cx)?;
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(&outcome, bytes.len());
        self.in_time(cx)?;
        outcome
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The answer may have ended after the last look at what comes in.
        self.in_time(cx)?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::time::{advance, timeout};

    use super::*;

    const PATIENCE: Patience = Patience { request: Duration::from_secs(10), idle: Duration::from_secs(60) };
    const A_MOMENT: Duration = Duration::from_secs(9);
    const HOURS: Duration = Duration::from_secs(24 * 60 * 60);
    /// What lies between a node and its caller.
    const BETWEEN: usize = 32 * 1024;

    /// A connection whose request is under way, and its caller.
    fn asked() -> (Paced<DuplexStream>, DuplexStream) {
        let (caller, node) = duplex(BETWEEN);
        let paced = Paced::new(node, PATIENCE);
        paced.turn().asked();
        (paced, caller)
    }

    /// A caller that takes `bytes` every moment, `times` times.
    async fn read(caller: &mut DuplexStream, bytes: usize, times: usize) {
        let mut taken = vec![0; bytes];
        for _ in 0..times {
            advance(A_MOMENT).await;
            caller.read_exact(&mut taken).await.unwrap();
            tokio::task::yield_now().await;
        }
    }

    fn is_late<T: std::fmt::Debug>(ended: &io::Result<T>) -> bool {
        ended.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::TimedOut)
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_of_hours_lives_as_long_as_it_is_taken() {
        let (mut paced, mut caller) = asked();
        let times = 10_000;
        let answer = vec![0; LEAST_BYTES * times];
        let begun = Instant::now();
        let (written, ()) = tokio::join!(paced.write_all(&answer), read(&mut caller, LEAST_BYTES, times));
        written.unwrap();
        assert!(begun.elapsed() > HOURS);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_has_nothing_to_say_is_not_cut() {
        let (mut paced, mut caller) = asked();
        for _ in 0..2 {
            paced.write_all(b"data: {}\n\n").await.unwrap();
            paced.flush().await.unwrap();
            caller.read_exact(&mut [0; 10]).await.unwrap();
            assert!(timeout(HOURS, paced.read(&mut [0])).await.is_err(), "nothing is read, and nothing ends");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_takes_nothing_or_single_bytes_of_an_answer_ends() {
        for (bytes, times) in [(0, 0), (1, 100), (LEAST_BYTES - 1, 1)] {
            let (mut paced, mut caller) = asked();
            let begun = Instant::now();
            let answer = vec![0; 2 * BETWEEN];
            let reads = async {
                read(&mut caller, bytes, times).await;
                std::future::pending::<()>().await;
            };
            let ended = tokio::select! {
                ended = paced.write_all(&answer) => ended,
                () = reads => Ok(()),
            };
            assert!(is_late(&ended), "{bytes}: {ended:?}");
            assert!(begun.elapsed() < 3 * PATIENCE.request, "{bytes}: {:?}", begun.elapsed());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_head_is_due_once_the_last_answer_is_taken() {
        let (mut paced, mut caller) = asked();
        let times = 20;
        let whole = vec![0; LEAST_BYTES * times];
        // All of it is there, and the caller takes its time.
        drop(Answer::new(BoxBody::new(()), paced.turn()));
        let writes = async {
            paced.write_all(&whole).await.unwrap();
            Instant::now()
        };
        let (taken, ()) = tokio::join!(writes, read(&mut caller, LEAST_BYTES, times));
        assert!(is_late(&paced.read(&mut [0]).await));
        assert!((PATIENCE.next()..=PATIENCE.next() + A_MOMENT).contains(&taken.elapsed()), "{:?}", taken.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_first_head_that_does_not_come_and_a_next_one_end_the_connection() {
        let (_caller, node) = duplex(BETWEEN);
        let mut paced = Paced::new(node, PATIENCE);
        let begun = Instant::now();
        assert!(is_late(&paced.read(&mut [0]).await));
        assert!(begun.elapsed() <= PATIENCE.request + A_MOMENT);
        paced.turn().asked();
        assert!(timeout(HOURS, paced.read(&mut [0])).await.is_err(), "a request under way is not timed here");
        paced.turn().answered();
        let begun = Instant::now();
        assert!(is_late(&paced.read(&mut [0]).await));
        assert!((PATIENCE.next()..=PATIENCE.next() + A_MOMENT).contains(&begun.elapsed()));
    }
}
