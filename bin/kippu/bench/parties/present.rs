//! Approvals that are presented at a settlement server while their issuer is down: after a second of waiting each settlement comes to
//! nothing, and owes its issuer the release of what may be reserved, until the issuer has answered.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;

use super::super::figure::BenchError;
use super::lines::Lines;
use super::load::Work;
use super::party::Party;

/// The event by which a settlement owes the release.
pub(super) const TIMED_OUT: &str = "settlement.timed_out";
/// The event that records what came of it.
pub(super) const RELEASED: &str = "settlement.released";

/// Presentations under way at once.
pub(super) const AT_ONCE: usize = 64;

/// See the module.
pub(super) struct Present {
    settler: SocketAddr,
    issuer: String,
    tokens: Mutex<Vec<String>>,
}

/// Lets `settler` know `issuer`, which stands for the shop too, since no settlement comes as far as that; and has it wait for a
/// second only.
pub(super) async fn prepare(settler: &Party, issuer: &Party) -> Result<(), BenchError> {
    settler.knows(issuer, &["authenticator", "shop"]).await?;
    settler.give("/v1/settler-terms/set", "terms", &json!({ "order": "settle_first", "wait_secs": 1 })).await.map(drop)
}

impl Present {
    /// Presents each of `tokens` once, and tokens that nobody has issued after these.
    pub(super) fn new(settler: &Party, issuer: &Party, tokens: Vec<String>) -> Self {
        Self { settler: settler.address, issuer: issuer.id.clone(), tokens: Mutex::new(tokens) }
    }
}

impl Work for Present {
    async fn once(&self, number: u64, due: Instant, lines: &Lines) -> Result<Vec<Duration>, BenchError> {
        let token = self.tokens.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let token = token.unwrap_or_else(|| format!("kpa_{number:064}"));
        // Which product it is for, nobody looks at.
        let items = json!([{ "product": self.issuer, "quantity": 1, "price": 125 }]);
        let purchase = json!({ "shop": self.issuer, "currency": "EUR", "items": items });
        let body = json!({ "issuer": self.issuer, "token": token, "purchase": purchase });
        let as_guest = ("", &*format!("{number:032}"));
        lines.post(self.settler, "/v1/settlements", as_guest, &body).await?.expect(201)?;
        Ok(vec![due.elapsed()])
    }
}
