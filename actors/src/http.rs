//! The command endpoints, the same for every family: `POST /v1/{family}` opens, `POST /v1/{family}/{id}/{command}`
//! acts, and `POST /v1/{family}/{command}` acts on what a token in the body names. Commands are written in paths with `-` for `_`.
//!
//! Thin on purpose: read the request, run it through [`Commands`], write the answer. Whoever mounts these puts
//! [`Commands`] and [`Limits`] into the application data, and a [`Caller`] into each request's extensions.

use std::time::Duration;

use actix_web::http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, IF_MATCH,
};
use actix_web::http::{StatusCode, header};
use actix_web::web::{Bytes, BytesMut, Data, Path, Payload, ServiceConfig};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError, web};
use futures_util::StreamExt as _;
use futures_util::future::LocalBoxFuture;
use kippu_events::etag::Tags;
pub use kippu_events::problem::PROBLEM_JSON;
use kippu_events::{EntityId, Family};

use kippu_events::access::Caller;

use crate::actor::{Answer, Call, CommandSpec, Target};
use crate::commands::{Commands, NotRun, may_give};
use crate::problem::{self, Problem};
use crate::runtime::Outcome;
use crate::search::Search;

/// Names a command for all its retries.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// On an answer that repeats an earlier one: `true`.
pub const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// On an answer: the record that holds what was done.
pub const KIPPU_POSITION: HeaderName = HeaderName::from_static("kippu-position");

/// What a request may cost before it is understood.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a body.
    pub most_body_bytes: usize,
    /// From the end of the head to the end of the body.
    pub body_time: Duration,
}

/// Adds the command endpoints to what lies under `/v1`.
pub fn configure(config: &mut ServiceConfig) {
    config
        .route("/{family}", web::post().to(open))
        .route("/{family}/{command}", web::post().to(act_on_token))
        .route("/{family}/{id}/{command}", web::post().to(act));
}

/// A command as paths write it.
#[must_use]
pub fn path_name(spec: &CommandSpec) -> String {
    spec.name.replace('_', "-")
}

/// The path of a command, with `{id}` where the entity's id belongs.
#[must_use]
pub fn path_of(family: Family, spec: &CommandSpec) -> String {
    match spec.target {
        Target::New => format!("/v1/{}", family.name()),
        Target::Token => format!("/v1/{}/{}", family.name(), path_name(spec)),
        Target::Id => format!("/v1/{}/{{id}}/{}", family.name(), path_name(spec)),
    }
}

async fn open(request: HttpRequest, family: Path<String>, body: Payload) -> Result<HttpResponse, Problem> {
    run(&request, &family, "open", None, body).await
}

async fn act_on_token(
    request: HttpRequest,
    path: Path<(String, String)>,
    body: Payload,
) -> Result<HttpResponse, Problem> {
    let (family, command) = path.into_inner();
    run(&request, &family, &command, None, body).await
}

async fn act(
    request: HttpRequest,
    path: Path<(String, String, String)>,
    body: Payload,
) -> Result<HttpResponse, Problem> {
    let (family, id, command) = path.into_inner();
    let id = id.parse().map_err(|e| Problem::new(&problem::NOT_FOUND, format!("{family} have no such id: {e}")))?;
    run(&request, &family, &command, Some(id), body).await
}

async fn run(
    request: &HttpRequest,
    family: &str,
    command: &str,
    id: Option<EntityId>,
    body: Payload,
) -> Result<HttpResponse, Problem> {
    let family = Family::from_name(family)
        .ok_or_else(|| Problem::new(&problem::NOT_FOUND, "there are no commands at this path"))?;
    // A command is written one way in paths; `open` has no name there.
    let spec = Commands::spec(family, &command.replace('-', "_"), id)
        .filter(|spec| (spec.target == Target::New) == (request.match_info().get("command").is_none()))
        .filter(|spec| spec.target == Target::New || path_name(spec) == command)
        .ok_or_else(|| Problem::new(&problem::NOT_FOUND, format!("{} have no such command", family.name())))?;
    if !request.query_string().is_empty() {
        return Err(Problem::new(&problem::INVALID_REQUEST, "a command has no query parameters"));
    }
    let caller = request.extensions().get::<Caller>().copied().unwrap_or(Caller::GUEST);
    let missing = || Problem::internal("the command endpoints are not wired up");
    let commands = request.app_data::<Data<Commands>>().ok_or_else(missing)?;
    let limits = request.app_data::<Data<Limits>>().ok_or_else(missing)?;
    may_give(spec, &caller)?;
    let call = Call { caller, key: idempotency_key(request.headers())?, id, if_match: if_match(request.headers())? };
    let body = read_body(request.headers(), body, limits).await?;
    let Some(other_nodes) = request.app_data::<Data<dyn OtherNodes>>() else {
        let prepared = commands.prepare(family, spec, call, &body).await?;
        drop(body);
        still(request)?;
        return Ok(render(commands.submit(prepared).await?));
    };
    let mut search = Search::begin();
    loop {
        let ran = match commands.prepare(family, spec, call.clone(), &body).await {
            Ok(prepared) => {
                still(request)?;
                commands.submit(prepared).await
            }
            Err(not_run) => Err(not_run),
        };
        match ran {
            Ok(outcome) => return Ok(render(outcome)),
            Err(NotRun::Problem(problem)) => return Err(search.told(problem)),
            Err(NotRun::OtherNode { partition, problem }) => {
                search.failed(problem);
                if let Some(answer) = other_nodes.ask(partition, request, body.clone(), &mut search).await? {
                    return Ok(answer);
                }
            }
        }
    }
}

/// Asks once more whether the caller may call: a body may come long after its head, and a PIN may wait for its turn, and
/// a key end meanwhile. Whoever mounts the endpoints may put one into each request's extensions.
pub struct StillAllowed(pub Box<dyn Fn() -> Result<(), Problem>>);

/// Whether the caller of `request` may still call.
///
/// # Errors
/// What the caller is told otherwise.
pub fn still(request: &HttpRequest) -> Result<(), Problem> {
    request.extensions().get::<StillAllowed>().map_or(Ok(()), |StillAllowed(still)| still())
}

/// Brings commands to the nodes that serve them. Whoever mounts the endpoints where several nodes share the partitions
/// puts one into the application data.
pub trait OtherNodes: Send + Sync {
    /// Asks the node that serves `partition`, and gives its answer as it is; nothing once this node is the one to ask. Looks
    /// for one until `search` is over.
    ///
    /// # Errors
    /// What the caller is told where there is no answer.
    fn ask<'a>(
        &'a self,
        partition: u16,
        request: &'a HttpRequest,
        body: Bytes,
        search: &'a mut Search,
    ) -> LocalBoxFuture<'a, Result<Option<HttpResponse>, Problem>>;
}

/// The answer to a command, with what it reflects.
#[must_use]
pub fn render(outcome: Outcome) -> HttpResponse {
    let Outcome { answer, entity, version, position, replayed } = outcome;
    let mut response = match &answer {
        Answer::Done { status, .. } => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::OK);
            let mut response = HttpResponse::build(status);
            response.insert_header((CONTENT_TYPE, "application/json"));
            if status == StatusCode::CREATED {
                response.insert_header((header::LOCATION, format!("/v1/{entity}")));
            }
            response
        }
        Answer::Refused(problem) => problem_head(problem),
    };
    response.insert_header((KIPPU_POSITION, position.to_string()));
    response.insert_header((header::ETAG, format!("\"{version}\"")));
    if replayed {
        response.insert_header((IDEMPOTENT_REPLAYED, "true"));
    }
    match answer {
        Answer::Done { body, .. } => response.body(body),
        Answer::Refused(problem) => response.body(problem.document()),
    }
}

/// The one header `name`.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name);
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Problem::new(&problem::INVALID_REQUEST, format!("the header {name} is given twice")));
    }
    let text = value
        .to_str()
        .map_err(|_| Problem::new(&problem::INVALID_REQUEST, format!("the header {name} is not printable ASCII")))?;
    Ok(Some(text))
}

fn idempotency_key(headers: &HeaderMap) -> Result<String, Problem> {
    let missing = || format!("a command needs the header {IDEMPOTENCY_KEY}, the same for all its retries");
    let key = single(headers, &IDEMPOTENCY_KEY)?.ok_or_else(|| Problem::new(&problem::INVALID_REQUEST, missing()))?;
    Ok(key.to_owned())
}

/// The versions that the lines of `If-Match` name.
fn if_match(headers: &HeaderMap) -> Result<Option<Tags>, Problem> {
    let lines: Vec<&[u8]> = headers.get_all(&IF_MATCH).map(HeaderValue::as_bytes).collect();
    if lines.is_empty() {
        return Ok(None);
    }
    let tags = String::from_utf8(lines.join(&b',')).ok().and_then(|text| Tags::parse(&text).ok());
    tags.map(Some).ok_or_else(|| {
        Problem::new(&problem::INVALID_REQUEST, "if-match holds versions as an ETag had them, for example \"3\"")
    })
}

/// The body of a request: JSON, or nothing.
///
/// # Errors
/// What is wrong with it, or with what the headers say of it.
pub async fn read_body(headers: &HeaderMap, payload: Payload, limits: &Limits) -> Result<Bytes, Problem> {
    let body = read_whole(headers, payload, limits).await?;
    // A command without fields needs no body, and no body no type: `curl -d ''` names that of a form.
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Bytes::new());
    }
    match is_json(headers)? {
        Some(true) => Ok(body),
        Some(false) => {
            let detail = "the body has another content type: send `Content-Type: application/json`";
            Err(Problem::new(&problem::UNSUPPORTED_MEDIA_TYPE, detail))
        }
        None => Err(Problem::new(&problem::UNSUPPORTED_MEDIA_TYPE, "the body has no content type")),
    }
}

/// The body of a request, whatever it is.
///
/// # Errors
/// As [`read_body`], but for its type.
pub async fn read_whole(headers: &HeaderMap, mut payload: Payload, limits: &Limits) -> Result<Bytes, Problem> {
    let too_large =
        || Problem::new(&problem::TOO_LARGE, format!("a body has at most {} bytes", limits.most_body_bytes));
    let announced = single(headers, &CONTENT_LENGTH)?.and_then(|length| length.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limits.most_body_bytes) {
        return Err(too_large());
    }
    let is_plain = |coding: &str| coding.trim().eq_ignore_ascii_case("identity");
    if !single(headers, &CONTENT_ENCODING)?.is_none_or(is_plain) {
        return Err(Problem::new(&problem::UNSUPPORTED_MEDIA_TYPE, "a body comes as it is, without content coding"));
    }
    let mut body = BytesMut::with_capacity(announced.unwrap_or(0));
    let whole = async {
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|error| {
                Problem::new(&problem::INVALID_REQUEST, format!("the body did not arrive whole: {error}"))
            })?;
            if body.len() + chunk.len() > limits.most_body_bytes {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(())
    };
    let slow = |_| Problem::new(&problem::TIMEOUT, format!("the body took more than {:?}", limits.body_time));
    tokio::time::timeout(limits.body_time, whole).await.map_err(slow)??;
    Ok(body.freeze())
}

/// Whether the body is said to be JSON in UTF-8; nothing where nothing is said.
fn is_json(headers: &HeaderMap) -> Result<Option<bool>, Problem> {
    let Some(value) = single(headers, &CONTENT_TYPE)? else { return Ok(None) };
    let mut parts = value.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    // The names of JSON before it had one, and those of formats that are made of it (RFC 6839).
    let is_made_of_json = essence.strip_prefix("application/").is_some_and(|kind| kind.ends_with("+json"));
    let is_json = ["application/json", "text/json"].contains(&essence.as_str()) || is_made_of_json;
    let is_utf8 = |parameter: &str| match parameter.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            let set = value.trim().trim_matches('"').to_ascii_lowercase();
            // ASCII is UTF-8.
            ["utf-8", "utf8", "us-ascii"].contains(&set.as_str())
        }
        Some(_) | None => true,
    };
    Ok(Some(is_json && parts.all(is_utf8)))
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.kind.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        problem_head(self).body(self.document())
    }
}

fn problem_head(problem: &Problem) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(problem.status_code());
    response.insert_header((CONTENT_TYPE, PROBLEM_JSON));
    if let Some(seconds) = problem.retry_after_secs {
        response.insert_header((header::RETRY_AFTER, seconds));
    }
    if problem.kind.status == 401 {
        response.insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"kippu\""));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(name.clone(), HeaderValue::from_str(value).unwrap());
        }
        map
    }

    #[test]
    fn a_command_without_an_idempotency_key_is_malformed() {
        let problem = idempotency_key(&headers(&[])).unwrap_err();
        assert_eq!((problem.kind.slug, problem.kind.status), ("invalid-request", 400));
    }

    #[test]
    fn two_idempotency_keys_are_malformed() {
        let two = headers(&[(IDEMPOTENCY_KEY, "a"), (IDEMPOTENCY_KEY, "a")]);
        assert_eq!(idempotency_key(&two).unwrap_err().kind, &problem::INVALID_REQUEST);
    }

    #[test]
    fn the_versions_of_all_lines_count_and_what_is_no_tag_is_malformed() {
        assert_eq!(if_match(&headers(&[])), Ok(None));
        let both = if_match(&headers(&[(IF_MATCH, "\"3\""), (IF_MATCH, "W/\"4\"")])).unwrap().unwrap();
        assert!(both.have_version(3) && both.have_version(4) && !both.have_version(5));
        for tag in ["3", "", "\"3", "three"] {
            assert_eq!(if_match(&headers(&[(IF_MATCH, tag)])).unwrap_err().kind, &problem::INVALID_REQUEST, "{tag}");
        }
    }

    #[test]
    fn only_json_in_utf8_is_json() {
        let is_json = |text: &str| is_json(&headers(&[(CONTENT_TYPE, text)])).unwrap();
        for good in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/json;charset=\"UTF-8\"",
            "application/json; charset=utf8",
            "text/json",
            "application/vnd.api+json",
        ] {
            assert_eq!(is_json(good), Some(true), "{good}");
        }
        for bad in [
            "text/plain",
            "application/json; charset=latin1",
            "application/jsonp",
            "multipart/form-data",
            "application/x-www-form-urlencoded",
            "image/x+json",
            "",
        ] {
            assert_eq!(is_json(bad), Some(false), "{bad}");
        }
    }

    #[test]
    fn a_problem_reads_as_rfc_9457_has_it() {
        let problem = Problem::later(&problem::OVERLOADED, "full");
        let body: serde_json::Value = serde_json::from_slice(&problem.document()).unwrap();
        let expected = serde_json::json!({
            "type": "/problems/overloaded", "title": "Too much is under way", "status": 503, "detail": "full"
        });
        assert_eq!(body, expected);
        let response = problem.error_response();
        assert_eq!(response.headers().get(header::RETRY_AFTER).unwrap(), "1");
        assert_eq!(response.headers().get(CONTENT_TYPE).unwrap(), PROBLEM_JSON);
    }
}
