//! `/livez`, `/readyz` and `/metrics`.

use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, ResponseError as _};
use kippu_actors::problem::{self, Problem};
use kippu_actors::runtime::{Figures, Phase};
use kippu_events::Time;
use kippu_events::access::clients::Role;
use serde_json::json;

use super::Shared;
use super::lacks::{self, Lack, Own};
use super::metrics::{self, Kind, Readings};
use crate::node::free_bytes;
use crate::telemetry;

/// Whether the process is alive. Looks at nothing: whoever restarts a process that fails this MUST NOT do so for a slow
/// disk or a view that lags.
pub(crate) async fn livez(shared: Data<Shared>) -> HttpResponse {
    // By this the nodes of a log are found that have different blobs.
    let blobs = shared.node.blobs_at.as_deref();
    let mut alive = json!({
        "status": "alive",
        "version": env!("CARGO_PKG_VERSION"),
        "log": shared.node.log.id().to_string(),
        "node": shared.config.node.name,
        "time": Time::now().to_string(),
    });
    if let Some(blobs) = blobs {
        alive["blobs"] = blobs.into();
    }
    HttpResponse::Ok().json(alive)
}

/// Asks only what this node serves itself, and nothing of the nodes that it asks in turn: by this, nodes ask each other.
const OWN: &str = "own";

/// Whether this node serves now. What is missing is for everybody; why it is, for operators alone.
pub(crate) async fn readyz(request: HttpRequest, shared: Data<Shared>) -> HttpResponse {
    let lag = || shared.node.queries.status().views.iter().map(|view| view.lag).max().unwrap_or_default();
    let asks_own = request.query_string().split('&').any(|asked| asked.split('=').next() == Some(OWN));
    let (ready, lacks) = if asks_own {
        let Own { lacks, serves, .. } = Own::of(&shared).await;
        (json!({ "status": "ready", "lag": lag(), "partitions": serves }), lacks)
    } else {
        let ready = json!({ "status": "ready", "lag": lag() });
        (ready, lacks::all(&shared).await)
    };
    if lacks.is_empty() {
        return HttpResponse::Ok().json(ready);
    }
    let told = operator(&request, &shared).await.is_ok();
    let texts = lacks.into_iter().map(|Lack { what, why }| match why.filter(|_| told) {
        Some(why) => format!("{what}: {why}"),
        None => what,
    });
    Problem::later(&problem::NOT_READY, texts.collect::<Vec<_>>().join("; ")).error_response()
}

/// Lets operators in.
async fn operator(request: &HttpRequest, shared: &Shared) -> Result<(), Problem> {
    let address = request.peer_addr().map(|address| address.ip());
    let caller = shared.authenticator.admit(request.headers(), address).await?.caller;
    if caller.is_among(&[Role::Operator, Role::Auditor]) {
        return Ok(());
    }
    let kind = if caller.is_guest() { &problem::UNAUTHENTICATED } else { &problem::FORBIDDEN };
    Err(Problem::new(kind, "figures are for operators"))
}

/// Figures, for operators. Where a node stands behind a proxy every caller is a peer on this machine, so that being one
/// opens nothing.
pub(crate) async fn metrics(request: HttpRequest, shared: Data<Shared>) -> HttpResponse {
    if let Err(problem) = operator(&request, &shared).await {
        return problem.error_response();
    }
    let text = shared.metrics.text(&readings(&shared).await);
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8"))
        .body(text)
}

/// What the runtime, the views and the clients of a log on Kafka say of themselves.
// Figures of Prometheus are floating point; counts beyond 2^53 do not occur.
#[allow(clippy::cast_precision_loss)]
async fn readings(shared: &Shared) -> Readings {
    let mut readings = Readings::default();
    let figures = shared.node.runtime.figures().await;
    let mut add = |name, help, value: fn(&Figures) -> f64| {
        let values = figures.iter().enumerate();
        let values = values.filter_map(|(p, figures)| Some(([p.to_string()], value(figures.as_ref()?))));
        readings.add(Kind::Gauge, name, help, ["partition"], values);
    };
    add("partition_head", "The last record that was handed to the log", |f| f.head as f64);
    add("partition_durable", "The last durable record", |f| f.durable as f64);
    add("partition_epoch", "The epoch of the claim", |f| f.epoch as f64);
    add("partition_waiting", "Answers that wait for the log", |f| f.waiting as f64);
    add("partition_loaded_entities", "Entities in memory", |f| f.loaded as f64);
    add("partition_store_lag", "Entities that the entity store lags behind", |f| f.lagging as f64);
    add("partition_quarantined", "Entities set aside after a panic", |f| f.quarantined as f64);
    add("partition_clock_jumped", "1 where commands stand still because the clock jumped", |f| {
        f64::from(u8::from(f.clock_jumped))
    });
    add("partition_clock_drift_seconds", "How far the wall clock has drifted from the time that has passed", |f| {
        f.clock_drift_micros as f64 / 1e6
    });
    add("partition_owed_seconds", "For how long the log has owed its oldest answer", |f| f.owed.as_secs_f64());
    add("partition_tail_seconds", "How long the log's tail was read when the partition was opened", |f| {
        f.tail_read.as_secs_f64()
    });
    let left = shared.certificate.iter().map(|current| ([], current.ends().since(Time::now()).as_secs_f64()));
    readings.add(
        Kind::Gauge,
        "certificate_left_seconds",
        "Until the certificate that callers are shown ends",
        [],
        left,
    );
    let serving = shared.node.runtime.phases().into_iter().enumerate().map(|(partition, phase)| {
        let serves = match phase {
            Phase::Serving { .. } => 1.0,
            Phase::Warming | Phase::Standby { .. } | Phase::Opening | Phase::Moved { .. } | Phase::Halted(_) => 0.0,
        };
        ([partition.to_string()], serves)
    });
    readings.add(Kind::Gauge, "partition_serving", "1 where the partition takes commands", ["partition"], serving);
    let status = shared.node.queries.status();
    let by_view = |value: fn(&kippu_projections::queries::ViewStatus) -> f64| {
        status.views.iter().map(move |view| ([view.name.clone()], value(view))).collect::<Vec<_>>()
    };
    readings.add(
        Kind::Gauge,
        "view_lag",
        "Entries of the log that a view has not read",
        ["view"],
        by_view(|view| view.lag as f64),
    );
    readings.add(
        Kind::Gauge,
        "view_stalled",
        "Partitions in which a view does not go on",
        ["view"],
        by_view(|view| view.partitions.iter().filter(|partition| partition.halted.is_some()).count() as f64),
    );
    if let Ok(free) = free_bytes(shared.node.dir.path()) {
        let value = [(["data".to_owned()], free as f64)];
        readings.add(Kind::Gauge, "free_bytes", "Free bytes of the data directory's file system", ["directory"], value);
    }
    let lost = [([], telemetry::lost() as f64)];
    readings.add(Kind::Counter, "trace_lines_lost", "Lines of traces that could not be written", [], lost);
    if let Some(kafka) = &shared.node.kafka {
        metrics::kafka::tell(&mut readings, &kafka.figures());
    }
    readings
}
