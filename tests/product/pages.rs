//! A person buys with a browser alone, script off: forms from the shop to the authentication server to the settlement server; and
//! operators enrol whom they have a contract with.

mod browser;
mod chromium;
mod enrolment;
mod hostile;

use serde_json::json;

use self::browser::{Browser, Page};
use crate::fixture::first;
use crate::parties::{Parties, key};

const PIN: &str = "271828";

/// Up to the page that asks for a confirmation.
async fn to_confirmation(parties: &Parties, browser: &mut Browser, product: &str, login: &str) -> Page {
    let offer = offered(parties, browser, product).await;
    let sign_in = browser.submit(&offer.form("/approve")).await.expect(200);
    if sign_in.text().contains("Approve a purchase") {
        return sign_in;
    }
    let form = sign_in.form("/sign-in").with("login", login).with("pin", PIN);
    browser.submit(&form).await.expect(200)
}

/// The page of an offer of one piece.
async fn offered(parties: &Parties, browser: &mut Browser, product: &str) -> Page {
    let shown = browser.go(&format!("{}/shop/{product}", parties.shop.node.url())).await.expect(200);
    browser.submit(&shown.form("/shop/offers").with("quantity", "1")).await.expect(200)
}

/// The page of a settlement once nothing is under way any more.
async fn settled(browser: &mut Browser, page: Page) -> Page {
    let mut page = page;
    let browser = tokio::sync::Mutex::new(browser);
    if page.looks_again() {
        let address = page.address.clone();
        page = first(async || browser.lock().await.go(&address).await, |page| !page.looks_again()).await;
    }
    page.expect(200)
}

/// Shows D2, D3, D5, D7, D21, D22, D26, D30, F45.
#[tokio::test]
async fn a_person_buys_with_forms_alone_and_gets_the_file_once() {
    let mut parties = Parties::start_apart().await;
    let (product, bytes) = parties.product(1_250).await;
    let login = key("login");
    let user = parties.subscriber(&login, PIN, 10_000).await;
    let mut browser = Browser::new(&parties.shop.guest());
    let confirm = to_confirmation(&parties, &mut browser, &product, &login).await;
    for part in ["<strong>shop</strong>", "Música", "12.50 EUR", "100.00 EUR"] {
        assert!(confirm.text().contains(part), "{part}: {}", confirm.text());
    }
    assert_eq!(parties.account(&user).await, (0, 0), "nothing is held before the confirmation");
    let approved = browser.submit(&confirm.form("/approve")).await.expect(200);
    assert_eq!(approved.reply.header("Referrer-Policy"), Some("no-referrer"));
    assert_eq!(parties.account(&user).await, (1_250, 0));
    let page = browser.submit(&approved.form("/settle")).await;
    let page = settled(&mut browser, page).await;
    assert!(page.text().contains("Paid: <strong>12.50 EUR</strong>"), "{}", page.text());
    let file = browser.go(&page.link("song.ogg")).await;
    assert_eq!((file.reply.status, file.text().as_bytes()), (200, &bytes[..]));
    assert!(file.reply.header("Content-Disposition").is_some_and(|how| how.starts_with("attachment")), "{file:?}");
    let received = browser.submit(&page.form("/received")).await.expect(200);
    assert!(received.text().contains("received") && received.forms().is_empty(), "{}", received.text());
    browser.go(&file.address).await.refused(404, "There is no such thing");
    parties.settler.owes_nothing().await;
    assert_eq!(parties.account(&user).await, (0, 1_250));
    let addresses = browser.addresses.join("\n");
    assert!(!addresses.contains("kpa_") && !addresses.contains("kpc_") && !addresses.contains(PIN), "{addresses}");
    parties.assert_sound();
}

/// Shows D32.
#[tokio::test]
async fn where_delivery_comes_first_a_person_is_charged_once_they_say_that_it_has_come() {
    let parties = Parties::start().await;
    parties.settle_on("deliver_first", 10).await;
    let (product, bytes) = parties.product(300).await;
    let login = key("login");
    let user = parties.subscriber(&login, PIN, 1_000).await;
    let mut browser = Browser::new(&parties.shop.guest());
    let confirm = to_confirmation(&parties, &mut browser, &product, &login).await;
    let approved = browser.submit(&confirm.form("/approve")).await.expect(200);
    let page = browser.submit(&approved.form("/settle")).await;
    let page = settled(&mut browser, page).await;
    assert_eq!(browser.go(&page.link("song.ogg")).await.text().as_bytes(), bytes);
    assert_eq!(parties.account(&user).await, (300, 0));
    let received = browser.submit(&page.form("/received")).await.expect(200);
    assert!(received.text().contains("Paid: <strong>3.00 EUR</strong>"), "{}", received.text());
    parties.settler.owes_nothing().await;
    assert_eq!(parties.account(&user).await, (0, 300));
}

/// Shows D31.
#[tokio::test]
async fn what_the_shop_itself_delivers_a_person_fetches_there_by_a_form() {
    let parties = Parties::start_apart().await;
    parties.sell_through(&[&parties.settler, &parties.rival], true).await;
    let (product, bytes) = parties.product(300).await;
    let login = key("login");
    parties.subscriber(&login, PIN, 1_000).await;
    let mut browser = Browser::new(&parties.shop.guest());
    let confirm = to_confirmation(&parties, &mut browser, &product, &login).await;
    let approved = browser.submit(&confirm.form("/approve")).await.expect(200);
    // The person chooses who settles.
    assert_eq!(approved.forms().len(), 2, "{}", approved.text());
    let form = approved.form(&format!("{}/settle", parties.rival.node.url()));
    let page = browser.submit(&form).await;
    let page = settled(&mut browser, page).await;
    let at_shop = browser.submit(&page.form("/collect")).await.expect(200);
    let form = at_shop.form("/content/0");
    let stranger = Browser::new(&parties.shop.guest()).submit(&form.clone().with("capability", "kpc_x")).await;
    stranger.refused(404, "There is no such thing");
    assert_eq!(browser.submit(&form).await.text().as_bytes(), bytes);
}

/// Shows D14.
#[tokio::test]
async fn a_person_whose_financial_institution_is_asked_waits_on_a_page_and_goes_on() {
    let parties = Parties::start().await;
    let number = key("number");
    let credit = json!({ "number": number, "standing": "good" });
    parties.reference.do_once("/v1/credits", &key("credit"), &credit).await.expect(201);
    let login = key("login");
    let user = json!({ "login": login, "pin": PIN, "limit": { "source": "fixed", "amount": 1_000, "currency": "EUR" },
        "policy": "both", "reference": { "party": parties.reference.id, "number": number } });
    parties.authenticator.do_once("/v1/users", &key("user"), &user).await.expect(201);
    let (product, _) = parties.product(300).await;
    let mut browser = Browser::new(&parties.shop.guest());
    let confirm = to_confirmation(&parties, &mut browser, &product, &login).await;
    let waiting = browser.submit(&confirm.form("/approve")).await;
    assert!(waiting.address.contains("/approvals/"), "{}", waiting.address);
    let ready = settled(&mut browser, waiting).await;
    let path = ready.address.split('?').next().unwrap().to_owned();
    let approved = browser.submit(&ready.form(&path)).await.expect(200);
    let page = browser.submit(&approved.form("/settle")).await;
    let page = settled(&mut browser, page).await;
    assert!(page.text().contains("Paid: <strong>3.00 EUR</strong>"), "{}", page.text());
}
