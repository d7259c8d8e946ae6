//! What one client does under load, and what it must be told: a model of its users' accounts, which knows every answer
//! beforehand.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};

use crate::fixture::{first, until};
use crate::http::{Caller, Lost, Reply};
use crate::market::{price, purchase, redemption};

/// Every user's limit: used up after some tens of purchases.
pub(crate) const LIMIT: u64 = 50_000;

/// A client without an answer asks so often: more than a polite one, so that faults are met at every point.
const PACE: Duration = Duration::from_millis(20);

/// Commands at once when answers are compared.
const AT_ONCE: usize = 16;

/// A command that can be sent again.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    bearer: String,
    path: String,
    key: String,
    body: Value,
    step: Step,
}

/// What a command is for.
#[derive(Clone, Debug)]
enum Step {
    Register,
    Terminal { user: String },
    Request { amount: u64 },
    Redeem { id: String, token: String, amount: u64 },
    RedeemAgain,
    Settle { reserved: u64, amount: u64 },
}

/// A command and its answer.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) sent: Sent,
    pub(crate) reply: Reply,
}

/// A user, as far as its client was told.
struct Account {
    user: String,
    terminal: String,
    reserved: u64,
    charged: u64,
    given: u64,
    refused: u64,
    last: String,
}

impl Account {
    /// What the node says once it knows the last answer. Its views may be behind, after what it went through.
    async fn asks(&self, operator: &Caller, path: &str) -> Value {
        let ask = async || operator.try_get(path, Some(&self.last)).await;
        let told = first(ask, |reply| reply.as_ref().is_ok_and(|reply| !is_for_later(reply))).await;
        told.expect("it has answered").expect(200).json()
    }
}

/// One client: one command at a time, each until it is answered.
pub(crate) struct Script {
    client: u64,
    rng: StdRng,
    operator: String,
    settlers: [String; 2],
    keys: u64,
    next: VecDeque<Sent>,
    accounts: Vec<Account>,
    pub(crate) told: Vec<Told>,
}

impl Sent {
    pub(crate) async fn post(&self, to: &Caller) -> Result<Reply, Lost> {
        to.with_key(&self.bearer).try_post(&self.path, &self.key, &self.body).await
    }
}

/// Sends every command again with its key, to the nodes in alternation, and panics where one does not say what it said first.
/// Nobody harms the nodes meanwhile, but they may have begun a moment ago.
pub(crate) async fn assert_told_again(told: impl IntoIterator<Item = &Told>, nodes: &[Caller]) {
    let asked = futures_util::stream::iter(told.into_iter().zip(nodes.iter().cycle()));
    let ask = async |(told, node): (&Told, &Caller)| {
        let said_the_same = |reply: &Result<Reply, Lost>| {
            let Some(again) = reply.as_ref().ok().filter(|reply| !is_for_later(reply)) else { return false };
            assert!(told.reply.says_the_same_as(again), "{told:?}, and then {again:?}");
            true
        };
        until(async || told.sent.post(node).await, said_the_same).await;
    };
    asked.map(ask).buffer_unordered(AT_ONCE).collect::<()>().await;
}

/// Whether it says: the same again, later. 408 comes from a node that was frozen while the request arrived.
fn is_for_later(reply: &Reply) -> bool {
    matches!(reply.status, 408 | 503)
}

impl Script {
    pub(crate) fn new(client: u64, seed: u64, operator: String, settlers: [String; 2]) -> Self {
        let rng = StdRng::seed_from_u64(seed);
        Self { client, rng, operator, settlers, keys: 0, next: VecDeque::new(), accounts: Vec::new(), told: Vec::new() }
    }

    /// Sends one command after the other to any of `nodes`, the next of them where one is lost or has no answer now, for
    /// as long as `goes_on` says after an answer. Gives the longest that a command took, retries included.
    pub(crate) async fn roam(
        mut self,
        nodes: impl Fn() -> Vec<Caller>,
        goes_on: impl Fn() -> bool,
    ) -> (Self, Duration) {
        let mut longest = Duration::ZERO;
        loop {
            if self.next.is_empty() {
                self.invent();
            }
            let asked = Instant::now();
            self.anywhere(&nodes).await;
            longest = longest.max(asked.elapsed());
            if !goes_on() {
                return (self, longest);
            }
        }
    }

    /// Sends the next command to one node after the other until it is answered.
    async fn anywhere(&mut self, nodes: &impl Fn() -> Vec<Caller>) {
        let sent = self.next.front().expect("there is a next command").clone();
        let mut pace = tokio::time::interval(PACE);
        let reply = loop {
            pace.tick().await;
            let nodes = nodes();
            match sent.post(&nodes[self.rng.random_range(0..nodes.len())]).await {
                Ok(reply) if !is_for_later(&reply) => break reply,
                Ok(_) | Err(Lost) => {}
            }
        };
        self.answered(sent, reply);
    }

    /// Sends what is left, anywhere.
    pub(crate) async fn finish(&mut self, nodes: &[Caller]) {
        while !self.next.is_empty() {
            self.anywhere(&|| nodes.to_vec()).await;
        }
    }

    fn answered(&mut self, sent: Sent, reply: Reply) {
        self.next.pop_front();
        self.learn(&sent, &reply);
        self.told.push(Told { sent, reply });
    }

    fn send(&mut self, bearer: String, path: impl Into<String>, body: Value, step: Step) {
        self.keys += 1;
        let key = format!("{}-{}", self.client, self.keys);
        self.next.push_back(Sent { bearer, path: path.into(), key, body, step });
    }

    /// What this client would like to do now.
    fn invent(&mut self) {
        let open = self.accounts.last().filter(|account| account.reserved + account.charged + 2_000 < LIMIT);
        match open {
            Some(account) => {
                let terminal = account.terminal.clone();
                let amount = self.rng.random_range(0..=8_000);
                self.send(terminal, "/v1/approvals", purchase(amount), Step::Request { amount });
            }
            None => {
                let login = format!("user {} of client {}", self.accounts.len(), self.client);
                let limit = json!({ "source": "fixed", "amount": LIMIT, "currency": "EUR" });
                self.send(
                    self.operator.clone(),
                    "/v1/users",
                    json!({ "login": login, "limit": limit }),
                    Step::Register,
                );
            }
        }
    }

    /// Holds the answer against what it must be, and goes on from it.
    fn learn(&mut self, sent: &Sent, reply: &Reply) {
        let account = self.accounts.last_mut();
        match (&sent.step, account) {
            (Step::Register, _) => {
                let user = reply.clone().expect(201).field("id");
                let body = json!({ "role": "terminal", "name": "a terminal", "user": user });
                self.send(self.operator.clone(), "/v1/clients", body, Step::Terminal { user });
            }
            (Step::Terminal { user }, _) => {
                let (user, terminal) = (user.clone(), reply.clone().expect(201).field("key"));
                let (reserved, charged, given, refused) = (0, 0, 0, 0);
                let last = reply.position();
                self.accounts.push(Account { user, terminal, reserved, charged, given, refused, last });
            }
            (Step::Request { amount }, Some(account)) => {
                account.last = reply.position();
                if account.reserved + account.charged + amount > LIMIT {
                    account.refused += 1;
                    reply.clone().expect_problem(409, "limit-exceeded");
                    return;
                }
                account.reserved += amount;
                account.given += 1;
                let (id, token) = (reply.clone().expect(201).field("id"), reply.field("token"));
                // Some are never redeemed, and hold their part of the limit.
                if self.rng.random_ratio(9, 10) {
                    let (body, settler) = (redemption(&token), self.settlers[0].clone());
                    let step = Step::Redeem { id, token, amount: *amount };
                    self.send(settler, "/v1/approvals/redeem", body, step);
                }
            }
            (Step::Redeem { id, token, amount }, Some(account)) => {
                reply.clone().expect(200);
                account.last = reply.position();
                let again = self.settlers[self.rng.random_range(0..2)].clone();
                self.send(again, "/v1/approvals/redeem", redemption(token), Step::RedeemAgain);
                let part = self.rng.random_range(0..=*amount);
                let step = Step::Settle { reserved: *amount, amount: part };
                self.send(self.settlers[0].clone(), format!("/v1/approvals/{id}/settle"), price(part), step);
            }
            (Step::RedeemAgain, Some(account)) => {
                reply.clone().expect_problem(409, "already-redeemed");
                account.last = reply.position();
            }
            (Step::Settle { reserved, amount }, Some(account)) => {
                reply.clone().expect(200);
                account.last = reply.position();
                account.reserved -= reserved;
                account.charged += amount;
            }
            (step, None) => panic!("{step:?} without an account"),
        }
    }

    /// Holds every account against what the node says of it.
    pub(crate) async fn assert_accounts(&self, operator: &Caller) {
        for account in &self.accounts {
            let path = format!("/v1/spending/{}", account.user);
            let spending = account.asks(operator, &path).await;
            let says = (spending["reserved"].as_u64(), spending["charged"].as_u64());
            assert_eq!(says, (Some(account.reserved), Some(account.charged)), "{spending}");
            let path = format!("/v1/approvals?limit=1000&user={}", account.user);
            let page = account.asks(operator, &path).await;
            let approvals = page["data"].as_array().expect("a list has data");
            let refused = approvals.iter().filter(|approval| approval["state"] == "refused").count() as u64;
            assert_eq!((approvals.len() as u64 - refused, refused), (account.given, account.refused));
        }
    }
}
