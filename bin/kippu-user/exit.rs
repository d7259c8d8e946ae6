//! How a command ends, for scripts: the same codes as those of `kippu`.

use std::process::ExitCode;

/// The documented exit codes of every subcommand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exit {
    /// 0: done.
    Sound,
    /// 1: one of the parties, or the user, said no.
    Found,
    /// 2: the command line is wrong, or asks for what cannot be; nothing was done.
    Usage,
    /// 3: it could not run, or not to its end.
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
