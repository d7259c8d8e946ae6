//! Who buys and sells: users with limits, terminals that store who they are, and settlers.

use serde_json::{Value, json};

use crate::fixture::first;
use crate::http::{Caller, Lost, Reply};

/// Users with limits, terminals that store who they are, and settlers.
pub(crate) struct Market {
    pub(crate) operator: Caller,
    /// Of every user, in cents.
    pub(crate) limit: u64,
}

/// A user with a terminal that stores its identification.
#[derive(Clone)]
pub(crate) struct Buyer {
    pub(crate) user: String,
    pub(crate) terminal: Caller,
}

impl Market {
    /// A client in `role`.
    pub(crate) async fn client(&self, role: &str, name: &str) -> Caller {
        let body = json!({ "role": role, "name": name });
        let reply = self.make("/v1/clients", &format!("client-{name}"), &body).await;
        self.operator.with_key(&reply.field("key"))
    }

    /// A settler.
    pub(crate) async fn settler(&self, name: &str) -> Caller {
        self.client("settler", name).await
    }

    /// A registered user and its terminal.
    pub(crate) async fn buyer(&self, login: &str) -> Buyer {
        let body = json!({ "login": login, "limit": { "source": "fixed", "amount": self.limit, "currency": "EUR" } });
        let user = self.make("/v1/users", &format!("user-{login}"), &body).await.field("id");
        let body = json!({ "role": "terminal", "name": "a terminal", "user": user });
        let reply = self.make("/v1/clients", &format!("terminal-{login}"), &body).await;
        Buyer { terminal: self.operator.with_key(&reply.field("key")), user }
    }

    /// The answer once there is one: nodes that have just started may still be sharing the partitions out.
    async fn make(&self, path: &str, key: &str, body: &Value) -> Reply {
        let now = |reply: &Result<Reply, Lost>| reply.as_ref().is_ok_and(|reply| reply.status != 503);
        let made = first(async || self.operator.try_post(path, key, body).await, now).await;
        made.expect("it was answered").expect(201)
    }
}

/// A request for an approval of `amount` cents.
pub(crate) fn purchase(amount: u64) -> Value {
    json!({ "amount": amount, "currency": "EUR", "purchase": { "description": "a song", "quantity": 1 } })
}

/// A redemption.
pub(crate) fn redemption(token: &str) -> Value {
    json!({ "token": token })
}

/// A price.
pub(crate) fn price(amount: u64) -> Value {
    json!({ "amount": amount, "currency": "EUR" })
}
