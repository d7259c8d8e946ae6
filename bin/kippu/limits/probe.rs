//! Tries out how much there is to be had, since limits lie in several places and others use up what they grant.

use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use rustix::process::{Resource, getrlimit};

/// Where a program's stack has no limit, threads get this much in the C library.
const STACK_BYTES: u64 = 2 << 20;
/// Larger stacks say nothing of how many threads there may be.
const MOST_STACK_BYTES: u64 = 64 << 20;

/// How many of `wanted` more threads can run at once.
pub(super) fn threads(wanted: u64) -> u64 {
    // They wait for the latch, which is opened in the end.
    static LATCH: Mutex<()> = Mutex::new(());
    let latch = LATCH.lock().unwrap_or_else(PoisonError::into_inner);
    let mut running: Vec<JoinHandle<()>> = Vec::new();
    // The largest stacks are those of threads that C libraries start.
    let stack = getrlimit(Resource::Stack).current.unwrap_or(STACK_BYTES).min(MOST_STACK_BYTES);
    let stack = usize::try_from(stack).unwrap_or(usize::MAX);
    let mut left = 0;
    while left < wanted {
        let thread = Builder::new().stack_size(stack);
        match thread.spawn(|| drop(LATCH.lock().unwrap_or_else(PoisonError::into_inner))) {
            Ok(thread) => running.push(thread),
            Err(_) => break,
        }
        left += 1;
    }
    drop(latch);
    for thread in running {
        // It has nothing to say.
        let _ended = thread.join();
    }
    left
}
