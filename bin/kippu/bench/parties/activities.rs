//! ACTIVITIES: activities a second for one party, each signed, recorded there, answered, and its outcome recorded here, compared with
//! signed calls to a server that does nothing but check and sign, as many at once as are done for one party.
//!
//! The activities are releases. Approvals are presented while their issuer is down, and come to nothing; then the issuer is started,
//! what is owed is tried at once, and the time runs until the last outcome is on record.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kippu_actors::activities::Settings;
use kippu_events::Time;
use serde_json::{Value, json};

use super::super::figure::{BenchError, Figure, Goal, median, round};
use super::super::{Effort, machine};
use super::buyers;
use super::echo::Echo;
use super::follower::{feed, times};
use super::lines::Lines;
use super::load::{Until, Work, closed};
use super::party::{Party, text};
use super::present::{AT_ONCE, Present, RELEASED, TIMED_OUT, prepare};

/// Subscribers, so that no one's approvals are queued behind each other.
const USERS: usize = 16;

pub(in super::super) async fn measure(dir: &Path, effort: Effort) -> Result<Figure, BenchError> {
    let mut issuer = Party::start(dir, "issuer").await?;
    let settler = Party::start(dir, "settler").await?;
    issuer.knows(&settler, &["settler"]).await?;
    prepare(&settler, &issuer).await?;
    let terminals = buyers::terminals(&issuer, USERS, async |_| Ok(json!({}))).await?;
    let approve = Arc::new(Approve { issuer: issuer.address, terminals, tokens: Mutex::default() });
    let Settings { parallel, per_second } = Settings::default();
    let (mut ours, mut limit) = (Vec::new(), Vec::new());
    for round in 1..=effort.rounds {
        closed(&approve, AT_ONCE, Until::Times(effort.activities)).await?;
        let tokens = std::mem::take(&mut *approve.tokens.lock().unwrap_or_else(PoisonError::into_inner));
        let body = tokens.first().map(|token| json!({ "token": token }).to_string()).unwrap_or_default();
        ours.push(released(&mut issuer, &settler, tokens, round, effort).await?);
        let echo = Arc::new(Echo::start(body.into_bytes())?);
        limit.push(closed(&echo, parallel, Until::span(effort)).await?);
        echo.stop().await;
    }
    let goal = Goal::AtLeast(0.5, "ratio ≥ 0.5");
    let all: Vec<f64> = ours.iter().map(|one| round(*one)).collect();
    Ok(Figure::new(median(ours), median(limit), "activities/s", goal)
        .with("ours", all)
        .with("activities", effort.activities)
        .with("at_once_for_one_party", parallel)
        .with("most_per_second_for_one_party", per_second))
}

/// Presents `tokens` while their issuer is down; how many a second are released once it is back.
async fn released(
    issuer: &mut Party,
    settler: &Party,
    tokens: Vec<String>,
    round: usize,
    effort: Effort,
) -> Result<f64, BenchError> {
    issuer.kill()?;
    let present = Arc::new(Present::new(settler, issuer, tokens));
    closed(&present, AT_ONCE, Until::Times(effort.activities)).await?;
    let rounds = u64::try_from(round).unwrap_or(u64::MAX);
    times(&mut feed(&settler.operator, TIMED_OUT, "beginning").await?, rounds * effort.activities).await?;
    let mut outcomes = feed(&settler.operator, RELEASED, "now").await?;
    issuer.start_again().await?;
    let hurried = Time::now();
    settler.hurry().await?;
    let recorded = times(&mut outcomes, effort.activities).await?;
    // Now and then one is tried by itself, and shows that the issuer is back.
    let begun = recorded.iter().fold(hurried, |begun, time| begun.min(*time));
    let ended = recorded.iter().fold(hurried, |ended, time| ended.max(*time));
    Ok(machine::per_second(effort.activities, ended.since(begun)))
}

/// Approvals at their issuer.
struct Approve {
    issuer: SocketAddr,
    terminals: Vec<String>,
    tokens: Mutex<Vec<String>>,
}

impl Work for Approve {
    async fn once(&self, number: u64, due: Instant, lines: &Lines) -> Result<Vec<Duration>, BenchError> {
        let terminal = &self.terminals[usize::try_from(number).unwrap_or(0) % self.terminals.len()];
        let as_terminal = (&**terminal, &*format!("{number:032}"));
        let asked: Value = serde_json::from_str(super::super::load::OPEN).map_err(BenchError::load)?;
        let opened = lines.post(self.issuer, "/v1/approvals", as_terminal, &asked).await?.expect(201)?.json()?;
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).push(text(&opened, "token")?);
        Ok(vec![due.elapsed()])
    }
}
