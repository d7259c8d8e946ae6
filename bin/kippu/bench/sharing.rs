//! Sharing: durable commands a second over HTTP from two nodes that share a topic, compared with one that has it alone, on the
//! same cores. Callers ask the node that serves their user, as whoever follows redirections does.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kippu_client::Client;

use super::broker::Broker;
use super::child::{PATIENCE, Process};
use super::figure::{BenchError, Figure, Goal, median, round};
use super::load::OPEN;
use super::p2::{Kind, round_of};
use super::scene::Cast;
use super::{Effort, scene};

pub(super) async fn measure(dir: &Path, broker: &Broker, effort: Effort) -> Result<Figure, BenchError> {
    let first = scene::named(broker.log(scene::config(&dir.join("first")), "sharing")?, "first");
    let second = scene::joined(&first, &dir.join("second"), "second");
    let (node, cast) = scene::make(&first, effort.users).await?;
    node.stop().await;
    drop(node);
    scene::join(&first, &second)?;
    let (mut together, mut alone) = (Vec::new(), Vec::new());
    let cast = Arc::new(cast);
    let one = Process::start(&first)?;
    for round in 0..effort.rounds {
        shared_out(&one, &cast, &format!("alone-{round}"), |_, theirs| theirs == 0).await?;
        let nodes = [(one.address, Arc::clone(&cast))];
        alone.push(round_of(&nodes, effort, &format!("alone-{round}"), Kind::Ours).await?);

        let other = Process::start(&second)?;
        let (ours, theirs) =
            shared_out(&one, &cast, &format!("both-{round}"), |ours, theirs| ours > 0 && theirs > 0).await?;
        // It takes its partitions one after the other.
        shared_out(&other, &theirs, &format!("other-{round}"), |_, others| others == 0).await?;
        let nodes = [(one.address, Arc::new(ours)), (other.address, Arc::new(theirs))];
        together.push(round_of(&nodes, effort, &format!("both-{round}"), Kind::Ours).await?);
    }
    let rounded = |values: &[f64]| values.iter().map(|value| round(*value)).collect::<Vec<_>>();
    let (all_together, all_alone) = (rounded(&together), rounded(&alone));
    Ok(Figure::new(median(together), median(alone), "requests/s", Goal::AtLeast(0.9, "ratio ≥ 0.9"))
        .with("two_nodes", all_together)
        .with("one_node", all_alone))
}

/// Waits until `node` serves as many users, and others as many, as is wanted; gives the cast of both.
async fn shared_out(
    node: &Process,
    cast: &Cast,
    name: &str,
    is_wanted: impl Fn(usize, usize) -> bool,
) -> Result<(Cast, Cast), BenchError> {
    let begun = Instant::now();
    for attempt in 0_u64.. {
        if let Ok((ours, theirs)) = split(node, cast, &format!("{name}-{attempt}")).await
            && is_wanted(ours.terminals.len(), theirs.terminals.len())
        {
            return Ok((ours, theirs));
        }
        if begun.elapsed() > PATIENCE {
            break;
        }
        actix_rt::time::sleep(Duration::from_millis(100)).await;
    }
    Err(BenchError::Load("the nodes do not share the partitions as they should".to_owned()))
}

/// Who is served by `node`, and who is not.
async fn split(node: &Process, cast: &Cast, name: &str) -> Result<(Cast, Cast), BenchError> {
    let node = Client::new(&node.address.to_string(), "", PATIENCE)?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for (nth, terminal) in cast.terminals.iter().enumerate() {
        let request = node.with_key(&terminal.key).command("/v1/approvals", &format!("{name}-{nth}"), OPEN);
        match node.send(request.header("prefer", "redirect")).await?.status.as_u16() {
            201 => ours.push(terminal.clone()),
            307 => theirs.push(terminal.clone()),
            status => return Err(BenchError::Load(format!("an approval was answered with {status}"))),
        }
    }
    let settlers = &cast.settlers;
    Ok((Cast { terminals: ours, settlers: settlers.clone() }, Cast { terminals: theirs, settlers: settlers.clone() }))
}
