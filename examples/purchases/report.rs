//! The end: what the node says of every customer, compared with what plain arithmetic over the file says.

use std::fmt;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use futures_util::StreamExt as _;
use serde_json::Value;

use crate::Stage;
use crate::api::Api;
use crate::file::Tally;
use crate::roles::{Market, number};

/// A node was killed.
#[derive(Clone, Copy)]
pub(crate) struct Killed {
    /// So many purchases were done.
    pub(crate) after: u64,
    /// Until it was ready again, where it was started again at once.
    pub(crate) away: Option<Duration>,
}

/// What was done, customer by customer.
#[derive(Default)]
pub(crate) struct Played {
    customers: Vec<Option<Customer>>,
    /// Answers that were asked for again after the node was lost, and were the same.
    pub(crate) repeated: u64,
}

struct Customer {
    user: String,
    position: Option<String>,
    permitted: Vec<bool>,
}

impl Played {
    /// Nothing was done yet.
    pub(crate) fn new(customers: usize) -> Self {
        Self { customers: (0..customers).map(|_| None).collect(), repeated: 0 }
    }

    /// What became of the purchases of the `nth` customer.
    pub(crate) fn customer(&mut self, nth: usize, user: String, position: Option<String>, permitted: Vec<bool>) {
        self.customers[nth] = Some(Customer { user, position, permitted });
    }
}

/// Node and file side by side.
pub(crate) struct Report {
    node: Tally,
    told: Tally,
    file: Tally,
    charged: u64,
    second_tries: u64,
    differing: Vec<String>,
    requests: u64,
    retried: u64,
    repeated: u64,
    elapsed: Duration,
    killed: Vec<Killed>,
}

impl Report {
    /// Asks the node about every customer, at the position of that customer's last answer or later.
    pub(crate) async fn gather(
        stage: &Stage,
        played: Played,
        connections: usize,
        elapsed: Duration,
        killed: Vec<Killed>,
    ) -> anyhow::Result<Self> {
        let Stage { api, market, purchases, .. } = stage;
        let mut report = Self {
            node: Tally::default(),
            told: Tally::default(),
            file: purchases.customers.iter().map(|customer| customer.tally(market.limit)).sum(),
            charged: 0,
            second_tries: 0,
            differing: Vec::new(),
            requests: api.nodes.answered.load(Ordering::Relaxed),
            retried: api.nodes.retried.load(Ordering::Relaxed),
            repeated: played.repeated,
            elapsed,
            killed,
        };
        let asked = futures_util::stream::iter(purchases.customers.iter().zip(&played.customers)).map(
            async |(customer, played)| {
                let played = played.as_ref().context("a customer was not played")?;
                let account = Account::ask(api, market, played).await?;
                anyhow::Ok((customer, played, account))
            },
        );
        let mut asked = asked.buffer_unordered(connections);
        while let Some(answer) = asked.next().await {
            let (customer, played, account) = answer?;
            let told = customer.purchases.iter().zip(&played.permitted).fold(Tally::default(), |mut tally, (p, ok)| {
                tally.count(*ok, p.amount);
                tally
            });
            let file = customer.tally(market.limit);
            if account.tally != file || told != file || account.charged != file.permitted_sum || account.reserved != 0 {
                report.differing.push(customer.name.clone());
            }
            report.charged += account.charged;
            report.second_tries += account.second_tries;
            report.told = [report.told, told].into_iter().sum();
            report.node = [report.node, account.tally].into_iter().sum();
        }
        report.differing.sort();
        Ok(report)
    }

    /// Whether node and file say the same, customer by customer, and every second try was refused.
    pub(crate) fn is_equal(&self) -> bool {
        self.differing.is_empty()
            && self.node == self.file
            && self.told == self.file
            && self.charged == self.file.permitted_sum
            && self.second_tries == self.file.permitted
    }
}

/// What the node says of one customer.
struct Account {
    tally: Tally,
    charged: u64,
    reserved: u64,
    second_tries: u64,
}

impl Account {
    async fn ask(api: &Api, market: &Market, played: &Customer) -> anyhow::Result<Self> {
        let (user, position) = (&played.user, played.position.as_deref());
        let spending = api.query(&market.operator, &format!("/v1/spending/{user}"), position).await?;
        let mut account = Self {
            tally: Tally::default(),
            charged: number(&spending, "charged")?,
            reserved: number(&spending, "reserved")?,
            second_tries: 0,
        };
        let mut path = format!("/v1/approvals?user={user}");
        loop {
            let page = api.query(&market.operator, &path, position).await?;
            for approval in page.get("data").and_then(Value::as_array).context("a list has no data")? {
                account.add(approval)?;
            }
            let Some(next) = page.get("next").and_then(Value::as_str) else { break };
            path = format!("/v1/approvals?user={user}&cursor={next}");
        }
        Ok(account)
    }

    fn add(&mut self, approval: &Value) -> anyhow::Result<()> {
        match approval.get("state").and_then(Value::as_str) {
            Some("settled") => {
                let tries = number(approval, "redeem_refusals")?;
                ensure!(tries == 1, "a token was refused {tries} times, not once: {approval}");
                self.second_tries += 1;
                self.tally.count(true, number(approval, "settled_amount")?);
            }
            Some("refused") => self.tally.count(false, number(approval, "amount")?),
            Some(_) | None => bail!("an approval is neither settled nor refused: {approval}"),
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.killed {
            [] => {}
            [Killed { after, away: Some(away) }] => {
                let away = away.as_millis();
                writeln!(f, "killed    after {after} purchases with SIGKILL, ready again after {away} ms")?;
            }
            [Killed { after, .. }, ..] => {
                let count = self.killed.len();
                writeln!(f, "killed    {count} times with SIGKILL, first after {after} purchases")?;
            }
        }
        let secs = self.elapsed.as_secs_f64();
        #[allow(clippy::cast_precision_loss)] // a rate for people
        let rate = self.requests as f64 / secs;
        writeln!(f, "requests  {} in {secs:.1} s ({rate:.0}/s), {} sent again", self.requests, self.retried)?;
        writeln!(f, "repeated  {} answers asked for again with their keys: all the same", self.repeated)?;
        writeln!(f, "twice     {} second redemptions tried, all refused", self.second_tries)?;
        writeln!(f, "node      {}", self.node)?;
        writeln!(f, "file      {}", self.file)?;
        if self.is_equal() {
            write!(f, "equal     to the cent, customer by customer")
        } else {
            let some = self.differing.iter().take(5).map(String::as_str).collect::<Vec<_>>().join(", ");
            let charged = crate::file::decimal(self.charged);
            write!(f, "DIFFERENT for {} customers ({some} …); charged {charged}", self.differing.len())
        }
    }
}
