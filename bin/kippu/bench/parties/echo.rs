//! The least that a signed call can cost: a server that checks who has signed, and answers with the same body, signed. The code that
//! signs and checks is that of the product; keys lie in memory, and nothing is written.

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use actix_web::http::header::HeaderMap;
use actix_web::web::{Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use kippu_client::Method;
use kippu_client::signature::call::PeerAddress;
use kippu_client::signature::{
    CONTENT_DIGEST, Refused, Request, Response, Signed, combined, digest, request, response,
};
use kippu_events::Time;

use super::super::figure::BenchError;
use super::keys::Pair;
use super::lines::Lines;
use super::load::Work;

/// What is asked.
const PATH: &str = "/v1/approvals/release";

/// A running echo, and who calls it.
pub(super) struct Echo {
    address: SocketAddr,
    caller: Pair,
    answerer: Pair,
    body: Vec<u8>,
    handle: ServerHandle,
}

/// Now, as signatures have it.
pub(super) fn now_s() -> i64 {
    Time::now().micros().div_euclid(1_000_000)
}

impl Echo {
    /// Starts one, which is called with `body`.
    pub(super) fn start(body: Vec<u8>) -> Result<Self, BenchError> {
        let (caller, answerer) = (Pair::new("caller", 1), Pair::new("answerer", 2));
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let both = Data::new((caller.clone(), answerer.clone()));
        let server = HttpServer::new(move || App::new().app_data(both.clone()).route(PATH, web::post().to(answer)))
            .disable_signals()
            // However slow the machine is.
            .client_request_timeout(Duration::ZERO)
            .listen(listener)?
            .run();
        let handle = server.handle();
        actix_rt::spawn(server);
        Ok(Self { address, caller, answerer, body, handle })
    }

    pub(super) async fn stop(&self) {
        self.handle.stop(true).await;
    }
}

impl Work for Echo {
    async fn once(&self, number: u64, due: Instant, lines: &Lines) -> Result<Vec<Duration>, BenchError> {
        let answerer = self.answerer.clone();
        let keys = Box::new(move |key: &str| answerer.verify(key));
        let peer = PeerAddress { url: format!("http://{}", self.address), party: self.answerer.party.to_owned(), keys };
        let (signer, key, body) = (self.caller.signer(), format!("{number:032}"), self.body.clone());
        let called = lines.caller.call(&signer, &peer, Method::POST, PATH, Some(&key), Some(body)).await;
        let answer = called.map_err(BenchError::load)?;
        if answer.status.is_success() { Ok(vec![due.elapsed()]) } else { Err(BenchError::load(answer.text())) }
    }
}

/// Who has signed it, checked; the same body, signed.
async fn answer(asked: HttpRequest, body: Bytes, both: Data<(Pair, Pair)>) -> HttpResponse {
    let (caller, answerer) = &**both;
    let digest = digest::of(&body);
    match signed(&asked, &body, &digest, (caller, answerer)) {
        Ok(signed) => {
            let mut response = HttpResponse::Ok();
            response.insert_header(("content-type", JSON)).insert_header((CONTENT_DIGEST, digest));
            signed.fields().into_iter().for_each(|field| {
                response.insert_header(field);
            });
            response.body(body)
        }
        Err(refused) => HttpResponse::Unauthorized().body(refused.to_string()),
    }
}

const JSON: &str = "application/json";

fn signed(
    asked: &HttpRequest,
    body: &[u8],
    digest: &str,
    (caller, answerer): (&Pair, &Pair),
) -> Result<Signed, Refused> {
    let of_asked = |name: &str| field(asked.headers(), name);
    let (method, path, query) = (asked.method().as_str(), asked.path(), asked.query_string());
    let asked = Request { method, path, query, field: &of_asked };
    let unverified = request::parse(asked, body, request::Here { party: answerer.party, now: now_s() })?;
    let verify = caller.verify(&unverified.key).ok_or_else(|| Refused::Key(unverified.key.clone()))?;
    unverified.verify(verify)?;
    let of_answer = |name: &str| match name {
        "content-type" => Some(JSON.to_owned()),
        CONTENT_DIGEST => Some(digest.to_owned()),
        _ => None,
    };
    let answer = Response { status: 200, field: &of_answer };
    response::sign(answer, asked, &unverified.label, &answerer.signer(), now_s())
}

fn field(headers: &HeaderMap, name: &str) -> Option<String> {
    combined(headers.get_all(name).map(|value| value.as_bytes()))
}
