//! What a person needs to buy with a browser alone, next to `/shop` and `/sign-in`: `/approve` and `/approvals` at the authentication
//! server, `/settle` and `/settlements` at the settlement server, and `/enrol` for operators. Every page asks the same commands and queries
//! as `/v1`.

mod approvals;
mod approve;
mod enrol;
mod settle;
mod settlements;
mod who;

use actix_web::web::{self, ServiceConfig};

use super::fallback::fallback;
use super::get;

/// Adds the paths.
pub(super) fn configure(config: &mut ServiceConfig) {
    let taking = |path: &str, route: actix_web::Route| {
        web::resource(path.to_owned()).route(route).default_service(web::to(fallback))
    };
    config
        .service(get("/approve", approve::show).route(web::post().to(approve::approve)))
        .service(get("/approvals/{id}", approvals::show).route(web::post().to(approvals::collect)))
        .service(taking("/settle", web::post().to(settle::settle)))
        .service(get("/settlements/{id}", settlements::show))
        .service(get("/settlements/{id}/content/{n}", settlements::content))
        .service(taking("/settlements/{id}/received", web::post().to(settlements::received)))
        .service(taking("/settlements/{id}/collect", web::post().to(settlements::collect)))
        .service(get("/enrol", enrol::show).route(web::post().to(enrol::enrol)));
}
