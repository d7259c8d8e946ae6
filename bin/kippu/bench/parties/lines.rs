//! The connections of one thread of a load: kept alive, and as many to each node as it has requests under way there.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::SocketAddr;

use kippu_client::Roots;
use kippu_client::signature::call::Caller;
use serde_json::Value;

use super::super::figure::BenchError;
use super::super::wire::Wire;
use super::PATIENCE;

/// See the module.
pub(super) struct Lines {
    idle: RefCell<HashMap<SocketAddr, Vec<Wire>>>,
    /// For signed calls.
    pub(super) caller: Caller,
}

/// A whole answer.
pub(super) struct Reply {
    status: u16,
    pub(super) body: Vec<u8>,
}

impl Lines {
    pub(super) fn new() -> Result<Self, BenchError> {
        let caller =
            Caller::over(kippu_client::builder(PATIENCE, &Roots::default()).build().map_err(BenchError::load)?);
        Ok(Self { idle: RefCell::default(), caller })
    }

    /// Posts JSON as who shows `bearer`, or as a guest where that is empty. What is asked of one entity may have the same `key`: the
    /// command's name is a part of what is sent as one.
    pub(super) async fn post(
        &self,
        to: SocketAddr,
        path: &str,
        (bearer, key): (&str, &str),
        body: &Value,
    ) -> Result<Reply, BenchError> {
        let mut wire = self.wire(to).await?;
        let command = path.rsplit('/').next().unwrap_or_default();
        let headers = format!("{}idempotency-key: {key}-{command}\r\n", authorization(bearer));
        let reply = wire.post(path, &headers, &body.to_string()).await?;
        let reply = Reply { status: reply.status, body: reply.body.to_vec() };
        self.idle.borrow_mut().entry(to).or_default().push(wire);
        Ok(reply)
    }

    /// Asks for `path` as who shows `bearer`.
    pub(super) async fn get(&self, to: SocketAddr, path: &str, bearer: &str) -> Result<Reply, BenchError> {
        let mut wire = self.wire(to).await?;
        let reply = wire.get(path, &authorization(bearer)).await?;
        let reply = Reply { status: reply.status, body: reply.body.to_vec() };
        self.idle.borrow_mut().entry(to).or_default().push(wire);
        Ok(reply)
    }

    async fn wire(&self, to: SocketAddr) -> Result<Wire, BenchError> {
        let idle = self.idle.borrow_mut().get_mut(&to).and_then(Vec::pop);
        match idle {
            Some(wire) => Ok(wire),
            None => Ok(Wire::connect(to).await?),
        }
    }
}

fn authorization(bearer: &str) -> String {
    if bearer.is_empty() { String::new() } else { format!("authorization: Bearer {bearer}\r\n") }
}

impl Reply {
    /// This, where its status is as it should be.
    pub(super) fn expect(self, status: u16) -> Result<Self, BenchError> {
        if self.status == status {
            return Ok(self);
        }
        let told = String::from_utf8_lossy(&self.body);
        Err(BenchError::Load(format!("expected {status}, but got {}: {told}", self.status)))
    }

    /// What was done.
    pub(super) fn json(&self) -> Result<Value, BenchError> {
        serde_json::from_slice(&self.body).map_err(BenchError::load)
    }
}
