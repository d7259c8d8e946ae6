//! What a command prints: results on standard output, as text or with `--json` as one JSON value; everything else on standard
//! error. A result that could not be written is an error, which [`Output::end`] tells.

use std::cell::RefCell;
use std::fmt::Display;
use std::io::{self, ErrorKind, Write as _};

use serde::Serialize;
use serde_json::json;

use crate::exit::Exit;

/// Where results go.
pub(crate) struct Output {
    json: bool,
    lost: RefCell<Option<io::Error>>,
}

impl Output {
    /// Text, or JSON where `json` is set.
    pub(crate) const fn new(json: bool) -> Self {
        Self { json, lost: RefCell::new(None) }
    }

    /// Prints one result: `value` as JSON, or else `text`.
    pub(crate) fn result(&self, value: &impl Serialize, text: impl Display) {
        let written = if self.json {
            serde_json::to_string(value).map_err(io::Error::from).and_then(|line| print(&line))
        } else {
            print(&text.to_string())
        };
        if let Err(error) = written {
            *self.lost.borrow_mut() = Some(error);
        }
    }

    /// A remark next to the result.
    pub(crate) fn note(&self, text: impl Display) {
        if !self.json {
            let _closed = writeln!(io::stderr().lock(), "{text}");
        }
    }

    /// Says why nothing came of it, and gives the exit code back.
    pub(crate) fn failed(&self, exit: Exit, reason: impl Display) -> Exit {
        let line = if self.json {
            json!({ "error": reason.to_string(), "exit": exit.code() }).to_string()
        } else {
            format!("kippu-user: {reason}")
        };
        let _closed = writeln!(io::stderr().lock(), "{line}");
        exit
    }

    /// The exit code of a command that has come to `exit`: its result is part of what it was run for.
    pub(crate) fn end(&self, exit: Exit) -> Exit {
        match &*self.lost.borrow() {
            // A reader who has gone has read what it wanted.
            Some(error) if exit == Exit::Sound && error.kind() != ErrorKind::BrokenPipe => {
                let reason = "the result could not be written to standard output";
                self.failed(Exit::CouldNotRun, format_args!("{reason}: {error}; what was done stays done"))
            }
            Some(_) | None => exit,
        }
    }
}

fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}").and_then(|()| stdout.flush())
}
