//! The HTTP server: which paths there are, what every request goes through, and how it starts and stops.

mod activities;
mod auth;
mod blobs;
mod contents;
mod disclosures;
mod docs;
mod edge;
mod evidence;
mod fallback;
mod feed;
mod fees;
mod forms;
mod forward;
mod fresh;
mod front;
mod given;
mod health;
mod known;
mod lacks;
mod layout;
mod leaves;
mod members;
pub(crate) mod metrics;
mod openapi;
mod owners;
mod pace;
mod pages;
mod party;
mod persons;
mod problem_page;
mod problems;
mod rate;
mod refusals;
mod request_id;
mod seal;
pub(crate) mod sessions;
mod shop;
mod site;
mod statements;
#[cfg(test)]
mod tests;
mod tls;
mod wire;

use std::future::poll_fn;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use actix_http::HttpService;
use actix_http::error::DispatchError;
use actix_service::{IntoServiceFactory as _, ServiceFactoryExt as _, map_config};
use actix_web::App;
use actix_web::dev::{self, AppConfig, ServerHandle, fn_service};
use actix_web::middleware::from_fn;
use actix_web::rt::net::TcpStream;
use actix_web::web::{self, Data, ServiceConfig};
use kippu_actors::Commands;
use kippu_actors::activities::{Activities, Settings};
use kippu_actors::http::{Limits, OtherNodes};
use kippu_client::Roots;
use kippu_projections::Queries;
use kippu_projections::feed::Feeds;
use kippu_projections::http::AccessLog;
use tokio::task::{JoinHandle, JoinSet};

use self::auth::Authenticator;
use self::blobs::{Ledger, Sweep};
use self::disclosures::Disclosures;
use self::fallback::fallback;
use self::forward::Forward;
use self::front::Front;
use self::members::Hop;
use self::metrics::Metrics;
use self::openapi::Document;
use self::owners::Owners;
use self::pace::{Paced, Patience, keep_little_unsent};
use self::refusals::Refusals;
use self::sessions::Sessions;
use self::site::{Guard, Making, SiteLog};
pub(crate) use self::tls::{Tls, TlsError};
use self::wire::Wire;
use crate::config::Config;
use crate::node::{self, Node};
use crate::parties::{AtPeers, Bringing, CARD, Enrolling, SIGNED_CARD, Webhooks};

/// What handlers share.
#[derive(Clone)]
pub(crate) struct Shared {
    node: Arc<Node>,
    config: Arc<Config>,
    commands: Data<Commands>,
    queries: Data<Queries>,
    feeds: Data<Feeds>,
    /// What this node owes to other parties.
    activities: Activities,
    /// To the nodes of other parties, where somebody waits.
    hop: Arc<Hop>,
    limits: Data<Limits>,
    authenticator: Data<Authenticator>,
    sessions: Data<Sessions>,
    /// Where several nodes share the partitions.
    other_nodes: Option<Data<dyn OtherNodes>>,
    /// There too.
    owners: Option<Arc<Owners>>,
    refusals: Data<Refusals>,
    /// Who has uploaded how much.
    ledger: Arc<Ledger>,
    access_log: Data<dyn AccessLog>,
    /// Of the requests for pages of the site.
    site_log: SiteLog,
    metrics: Data<Metrics>,
    document: Data<Document>,
    /// Where TLS is spoken.
    certificate: Option<Arc<tls::Current>>,
    draining: Arc<AtomicBool>,
}

impl Shared {
    /// What this node is called, for people.
    fn name(&self) -> &str {
        &self.config.node.name
    }

    fn new(node: Node, config: &Config, tls: Option<&Tls>, roots: &Roots) -> std::io::Result<Self> {
        let shares = node.kafka.is_some();
        let forward = shares.then(|| Forward::new(&node, roots)).transpose().map_err(std::io::Error::other)?;
        let owners = shares.then(|| Owners::new(&node, roots)).transpose().map_err(std::io::Error::other)?;
        let feeds = Arc::new(Feeds::new(node.queries.clone()));
        let give_up = Duration::from_secs(config.webhooks.give_up_secs.into());
        let sending = (node.runtime.clone(), Arc::clone(&node.secrets), Arc::clone(&feeds));
        let webhooks = Webhooks::new(sending, config.http.plain, give_up, roots).map_err(std::io::Error::other)?;
        let (identity, runtime, blobs) = (Arc::clone(&node.identity), node.runtime.clone(), node.blobs.clone());
        let at_peers = AtPeers::new(identity, runtime, blobs, webhooks, roots).map_err(std::io::Error::other)?;
        let at_peers = Arc::new(at_peers);
        let settings = Settings::default();
        let activities = Activities::start(node.runtime.clone(), Arc::clone(&node.secrets), at_peers, settings);
        let limits = Limits {
            most_body_bytes: usize::try_from(config.http.most_body_bytes).unwrap_or(usize::MAX),
            body_time: Duration::from_secs(config.http.request_timeout_secs.into()),
        };
        Ok(Self {
            other_nodes: forward.map(|forward| Data::from(Arc::new(forward) as Arc<dyn OtherNodes>)),
            owners: owners.map(Arc::new),
            refusals: Data::new(Refusals::default()),
            ledger: Arc::new(Ledger::open(&node.dir.blob_owners(), &config.blobs.quota_bytes)?),
            hop: Arc::new(Hop::new(&node, roots).map_err(std::io::Error::other)?),
            commands: Data::new(node.commands.clone()),
            queries: Data::new(node.queries.clone()),
            feeds: Data::from(feeds),
            activities,
            limits: Data::new(limits),
            authenticator: Data::new(Authenticator::new(&node, &config.rate)),
            sessions: Data::new(Sessions::new(&node, roots).map_err(std::io::Error::other)?),
            access_log: Data::from(Arc::new(Disclosures::new(&node)) as Arc<dyn AccessLog>),
            site_log: SiteLog::new(node.dir.access()),
            metrics: Data::new(Metrics::new(&node.commits)),
            document: Data::new(Document::new()),
            certificate: tls.map(|tls| Arc::clone(&tls.current)),
            config: Arc::new(config.clone()),
            node: Arc::new(node),
            draining: Arc::new(AtomicBool::new(false)),
        })
    }
}

/// Every path. What is under `/v1` needs an API key.
fn routes(config: &mut ServiceConfig, shared: &Shared) {
    if let Some(other_nodes) = &shared.other_nodes {
        config.app_data(other_nodes.clone());
    }
    config
        .app_data(shared.commands.clone())
        .app_data(shared.queries.clone())
        .app_data(shared.access_log.clone())
        .app_data(shared.feeds.clone())
        .app_data(shared.limits.clone())
        .app_data(shared.authenticator.clone())
        .app_data(shared.sessions.clone())
        .app_data(shared.refusals.clone())
        .app_data(shared.metrics.clone())
        .app_data(shared.document.clone())
        .app_data(Data::new(shared.clone()))
        .service(get("/livez", health::livez))
        .service(get("/readyz", health::readyz))
        .service(get("/metrics", health::metrics))
        .service(get("/openapi.json", docs::openapi))
        .service(get("/docs", docs::page))
        .service(get("/docs/app.js", docs::script))
        .service(get("/docs/style.css", docs::style))
        .service(get(CARD, party::card))
        .service(get(SIGNED_CARD, party::signed_card))
        .service(get("/.well-known/jwks.json", party::keys))
        .service(get("/evidence/{path:.*}", evidence::file))
        .service(get("/problems", problems::index))
        .service(get("/problems/{slug}", problems::one))
        .service(get("/sign-in", sessions::show).route(web::post().to(sessions::sign_in)))
        .service(
            web::resource("/sign-out").route(web::post().to(sessions::sign_out)).default_service(web::to(fallback)),
        )
        .service(get("/style.css", layout::style))
        .service(site::resource())
        .configure(shop::configure)
        .configure(pages::configure)
        .service(
            web::scope("/v1")
                .wrap(from_fn(fallback::only_what_there_is))
                .wrap(from_fn(auth::authenticate))
                .wrap(from_fn(refusals::remember))
                .route("/log/seal", web::post().to(seal::seal))
                .route("/keys/rotate", web::post().to(persons::rotate))
                .route("/users/find", web::post().to(persons::find))
                .route("/users/{id}/receipt", web::get().to(persons::receipt))
                .route("/users/{id}/receipt", web::head().to(persons::receipt))
                .route("/activities", web::get().to(activities::list))
                .route("/activities/retry", web::post().to(activities::retry))
                .route("/events", web::get().to(feed::follow))
                .route("/events", web::head().to(feed::ask))
                .service(blobs::resource())
                .route("/statements/{account}", web::get().to(statements::statement))
                .route("/statements/{account}", web::head().to(statements::statement))
                .configure(fees::configure)
                .configure(members::configure)
                .route("/settlements/{id}/content/{n}", web::get().to(contents::of_settlement))
                .route("/settlements/{id}/content/{n}", web::head().to(contents::of_settlement))
                .route("/page-deliveries/{id}/content/{sha256}", web::get().to(site::content))
                .route("/page-deliveries/{id}/content/{sha256}", web::head().to(site::content))
                .route("/pages/{id}/message", web::get().to(site::message::text))
                .route("/pages/{id}/message.wav", web::get().to(site::message::speech))
                .route("/offers/{id}/content/{n}", web::get().to(shop::content))
                .route("/offers/{id}/content/{n}", web::head().to(shop::content))
                .configure(kippu_actors::http::configure)
                .configure(kippu_projections::http::configure),
        )
        .default_service(web::to(fallback));
}

/// A path that is only read.
fn get<F, Args>(path: &str, handler: F) -> actix_web::Resource
where
    F: actix_web::Handler<Args> + Copy,
    Args: actix_web::FromRequest + 'static,
    F::Output: actix_web::Responder + 'static,
{
    web::resource(path).route(web::get().to(handler)).route(web::head().to(handler)).default_service(web::to(fallback))
}

/// How long what a caller still sends is thrown away after an answer that came before all of it was read; closing at once
/// could take the answer from it.
const LINGER: Duration = Duration::from_secs(1);

/// Why a server does not go on by itself.
pub(crate) enum Over {
    /// The other nodes do not want this one any more, for this reason.
    Expelled(String),
    /// It listens no longer.
    Failed(std::io::Error),
    /// The views are not kept up to date any more, for this reason, so that nobody can be authenticated.
    Blind(String),
}

/// A running server over a node.
pub(crate) struct Server {
    shared: Shared,
    handle: ServerHandle,
    task: JoinHandle<std::io::Result<()>>,
    /// What goes on at the same time as the requests.
    background: JoinSet<()>,
}

impl Server {
    /// Serves `node` on `listener`, by TLS alone where there is any: when this returns, every worker takes requests. Where it
    /// calls other nodes, `roots` are trusted too. MUST be called on an actix system.
    ///
    /// # Errors
    /// Where the listener cannot be used, or a worker does not come up.
    pub(crate) async fn start(
        node: Node,
        config: &Config,
        listener: TcpListener,
        tls: Option<Tls>,
        roots: &Roots,
    ) -> std::io::Result<Self> {
        let shared = Shared::new(node, config, tls.as_ref(), roots)?;
        let http = &config.http;
        let workers = usize::from(http.workers);
        let for_workers = shared.clone();
        let keep_alive = Duration::from_secs(http.keep_alive_secs.into());
        let request_time = Duration::from_secs(http.request_timeout_secs.into());
        let patience = Patience { request: request_time, idle: keep_alive };
        let builder = dev::Server::build();
        let ends = builder.graceful_shutdown_signal();
        let acceptor = tls.as_ref().map(|tls| tls.acceptor.clone());
        // As `HttpServer` puts it together, with connections that are paced.
        let service = move || {
            let app = App::new().wrap(from_fn(edge::edge)).configure(|config| routes(config, &for_workers));
            let app = app.into_factory().map_err(|error: actix_web::Error| error.error_response());
            let (ends, of_http, acceptor) = (ends.clone(), ends.clone(), acceptor.clone());
            let http = HttpService::build()
                .graceful_shutdown_signal(move || {
                    let ends = of_http.clone();
                    async move { ends.notified().await }
                })
                .keep_alive(patience.next())
                // Heads are timed with the connection.
                .client_request_timeout(Duration::ZERO)
                .client_disconnect_timeout(LINGER)
                .on_connect_ext(|connection: &Front, of_requests| {
                    of_requests.insert(connection.turn());
                })
                .h1(map_config(app, |()| AppConfig::default()));
            fn_service(move |stream: TcpStream| {
                let (ends, acceptor, peer) = (ends.clone(), acceptor.clone(), stream.peer_addr().ok());
                keep_little_unsent(&stream);
                async move {
                    let wire = match acceptor {
                        None => Wire::Plain(stream),
                        Some(acceptor) => Wire::Tls(tokio::select! {
                            agreed = acceptor.accept(stream, patience.request) => Box::new(agreed?),
                            // Nothing was asked yet.
                            () = ends.notified() => return Err(DispatchError::Io(ErrorKind::ConnectionAborted.into())),
                        }),
                    };
                    Ok((Front::new(Paced::new(wire, patience)), peer))
                }
            })
            .and_then(http)
        };
        let server = builder
            .workers(workers)
            .max_concurrent_connections(usize::try_from(http.most_connections).unwrap_or(usize::MAX).div_ceil(workers))
            .shutdown_timeout(http.drain_secs.into())
            .disable_signals()
            .listen("http", listener, service)?
            .run();
        let handle = server.handle();
        let mut server = Box::pin(server);
        // It starts its workers, and waits for them, the first time that it is polled; it is over only where that failed.
        if let Poll::Ready(ended) = poll_fn(|context| Poll::Ready(server.as_mut().poll(context))).await {
            return Err(ended.err().unwrap_or_else(|| std::io::Error::other("it ended at once")));
        }
        let mut background = JoinSet::new();
        if let Some(owners) = shared.owners.clone() {
            background.spawn(async move { owners.ask_on().await });
        }
        background.spawn(node::reach_persons(Arc::clone(&shared.node.secrets)));
        background.spawn(node::forget_on(shared.node.queries.clone(), Arc::clone(&shared.node.secrets)));
        if let Some(tls) = tls {
            background.spawn(tls.renew());
        }
        background.spawn(Sweep::new(&shared.node, Arc::clone(&shared.ledger), &config.blobs).go_on());
        background.spawn(Guard::new(&shared.node).go_on());
        background.spawn(Making::new(&shared.node).go_on());
        let (queries, runtime) = (shared.node.queries.clone(), shared.node.runtime.clone());
        background.spawn(Enrolling::new(queries.clone(), runtime.clone(), Arc::clone(&shared.node.secrets)).go_on());
        background.spawn(Bringing::new(queries, runtime, Arc::clone(&shared.node.secrets)).go_on());
        Ok(Self { shared, handle, task: tokio::spawn(server), background })
    }

    /// Waits until it does not go on.
    pub(crate) async fn over(&mut self) -> Over {
        tokio::select! {
            reason = self.shared.node.expelled() => Over::Expelled(reason),
            ended = &mut self.task => Over::Failed(match ended {
                Ok(Err(error)) => error,
                Ok(Ok(())) => std::io::Error::other("it listens no longer"),
                Err(error) => std::io::Error::other(error),
            }),
            Some(reason) = self.shared.node.queries.ended() => Over::Blind(reason),
        }
    }

    /// Hands over to other nodes where there are any, then accepts no more connections, lets requests under way end, and
    /// stops the node.
    ///
    /// # Errors
    /// Where the server had failed before, or the node does not stop in time.
    pub(crate) async fn stop(mut self) -> std::io::Result<()> {
        self.shared.draining.store(true, Ordering::SeqCst);
        // They do not end by themselves, and whoever follows goes on at another node, or at the next start.
        self.shared.feeds.end();
        self.shared.node.hand_over().await;
        self.handle.stop(true).await;
        self.background.shutdown().await;
        let patience = Duration::from_secs(self.shared.config.http.drain_secs.into());
        if tokio::time::timeout(patience, self.shared.node.stop()).await.is_err() {
            return Err(std::io::Error::new(ErrorKind::TimedOut, "the log does not end what is under way"));
        }
        match self.task.await {
            Ok(ended) => ended,
            Err(error) => Err(std::io::Error::other(error)),
        }
    }
}
