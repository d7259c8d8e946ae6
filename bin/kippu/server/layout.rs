//! How every page for people looks: made here, without a script, and escaped as it is made.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use kippu_events::Time;
use kippu_events::money::{Currency, Minor};
use maud::{DOCTYPE, Markup, html};

/// Only what this server itself serves, and no script.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; \
                      form-action 'self'";
const STYLE: &str = include_str!("layout/style.css");

/// A page with a heading.
pub(crate) struct Page<'a> {
    title: &'a str,
    site: Option<&'a str>,
    body: Markup,
    forms_to: Vec<&'a str>,
    referrer: &'static str,
    refresh_secs: Option<u8>,
}

impl<'a> Page<'a> {
    /// The page `title`, of which nobody is told where a link leads away from it.
    pub(crate) const fn new(title: &'a str, body: Markup) -> Self {
        Self { title, site: None, body, forms_to: Vec::new(), referrer: "no-referrer", refresh_secs: None }
    }

    /// It says whose it is.
    pub(crate) fn of(self, site: &'a str) -> Self {
        Self { site: Some(site), ..self }
    }

    /// Its forms act for whom this server knows by a cookie. `Origin` would be `null` without a referrer, so this site is told.
    pub(crate) fn acts_here(self) -> Self {
        Self { referrer: "same-origin", ..self }
    }

    /// Its forms go to `origins` too, each of which MUST be an [`origin`].
    pub(crate) fn forms_to(self, origins: impl Iterator<Item = &'a str>) -> Self {
        Self { forms_to: origins.collect(), ..self }
    }

    /// It is loaded again after so many seconds.
    pub(crate) fn again_after(self, refresh_secs: Option<u8>) -> Self {
        Self { refresh_secs, ..self }
    }

    /// The answer.
    pub(crate) fn show(self) -> HttpResponse {
        self.show_as(StatusCode::OK)
    }

    /// The same, with another status.
    pub(crate) fn show_as(self, status: StatusCode) -> HttpResponse {
        let policy = std::iter::once(POLICY).chain(self.forms_to.iter().copied()).collect::<Vec<_>>().join(" ");
        let referrer = self.referrer;
        let mut response = HttpResponse::build(status);
        response.insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"));
        guarded(response.body(self.text()), &policy, referrer)
    }

    /// Its text, for an answer that [`guard`]s it.
    pub(crate) fn text(self) -> String {
        let Self { title, site, body, forms_to: _, referrer: _, refresh_secs } = self;
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    @if let Some(secs) = refresh_secs { meta http-equiv="refresh" content=(secs); }
                    title { (title) }
                    link rel="stylesheet" href="/style.css";
                }
                body {
                    @if let Some(site) = site { header { p { (site) } } }
                    main { h1 { (title) } (body) }
                }
            }
        };
        page.into_string()
    }
}

/// `response`, a page without forms, of which a browser runs no script, and which it shows in no frame.
pub(crate) fn guard(response: HttpResponse) -> HttpResponse {
    guarded(response, POLICY, "no-referrer")
}

fn guarded(mut response: HttpResponse, policy: &str, referrer: &'static str) -> HttpResponse {
    // An origin has no character that a header cannot have; without one, the page runs nothing but shows no style.
    let policy = HeaderValue::from_str(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static(referrer));
    response
}

/// `GET /style.css`.
pub(crate) async fn style() -> HttpResponse {
    HttpResponse::Ok().content_type("text/css; charset=utf-8").body(STYLE)
}

/// Scheme, host and port of `url`, as a policy names a place; nothing where that cannot be written there.
pub(crate) fn origin(url: &str) -> Option<&str> {
    let host = url.find("://")? + 3;
    let end = url.get(host..)?.find('/').map_or(url.len(), |slash| host + slash);
    let origin = url.get(..end)?;
    let may = |byte: u8| byte.is_ascii_alphanumeric() || b".:/-_[]%".contains(&byte);
    (origin.len() > host && origin.bytes().all(may)).then_some(origin)
}

/// An amount.
pub(crate) fn money(amount: Minor, currency: Currency) -> String {
    format!("{} {currency}", amount.to_decimal(currency))
}

/// A time, to the minute.
pub(crate) fn time(at: Time) -> Markup {
    let text = at.to_string();
    let short = text.get(..16).unwrap_or(&text).replace('T', " ");
    html! { time datetime=(text) { (short) " UTC" } }
}

/// A member of a form that is not shown.
pub(crate) fn hidden(name: &str, value: &str) -> Markup {
    html! { input type="hidden" name=(name) value=(value); }
}

/// A line of a bill.
pub(crate) struct Line<'a> {
    pub(crate) name: &'a str,
    pub(crate) quantity: u32,
    /// Of one piece.
    pub(crate) price: Minor,
}

/// What is bought, and what it costs.
pub(crate) fn bill<'a>(lines: impl Iterator<Item = Line<'a>>, total: Minor, currency: Currency) -> Markup {
    html! {
        table {
            thead { tr { th scope="col" { "What" } th.number scope="col" { "Pieces" } th.number scope="col" { "Price" } } }
            tbody {
                @for Line { name, quantity, price } in lines {
                    tr { td { (name) } td.number { (quantity) } td.number { (money(price, currency)) } }
                }
            }
            tfoot { tr { th colspan="2" scope="row" { "Total" } td.number { strong { (money(total, currency)) } } } }
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::body::MessageBody as _;

    use super::*;

    #[test]
    fn the_origin_of_an_address_is_its_scheme_host_and_port() {
        for (url, expected) in [
            ("http://127.0.0.1:7801", Some("http://127.0.0.1:7801")),
            ("https://[::1]:1/a/b", Some("https://[::1]:1")),
            ("https://", None),
            ("nothing", None),
            ("https://a'b", None),
            ("https://a,b", None),
        ] {
            assert_eq!(origin(url), expected, "{url}");
        }
    }

    /// Shows F45.
    #[test]
    fn a_page_runs_no_script_and_sends_its_forms_nowhere_but_where_it_says() {
        let page = Page::new("<a>", html! { p { "<script>" } }).forms_to(["https://b.example"].into_iter());
        let response = page.again_after(Some(2)).show();
        let header = |name| response.headers().get(name).unwrap().to_str().unwrap().to_owned();
        assert!(header(header::CONTENT_SECURITY_POLICY).ends_with("form-action 'self' https://b.example"));
        assert_eq!(header(header::REFERRER_POLICY), "no-referrer");
        let text = String::from_utf8(response.into_body().try_into_bytes().unwrap().to_vec()).unwrap();
        for part in
            ["<html lang=\"en\">", "<h1>&lt;a&gt;</h1>", "&lt;script&gt;", "http-equiv=\"refresh\" content=\"2\""]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn amounts_and_times_are_written_for_people() {
        let euro = "EUR".parse().unwrap();
        let bill = bill(
            [Line { name: "Música", quantity: 2, price: Minor::new(495).unwrap() }].into_iter(),
            Minor::new(990).unwrap(),
            euro,
        );
        for part in ["Música", "4.95 EUR", "9.90 EUR"] {
            assert!(bill.0.contains(part), "{part}: {}", bill.0);
        }
        let shown = time(Time::from_micros(1_795_233_600_000_000)).0;
        assert!(shown.contains("\">2026-11-21 04:00 UTC<"), "{shown}");
    }
}
