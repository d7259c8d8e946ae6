//! How a command ends, for scripts.

use std::process::ExitCode;

/// The documented exit codes of every subcommand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exit {
    /// 0: done, and nothing is wrong.
    Sound,
    /// 1: done, and something was found: damage, a refused line, a wrong setting, a figure beside its limit.
    Found,
    /// 2: the command line or a configuration file is wrong; nothing was done.
    Usage,
    /// 3: it could not run, or not to its end: no such directory, no such node, no space.
    CouldNotRun,
}

impl Exit {
    /// The number that the shell sees.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Sound => 0,
            Self::Found => 1,
            Self::Usage => 2,
            Self::CouldNotRun => 3,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
