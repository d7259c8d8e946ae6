//! Members, at every node of a contract: what a member says here is handed on to the central node with this party's signature, at once and
//! without keeping any of it, and what it answers is answered. While it is away, a member may be identified here, where the contract says so.

mod data;
mod hop;

use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{self, Bytes, Data, Path, Payload, ServiceConfig};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use kippu_actors::http::{IDEMPOTENCY_KEY, read_body, render, still};
use kippu_actors::problem::{self, Problem, raw_body};
use kippu_actors::{Answer, Call};
use kippu_events::access::{Caller, Role};
use kippu_events::partners::contracts::{Contract, Known, MemberTerms};
use kippu_events::statement::sha256;
use kippu_events::{EntityId, EntityKey, Family, Time};
use serde_json::{Map, Value, json};

pub(super) use self::hop::Hop;
use super::Shared;
use super::given::{Asked, Given, give};

/// As a UUID without hyphens has them.
const LEAST_GUEST_KEY_CHARS: usize = 32;

/// Adds what lies under `/v1`.
pub(super) fn configure(config: &mut ServiceConfig) {
    config.route("/contracts/{id}/members/{command}", web::post().to(hand_on));
    for method in [web::get, web::head] {
        config
            .route("/contracts/{id}/management/{output}", method().to(data::management))
            .route("/contracts/{id}/page-users", method().to(data::on_page))
            .route("/member-actions/regions", method().to(data::regional_sales))
            .route("/members/marketing", method().to(data::addressees));
    }
}

/// What a member may say here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    Register,
    SignIn,
    Confirm,
    Consent,
}

impl Said {
    fn of(name: &str) -> Option<Self> {
        match name {
            "register" => Some(Self::Register),
            "sign-in" => Some(Self::SignIn),
            "confirm" => Some(Self::Confirm),
            "consent" => Some(Self::Consent),
            _ => None,
        }
    }

    /// The command of the family, and its path at the central node.
    const fn command(self) -> (&'static str, &'static str) {
        match self {
            Self::Register => ("open", "/v1/members"),
            Self::SignIn => ("sign_in", "/v1/members/sign-in"),
            Self::Confirm => ("confirm", "/v1/members/confirm"),
            Self::Consent => ("consent", "/v1/members/consent"),
        }
    }

    /// Whether it says for which site.
    const fn has_site(self) -> bool {
        matches!(self, Self::Register | Self::SignIn)
    }
}

/// `POST /v1/contracts/{id}/members/{command}`.
///
/// # Errors
/// What the central node refuses, and 503 while it is away.
async fn hand_on(
    request: HttpRequest,
    path: Path<(String, String)>,
    shared: Data<Shared>,
    body: Payload,
) -> Result<HttpResponse, Problem> {
    let (id, name) = path.into_inner();
    let absent = |what: &str| Problem::new(&problem::NOT_FOUND, format!("there is no such {what}"));
    let caller = request.extensions().get::<Caller>().copied().unwrap_or(Caller::GUEST);
    let is_partner = caller.is_peer() && caller.roles.has(Role::PartnerSite);
    if !(caller.is_guest() || is_partner) {
        return Err(Problem::new(&problem::FORBIDDEN, "this is for members, and for the other party of the contract"));
    }
    let said = Said::of(&name).ok_or_else(|| absent("command"))?;
    let id: EntityId = id.parse().map_err(|_| absent("contract"))?;
    let key = key(&request, &caller)?;
    let bytes = read_body(request.headers(), body, &shared.limits).await?;
    still(&request)?;
    let mut fields: Map<String, Value> =
        serde_json::from_str(raw_body(&bytes)?.get()).map_err(|error| problem::bad_body(&error))?;
    let (own, found) = (shared.node.secrets.party, shared.node.runtime.peek(EntityKey::of::<Contract>(id)).await?);
    let known = found.state.as_any().downcast_ref::<Contract>().and_then(Contract::known);
    let known = known.filter(|known| known.side(own).is_some()).ok_or_else(|| absent("contract"))?;
    if caller.is_peer() && caller.party() != Some(known.partner) {
        return Err(Problem::new(&problem::FORBIDDEN, "this is for the other party of the contract"));
    }
    let terms = terms(known).ok_or_else(|| absent("member of this contract now: its terms say nothing of any"))?;
    if said.has_site() {
        // A partner site asks for its own members alone.
        let site = if caller.is_peer() { known.partner } else { own };
        fields.insert("site".to_owned(), json!(site));
    }
    let member = Member { id, known, terms, said, key: &key, fields };
    let Some(next) = known.towards_central(terms, own) else {
        return member.here(&request, &shared, caller, &bytes).await;
    };
    let central = known.central(terms);
    match member.there(&shared, next, next == central).await {
        Ok(answer) if caller.is_peer() => Ok(answered(answer.status, answer.body)),
        Ok(answer) => Ok(member.came(&shared, answer).await),
        Err(away) if said == Said::SignIn && !caller.is_peer() => {
            member.while_away(&request, &shared, away, &bytes).await
        }
        Err(away) => Err(away),
    }
}

/// The terms that count now.
fn terms(known: &Known) -> Option<&MemberTerms> {
    known.at(Time::now())?.terms.members.as_ref()
}

/// The idempotency key, which nobody can guess where it is a guest's.
fn key(request: &HttpRequest, caller: &Caller) -> Result<String, Problem> {
    let key = request.headers().get(&IDEMPOTENCY_KEY).and_then(|key| key.to_str().ok()).unwrap_or_default();
    let least = if caller.is_guest() { LEAST_GUEST_KEY_CHARS } else { 1 };
    if (least..=255).contains(&key.len()) {
        return Ok(key.to_owned());
    }
    let detail = format!("a command needs the header idempotency-key, of at least {LEAST_GUEST_KEY_CHARS} characters");
    Err(Problem::new(&problem::INVALID_REQUEST, detail))
}

fn answered(status: u16, body: Vec<u8>) -> HttpResponse {
    let status = actix_web::http::StatusCode::from_u16(status).unwrap_or(actix_web::http::StatusCode::BAD_GATEWAY);
    let media_type = if status.is_success() { "application/json" } else { "application/problem+json" };
    HttpResponse::build(status).insert_header((CONTENT_TYPE, media_type)).body(body)
}

/// What a member says, under a contract.
struct Member<'a> {
    id: EntityId,
    known: &'a Known,
    terms: &'a MemberTerms,
    said: Said,
    key: &'a str,
    fields: Map<String, Value>,
}

impl Member<'_> {
    /// A key for what follows from the request: the same at every retry.
    fn key_of(&self, what: &str) -> String {
        sha256(&format!("kippu.member.1\n{what}\n{}\n{}", self.id, self.key))
    }

    /// At the central node itself.
    async fn here(
        self,
        request: &HttpRequest,
        shared: &Shared,
        caller: Caller,
        bytes: &Bytes,
    ) -> Result<HttpResponse, Problem> {
        let call = Call { caller, key: self.key.to_owned(), id: None, if_match: None };
        let asked =
            Asked { family: Family::Members, name: self.said.command().0, call, body: Value::Object(self.fields) };
        match give(request, shared, asked, bytes).await? {
            Given::Here(outcome) => Ok(render(outcome)),
            Given::There(answer) => Ok(answer),
        }
    }

    /// At the next node on the way to the central one.
    async fn there(&self, shared: &Shared, next: EntityId, is_central: bool) -> Result<hop::Answer, Problem> {
        let path = if is_central {
            self.said.command().1.to_owned()
        } else {
            let name = match self.said {
                Said::Register => "register",
                Said::SignIn => "sign-in",
                Said::Confirm => "confirm",
                Said::Consent => "consent",
            };
            format!("/v1/contracts/{}/members/{name}", self.id)
        };
        let body = Value::Object(self.fields.clone()).to_string().into_bytes();
        shared.hop.post(next, &path, &self.key_of("there"), body).await
    }

    /// What the central node has answered. What lets this node identify the member is for this node alone.
    async fn came(self, shared: &Shared, answer: hop::Answer) -> HttpResponse {
        let mut told: Map<String, Value> = match serde_json::from_slice(&answer.body) {
            Ok(told) if answer.status < 300 => told,
            Ok(_) | Err(_) => return answered(answer.status, answer.body),
        };
        if let Some(allowance) = told.remove("allowance").filter(|_| self.terms.copy_secs.is_some()) {
            self.copy(shared, &allowance).await;
        }
        answered(answer.status, Value::Object(told).to_string().into_bytes())
    }

    /// Keeps what identifies the member here. That it is not kept holds up nobody now.
    async fn copy(&self, shared: &Shared, allowance: &Value) {
        let body = json!({
            "contract": self.id, "allowance": allowance, "login": self.fields.get("login"), "password": self.fields.get("password"),
        });
        let call = Call { caller: Caller::GUEST, key: self.key_of("copy"), id: None, if_match: None };
        let ran = shared.commands.run(Family::Members, "copy", call, body.to_string().as_bytes()).await;
        match ran.map_err(Problem::from).map(|outcome| outcome.answer) {
            Ok(Answer::Done { .. }) => {}
            Ok(Answer::Refused(problem)) | Err(problem) => {
                tracing::warn!(%problem, "a member cannot be identified here while the central node is away");
            }
        }
    }

    /// Identifies the member here, where that is agreed.
    async fn while_away(
        mut self,
        request: &HttpRequest,
        shared: &Shared,
        away: Problem,
        bytes: &Bytes,
    ) -> Result<HttpResponse, Problem> {
        if self.terms.copy_secs.is_none() || self.known.partner != shared.node.secrets.party {
            return Err(away);
        }
        self.fields.insert("contract".to_owned(), json!(self.id));
        let call = Call { caller: Caller::GUEST, key: self.key_of("here"), id: None, if_match: None };
        let asked = Asked { family: Family::Members, name: "sign_in", call, body: Value::Object(self.fields) };
        match give(request, shared, asked, bytes).await? {
            Given::Here(outcome) => Ok(render(outcome)),
            Given::There(answer) => Ok(answer),
        }
    }
}
