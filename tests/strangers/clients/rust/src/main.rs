//! Plays purchases with ureq as it comes; see ../README.md.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde_json::{Value, json};
use ureq::Agent;

type Failed = Box<dyn std::error::Error + Send + Sync>;

struct Player {
    agent: Agent,
    url: String,
    operator: String,
    run: String,
    calls: AtomicU64,
}

struct Answer {
    body: Value,
    position: String,
    replayed: bool,
}

fn check(holds: bool, what: &dyn std::fmt::Display) -> Result<(), Failed> {
    if holds { Ok(()) } else { Err(what.to_string().into()) }
}

impl Player {
    fn post(&self, status: u16, key: &str, path: &str, name: &str, body: Option<&Value>) -> Result<Answer, Failed> {
        let request = self.agent.post(format!("{}{path}", self.url)).header("Authorization", format!("Bearer {key}"));
        let request = request.header("Idempotency-Key", format!("{}-{name}", self.run));
        let answer = match body {
            Some(body) => request.send_json(body)?,
            None => request.send_empty()?,
        };
        self.read(status, path, answer)
    }

    fn get(&self, key: &str, path: &str, since: &str) -> Result<Value, Failed> {
        let request = self.agent.get(format!("{}{path}", self.url)).header("Authorization", format!("Bearer {key}"));
        Ok(self.read(200, path, request.header("Kippu-Min-Position", since).call()?)?.body)
    }

    fn read(&self, status: u16, path: &str, mut answer: ureq::http::Response<ureq::Body>) -> Result<Answer, Failed> {
        let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (found, position) = (answer.status().as_u16(), header("Kippu-Position").to_owned());
        let replayed = header("Idempotent-Replayed") == "true";
        let body: Value = answer.body_mut().read_json()?;
        check(found == status, &format_args!("{path}: {found} {body}"))?;
        self.calls.fetch_add(1, Relaxed);
        Ok(Answer { body, position, replayed })
    }
}

#[derive(Clone, Copy, Default)]
struct Sums {
    paid: u64,
    count: u64,
    refused: u64,
}

fn play(player: &Player, till: &str, customer: &str, purchases: &[(usize, u64)]) -> Result<Sums, Failed> {
    let text = |body: &Value, member: &str| body[member].as_str().unwrap_or_default().to_owned();
    let operator = |status, path: &str, name: &str, body: Option<Value>| {
        player.post(status, &player.operator, path, &format!("{name}-{customer}"), body.as_ref())
    };
    let limit = json!({ "source": "fixed", "amount": 10000, "currency": "EUR" });
    let login = format!("{}-{customer}", player.run);
    let user = text(&operator(201, "/v1/users", "u", Some(json!({ "login": login, "limit": limit })))?.body, "id");
    let terminal = json!({ "role": "terminal", "name": customer, "user": user });
    let phone = text(&operator(201, "/v1/clients", "phone", Some(terminal))?.body, "key");
    let placement = text(&operator(201, "/v1/placements", "bare", Some(json!({ "label": "bare" })))?.body, "id");
    operator(200, &format!("/v1/placements/{placement}/close"), "close", None)?;
    let (mut sums, mut position) = (Sums::default(), String::new());
    for &(number, cents) in purchases {
        let amount = json!({ "amount": cents, "currency": "EUR" });
        let status = if sums.paid + cents <= 10000 { 201 } else { 409 };
        let ask = || player.post(status, &phone, "/v1/approvals", &format!("ask-{number}"), Some(&amount));
        let approval = ask()?;
        if number % 7 == 0 {
            let again = ask()?;
            check(again.replayed && again.body["token"] == approval.body["token"], &again.body)?;
        }
        position = approval.position;
        if status == 409 {
            sums.refused += 1;
            continue;
        }
        let place = format!("/v1/approvals/{}", text(&approval.body, "id"));
        let token = json!({ "token": approval.body["token"] });
        player.post(200, till, "/v1/approvals/redeem", &format!("redeem-{number}"), Some(&token))?;
        let settle = format!("settle-{number}");
        position = player.post(200, till, &format!("{place}/settle"), &settle, Some(&amount))?.position;
        sums.paid += cents;
        sums.count += 1;
        if number % 5 == 0 {
            let row = player.get(&phone, &place, &position)?;
            check(row["state"] == "settled" && row["settled_amount"] == cents, &row)?;
        }
    }
    let row = player.get(&player.operator, &format!("/v1/spending/{user}"), &position)?;
    check(row["charged"] == sums.paid && row["purchases"] == sums.count && row["reserved"] == 0, &row)?;
    Ok(sums)
}

fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, operator, file, run, workers] = arguments.as_slice() else { return Err("five arguments".into()) };
    // A refusal is an answer here; everything else is as it comes.
    let agent: Agent = Agent::config_builder().http_status_as_error(false).build().into();
    let player = Player { agent, url: url.clone(), operator: operator.clone(), run: run.clone(), calls: 0.into() };
    let (mut customers, mut places): (Vec<(String, Vec<(usize, u64)>)>, HashMap<String, usize>) = Default::default();
    for (number, line) in std::fs::read_to_string(file)?.lines().enumerate() {
        let mut columns = line.split_whitespace();
        let (customer, price) = (columns.next().ok_or("no customer")?, columns.next_back().ok_or("no price")?);
        let place = *places.entry(customer.to_owned()).or_insert_with(|| {
            customers.push((customer.to_owned(), Vec::new()));
            customers.len() - 1
        });
        customers[place].1.push((number, (price.parse::<f64>()? * 100.0).round() as u64));
    }
    let settler = json!({ "role": "settler", "name": "till" });
    let till = player.post(201, &player.operator, "/v1/clients", "till", Some(&settler))?.body["key"].clone();
    let till = till.as_str().ok_or("no key")?;
    let (waiting, total) = (Mutex::new(customers.iter()), Mutex::new(Ok(Sums::default())));
    std::thread::scope(|scope| {
        for _ in 0..workers.parse().unwrap_or(8) {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().map(|mut waiting| waiting.next());
                    let Ok(Some((customer, purchases))) = next else { return };
                    let played = play(&player, till, customer, purchases);
                    let Ok(mut total) = total.lock() else { return };
                    match (played, total.as_mut()) {
                        (Ok(sums), Ok(total)) => {
                            total.paid += sums.paid;
                            total.count += sums.count;
                            total.refused += sums.refused;
                        }
                        (Err(failed), _) => *total = Err(failed),
                        (Ok(_), Err(_)) => return,
                    }
                }
            });
        }
    });
    let Sums { paid, count, refused } = total.into_inner().map_err(|_| "a thread panicked")??;
    let calls = player.calls.into_inner();
    println!("{calls} calls, {count} permitted for {}.{:02}, {refused} refused", paid / 100, paid % 100);
    Ok(())
}
