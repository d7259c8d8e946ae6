//! Requests as others send them, before the HTTP library reads them. The library closes a connection on which an upgrade
//! is offered, and answers 400 without a body to what it cannot read, some of which HTTP allows. So each head is read here
//! first: one that HTTP allows goes on in the form that the library takes, and one that it does not allow becomes a request
//! to be told why, which `edge` answers with a problem. Bodies go on as they are.

mod chunks;
mod head;

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::http::header::{HeaderMap, HeaderName};
use actix_web::web::BytesMut;
use kippu_actors::problem::Problem;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use self::chunks::Chunks;
use self::head::{Body, Head, Refused};
use super::pace::{Paced, Turn};

/// Bytes that are read at once.
const READ_BYTES: usize = 8 * 1024;
/// A buffer that has grown beyond this is given back once it is empty: idle connections hold little.
const KEPT_BYTES: usize = 16 * 1024;
/// On a request to be told why: the number of the reason. Who sends it himself is told that, and nothing else.
const REFUSED: HeaderName = HeaderName::from_static("kippu-refused");

/// What a caller is told whose request stands for one that could not be read.
pub(super) fn refusal(headers: &HeaderMap) -> Option<Problem> {
    let number = headers.get(&REFUSED)?.to_str().ok()?;
    Refused::ALL.into_iter().find(|refused| refused.number() == number).map(Refused::problem)
}

/// What comes next on a connection.
enum Next {
    Head,
    /// So many bytes of a body.
    Body(u64),
    Chunks(Chunks),
    /// Nothing that counts: what a caller still sends is thrown away.
    Nothing,
}

/// A connection whose heads are read.
pub(super) struct Front {
    stream: Paced,
    /// What came and is no whole head yet.
    came: BytesMut,
    /// What goes on to the library.
    ready: BytesMut,
    next: Next,
}

impl Front {
    pub(super) fn new(stream: Paced) -> Self {
        Self { stream, came: BytesMut::new(), ready: BytesMut::new(), next: Next::Head }
    }

    pub(super) fn turn(&self) -> Turn {
        self.stream.turn()
    }

    /// Takes apart what came, as far as it goes.
    fn understand(&mut self) {
        while !self.came.is_empty() {
            if matches!(self.next, Next::Head) {
                // Empty lines before a head count for nothing (RFC 9112, 2.2), and nobody waits for an answer to them.
                let empty = self.came.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
                drop(self.came.split_to(empty));
            }
            let taken = match &mut self.next {
                Next::Head => match head::read(&self.came) {
                    Ok(None) => return,
                    Ok(Some(Head { length, rewritten, body })) => {
                        match rewritten {
                            Some(head) => self.ready.extend_from_slice(&head),
                            None => self.ready.extend_from_slice(self.came.get(..length).unwrap_or_default()),
                        }
                        self.next = match body {
                            Body::None => Next::Head,
                            Body::Length(length) => Next::Body(length),
                            Body::Chunked => Next::Chunks(Chunks::default()),
                        };
                        drop(self.came.split_to(length));
                        continue;
                    }
                    Err(refused) => return self.refuse(refused),
                },
                Next::Body(left) => {
                    let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(self.came.len());
                    *left -= taken as u64;
                    if *left == 0 {
                        self.next = Next::Head;
                    }
                    taken
                }
                Next::Chunks(chunks) => {
                    let taken = chunks.take(&self.came);
                    if chunks.are_over() {
                        self.next = Next::Head;
                    } else if chunks.are_broken() {
                        // The library is told what it refuses, and no more.
                        self.next = Next::Nothing;
                    }
                    taken
                }
                Next::Nothing => return self.came.clear(),
            };
            let body = self.came.split_to(taken);
            self.ready.extend_from_slice(&body);
        }
        if self.came.capacity() > KEPT_BYTES {
            self.came = BytesMut::new();
        }
    }

    /// Asks to be told why, instead of what came. The body that is announced never comes, so that the library reads on for
    /// a while after its answer: closing at once could take the answer from the caller.
    fn refuse(&mut self, refused: Refused) {
        let method = if self.came.starts_with(b"HEAD ") { "HEAD" } else { "POST" };
        let number = refused.number();
        let head = format!(
            "{method} / HTTP/1.1\r\nhost: -\r\nconnection: close\r\ncontent-length: 1\r\n{REFUSED}: {number}\r\n\r\n"
        );
        self.ready.extend_from_slice(head.as_bytes());
        self.came = BytesMut::new();
        self.next = Next::Nothing;
    }

    /// Hands over what is ready, as much as there is space for.
    fn hand_over(&mut self, buffer: &mut ReadBuf<'_>) {
        let part = self.ready.split_to(self.ready.len().min(buffer.remaining()));
        buffer.put_slice(&part);
        drop(part);
        if self.ready.is_empty() && self.ready.capacity() > KEPT_BYTES {
            self.ready = BytesMut::new();
        }
    }
}

impl AsyncRead for Front {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            if !self.ready.is_empty() {
                self.hand_over(buffer);
                return Poll::Ready(Ok(()));
            }
            let mut space = [MaybeUninit::uninit(); READ_BYTES];
            let mut read = ReadBuf::uninit(&mut space);
            match Pin::new(&mut self.stream).poll_read(cx, &mut read) {
                Poll::Pending => return Poll::Pending,
                // The end.
                Poll::Ready(Ok(())) if read.filled().is_empty() => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(())) => {
                    self.came.extend_from_slice(read.filled());
                    self.understand();
                }
                // A head that was begun; of one that was not, nobody waits for an answer.
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::TimedOut && !self.came.is_empty() => {
                    self.stream.turn().asked();
                    self.refuse(Refused::Late);
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Front {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
