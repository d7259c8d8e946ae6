//! Who this node is to other parties, for everybody: its card, and its keys as a JWK set (RFC 7517).

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::Data;
use kippu_actors::Problem;
use kippu_actors::partners::kits;
use kippu_events::secrets::SigningUse;
use kippu_events::statement;
use serde_json::json;

use super::Shared;
use crate::parties::{Card, CardKey};

/// Keys change seldom, and the next one is published long before it signs.
const MAY_BE_KEPT: &str = "max-age=60";

/// What one party sends another to be registered.
pub(crate) async fn card(shared: Data<Shared>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, MAY_BE_KEPT)).json(own(&shared).await?))
}

/// The same, signed: a party that does not know this one yet sees that it has the keys that it names.
pub(crate) async fn signed_card(shared: Data<Shared>) -> Result<HttpResponse, Problem> {
    let node = &shared.node;
    let number = node.identity.number(SigningUse::Statements).await?;
    let text = statement::sign(&node.secrets, number, kits::CARD, &own(&shared).await?);
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CONTENT_TYPE, "application/jose"));
    response.insert_header((header::CACHE_CONTROL, MAY_BE_KEPT));
    Ok(response.body(text))
}

async fn own(shared: &Shared) -> Result<Card, Problem> {
    let node = &shared.node;
    let (name, url) = (shared.config.node.name.clone(), node.url.clone());
    Ok(Card { party: node.identity.party(), name, url, keys: node.identity.all_keys().await? })
}

/// Every key that has signed, signs or will.
pub(crate) async fn keys(shared: Data<Shared>) -> Result<HttpResponse, Problem> {
    let keys = shared.node.identity.all_keys().await?;
    let jwk = |CardKey { r#use, x }: CardKey| json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": x.id(), "x": x, "kippu_use": r#use });
    let keys: Vec<_> = keys.into_iter().map(jwk).collect();
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CONTENT_TYPE, "application/jwk-set+json"));
    response.insert_header((header::CACHE_CONTROL, MAY_BE_KEPT));
    Ok(response.body(json!({ "keys": keys }).to_string()))
}
