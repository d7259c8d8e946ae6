//! Clients that do not stop, wherever the nodes are and whatever happens to them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::Rng as _;
use rand::rngs::StdRng;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::fixture::PATIENCE;
use crate::http::Caller;
use crate::market::Market;
use crate::script::{self, Script, Told};

/// See the module.
pub(crate) struct Load {
    nodes: watch::Sender<Vec<Caller>>,
    over: Arc<AtomicBool>,
    answers: watch::Sender<u64>,
    clients: JoinSet<(Script, Duration)>,
}

impl Load {
    /// So many clients of `market`, which send to any of `nodes`.
    pub(crate) async fn start(market: Market, nodes: Vec<Caller>, clients: u64, rng: &mut StdRng) -> Self {
        let settlers = [market.settler("one").await.key.clone(), market.settler("two").await.key.clone()];
        let load = Self {
            nodes: watch::Sender::new(nodes),
            over: Arc::default(),
            answers: watch::Sender::new(0),
            clients: JoinSet::new(),
        };
        (0..clients).fold(load, |mut load, client| {
            let script = Script::new(client, rng.random(), market.operator.key.clone(), settlers.clone());
            let (nodes, over, answers) = (load.nodes.subscribe(), Arc::clone(&load.over), load.answers.clone());
            let goes_on = move || {
                answers.send_modify(|answers| *answers += 1);
                !over.load(Ordering::Relaxed)
            };
            load.clients.spawn(script.roam(move || nodes.borrow().clone(), goes_on));
            load
        })
    }

    /// How many answers there were.
    pub(crate) fn so_far(&self) -> u64 {
        *self.answers.borrow()
    }

    /// Waits for so many more answers.
    pub(crate) async fn answers(&self, more: u64) {
        let enough = self.so_far() + more;
        let mut answers = self.answers.subscribe();
        let reached = tokio::time::timeout(PATIENCE, answers.wait_for(|answers| *answers >= enough)).await;
        assert!(reached.is_ok(), "clients are not answered any more");
    }

    /// Nodes answer at other addresses.
    pub(crate) fn moved(&self, nodes: Vec<Caller>) {
        self.nodes.send_replace(nodes);
    }

    /// Ends all clients, holds every account against what one of `nodes` says of it, and every answer against its
    /// repetition by another. Gives the number of answers, and the longest wait for one.
    pub(crate) async fn end(self, nodes: &[Caller]) -> (usize, Duration) {
        self.over.store(true, Ordering::Relaxed);
        let (mut scripts, waits): (Vec<_>, Vec<_>) = self.clients.join_all().await.into_iter().unzip();
        for (script, node) in scripts.iter_mut().zip(nodes.iter().cycle()) {
            script.finish(nodes).await;
            script.assert_accounts(node).await;
        }
        let told: Vec<&Told> = scripts.iter().flat_map(|script| &script.told).collect();
        script::assert_told_again(told.iter().copied(), nodes).await;
        (told.len(), waits.into_iter().max().unwrap_or_default())
    }
}
