//! Subscribers are enrolled by an operator on a page, and by an import.

use std::path::Path;

use serde_json::{Value, json};

use super::Browser;
use crate::fixture::{Ended, Node, first, run, utf8};

/// Shows D40.
#[tokio::test]
async fn an_operator_enrols_a_subscriber_on_a_page_who_then_signs_in() {
    let node = Node::start();
    let (operator, at) = (node.operator(), node.url().to_owned());
    let mut browser = Browser::new(&operator);
    let form = browser.go(&format!("{at}/enrol")).await.expect(200).form("/enrol");
    let form = form.with("login", "Aiko <1>").with("limit", "100.00").with("currency", "EUR").with("source", "fixed");
    // Only by the key of an operator.
    let terminal = json!({ "role": "terminal", "name": "a terminal" });
    let terminal = operator.post("/v1/clients", "terminal", &terminal).await.expect(201).field("key");
    for (key, status) in [("", 401), ("kpk_x", 401), (&*terminal, 403)] {
        let refused = browser.submit(&form.clone().with("api_key", key)).await.expect(status);
        assert!(refused.text().contains("role=\"alert\"") && refused.text().contains("Aiko &lt;1&gt;"));
        assert!(key.is_empty() || !refused.text().contains(key), "{}", refused.text());
    }
    let form = form.with("api_key", &operator.key);
    let unlike = browser.submit(&form.clone().with("pin", "1234").with("pin_again", "4321")).await.expect(422);
    assert!(unlike.text().contains("The two PINs are not the same"), "{}", unlike.text());
    let enrolled = browser.submit(&form).await.expect(200);
    let pin = enrolled.text().split("number-big\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    assert!(pin.len() == 6 && enrolled.text().contains("100.00 EUR"), "{}", enrolled.text());
    // Sent twice, it is one subscriber with one PIN.
    let again = browser.submit(&form).await.expect(200);
    assert!(again.text().contains(&pin));
    let page = browser.go(&format!("{at}/enrol")).await.form("/enrol");
    let taken =
        page.with("api_key", &operator.key).with("login", "aiko <1>").with("limit", "1").with("currency", "EUR");
    browser.submit(&taken).await.expect(409);
    let users = operator.get("/v1/users").await.expect(200).json();
    assert_eq!(users["data"].as_array().unwrap().len(), 1);
    let sign_in = browser.go(&format!("{at}/sign-in")).await.form("/sign-in");
    let signed_in = browser.submit(&sign_in.with("login", "aiko <1>").with("pin", &pin)).await.expect(200);
    assert!(signed_in.text().contains("You are signed in"), "{}", signed_in.text());
    let addresses = browser.addresses.join("\n");
    assert!(!addresses.contains("kpk_") && !addresses.contains(&pin), "{addresses}");
    assert!(!node.log().contains(&operator.key) && !node.log().contains("Aiko"));
}

fn import(file: &Path, place: &[&str]) -> Ended {
    run(&[&["--json", "users", "import", utf8(file), "--currency", "EUR"], place].concat())
}

fn counts(ended: &Ended) -> Value {
    ended.json().pop().unwrap_or_else(|| panic!("no counts: {}", ended.said))
}

/// Shows D40.
#[tokio::test]
async fn an_import_registers_subscribers_once_and_names_the_lines_that_are_wrong() {
    let node = Node::start();
    let file = node.data().join("subscribers.csv");
    let key = node.data().join("operator.key");
    let place = ["--server", node.url(), "--key-file", utf8(&key)];
    std::fs::write(&file, "login,pin,limit\naiko,271828,100.00\nbob,12,5\n,1234,1\n").unwrap();
    let wrong = import(&file, &place);
    assert_eq!(wrong.code, Some(1), "{}", wrong.said);
    let lines: Vec<_> = wrong.json().iter().filter_map(|wrong| wrong["line"].as_u64()).collect();
    assert_eq!(lines, [3, 4], "{}", wrong.said);
    let rows = async || node.operator().get("/v1/users?limit=1000").await.expect(200).json()["data"].clone();
    assert_eq!(rows().await, json!([]), "nothing is sent where a row is wrong");
    std::fs::write(&file, "login,pin,limit\naiko,271828,100.00\nbob,3141,5\n").unwrap();
    let once = import(&file, &place).ok();
    assert_eq!(counts(&once), json!({"subscribers": 2, "registered": 2, "known": 0, "refused": 0, "failed": 0}));
    std::fs::write(&file, "login,pin,limit\nAIKO,271828,100.00\nbob,3141,5\ncarol,1618,7\n").unwrap();
    let again = import(&file, &place).ok();
    assert_eq!(counts(&again), json!({"subscribers": 3, "registered": 1, "known": 2, "refused": 0, "failed": 0}));
    let all = first(rows, |rows| rows.as_array().is_some_and(|rows| rows.len() == 3)).await;
    assert_eq!(all.as_array().unwrap().len(), 3);
    let signed_in = json!({ "login": "aiko", "pin": "271828" });
    let (guest, key) = (node.caller(""), format!("{:-<36}", "sign-in"));
    let sign_in = async || guest.post("/v1/sessions", &key, &signed_in).await;
    first(sign_in, |reply| reply.status != 503).await.expect(201);
    run(&["users", "import", utf8(&file), "--currency", "EUR", "--dry-run"]).ok();
    node.assert_sound();
}
