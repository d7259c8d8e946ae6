//! The ways in which a revision comes to be shown, and how the manager of a partner site is asked.

use std::process::Command;

use serde_json::{Value, json};

use super::Sites;
use super::made::{LAYOUT, PATH, partner, row_at, write};
use super::pages::{get, sha256, shows, terms};
use crate::fixture::first;
use crate::http::Reply;
use crate::parties::key;

/// Shows B16.
#[tokio::test]
async fn one_revision_comes_to_be_shown_by_each_of_three_ways() {
    let sites = Sites::on(&terms(&json!({ "way": "overwrite" }))).await;
    let (main, overwrites) = (&sites.main, &sites.partner);
    let links = partner(main, "links", &terms(&json!({ "way": "links" }))).await;
    let switches = partner(main, "switch", &terms(&json!({ "way": "switch" }))).await;
    let home = format!("<a href=\"kippu:{PATH}\">offers</a>");
    for party in [overwrites, &links, &switches] {
        write(party, "home.html", &home, json!({ "links": true })).await;
    }
    let leading = |to: &str| format!("<a href=\"{to}\">offers</a>");
    let yes = async |revision: u32, text: &str| {
        let held = |row: &Value| row["next"]["state"] == json!("held") && row["next"]["revision"] == json!(revision);
        let page = row_at(&switches, "pages", PATH, held).await;
        let body = json!({ "revision": revision, "sha256": sha256(text.as_bytes()) });
        let path = format!("/v1/pages/{}/confirm", page["id"].as_str().unwrap());
        switches.do_once(&path, &key("yes"), &body).await.expect(200);
    };
    write(main, PATH, "one", json!({ "tie_up": true })).await;
    yes(1, "one").await;
    shows(&switches, PATH, "one").await;
    shows(&switches, "home.html", &leading(&format!("/site/{PATH}?revision=1"))).await;
    write(main, PATH, "two", json!({ "tie_up": true })).await;
    // Overwritten: the same address, other bytes.
    shows(overwrites, PATH, "two").await;
    shows(overwrites, "home.html", &leading(&format!("/site/{PATH}"))).await;
    // Linked: another address in the page, and no copy of anything.
    let url = format!("{}/site/{PATH}?revision=2", main.node.url());
    shows(&links, "home.html", &leading(&url)).await;
    assert_eq!(get(main, &format!("{PATH}?revision=2")).await.expect(200).text, "two");
    assert_eq!(get(main, &format!("{PATH}?revision=1")).await.expect(200).text, "one");
    assert_eq!(get(&links, PATH).await.status, 404);
    for text in ["one", "two"] {
        let blob = format!("/v1/blobs/{}", sha256(text.as_bytes()));
        assert_eq!(links.operator().get(&blob).await.status, 404, "{text}");
    }
    let row = row_at(&links, "pages", PATH, |row| row["revision"] == json!(2)).await;
    assert_eq!((&row["way"], &row["sha256"]), (&json!("links"), &Value::Null), "{row}");
    // Written beside it: the old one at both addresses until it is approved, then the new one.
    let held = |row: &Value| row["next"]["revision"] == json!(2) && row["next"]["state"] == json!("held");
    row_at(&switches, "pages", PATH, held).await;
    shows(&switches, PATH, "one").await;
    shows(&switches, "home.html", &leading(&format!("/site/{PATH}?revision=1"))).await;
    assert_eq!(get(&switches, &format!("{PATH}?revision=2")).await.status, 404);
    yes(2, "two").await;
    shows(&switches, PATH, "two").await;
    shows(&switches, "home.html", &leading(&format!("/site/{PATH}?revision=2"))).await;
    assert_eq!(get(&switches, &format!("{PATH}?revision=1")).await.expect(200).text, "one");
    // The same revision at all of them, as the main site knows.
    let applied = async || {
        let rows = main.rows("page-deliveries").await;
        rows.iter().filter(|row| row["applied"] == json!(2) && row["state"] == json!("applied")).count()
    };
    assert_eq!(first(applied, |count| *count == 3).await, 3);
    sites.assert_sound();
    for party in [&links, &switches] {
        party.node.assert_sound();
    }
}

/// Shows B16.
#[tokio::test]
async fn by_no_way_a_reader_is_shown_half_a_page() {
    let sites = Sites::on(&terms(&json!({ "rights": "repair" }))).await;
    let (main, partner) = (&sites.main, &sites.partner);
    let layout = |n: usize| format!("<{n}><!--content--></{n}>");
    let text = |n: usize| format!("{n}\n").repeat(50_000);
    let page = |of: usize, n: usize| format!("<{of}>{}</{of}>", text(n));
    write(main, LAYOUT, &layout(0), json!({ "tie_up": true, "part": "layout" })).await;
    shows(partner, LAYOUT, &layout(0)).await;
    write(main, PATH, &text(0), json!({ "tie_up": true, "layout": LAYOUT })).await;
    shows(partner, PATH, &page(0, 0)).await;
    for n in 1..4 {
        write(main, LAYOUT, &layout(n), json!({ "tie_up": true, "part": "layout" })).await;
        write(main, PATH, &text(n), json!({ "tie_up": true, "layout": LAYOUT })).await;
        let whole = |reply: &Reply| {
            let is_one = (0..4).any(|of| (0..4).any(|n| reply.text == page(of, n)));
            assert!(reply.status == 200 && is_one, "{} {} bytes", reply.status, reply.text.len());
            assert_eq!(reply.header("ETag"), Some(&*format!("\"{}\"", sha256(reply.text.as_bytes()))));
            reply.text == page(n, n)
        };
        let readers = (0..6).map(|_| first(async || get(partner, PATH).await, whole));
        for reply in futures_util::future::join_all(readers).await {
            assert!(reply.text == page(n, n));
        }
    }
}

/// Shows B16.
#[tokio::test]
async fn a_switch_and_a_link_change_a_page_at_once_for_whoever_reads_it() {
    let sites = Sites::on(&terms(&json!({ "way": "switch" }))).await;
    let (main, switches) = (&sites.main, &sites.partner);
    let links = partner(main, "links", &terms(&json!({ "way": "links" }))).await;
    let text = |n: usize| format!("{n}\n").repeat(50_000);
    write(&links, "home.html", &format!("<a href=\"kippu:{PATH}\">offers</a>").repeat(1_000), json!({ "links": true }))
        .await;
    let home =
        |n: usize| format!("<a href=\"{}/site/{PATH}?revision={}\">offers</a>", main.node.url(), n + 1).repeat(1_000);
    for n in 0..4 {
        write(main, PATH, &text(n), json!({ "tie_up": true })).await;
        let held = |row: &Value| row["next"]["state"] == json!("held") && row["next"]["revision"] == json!(n + 1);
        let page = row_at(switches, "pages", PATH, held).await;
        let body = json!({ "revision": n + 1, "sha256": sha256(text(n).as_bytes()) });
        let confirm = format!("/v1/pages/{}/confirm", page["id"].as_str().unwrap());
        let is_new = |reply: &Reply| {
            let is_one = (0..=n).any(|of| reply.text == text(of)) || (n == 0 && reply.status == 404);
            assert!(is_one, "{} {} bytes", reply.status, reply.text.len());
            reply.text == text(n)
        };
        let leads_there = |reply: &Reply| {
            let is_one = (0..=n).any(|of| reply.text == home(of));
            assert!(is_one || n == 0, "{} {} bytes", reply.status, reply.text.len());
            reply.text == home(n)
        };
        let readers = (0..4).map(|_| first(async || get(switches, PATH).await, is_new));
        let followers = (0..4).map(|_| first(async || get(&links, "home.html").await, leads_there));
        let yes = key("yes");
        let answer = switches.do_once(&confirm, &yes, &body);
        let (answer, ..) = futures_util::future::join3(
            answer,
            futures_util::future::join_all(readers),
            futures_util::future::join_all(followers),
        )
        .await;
        answer.expect(200);
    }
    sites.assert_sound();
}

/// Shows B14.
#[tokio::test]
async fn the_manager_is_asked_in_text_and_in_speech_about_one_revision_alone() {
    let sites = Sites::on(&terms(&json!({ "confirmation": "manager" }))).await;
    let partner = &sites.partner;
    write(&sites.main, PATH, "one", json!({ "tie_up": true })).await;
    let held = |revision: u32| {
        move |row: &Value| row["next"]["state"] == json!("held") && row["next"]["revision"] == json!(revision)
    };
    let page = row_at(partner, "pages", PATH, held(1)).await;
    let path = format!("/v1/pages/{}", page["id"].as_str().unwrap());
    let message = partner.operator().get(&format!("{path}/message")).await.expect(200);
    let digest = sha256(b"one");
    for said in ["The main site main brings revision 1 of the page offers/index.html", &digest] {
        assert!(message.text.contains(said), "{}", message.text);
    }
    assert_eq!((message.header("Kippu-Revision"), message.header("Kippu-Sha256")), (Some("1"), Some(&*digest)));
    assert_eq!(partner.guest().get(&format!("{path}/message")).await.status, 401);
    // As speech, where the program that speaks is installed.
    let speaks = Command::new("espeak-ng").arg("--version").output().is_ok();
    let request = partner.operator().request(reqwest::Method::GET, &format!("{path}/message.wav"));
    let response = request.send().await.expect("the node answers");
    if speaks {
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["kippu-sha256"], &*digest);
        let wav = response.bytes().await.unwrap();
        let number = |at: usize| u32::from_le_bytes(wav[at..at + 4].try_into().unwrap());
        assert_eq!((&wav[..4], &wav[8..16], &wav[36..40]), (&b"RIFF"[..], &b"WAVEfmt "[..], &b"data"[..]));
        // Its header says how long it is: bytes, and bytes of a second.
        assert_eq!((number(4) as usize, number(40) as usize), (wav.len() - 8, wav.len() - 44));
        let seconds = f64::from(number(40)) / f64::from(number(28));
        let words = message.text.split_whitespace().count();
        assert!((5.0..120.0).contains(&seconds), "{words} words in {seconds} seconds");
        assert!(wav[44..].iter().any(|byte| *byte != wav[44]), "silence");
    } else {
        assert_eq!(response.status(), 501);
        assert!(response.text().await.unwrap().contains("speech-not-installed"));
    }
    // Unchanged until the yes; a yes to this revision shows no later one.
    assert_eq!(get(partner, PATH).await.status, 404);
    write(&sites.main, PATH, "two", json!({ "tie_up": true })).await;
    row_at(partner, "pages", PATH, held(2)).await;
    let body = json!({ "revision": 1, "sha256": digest });
    let answer = partner.do_once(&format!("{path}/confirm"), &key("yes"), &body).await;
    answer.expect_problem(409, "page-not-asked");
    assert_eq!(get(partner, PATH).await.status, 404);
    let message = partner.operator().get(&format!("{path}/message")).await.expect(200);
    assert_eq!(message.header("Kippu-Revision"), Some("2"));
    let body = json!({ "revision": 2, "sha256": sha256(b"two") });
    partner.do_once(&format!("{path}/confirm"), &key("yes"), &body).await.expect(200);
    shows(partner, PATH, "two").await;
    assert_eq!(partner.operator().get(&format!("{path}/message")).await.status, 404);
    sites.assert_sound();
}

/// Shows B15.
#[tokio::test]
async fn who_says_nothing_in_time_is_asked_again_after_the_delay_that_the_terms_name() {
    let pages = json!({ "confirmation": "manager", "answer_secs": 2, "again_secs": 3 });
    let sites = Sites::on(&terms(&pages)).await;
    let partner = &sites.partner;
    write(&sites.main, PATH, "one", json!({ "tie_up": true })).await;
    let over = |row: &Value| row["declined_by"] == json!("deadline") && row["again_at"].is_string();
    row_at(&sites.main, "page-deliveries", PATH, over).await;
    assert_eq!(get(partner, PATH).await.status, 404);
    // Nobody says so, and it is brought once more; a no in time is one too, and after that a yes.
    let page = row_at(partner, "pages", PATH, |_| true).await;
    let body = json!({ "revision": 1, "sha256": sha256(b"one") });
    for command in ["decline", "confirm"] {
        let path = format!("/v1/pages/{}/{command}", page["id"].as_str().unwrap());
        let answer = async || partner.do_once(&path, &key(command), &body).await;
        assert_eq!(first(answer, |reply| reply.status == 200).await.status, 200);
        if command == "decline" {
            let no = |row: &Value| row["declined_by"] == json!("manager") && row["again_at"].is_string();
            row_at(&sites.main, "page-deliveries", PATH, no).await;
            assert_eq!(get(partner, PATH).await.status, 404);
        }
    }
    shows(partner, PATH, "one").await;
    sites.assert_sound();
}
