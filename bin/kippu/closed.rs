//! Whether standard input or output was closed when this process began, as by `>&-`. Rust opens `/dev/null` in their place
//! before `main`, so that nothing is read, and what is written is lost, without an error; and nothing tells it from a
//! `/dev/null` that was meant.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::io::{Errno, fcntl_getfd};

static INPUT: AtomicBool = AtomicBool::new(false);
static OUTPUT: AtomicBool = AtomicBool::new(false);

/// The error of reading standard input, if it was closed.
pub(crate) fn input() -> io::Result<()> {
    error_if(&INPUT)
}

/// The error of writing to standard output, if it was closed.
pub(crate) fn output() -> io::Result<()> {
    error_if(&OUTPUT)
}

fn error_if(was_closed: &AtomicBool) -> io::Result<()> {
    if was_closed.load(Ordering::Relaxed) { Err(Errno::BADF.into()) } else { Ok(()) }
}

extern "C" fn look() {
    INPUT.store(fcntl_getfd(rustix::stdio::stdin()) == Err(Errno::BADF), Ordering::Relaxed);
    OUTPUT.store(fcntl_getfd(rustix::stdio::stdout()) == Err(Errno::BADF), Ordering::Relaxed);
}

/// The C runtime calls what is listed in this section before `main`. What is called there asks the kernel two questions,
/// and MUST NOT do more: Rust's library is not set up yet.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)] // no other place runs before Rust's own start
#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = look;
