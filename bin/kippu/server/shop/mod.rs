//! `/shop`: what the shop sells, for people, and the form that makes an offer of it. Made here, without a script. Programs that
//! accept JSON alone are answered the rows as `/v1` has them.

mod bytes;
mod catalogue;
mod files;
mod form;
mod page;

use actix_web::http::header::{ACCEPT, HeaderMap};
use actix_web::web::{self, ServiceConfig};

use super::fallback::fallback;
use super::get;

pub(crate) use self::files::content;

/// Adds the paths of the shop.
pub(super) fn configure(config: &mut ServiceConfig) {
    config
        .service(get("/shop", catalogue::list))
        .service(get("/shop/pictures/{sha256}", files::picture))
        .service(web::resource("/shop/offers").route(web::post().to(form::buy)).default_service(web::to(fallback)))
        .service(
            web::resource("/shop/offers/{id}/content/{n}")
                .route(web::post().to(files::taken))
                .default_service(web::to(fallback)),
        )
        .service(get("/shop/{product}", catalogue::product));
}

/// Whether a program asks: it accepts JSON, and no page.
fn wants_json(headers: &HeaderMap) -> bool {
    let accepted =
        || headers.get_all(ACCEPT).filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let is = |range: &str, essence| range.split(';').next().is_some_and(|of| of.trim().eq_ignore_ascii_case(essence));
    accepted().any(|range| is(range, "application/json")) && !accepted().any(|range| is(range, "text/html"))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn a_program_is_told_from_a_browser_by_what_it_accepts() {
        for (accepted, expected) in [
            (&["application/json"][..], true),
            (&["application/json;q=0.9, */*;q=0.1"], true),
            (&["text/plain", "Application/JSON"], true),
            (&["text/html,application/xhtml+xml,application/json;q=0.9,*/*;q=0.8"], false),
            (&["*/*"], false),
            (&[], false),
        ] {
            let mut headers = HeaderMap::new();
            accepted.iter().for_each(|value| headers.append(ACCEPT, HeaderValue::from_static(value)));
            assert_eq!(wants_json(&headers), expected, "{accepted:?}");
        }
    }
}
