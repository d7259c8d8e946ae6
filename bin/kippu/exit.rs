//! How a command ends, for scripts.

use std::process::ExitCode;

/// The documented exit codes of every subcommand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exit {
    /// 0: done, and nothing is wrong.
    Sound,
    /// 1: done, and something was found: damage, a refused line, a wrong setting, a figure outside its limit.
    Found,
    /// 2: the command line or a configuration file is wrong; nothing was done.
    Usage,
    /// 3: it could not run, or not to its end: no such directory, no such node, no space.
    CouldNotRun,
    /// 69: a node that other processes keep from running, and that may be started again as it is: as `EX_UNAVAILABLE` of
    /// sysexits.h. A write to the log that failed ends the process with 70.
    Unavailable,
}

impl Exit {
    /// The number that the shell sees.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Sound => 0,
            Self::Found => 1,
            Self::Usage => 2,
            Self::CouldNotRun => 3,
            Self::Unavailable => 69,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
