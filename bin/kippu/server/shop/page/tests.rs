//! What the pages say, and what they let nobody say.

use actix_web::body::MessageBody as _;
use actix_web::http::header;
use kippu_events::approvals::products;
use serde_json::json;

use super::*;

fn text(response: HttpResponse) -> (String, String) {
    let policy = response.headers().get(header::CONTENT_SECURITY_POLICY).unwrap().to_str().unwrap().to_owned();
    let body = response.into_body().try_into_bytes().unwrap();
    (String::from_utf8(body.to_vec()).unwrap(), policy)
}

fn row(name: &str, more: &serde_json::Value) -> Row {
    let mut row = json!({"id": products::id_of("a"), "sku": "a", "name": name, "kind": "digital", "price": 990,
        "currency": "EUR", "state": "listed", "files": []});
    for (name, value) in more.as_object().unwrap() {
        row[name] = value.clone();
    }
    serde_json::from_value(row).unwrap()
}

const NONE: Narrowed<'static> = Narrowed { genre: None, kind: None };

/// Shows D2.
#[test]
fn a_page_has_name_picture_genre_price_and_a_form_that_buys() {
    let hash = "0a".repeat(32);
    let more = json!({"genre": "Latin", "picture": hash, "about": "Los Ejemplos",
        "files": [{"name": "1.ogg", "media_type": "audio/ogg", "size": 7}]});
    let (page, _) = text(product("a", &row("Música", &more), "key"));
    let picture = format!("src=\"/shop/pictures/{hash}\"");
    for part in ["Música", "Latin", "9.90 EUR", "Los Ejemplos", "1.ogg", &picture, "action=\"/shop/offers\""] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let (page, _) = text(product("a", &row("Música", &json!({"state": "withdrawn"})), "key"));
    assert!(page.contains("not for sale") && !page.contains("<form"));
}

#[test]
fn a_list_goes_on_and_is_narrowed_by_genre_with_everything_escaped_in_links() {
    let genres = [Genre { genre: "R&B/Soul + é".to_owned(), products: 3 }];
    let narrowed = Narrowed { genre: Some("Rock"), kind: Some("digital") };
    let (page, _) = text(list("a", &[row("A", &json!({}))], &genres, narrowed, Some("abc-_")));
    for part in [
        "/shop?genre=R%26B%2FSoul%20%2B%20%C3%A9&amp;kind=digital\"",
        "/shop?genre=Rock&amp;kind=digital&amp;cursor=abc-_\"",
        "R&amp;B/Soul + é (3)",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let (empty, _) = text(list("a", &[], &[], NONE, None));
    assert!(empty.contains("Nothing is for sale") && !empty.contains("More"));
}

#[test]
fn what_a_catalogue_holds_is_text_on_a_page_and_nothing_else() {
    let evil = "\"><script>alert(1)</script><img src=x onerror='a()'>";
    let more = json!({"genre": evil, "about": evil, "picture": evil, "sku": evil, "kind": evil,
        "files": [{"name": evil, "media_type": evil, "size": 7}]});
    let genres = [Genre { genre: evil.to_owned(), products: 1 }];
    let narrowed = Narrowed { genre: Some(evil), kind: Some(evil) };
    for response in
        [product(evil, &row(evil, &more), evil), list(evil, &[row(evil, &more)], &genres, narrowed, Some(evil))]
    {
        let (page, policy) = text(response);
        assert!(!page.contains("<script") && !page.contains("<img src=x"), "{page}");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("script-src"), "{policy}");
    }
}

fn authenticator(url: &str) -> Known {
    serde_json::from_value(json!({ "name": "Carrier <1>", "url": url, "roles": [] })).unwrap()
}

/// Shows D3.
#[test]
fn an_offer_is_taken_to_an_authentication_server_of_the_persons_choice() {
    let reply: Reply = serde_json::from_value(json!({"id": products::id_of("o"), "statement": "a.b.c", "total": 990,
        "currency": "EUR", "items": [{"place": 0, "product": products::id_of("a"), "name": "Música", "kind": "digital",
            "quantity": 1, "price": 990, "amount": 990}]}))
    .unwrap();
    let known = [authenticator("https://auth.example:8443/base/"), authenticator("http://a b;c")];
    let (page, policy) = text(offer("a", &reply, &known));
    for part in
        ["action=\"https://auth.example:8443/base/approve\"", "value=\"a.b.c\"", "Carrier &lt;1&gt;", "9.90 EUR"]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(policy.ends_with("form-action 'self' https://auth.example:8443"), "{policy}");
    assert!(!page.contains("a b;c"), "what no policy can name is not offered: {page}");
}
