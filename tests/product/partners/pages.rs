//! Pages between real processes: what the main site revises its partner site shows, and nothing that anybody else says.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::Sites;
use super::sites::FROM;
use crate::fixture::first;
use crate::http::Reply;
use crate::parties::proxy::{Act, Proxy, ask, told};
use crate::parties::{Party, key};

pub(super) const PATH: &str = "offers/index.html";

/// Terms of a contract that say this of pages.
pub(super) fn terms(pages: &Value) -> Value {
    let mut terms = super::logs::terms();
    terms["pages"] = pages.clone();
    terms
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Uploads `text` at `party`; its digest.
pub(super) async fn upload(party: &Party, text: &str) -> String {
    let (operator, sha256) = (party.operator(), sha256(text.as_bytes()));
    let put = operator.request(reqwest::Method::PUT, &format!("/v1/blobs/{sha256}")).body(text.to_owned());
    let put = operator.send(put).await.expect("the node answers");
    assert!(matches!(put.status, 200 | 201), "{}", put.text);
    sha256
}

/// Has `main` and `partner`, who know each other, agree on these terms.
pub(super) async fn contract(main: &Party, partner: &Party, terms: &Value) {
    let body = json!({ "partner": partner.id, "number": 1, "from": FROM, "terms": terms });
    let proposed = main.do_once("/v1/contracts", &key("terms"), &body).await.expect(201).json();
    let path = format!("/v1/contracts/{}", proposed["id"].as_str().unwrap());
    first(async || partner.operator().get(&path).await, |reply| reply.status == 200).await;
    let accepted = json!({ "number": 1, "sha256": proposed["sha256"] });
    partner.do_once(&format!("{path}/accept"), &key("accept"), &accepted).await.expect(200);
}

/// The operator of `party` writes a page there, with these members too.
pub(super) async fn write(party: &Party, path: &str, text: &str, more: &Value) -> Reply {
    let sha256 = upload(party, text).await;
    let mut body = json!({ "path": path, "sha256": sha256, "media_type": "text/html" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    party.do_once("/v1/pages", &key("page"), &body).await
}

/// The main site revises the tie-up page.
pub(super) async fn revise(sites: &Sites, text: &str) {
    write(&sites.main, PATH, text, &json!({ "tie_up": true })).await.expect(201);
}

pub(super) async fn get(party: &Party, path: &str) -> Reply {
    party.guest().get(&format!("/site/{path}")).await
}

/// What `party` shows, once it is `text`.
pub(super) async fn shows(party: &Party, path: &str, text: &str) -> Reply {
    let reply = first(async || get(party, path).await, |reply| reply.status == 200 && reply.text == text).await;
    assert_eq!((reply.status, &*reply.text), (200, text));
    assert_eq!(reply.header("ETag"), Some(&*format!("\"{}\"", sha256(text.as_bytes()))));
    reply
}

/// The only row of `view` at `party`, once that is so.
pub(super) async fn row(party: &Party, view: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let path = format!("/v1/{view}");
    let the_row = |reply: &Reply| reply.status == 200 && is_so(&reply.json()["data"][0]);
    let reply = first(async || party.operator().get(&path).await, the_row).await;
    assert!(the_row(&reply), "{}", reply.text);
    reply.json()["data"][0].clone()
}

pub(super) fn stands(state: &'static str) -> impl Fn(&Value) -> bool {
    move |row| row["state"] == json!(state)
}

/// Shows B10, B13.
#[tokio::test]
async fn a_page_that_the_main_site_revises_comes_to_be_shown_at_its_partner_also_where_that_was_down() {
    let mut sites = Sites::on(&terms(&json!({}))).await;
    revise(&sites, "one").await;
    shows(&sites.partner, PATH, "one").await;
    row(&sites.main, "page-deliveries", stands("applied")).await;
    sites.partner.node.kill();
    revise(&sites, "two").await;
    revise(&sites, "three").await;
    let waits =
        |row: &Value| row["state"] == json!("pending") && row["revision"] == json!(3) && row["applied"] == json!(1);
    row(&sites.main, "page-deliveries", waits).await;
    sites.partner.node.start_again();
    shows(&sites.partner, PATH, "three").await;
    let applied = |row: &Value| row["state"] == json!("applied") && row["applied"] == json!(3);
    row(&sites.main, "page-deliveries", applied).await;
    let page = row(&sites.partner, "pages", |row| row["revision"] == json!(3)).await;
    assert_eq!(
        (&page["class"], &page["written_by"], &page["sha256"]),
        (&json!("tie_up"), &json!("main"), &json!(sha256(b"three"))),
        "{page}"
    );
    sites.assert_sound();
}

/// Shows B10.
#[tokio::test]
async fn pages_are_brought_by_every_contract_in_force_on_its_own_terms() {
    let mut links = terms(&json!({}));
    links["parts"] = json!(["links"]);
    links["tariff"]["rules"][0]["by"]["type"][0]["parts"] = json!(["links"]);
    let sites = Sites::on(&links).await;
    let second = Party::start("second").await;
    sites.main.knows(&second, &["partner_site"]).await;
    second.knows(&sites.main, &["main_site"]).await;
    revise(&sites, "one").await;
    // The contract with the second one comes later than the page.
    contract(&sites.main, &second, &terms(&json!({ "every_secs": 1 }))).await;
    shows(&second, PATH, "one").await;
    revise(&sites, "two").await;
    shows(&second, PATH, "two").await;
    // Who has links alone got nothing, and shows nothing.
    assert_eq!(sites.main.rows("page-deliveries").await.len(), 1);
    assert_eq!(get(&sites.partner, PATH).await.status, 404);
}

/// Shows B11, B12.
#[tokio::test]
async fn nobody_but_the_main_site_changes_a_tie_up_page() {
    let sites = Sites::on(&terms(&json!({}))).await;
    revise(&sites, "one").await;
    let before = shows(&sites.partner, PATH, "one").await;
    let delivery = row(&sites.main, "page-deliveries", stands("applied")).await;
    let forged = json!({
        "contract": sites.contract, "delivery": delivery["id"], "path": PATH, "revision": 2, "part": "content",
        "content": { "sha256": sha256(b"two"), "media_type": "text/html", "size": 3 }, "capability": "kpc_x",
    });
    // Nobody, somebody with an operator's key, and a signature that is none.
    let partner = &sites.partner;
    assert_eq!(partner.guest().post("/v1/pages/update", &key("forged"), &forged).await.status, 401);
    assert_eq!(partner.operator().post("/v1/pages/update", &key("forged"), &forged).await.status, 403);
    let guest = partner.guest();
    let signed = guest.command("/v1/pages/update", &key("forged"), forged.to_string());
    let signed =
        signed.header("Signature-Input", "sig=(\"@method\");created=1;keyid=\"x\"").header("Signature", "sig=:AAAA:");
    let refused = guest.send(signed).await.expect("the node answers");
    assert!(matches!(refused.status, 400 | 401), "{}", refused.text);
    // The bytes at the main site are for who holds the capability.
    let content = format!("/v1/page-deliveries/{}/content/{}", delivery["id"].as_str().unwrap(), sha256(b"one"));
    assert_eq!(sites.main.guest().get(&content).await.status, 401);
    // Another main site of the same partner has no part in it.
    let rival = Party::start("rival").await;
    rival.knows(partner, &["partner_site"]).await;
    partner.knows(&rival, &["main_site"]).await;
    contract(&rival, partner, &terms(&json!({}))).await;
    write(&rival, PATH, "of the rival", &json!({ "tie_up": true })).await.expect(201);
    let refused = row(&rival, "page-deliveries", stands("refused")).await;
    assert_eq!(refused["reason"], json!("page-path-taken"));
    let after = get(partner, PATH).await;
    assert_eq!((after.text, after.headers.get("ETag")), (before.text, before.headers.get("ETag")));
    sites.assert_sound();
}

/// Shows B11, B12.
#[tokio::test]
async fn an_update_that_is_changed_or_repeated_on_its_way_changes_nothing() {
    let sites = Sites::on(&terms(&json!({}))).await;
    let (main, partner) = (&sites.main, &sites.partner);
    let updates = Proxy::before(partner).await;
    main.finds(partner, "partner_site", &updates.url).await;
    updates.acts("/update", || Act::AskTwice);
    revise(&sites, "one").await;
    shows(partner, PATH, "one").await;
    revise(&sites, "two").await;
    shows(partner, PATH, "two").await;
    row(main, "page-deliveries", |row| row["applied"] == json!(2)).await;
    let first_update = updates.passed("/update")[0].request.clone();
    let changed = String::from_utf8(first_update.clone()).unwrap().replace("\"revision\":1", "\"revision\":9");
    assert_ne!(changed.as_bytes(), &*first_update);
    let (status, text) = told(&ask(partner.node.url(), changed.as_bytes()).await);
    assert_eq!(status, 401, "{text}");
    // Its answer is repeated, and it takes effect once.
    ask(partner.node.url(), &first_update).await;
    shows(partner, PATH, "two").await;
    // Who stands in for the main site has other bytes.
    let bytes = Proxy::before(main).await;
    let others = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nwrong";
    bytes.acts(sha256(b"three").leak(), || Act::Say(others.to_vec()));
    partner.finds(main, "main_site", &bytes.url).await;
    revise(&sites, "three").await;
    row(partner, "pages", |row| row["next"]["state"] == json!("fetching") && row["next"]["revision"] == json!(3)).await;
    let owed = async || partner.operator().get("/v1/activities").await;
    let failed = |reply: &Reply| reply.text.contains("other bytes than were agreed");
    assert!(failed(&first(owed, failed).await));
    shows(partner, PATH, "two").await;
    bytes.passes_on();
    shows(partner, PATH, "three").await;
    row(main, "page-deliveries", |row| row["applied"] == json!(3)).await;
    sites.assert_sound();
}

/// Shows B4, B17, B18.
#[tokio::test]
async fn who_may_write_which_page_follows_from_its_class_and_the_contract() {
    for (rights, may_repair) in [("repair", true), ("brand", false)] {
        let sites = Sites::on(&terms(&json!({ "rights": rights }))).await;
        let (main, partner) = (&sites.main, &sites.partner);
        // Originals are the partner's.
        write(partner, "own.html", "original", &json!({})).await.expect(201);
        shows(partner, "own.html", "original").await;
        write(partner, "own.html", "original again", &json!({})).await.expect(201);
        shows(partner, "own.html", "original again").await;
        // The main site's manager tries one, by a page of its own at that path.
        write(main, "own.html", "of the main site", &json!({ "tie_up": true })).await.expect(201);
        let refused = row(main, "page-deliveries", stands("refused")).await;
        assert_eq!(refused["reason"], json!("page-not-writable"), "{refused}");
        shows(partner, "own.html", "original again").await;
        // Tie-up pages are the main site's, and the partner's to repair where the contract says so.
        revise(&sites, "one").await;
        shows(partner, PATH, "one").await;
        write(partner, PATH, "mine", &json!({})).await.expect_problem(403, "page-not-writable");
        let repair = write(partner, PATH, "repaired", &json!({ "contract": sites.contract })).await;
        if may_repair {
            repair.expect(200);
            shows(partner, PATH, "repaired").await;
        } else {
            repair.expect_problem(403, "page-not-writable");
            shows(partner, PATH, "one").await;
        }
        revise(&sites, "two").await;
        shows(partner, PATH, "two").await;
        sites.assert_sound();
    }
}

/// Shows B15.
#[tokio::test]
async fn where_the_partners_manager_is_asked_the_page_stays_until_a_yes_to_its_very_bytes() {
    let sites = Sites::on(&terms(&json!({ "confirmation": "manager" }))).await;
    let partner = &sites.partner;
    revise(&sites, "one").await;
    let held = |revision: u32| {
        move |row: &Value| row["next"]["state"] == json!("held") && row["next"]["revision"] == json!(revision)
    };
    let page = row(partner, "pages", held(1)).await;
    assert_eq!(get(partner, PATH).await.status, 404);
    let path = format!("/v1/pages/{}", page["id"].as_str().unwrap());
    let answer = async |command: &str, revision: u32, text: &str| {
        let body = json!({ "revision": revision, "sha256": sha256(text.as_bytes()) });
        partner.do_once(&format!("{path}/{command}"), &key("answer"), &body).await
    };
    answer("confirm", 1, "other").await.expect_problem(409, "page-not-asked");
    answer("confirm", 1, "one").await.expect(200);
    shows(partner, PATH, "one").await;
    revise(&sites, "two").await;
    row(partner, "pages", held(2)).await;
    // A yes to the first is none to the second.
    answer("confirm", 1, "one").await.expect_problem(409, "page-not-asked");
    answer("decline", 2, "two").await.expect(200);
    let declined = row(&sites.main, "page-deliveries", stands("declined")).await;
    assert_eq!((&declined["declined_by"], &declined["applied"]), (&json!("manager"), &json!(1)), "{declined}");
    shows(partner, PATH, "one").await;
    let again = format!("/v1/page-deliveries/{}/again", declined["id"].as_str().unwrap());
    sites.main.do_once(&again, &key("again"), &json!({})).await.expect(200);
    row(partner, "pages", held(2)).await;
    answer("confirm", 2, "two").await.expect(200);
    shows(partner, PATH, "two").await;
    row(&sites.main, "page-deliveries", stands("applied")).await;
    sites.assert_sound();
}

/// Shows B24.
#[tokio::test]
async fn every_request_for_a_page_is_one_line_of_the_access_log() {
    let sites = Sites::on(&terms(&json!({}))).await;
    revise(&sites, "one").await;
    let tag = shows(&sites.partner, PATH, "one").await.header("ETag").unwrap().to_owned();
    write(&sites.partner, "own.html", "original", &json!({})).await.expect(201);
    let log = || {
        let files = crate::fixture::files_below(&sites.partner.node.data().join("access"));
        files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect::<String>()
    };
    let before = log().lines().count();
    let caller = sites.partner.guest();
    let hostile = "x\" 200 1 \"-\" \"\\";
    let ask = async |method: reqwest::Method, path: &str, header: (&str, &str)| {
        let request = caller.request(method, &format!("/site/{path}")).header("User-Agent", hostile);
        caller.send(request.header(header.0, header.1)).await.expect("the node answers").status
    };
    let none = ("Accept", "*/*");
    for _ in 0..10 {
        assert_eq!(ask(reqwest::Method::GET, PATH, none).await, 200);
        assert_eq!(ask(reqwest::Method::GET, "own.html", none).await, 200);
    }
    assert_eq!(ask(reqwest::Method::GET, PATH, ("If-None-Match", &tag)).await, 304);
    assert_eq!(ask(reqwest::Method::GET, PATH, ("Range", "bytes=1-2")).await, 206);
    assert_eq!(ask(reqwest::Method::HEAD, PATH, none).await, 200);
    assert_eq!(ask(reqwest::Method::GET, "nothing.html", none).await, 404);
    assert_eq!(ask(reqwest::Method::DELETE, PATH, none).await, 405);
    let text = log();
    let lines: Vec<&str> = text.lines().skip(before).collect();
    assert_eq!(lines.len(), 25, "{text}");
    let of = |path: &str, status: u16| {
        let wanted = format!(" /site/{path} HTTP/1.1\" {status} ");
        lines.iter().filter(|line| line.contains(&wanted)).count()
    };
    assert_eq!([of(PATH, 200), of("own.html", 200), of(PATH, 304), of(PATH, 206)], [11, 10, 1, 1], "{text}");
    assert!(lines.iter().all(|line| line.ends_with("\"x\\\" 200 1 \\\"-\\\" \\\"\\\\\"")), "{text}");
}

/// Shows B23.
#[tokio::test]
async fn originals_are_shown_while_the_main_site_is_down() {
    let mut sites = Sites::on(&terms(&json!({}))).await;
    write(&sites.partner, "own.html", "original", &json!({})).await.expect(201);
    sites.main.node.kill();
    shows(&sites.partner, "own.html", "original").await;
}

/// Shows B27.
#[tokio::test]
async fn a_page_that_was_cracked_on_the_disk_is_shown_to_nobody_named_and_restored_from_the_main_site() {
    let mut sites = Sites::on(&terms(&json!({}))).await;
    revise(&sites, "one").await;
    shows(&sites.partner, PATH, "one").await;
    row(&sites.main, "page-deliveries", stands("applied")).await;
    let sha256 = sha256(b"one");
    let file = sites.partner.node.data().join("blobs").join(&sha256[..2]).join(&sha256[2..]);
    // While the main site is down, so that it cannot be restored before it was looked at.
    sites.main.node.kill();
    std::fs::write(&file, "0ne").unwrap();
    get(&sites.partner, PATH).await.expect_problem(503, "page-damaged");
    row(&sites.partner, "pages", |row| row["damaged"] == json!(true) && row["damages"] == json!(1)).await;
    sites.main.node.start_again();
    shows(&sites.partner, PATH, "one").await;
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "one");
    row(&sites.partner, "pages", |row| row["damaged"] == json!(false)).await;
    // Nobody asks, and it is found all the same.
    std::fs::remove_file(&file).unwrap();
    row(&sites.partner, "pages", |row| row["damages"] == json!(2) && row["damaged"] == json!(false)).await;
    shows(&sites.partner, PATH, "one").await;
    sites.assert_sound();
}

#[tokio::test]
async fn under_load_a_page_is_one_revision_or_the_next_and_never_half_of_one() {
    let sites = Sites::on(&terms(&json!({}))).await;
    let text = |n: usize| format!("{n}").repeat(200_000);
    revise(&sites, &text(0)).await;
    shows(&sites.partner, PATH, &text(0)).await;
    let mut seen = std::collections::BTreeSet::new();
    for n in 1..5 {
        revise(&sites, &text(n)).await;
        let whole = |reply: &Reply| {
            let is_one = (0..5).any(|n| reply.text == text(n));
            assert!(reply.status == 200 && is_one, "{} {} bytes", reply.status, reply.text.len());
            assert_eq!(reply.header("ETag"), Some(&*format!("\"{}\"", sha256(reply.text.as_bytes()))));
            reply.text == text(n)
        };
        let readers = (0..8).map(|_| first(async || get(&sites.partner, PATH).await, whole));
        seen.extend(futures_util::future::join_all(readers).await.into_iter().map(|reply| reply.text));
    }
    assert_eq!(seen.len(), 4);
}
