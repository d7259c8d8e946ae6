//! How the pages look. Their forms go to this node and to authentication servers that it knows.

use actix_web::HttpResponse;
use kippu_actors::approvals::offers::request::{MOST_QUANTITY, Reply};
use maud::html;

use super::catalogue::{Genre, Row};
use crate::server::known::Known;
use crate::server::layout::{Line, Page, bill, hidden, money, time};

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

/// The list.
pub(super) fn list(
    site: &str,
    rows: &[Row],
    genres: &[Genre],
    narrowed: Narrowed<'_>,
    next: Option<&str>,
) -> HttpResponse {
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
            table.catalogue {
                thead {
                    tr { th scope="col" { "Name" } th scope="col" { "Genre" } th scope="col" { "Kind" } th.number scope="col" { "Price" } }
                }
                tbody {
                    @for row in rows {
                        tr {
                            td {
                                a href={ "/shop/" (row.id) } { (row.name) }
                                @if let Some(about) = &row.about { br; span.about { (about) } }
                            }
                            td { (row.genre.as_deref().unwrap_or_default()) }
                            td { (row.kind) }
                            td.number { (money(row.price, row.currency)) }
                        }
                    }
                }
            }
        }
        @if let Some(next) = next {
            p { a rel="next" href=(narrowed.path(Some(next))) { "More" } }
        }
    };
    Page::new("Shop", body).of(site).show()
}

/// One product; `key` is what its form is sent under.
pub(super) fn product(site: &str, row: &Row, key: &str) -> HttpResponse {
    let body = html! {
        @if let Some(picture) = &row.picture {
            p { img src={ "/shop/pictures/" (picture) } alt=(row.name); }
        }
        @if let Some(about) = &row.about { p.about { (about) } }
        table {
            tbody {
                @if let Some(genre) = &row.genre { tr { th scope="row" { "Genre" } td { (genre) } } }
                tr { th scope="row" { "Kind" } td { (row.kind) } }
                tr { th scope="row" { "Price" } td { (money(row.price, row.currency)) } }
                tr { th scope="row" { "Number" } td { (row.sku) } }
                @for file in &row.files {
                    tr { th scope="row" { "File" } td { (file.name) ", " (file.media_type) ", " (file.size) " bytes" } }
                }
            }
        }
        @if row.state == "listed" {
            form method="post" action="/shop/offers" {
                (hidden("key", key))
                (hidden("product", &row.id.to_string()))
                (hidden("price", &row.price.to_string()))
                (hidden("currency", row.currency.code()))
                p {
                    label {
                        "Quantity "
                        input name="quantity" type="number" value="1" min="1" max=(MOST_QUANTITY) step="1" required;
                    }
                }
                p { button { "Ask for an offer" } }
            }
        } @else {
            p role="alert" { "It is not for sale any more." }
        }
        p { a href="/shop" { "All products" } }
    };
    Page::new(&row.name, body).of(site).show()
}

/// An offer, and the forms that take it to an authentication server: in its address, since the cookie of who is signed in there comes along
/// with that alone.
pub(super) fn offer(site: &str, reply: &Reply, authenticators: &[Known]) -> HttpResponse {
    let statement = reply.statement.as_deref().unwrap_or_default();
    let lines = reply.items.iter().flatten();
    let lines = lines.map(|item| Line { name: &item.name, quantity: item.quantity, price: item.price });
    let body = html! {
        @if let (Some(total), Some(currency)) = (reply.total, reply.currency) { (bill(lines, total, currency)) }
        @if let Some(end) = reply.expires_at { p { "The offer stands until " (time(end)) "." } }
        h2 { "Who approves it?" }
        p.quiet { "You are led to whom you have a contract with. The shop does not learn who you are." }
        @for authenticator in authenticators {
            @if let Some(address) = authenticator.at("/approve") {
                form method="get" action=(address) {
                    (hidden("offer", statement))
                    button { "Go on at " (authenticator.name) }
                }
            }
        }
        @if authenticators.is_empty() { p role="alert" { "This shop works with no authentication server yet." } }
        details {
            summary { "For a terminal" }
            p { label { "The signed offer " textarea readonly rows="6" { (statement) } } }
        }
        p { a href="/shop" { "All products" } }
    };
    let origins = authenticators.iter().filter_map(Known::origin);
    Page::new("Offer", body).of(site).forms_to(origins).show()
}

#[cfg(test)]
mod tests;
