//! P2: durable commands a second over HTTP with 64 kept-alive connections, compared with an actix-web echo of the same JSON in
//! the same process.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use actix_web::{App, HttpResponse, HttpServer, web};
use futures_util::future::try_join_all;
use kippu_client::{Client, Roots};

use super::child::PATIENCE;
use super::figure::{BenchError, Figure, Goal, median, round};
use super::load::{OPEN, redeem, token_in};
use super::scene::{self, Cast};
use super::wire::{Reply, Wire};
use super::{Effort, machine};
use crate::server::Server;

const CONNECTIONS: usize = 64;

pub(super) async fn measure(dir: &Path, effort: Effort) -> Result<Figure, BenchError> {
    let dir = dir.join("node");
    let (node, cast) = scene::open(&dir, effort.users).await?;
    let queries = node.queries.clone();
    let config = scene::config(&dir);
    let (listener, ours_at) = listen()?;
    let server = Server::start(node, &config, listener, None, &Roots::default()).await?;
    let (listener, echo_at) = listen()?;
    let echo = HttpServer::new(|| App::new().route("/v1/approvals", web::post().to(echo)))
        .workers(usize::from(config.http.workers))
        .disable_signals()
        .listen(listener)?
        .run();
    let handle = echo.handle();
    let echo = actix_rt::spawn(echo);
    let cast = Arc::new(cast);
    let (mut ours, mut limit) = (Vec::new(), Vec::new());
    let (mut lag, mut caught_up) = (0, 0.0);
    for round in 0..effort.rounds {
        ours.push(round_of(&[(ours_at, Arc::clone(&cast))], effort, &round.to_string(), Kind::Ours).await?);
        (lag, caught_up) = scene::catch_up(&queries).await?;
        limit.push(round_of(&[(echo_at, Arc::clone(&cast))], effort, &round.to_string(), Kind::Echo).await?);
    }
    handle.stop(true).await;
    echo.await.map_err(|e| BenchError::Load(e.to_string()))??;
    server.stop().await?;
    Ok(Figure::new(median(ours), median(limit), "requests/s", Goal::AtLeast(0.5, "ratio ≥ 0.5"))
        .with("connections", CONNECTIONS)
        .with("view_lag_records", lag)
        .with("view_lag_seconds", round(caught_up)))
}

/// JSON in, parsed; the same JSON out.
async fn echo(body: web::Json<serde_json::Value>) -> HttpResponse {
    HttpResponse::Created().json(&*body)
}

fn listen() -> std::io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Ours,
    Echo,
}

/// One round, whose connections are shared out among `nodes`, each with its own cast: requests a second.
pub(super) async fn round_of(
    nodes: &[(SocketAddr, Arc<Cast>)],
    effort: Effort,
    round: &str,
    kind: Kind,
) -> Result<f64, BenchError> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let counted = Arc::new(AtomicU64::new(0));
    let (from, to) = (Instant::now() + effort.warm, Instant::now() + effort.warm + effort.span);
    let joins = (0..threads).map(|thread| {
        let (nodes, round, counted) = (nodes.to_vec(), round.to_owned(), Arc::clone(&counted));
        tokio::task::spawn_blocking(move || -> Result<(), BenchError> {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let flows = (thread..CONNECTIONS).step_by(threads).map(|connection| {
                let name = format!("{round}-{connection}");
                let (address, cast) = &nodes[connection / threads % nodes.len()];
                flow(*address, cast, connection, name, (from, to), kind, &counted)
            });
            runtime.block_on(try_join_all(flows)).map(drop)
        })
    });
    for join in joins.collect::<Vec<_>>() {
        join.await.map_err(|e| BenchError::Load(e.to_string()))??;
    }
    Ok(machine::per_second(counted.load(Ordering::Relaxed), effort.span))
}

async fn flow(
    address: SocketAddr,
    cast: &Cast,
    connection: usize,
    name: String,
    (from, to): (Instant, Instant),
    kind: Kind,
    counted: &AtomicU64,
) -> Result<(), BenchError> {
    let mut wire = Wire::connect(address).await?;
    let count = || {
        let now = Instant::now();
        if now >= from && now < to {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    };
    for round in 0_usize.. {
        if Instant::now() >= to {
            break;
        }
        let terminal = &cast.terminals[(connection + round * CONNECTIONS) % cast.terminals.len()];
        let headers = |key: &str| format!("authorization: Bearer {key}\r\nidempotency-key: {name}-{round}\r\n");
        let opened = wire.post("/v1/approvals", &headers(&terminal.key), OPEN).await?;
        expect(&opened, 201)?;
        count();
        if kind == Kind::Echo {
            continue;
        }
        let body = redeem(&token_in(opened.body).map_err(BenchError::Load)?);
        for (settler, status) in cast.settlers.iter().zip([200, 409]) {
            let redeemed = wire.post("/v1/approvals/redeem", &headers(&settler.key), &body).await?;
            expect(&redeemed, status)?;
            count();
        }
    }
    Ok(())
}

fn expect(reply: &Reply<'_>, status: u16) -> Result<(), BenchError> {
    if reply.status == status {
        return Ok(());
    }
    let body = String::from_utf8_lossy(reply.body);
    Err(BenchError::Load(format!("expected {status}, but got {}: {body}", reply.status)))
}

/// Posts one approval; for whoever waits for a node to answer.
pub(super) async fn first_answer(address: SocketAddr, cast: &Cast, name: &str) -> Result<(), BenchError> {
    let terminal = cast.terminals.first().ok_or_else(|| BenchError::Load("nobody is there".to_owned()))?;
    let node = Client::new(&address.to_string(), &terminal.key, PATIENCE)?;
    let answer = node.send(node.command("/v1/approvals", name, OPEN)).await?;
    expect(&Reply { status: answer.status.as_u16(), body: &answer.body }, 201)
}

/// Makes load on `address` until it goes away.
pub(super) async fn load_until_gone(address: SocketAddr, cast: &Cast, name: &str) {
    let for_ever = Instant::now() + std::time::Duration::from_secs(3600);
    let counted = AtomicU64::new(0);
    let flows = (0..CONNECTIONS).map(|connection| {
        flow(address, cast, connection, format!("{name}-{connection}"), (for_ever, for_ever), Kind::Ours, &counted)
    });
    // Every connection breaks when the node is killed; that is how this ends.
    let _broken = futures_util::future::join_all(flows).await;
}
