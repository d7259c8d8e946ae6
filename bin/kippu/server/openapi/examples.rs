//! An example of every body, by operation, as `README.md` and `docs/http.md` have them.

use std::sync::LazyLock;

use serde_json::Value;

// A test reads it.
static ALL: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(include_str!("examples.json")).unwrap_or_default());

/// A body that the operation takes.
pub(super) fn asked(operation: &str) -> &'static Value {
    &ALL[operation]["asked"]
}

/// A body that it answers.
pub(super) fn answered(operation: &str) -> &'static Value {
    &ALL[operation]["answered"]
}
