//! Signals as whoever started this process may have left them: blocked, or fatal without a word.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// What a supervisor or a terminal ends a process with, and what the limits on a file and on processor time send.
const TAKEN: [i32; 6] = [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGQUIT, libc::SIGXFSZ, libc::SIGXCPU];

/// Lets signals arrive that whoever started this process had blocked, and makes a write beyond the limit on a file's size an
/// error, where it would end the process. MUST be called before there are other threads.
pub(super) fn settle() -> io::Result<()> {
    unblock(&TAKEN)?;
    // That it came does not matter: the write says so itself.
    signal_hook::flag::register(libc::SIGXFSZ, Arc::new(AtomicBool::new(false)))?;
    Ok(())
}

/// Lets `signals` arrive at this thread and at those that it starts.
#[allow(unsafe_code)] // no crate that this is built of has a safe function for it
fn unblock(signals: &[i32]) -> io::Result<()> {
    let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `sigemptyset` fills the set before it is read, the calls keep no pointer, and an old set is not asked for.
    let failed = unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for signal in signals {
            libc::sigaddset(set.as_mut_ptr(), *signal);
        }
        libc::pthread_sigmask(libc::SIG_UNBLOCK, set.as_ptr(), std::ptr::null_mut())
    };
    if failed == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(failed)) }
}
