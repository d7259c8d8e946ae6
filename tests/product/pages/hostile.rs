//! Pages and forms for those who mean no good, and for those who press a button twice.

use serde_json::json;

use super::{Browser, PIN, offered, settled, to_confirmation};
use crate::parties::{Parties, key};

/// Shows F45. Keeps T1.
#[tokio::test]
async fn a_form_that_is_sent_twice_is_one_approval_and_one_settlement() {
    let parties = Parties::start().await;
    let (product, _) = parties.product(400).await;
    let login = key("login");
    let user = parties.subscriber(&login, PIN, 1_000).await;
    let mut browser = Browser::new(&parties.shop.guest());
    let confirm = to_confirmation(&parties, &mut browser, &product, &login).await.form("/approve");
    let once = browser.submit(&confirm).await.expect(200).form("/settle");
    let twice = browser.submit(&confirm).await.expect(200).form("/settle");
    assert_eq!(once.members, twice.members);
    assert_eq!(parties.account(&user).await, (400, 0));
    let first = browser.submit(&once).await;
    let second = browser.submit(&twice).await;
    assert_eq!(first.address, second.address);
    settled(&mut browser, second).await;
    assert_eq!(parties.settler.rows("settlements").await.len(), 1);
    assert_eq!(parties.authenticator.rows("approvals").await.len(), 1);
    // Under another key, by somebody who has seen the token.
    let mut thief = Browser::new(&parties.shop.guest());
    let stolen = once.with("key", &key("another"));
    thief.submit(&stolen).await.refused(409, "The approval was presented before");
    thief.go(&first.address).await.refused(404, "There is no such thing");
}

/// Shows F45.
#[tokio::test]
async fn nothing_is_approved_or_received_by_another_sites_form_or_without_what_the_page_knows() {
    let parties = Parties::start().await;
    let (product, _) = parties.product(400).await;
    let login = key("login");
    let user = parties.subscriber(&login, PIN, 1_000).await;
    let mut browser = Browser::new(&parties.shop.guest());
    let confirm = to_confirmation(&parties, &mut browser, &product, &login).await.form("/approve");
    for form in [
        confirm.clone().by_another_site(),
        confirm.clone().with("csrf", ""),
        confirm.clone().with("csrf", &confirm.get("csrf")[1..]),
    ] {
        browser.submit(&form).await.refused(403, "The request may come from another site");
    }
    assert_eq!(parties.account(&user).await, (0, 0));
    // Who is not signed in is led to where one signs in, and from there back to the question.
    let mut nobody = Browser::new(&parties.shop.guest());
    let led = nobody.submit(&confirm).await.expect(200);
    assert!(led.address.contains("/sign-in?next=/approve%3Foffer%3D"), "{}", led.address);
    let approved = browser.submit(&confirm).await.expect(200);
    let page = browser.submit(&approved.form("/settle")).await;
    let page = settled(&mut browser, page).await;
    let received = page.form("/received");
    browser.submit(&received.clone().by_another_site()).await.refused(403, "The request may come from another site");
    nobody.submit(&received).await.refused(404, "There is no such thing");
    browser.submit(&received).await.expect(200);
}

/// Shows D3, F45.
#[tokio::test]
async fn what_is_no_offer_of_a_known_shop_is_refused_on_a_page_and_never_becomes_markup() {
    let parties = Parties::start().await;
    let (product, _) = parties.product(400).await;
    let login = key("login");
    let user = parties.subscriber(&login, PIN, 100).await;
    let mut browser = Browser::new(&parties.shop.guest());
    let evil = "\"><script>alert(1)</script>";
    let at = parties.authenticator.node.url().to_owned();
    let led = browser.go(&format!("{at}/approve?offer=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")).await.expect(200);
    assert!(led.address.starts_with(&format!("{at}/sign-in?next=")), "{}", led.address);
    let next = browser.go(&format!("{at}/sign-in?next=//evil.example/%22%3E")).await.expect(200);
    assert_eq!(next.form("/sign-in").get("next"), "/sign-in");
    let confirm = to_confirmation(&parties, &mut browser, &product, &login).await;
    // More than the limit: refused, and nothing is held.
    browser.submit(&confirm.form("/approve")).await.refused(409, "The user's limit is exceeded");
    assert_eq!(parties.account(&user).await, (0, 0));
    let offer = offered(&parties, &mut browser, &product).await.form("/approve");
    let statement = offer.get("offer").to_owned();
    let (before, behind) = statement.split_at(statement.len() / 2);
    let altered = format!("{before}{}{}", if behind.starts_with('A') { 'B' } else { 'A' }, &behind[1..]);
    for text in [evil, "a.b.c", &altered] {
        let not_genuine = "The offer is not one of a shop that is known here";
        browser.submit(&offer.clone().with("offer", text)).await.refused(409, not_genuine);
        let asked = confirm.form("/approve").with("key", &key("approval")).with("offer", text);
        browser.submit(&asked).await.refused(409, not_genuine);
    }
    browser.go(&format!("{at}/approve")).await.refused(400, "The request is malformed");
    // At the settlement server.
    let at = parties.settler.node.url().to_owned();
    let issuer = parties.authenticator.id.clone();
    let settle = confirm.form("/approve").with("offer", &statement);
    let mut form = settle.with("issuer", &issuer).with("token", evil).with("key", &key("settle"));
    form.action = format!("{at}/settle");
    let page = browser.submit(&form).await;
    let page = settled(&mut browser, page).await;
    assert!(page.text().contains("It came to nothing (token-not-valid)"), "{}", page.text());
    let junk = browser.submit(&form.with("issuer", evil)).await.expect(422);
    assert!(!junk.text().contains("<script"), "{}", junk.text());
    browser.go(&format!("{at}/settlements/nothing")).await.expect(404);
    // A program is told as programs are.
    let guest = parties.settler.guest();
    guest.get(&format!("/settlements/{issuer}")).await.expect_problem(404, "not-found");
    assert_eq!(guest.post("/settle", "k", &json!({})).await.slug().as_deref(), Some("unsupported-media-type"));
}
