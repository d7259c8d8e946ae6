//! The roles of a purchase, each as a function of what it sends: the operator registers, the shop offers, the terminal
//! asks, the settlers redeem and settle. Keys follow from the file and the line alone, so whoever starts this client
//! again with the same file sends the same commands.

use anyhow::{Context as _, bail, ensure};
use kippu_client::Answer;
use serde_json::{Value, json};

use crate::api::{Command, Line, text};
use crate::file::{Customer, Purchase};

/// Customers who type login and PIN at the shop's own terminal; everybody else has a terminal that stores who they are.
/// A PIN is hashed slowly on purpose, so there are only so many.
pub(crate) const WITH_PIN: usize = 100;

/// How long an approval is good: longer than any outage that this client sits out.
const EXPIRES_IN_SECS: u32 = 86_400;

/// What every purchase has in common.
pub(crate) struct Market {
    /// Tells this run's keys and logins from those of other files and limits.
    pub(crate) run: String,
    /// The operator's API key.
    pub(crate) operator: String,
    /// Every customer's limit, in minor units.
    pub(crate) limit: u64,
    /// ISO 4217.
    pub(crate) currency: String,
}

/// The clients that all customers share.
pub(crate) struct Parties {
    settlers: [String; 2],
    counter: String,
}

/// A registered customer.
pub(crate) struct Subscriber {
    /// Its id.
    pub(crate) user: String,
    /// The API key of the terminal that it buys at.
    terminal: String,
    /// What it types there.
    identification: Option<Value>,
}

/// What became of one purchase.
pub(crate) struct Bought {
    /// Whether it was permitted, and settled.
    pub(crate) permitted: bool,
    /// The position that its last answer reflects.
    pub(crate) position: Option<String>,
}

impl Market {
    fn command(&self, path: impl Into<String>, bearer: &str, key: &str, body: Value) -> Command {
        Command { path: path.into(), bearer: bearer.to_owned(), key: format!("{}-{key}", self.run), body }
    }

    /// The operator opens the clients that all customers share.
    pub(crate) async fn open_parties(&self, line: &mut Line<'_>) -> anyhow::Result<Parties> {
        let one = self.open_client(line, "settler", "settler-one", None).await?;
        let two = self.open_client(line, "settler", "settler-two", None).await?;
        let counter = self.open_client(line, "terminal", "counter", None).await?;
        Ok(Parties { settlers: [one, two], counter })
    }

    async fn open_client(
        &self,
        line: &mut Line<'_>,
        role: &str,
        name: &str,
        user: Option<&str>,
    ) -> anyhow::Result<String> {
        let body = json!({ "role": role, "name": name, "user": user });
        let reply = line.send(self.command("/v1/clients", &self.operator, name, body)).await?;
        text(expect(&reply, 201, "opening a client")?, "key")
    }

    /// The operator registers the customer, who is the `nth` of the file.
    pub(crate) async fn register(
        &self,
        line: &mut Line<'_>,
        parties: &Parties,
        customer: &Customer,
        nth: usize,
    ) -> anyhow::Result<Subscriber> {
        let login = format!("{}@{}", customer.name, self.run);
        let pin = (nth < WITH_PIN).then(|| format!("{:06}", (nth * 7919 + 104_729) % 1_000_000));
        let mut body = json!({
            "login": login,
            "limit": { "source": "fixed", "amount": self.limit, "currency": self.currency },
        });
        if let Some(pin) = &pin {
            body["pin"] = json!(pin);
        }
        let reply =
            line.send(self.command("/v1/users", &self.operator, &format!("user-{}", customer.name), body)).await?;
        let user = text(expect(&reply, 201, "registering")?, "id")?;
        Ok(match pin {
            Some(pin) => Subscriber {
                user,
                terminal: parties.counter.clone(),
                identification: Some(json!({ "login": login, "pin": pin })),
            },
            None => {
                let name = format!("terminal-{}", customer.name);
                let terminal = self.open_client(line, "terminal", &name, Some(&user)).await?;
                Subscriber { user, terminal, identification: None }
            }
        })
    }

    /// The shop says what is bought, and for how much.
    fn offer(&self, purchase: &Purchase) -> Value {
        json!({
            "amount": purchase.amount,
            "currency": self.currency,
            "purchase": { "description": format!("CDs of {}", purchase.date), "quantity": purchase.quantity },
            "expires_in_secs": EXPIRES_IN_SECS,
        })
    }

    /// The terminal asks for an approval and hands it to a settler, who redeems it, tries it a second time, and settles.
    pub(crate) async fn buy(
        &self,
        line: &mut Line<'_>,
        parties: &Parties,
        subscriber: &Subscriber,
        purchase: &Purchase,
    ) -> anyhow::Result<Bought> {
        let mut body = self.offer(purchase);
        if let Some(identification) = &subscriber.identification {
            body["identification"] = identification.clone();
        }
        let key = |step: &str| format!("{}-{step}", purchase.line);
        let reply = line.send(self.command("/v1/approvals", &subscriber.terminal, &key("request"), body)).await?;
        if reply.is_problem("limit-exceeded") {
            return Ok(Bought { permitted: false, position: reply.position().map(str::to_owned) });
        }
        let (id, token) = (text(expect(&reply, 201, "asking for an approval")?, "id")?, text(&reply, "token")?);

        // The settlers alternate; the second try comes from the same one at every other purchase, else from the other.
        let mine = &parties.settlers[purchase.line % 2];
        let again = &parties.settlers[(purchase.line / 2) % 2];
        let redeem = |bearer, step| self.command("/v1/approvals/redeem", bearer, &key(step), json!({ "token": token }));
        expect(&line.send(redeem(mine, "redeem")).await?, 200, "redeeming")?;
        let second = line.send(redeem(again, "redeem-again")).await?;
        if second.status != 409 || !second.is_problem("already-redeemed") {
            bail!("a second redemption was not refused: {} {}", second.status, second.text());
        }
        let price = json!({ "amount": purchase.amount, "currency": self.currency });
        let settle = self.command(format!("/v1/approvals/{id}/settle"), mine, &key("settle"), price);
        let settled = line.send(settle).await?;
        let position = expect(&settled, 200, "settling")?.position().map(str::to_owned);
        Ok(Bought { permitted: true, position })
    }
}

fn expect<'a>(reply: &'a Answer, status: u16, what: &str) -> anyhow::Result<&'a Answer> {
    ensure!(reply.status == status, "{what}: {} {}", reply.status, reply.text());
    Ok(reply)
}

/// A whole number in `field`.
pub(crate) fn number(value: &Value, field: &str) -> anyhow::Result<u64> {
    value.get(field).and_then(Value::as_u64).with_context(|| format!("there is no number {field:?} in {value}"))
}
