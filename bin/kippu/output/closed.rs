//! Whether standard output was closed when this process began, as by `>&-`. Rust opens `/dev/null` in its place before
//! `main`, so that what is written is lost without an error, and nothing tells it from a `/dev/null` that was meant.

use std::sync::atomic::{AtomicBool, Ordering};

static WAS_CLOSED: AtomicBool = AtomicBool::new(false);

/// See the module.
pub(super) fn was_closed() -> bool {
    WAS_CLOSED.load(Ordering::Relaxed)
}

extern "C" fn look() {
    let is_closed = rustix::io::fcntl_getfd(rustix::stdio::stdout()) == Err(rustix::io::Errno::BADF);
    WAS_CLOSED.store(is_closed, Ordering::Relaxed);
}

/// The C runtime calls what is listed in this section before `main`. What is called there asks the kernel one question,
/// and MUST NOT do more: Rust's library is not set up yet.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)] // no other place runs before Rust's own start
#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = look;
