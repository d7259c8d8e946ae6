//! What a command prints: results on standard output, as text or with `--json` as one JSON value; everything else on
//! standard error. A reader of standard output that goes away ends nothing.

use std::fmt::Display;
use std::io::{IsTerminal as _, Write as _};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::exit::Exit;
use crate::limits;

/// Where results go.
pub(crate) struct Output {
    json: bool,
}

impl Output {
    /// Text, or JSON where `json` is set.
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether results are JSON.
    pub(crate) const fn is_json(&self) -> bool {
        self.json
    }

    /// Prints one result: `value` as JSON, or else `text`.
    pub(crate) fn result(&self, value: &impl Serialize, text: impl Display) {
        let line = if self.json {
            serde_json::to_string(value).unwrap_or_else(|e| format!("{{\"error\":\"{e}\"}}"))
        } else {
            text.to_string()
        };
        // Nobody reads any more: the exit code still tells.
        let _closed = writeln!(std::io::stdout().lock(), "{line}");
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

    /// A remark beside the result.
    pub(crate) fn note(&self, text: impl Display) {
        if !self.json {
            let _closed = writeln!(std::io::stderr().lock(), "{text}");
        }
    }

    /// A remark without which the result would mislead, beside JSON too.
    pub(crate) fn warn(&self, text: impl Display) {
        let line = if self.json {
            serde_json::json!({ "warning": text.to_string() }).to_string()
        } else {
            format!("kippu: {text}")
        };
        let _closed = writeln!(std::io::stderr().lock(), "{line}");
    }

    /// A bar for work of `len` steps, on a terminal; elsewhere it draws nothing. The length may be set later.
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
