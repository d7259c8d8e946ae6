//! How the pages look. Whatever goes into one is escaped as it is made; no script runs there, and forms go to this node and to
//! authentication servers that it knows.

use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderValue};
use kippu_actors::approvals::offers::request::{MOST_QUANTITY, Reply};
use kippu_events::money::{Currency, Minor};
use maud::{DOCTYPE, Markup, html};
use serde::Deserialize;

use super::catalogue::{Genre, Row};

/// An authentication server, to which a person may take an offer.
#[derive(Deserialize)]
pub(super) struct Authenticator {
    name: String,
    #[serde(default)]
    url: Option<String>,
}

impl Authenticator {
    /// Scheme, host and port, as a policy names a place; nothing where that cannot be written there.
    fn origin(&self) -> Option<&str> {
        let url = self.url.as_deref()?;
        let host = url.find("://")? + 3;
        let end = url.get(host..)?.find('/').map_or(url.len(), |slash| host + slash);
        let origin = url.get(..end)?;
        let may = |byte: u8| byte.is_ascii_alphanumeric() || b".:/-_[]%".contains(&byte);
        (origin.len() > host && origin.bytes().all(may)).then_some(origin)
    }
}

/// What the list is narrowed by.
#[derive(Clone, Copy)]
pub(super) struct Narrowed<'a> {
    pub(super) genre: Option<&'a str>,
    pub(super) kind: Option<&'a str>,
}

impl Narrowed<'_> {
    /// The path of the list, narrowed so, from `cursor` on.
    fn path(self, cursor: Option<&str>) -> String {
        let pairs = [("genre", self.genre), ("kind", self.kind), ("cursor", cursor)];
        let given = pairs.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", escaped(value?))));
        let given = given.collect::<Vec<_>>().join("&");
        if given.is_empty() { "/shop".to_owned() } else { format!("/shop?{given}") }
    }
}

/// `text` in a query (RFC 3986): what may stand there as it is stays.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn price(price: Minor, currency: Currency) -> String {
    format!("{} {currency}", price.to_decimal(currency))
}

/// The list.
pub(super) fn list(rows: &[Row], genres: &[Genre], narrowed: Narrowed<'_>, next: Option<&str>) -> HttpResponse {
    let all = Narrowed { genre: None, ..narrowed };
    let body = html! {
        @if !genres.is_empty() {
            nav aria-label="Genres" {
                ul {
                    li { a href=(all.path(None)) aria-current=[narrowed.genre.is_none().then_some("page")] { "All" } }
                    @for Genre { genre, products } in genres {
                        @let of = Narrowed { genre: Some(genre), ..narrowed };
                        @let is_it = (narrowed.genre == Some(genre.as_str())).then_some("page");
                        li { a href=(of.path(None)) aria-current=[is_it] { (genre) " (" (products) ")" } }
                    }
                }
            }
        }
        @if rows.is_empty() {
            p { "Nothing is for sale here." }
        } @else {
            table {
                thead { tr { th { "Name" } th { "Genre" } th { "Kind" } th.price { "Price" } } }
                tbody {
                    @for row in rows {
                        tr {
                            td {
                                a href={ "/shop/" (row.id) } { (row.name) }
                                @if let Some(about) = &row.about { br; span.about { (about) } }
                            }
                            td { (row.genre.as_deref().unwrap_or_default()) }
                            td { (row.kind) }
                            td.price { (price(row.price, row.currency)) }
                        }
                    }
                }
            }
        }
        @if let Some(next) = next {
            p { a rel="next" href=(narrowed.path(Some(next))) { "More" } }
        }
    };
    page("Shop", &body, &[])
}

/// One product; `key` is what its form is sent under.
pub(super) fn product(row: &Row, key: Option<&str>) -> HttpResponse {
    let body = html! {
        @if let Some(picture) = &row.picture {
            p { img src={ "/shop/pictures/" (picture) } alt=(row.name); }
        }
        @if let Some(about) = &row.about { p.about { (about) } }
        table {
            tbody {
                @if let Some(genre) = &row.genre { tr { th { "Genre" } td { (genre) } } }
                tr { th { "Kind" } td { (row.kind) } }
                tr { th { "Price" } td { (price(row.price, row.currency)) } }
                tr { th { "Number" } td { (row.sku) } }
                @for file in &row.files {
                    tr { th { "File" } td { (file.name) ", " (file.media_type) ", " (file.size) " bytes" } }
                }
            }
        }
        @match (row.state.as_str(), key) {
            ("listed", Some(key)) => {
                form method="post" action="/shop/offers" {
                    input type="hidden" name="key" value=(key);
                    input type="hidden" name="product" value=(row.id);
                    input type="hidden" name="price" value=(row.price);
                    input type="hidden" name="currency" value=(row.currency);
                    p {
                        label {
                            "Quantity "
                            input name="quantity" type="number" value="1" min="1" max=(MOST_QUANTITY) step="1" required;
                        }
                    }
                    p { button { "Ask for an offer" } }
                }
            }
            ("listed", None) => p role="alert" { "It cannot be bought now; load this page again." },
            _ => p role="alert" { "It is not for sale any more." },
        }
        p { a href="/shop" { "All products" } }
    };
    page(&row.name, &body, &[])
}

/// An offer, and the forms that take it to an authentication server.
pub(super) fn offer(reply: &Reply, authenticators: &[Authenticator]) -> HttpResponse {
    let sum = |amount: Option<Minor>| amount.zip(reply.currency).map(|(amount, currency)| price(amount, currency));
    let statement = reply.statement.as_deref().unwrap_or_default();
    let body = html! {
        table {
            thead { tr { th { "Name" } th { "Quantity" } th.price { "Price" } th.price { "Amount" } } }
            tbody {
                @for item in reply.items.iter().flatten() {
                    tr {
                        td { (item.name) }
                        td { (item.quantity) }
                        td.price { (sum(Some(item.price)).unwrap_or_default()) }
                        td.price { (sum(Some(item.amount)).unwrap_or_default()) }
                    }
                }
            }
            tfoot { tr { th colspan="3" { "Total" } th.price { (sum(reply.total).unwrap_or_default()) } } }
        }
        @if let Some(end) = reply.expires_at { p { "The offer stands until " time datetime=(end) { (end) } "." } }
        h2 { "Who approves it?" }
        @for authenticator in authenticators {
            @if let (Some(url), Some(_)) = (&authenticator.url, authenticator.origin()) {
                form method="post" action={ (url.trim_end_matches('/')) "/approve" } {
                    input type="hidden" name="offer" value=(statement);
                    button { (authenticator.name) }
                }
            }
        }
        details {
            summary { "For a terminal" }
            p { label { "The signed offer " textarea readonly rows="6" cols="80" { (statement) } } }
        }
        p { a href="/shop" { "All products" } }
    };
    page("Offer", &body, authenticators)
}

/// A page with this heading, whose forms may go to `authenticators` too.
fn page(title: &str, body: &Markup, authenticators: &[Authenticator]) -> HttpResponse {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { (title) }
                link rel="stylesheet" href="/shop/style.css";
            }
            body { main { h1 { (title) } (body) } }
        }
    };
    let response = HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page.into_string());
    secured(response, authenticators)
}

/// `response`, of which a browser runs no script, and whose forms go to this node and to `authenticators`.
pub(super) fn secured(mut response: HttpResponse, authenticators: &[Authenticator]) -> HttpResponse {
    let mut policy = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; \
                      form-action 'self'"
        .to_owned();
    for origin in authenticators.iter().filter_map(Authenticator::origin) {
        policy.push(' ');
        policy.push_str(origin);
    }
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

#[cfg(test)]
mod tests;
