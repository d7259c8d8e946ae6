//! Who buys: subscribers of an authentication server, each with a terminal that stores who it is.

use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};

use super::super::figure::BenchError;
use super::party::{Party, text};

/// Registrations under way at once.
const AT_ONCE: usize = 32;

/// More than is spent in any run, in cents.
pub(super) const ENOUGH: u64 = 1_000_000_000_000_000;

/// Registers `count` subscribers, of whom `more` is said besides; gives the API keys of their terminals.
pub(super) async fn terminals(
    authenticator: &Party,
    count: usize,
    more: impl AsyncFn(usize) -> Result<Value, BenchError>,
) -> Result<Vec<String>, BenchError> {
    let terminal = async |number: usize| {
        let mut user = more(number).await?;
        user["login"] = json!(format!("user-{number}"));
        user["limit"] = json!({ "source": "fixed", "amount": ENOUGH, "currency": "EUR" });
        let user = authenticator.give("/v1/users", &format!("user-{number}"), &user).await?;
        let terminal = json!({ "role": "terminal", "name": "bench", "user": text(&user, "id")? });
        let opened = authenticator.give("/v1/clients", &format!("terminal-{number}"), &terminal).await?;
        text(&opened, "key")
    };
    futures_util::stream::iter(0..count).map(terminal).buffered(AT_ONCE).try_collect().await
}
