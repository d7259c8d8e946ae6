//! What a command prints: results on standard output, as text or with `--json` as one JSON value; everything else on
//! standard error. A result that could not be written is an error, which [`Output::end`] tells. A reader of standard
//! output that goes away ends nothing, and standard error may be closed or full: it changes nothing.

use std::cell::RefCell;
use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal as _, Write as _};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::closed;
use crate::exit::Exit;
use crate::limits;

/// Where results go.
pub(crate) struct Output {
    json: bool,
    written: RefCell<Written>,
}

/// What has become of the results so far.
enum Written {
    All,
    /// Nobody reads any more.
    Unread,
    Lost(io::Error),
}

impl Output {
    /// Text, or JSON where `json` is set.
    pub(crate) const fn new(json: bool) -> Self {
        Self { json, written: RefCell::new(Written::All) }
    }

    /// Whether results are JSON.
    pub(crate) const fn is_json(&self) -> bool {
        self.json
    }

    /// Prints one result: `value` as JSON, or else `text`.
    pub(crate) fn result(&self, value: &impl Serialize, text: impl Display) {
        if self.json {
            match serde_json::to_string(value) {
                Ok(line) => self.print(format_args!("{line}\n")),
                Err(error) => self.note_lost(error.into()),
            }
        } else {
            self.print(format_args!("{text}\n"));
        }
    }

    /// Prints `text` as it is.
    pub(crate) fn print(&self, text: impl Display) {
        // Behind a piece that is missing, nothing more is written.
        if !self.is_whole() {
            return;
        }
        let mut stdout = io::stdout().lock();
        if let Err(error) = closed::output().and_then(|()| write!(stdout, "{text}")).and_then(|()| stdout.flush()) {
            self.note_lost(error);
        }
    }

    fn note_lost(&self, error: io::Error) {
        let is_unread = error.kind() == ErrorKind::BrokenPipe;
        *self.written.borrow_mut() = if is_unread { Written::Unread } else { Written::Lost(error) };
    }

    /// Whether a result could not be written: what only prints has no reason to go on.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(*self.written.borrow(), Written::Lost(_))
    }

    /// Whether every result was written, and somebody was there to read it.
    pub(crate) fn is_whole(&self) -> bool {
        matches!(*self.written.borrow(), Written::All)
    }

    /// The exit code of a command that has come to `exit`: its result is part of what it was run for.
    pub(crate) fn end(&self, exit: Exit) -> Exit {
        match &*self.written.borrow() {
            Written::Lost(error) if matches!(exit, Exit::Sound | Exit::Found) => {
                let reason = "the result could not be written to standard output";
                self.failed(
                    Exit::CouldNotRun,
                    format_args!("{reason}: {error}; what the command changed stays changed"),
                )
            }
            Written::All | Written::Unread | Written::Lost(_) => exit,
        }
    }

    /// Says why nothing came of it, with what can be done about a limit that it speaks of, and gives the exit code back.
    pub(crate) fn failed(&self, exit: Exit, reason: impl Display) -> Exit {
        let mut reason = reason.to_string();
        if let Some(remark) = limits::remark(&reason) {
            reason.push_str("; ");
            reason.push_str(&remark);
        }
        if self.json {
            let value = serde_json::json!({ "error": reason, "exit": exit.code() });
            let _closed = writeln!(std::io::stderr().lock(), "{value}");
        } else {
            let _closed = writeln!(std::io::stderr().lock(), "kippu: {reason}");
        }
        exit
    }

    /// A remark next to the result.
    pub(crate) fn note(&self, text: impl Display) {
        if !self.json {
            let _closed = writeln!(std::io::stderr().lock(), "{text}");
        }
    }

    /// A remark without which the result would mislead, with JSON too.
    pub(crate) fn warn(&self, text: impl Display) {
        let line = if self.json {
            serde_json::json!({ "warning": text.to_string() }).to_string()
        } else {
            format!("kippu: {text}")
        };
        let _closed = writeln!(std::io::stderr().lock(), "{line}");
    }

    /// A bar for work of `len` steps, on a terminal; otherwise it draws nothing. The length may be set later.
    pub(crate) fn progress(&self, len: u64, what: &'static str) -> ProgressBar {
        let target = if !self.json && std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(len), target);
        let template = "{msg} {wide_bar} {human_pos}/{human_len} {per_sec} {eta}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(what);
        bar
    }
}
