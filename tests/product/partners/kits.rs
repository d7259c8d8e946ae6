//! Kits: a partner site that begins in an empty directory, by a file of its main site.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::pages::{PATH, shows, write};
use super::sites::FROM;
use crate::fixture::{Ended, Node, run, utf8};
use crate::parties::Party;
use crate::partners::logs::terms;

/// `kippu kit make` at `main`, into `file`.
fn make(main: &Party, folder: &Path, file: &Path) -> Ended {
    let terms_file = folder.join("terms.json");
    std::fs::write(&terms_file, terms().to_string()).unwrap();
    let key_file = main.node.data().join("operator.key");
    run(&[
        &[
            "--json",
            "kit",
            "make",
            "--name",
            "Harbour Gifts",
            "--terms",
            utf8(&terms_file),
            "--from",
            FROM,
            "--out",
            utf8(file),
        ][..],
        &["--server", main.node.url(), "--key-file", utf8(&key_file)],
    ]
    .concat())
}

fn init(data: &Path, kit: &Path) -> Ended {
    run(&["init", "--kit", utf8(kit), "--data", utf8(data)])
}

fn join(node: &Node, kit: &Path) -> Ended {
    let key_file = node.data().join("operator.key");
    run(&["kit", "join", "--accept", utf8(kit), "--server", node.url(), "--key-file", utf8(&key_file)])
}

/// Shows B48.
#[tokio::test]
async fn a_partner_begins_in_an_empty_directory_and_shows_the_first_page_after_four_commands() {
    let main = Party::start("main").await;
    write(&main, PATH, "one", &json!({ "tie_up": true })).await.expect(201);
    let folder = TempDir::with_prefix("kippu-test-").unwrap();
    let kit = folder.path().join("partner.kit");
    // Each of these is one command, and `kippu serve` another one.
    let made = make(&main, folder.path(), &kit).ok();
    let key = made.json()[0]["signed_with"].as_str().unwrap().to_owned();
    let data = folder.path().join("data");
    run(&["init", "--kit", utf8(&kit), "--signed-with", &key, "--data", utf8(&data)]).ok();
    for file in ["index.html", "kippu.toml", "layout.html", "links.md"] {
        assert!(data.join("kit").join(file).is_file(), "{file}");
    }
    run(&["config", "check", utf8(&data.join("kit/kippu.toml"))]).ok();
    let node = Node::start_in(folder, vec!["--name".to_owned(), "partner".to_owned()]);
    join(&node, &kit).ok();
    let id = crate::parties::card(&node).await["party"].as_str().unwrap().to_owned();
    let partner = Party { node, twin: None, id };
    shows(&partner, PATH, "one").await;
    // The same command once more changes nothing.
    join(&partner.node, &kit).ok();
    let kits = main.rows("kits").await;
    assert_eq!((&kits[0]["state"], &kits[0]["party"]), (&json!("joined"), &json!(partner.id)), "{kits:?}");
    let names = |rows: Vec<Value>| rows.iter().map(|row| row["id"].clone()).collect::<Vec<_>>();
    assert_eq!(names(main.rows("peers").await), [json!(partner.id)]);
    assert_eq!(names(partner.rows("peers").await), [json!(main.id)]);
    // The kit is used up: another node, which has the file too, joins nobody.
    let other = TempDir::with_prefix("kippu-test-").unwrap();
    init(&other.path().join("data"), &kit).ok();
    let other = Node::start_in(other, Vec::new());
    join(&other, &kit).refused(1, "a party has joined by this kit");
    assert_eq!(main.rows("contracts").await.len(), 1);
    for node in [&main.node, &partner.node] {
        node.assert_sound();
    }
}

/// Shows B48.
#[tokio::test]
async fn by_a_kit_that_was_altered_nothing_is_made() {
    let main = Party::start("main").await;
    let folder = TempDir::with_prefix("kippu-test-").unwrap();
    let kit = folder.path().join("partner.kit");
    let made = make(&main, folder.path(), &kit).ok();
    let text = std::fs::read_to_string(&kit).unwrap();
    let data = folder.path().join("data");
    let (altered, statement) = (folder.path().join("altered.kit"), text.lines().next().unwrap());
    let url = main.node.url().to_owned();
    for (from, to, said) in [
        // A page, the terms, the address of the main site, the end of the file, and what the main site has signed.
        ("<h1>Welcome</h1>", "<h1>Defaced</h1>", "it was altered"),
        ("\"amount\":30000", "\"amount\":10000", "it was altered"),
        (url.as_str(), "http://127.0.0.1:1", "it was altered"),
        ("}}", "}} ", "it was altered"),
        (statement, "e30.e30.e30", "no statement of a main site"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        std::fs::write(&altered, changed).unwrap();
        init(&data, &altered).refused(1, said);
        assert!(!data.exists(), "{from}");
    }
    // Whole, and another main site's.
    run(&["init", "--kit", utf8(&kit), "--signed-with", "another", "--data", utf8(&data)])
        .refused(1, "signed with the key");
    assert!(!data.exists());
    // Nobody joins without what is in the kit.
    let path = format!("/v1/kits/{}/join", made.json()[0]["kit"].as_str().unwrap());
    let refused = main.guest().post(&path, &crate::parties::key("join"), &json!({ "card": "a.b.c" })).await;
    assert_eq!(refused.status, 403, "{}", refused.text);
}

/// Shows B48.
#[tokio::test]
async fn who_has_joined_is_proposed_the_terms_also_where_the_main_site_dies_at_that_moment() {
    let mut main = Party::start("main").await;
    let folder = TempDir::with_prefix("kippu-test-").unwrap();
    let kit = folder.path().join("partner.kit");
    let made = make(&main, folder.path(), &kit).ok();
    let data = folder.path().join("data");
    init(&data, &kit).ok();
    let node = Node::start_in(folder, Vec::new());
    let card = node.caller("").get("/.well-known/kippu-party.jws").await.expect(200).text;
    // What the signed line of a kit says, as anybody reads it.
    let text = std::fs::read_to_string(&kit).unwrap();
    let said = text.lines().next().unwrap().split('.').nth(1).unwrap();
    let said: Value = serde_json::from_slice(&data_encoding::BASE64URL_NOPAD.decode(said.as_bytes()).unwrap()).unwrap();
    let holder = main.node.caller(said["capability"].as_str().unwrap());
    let path = format!("/v1/kits/{}/join", made.json()[0]["kit"].as_str().unwrap());
    let once = crate::parties::key("join");
    let joined = holder.post(&path, &once, &json!({ "card": card })).await.expect(200);
    main.node.kill();
    main.node.start_again();
    let contract = format!("/v1/contracts/{}", joined.field("contract"));
    let row = crate::fixture::first(async || node.operator().get(&contract).await, |reply| reply.status == 200).await;
    assert_eq!(row.json()["terms"][0]["standing"], json!("proposed"), "{}", row.text);
    // Asked again under its key it is answered the same, and nothing is there twice.
    let again = holder.post(&path, &once, &json!({ "card": card })).await.expect(200);
    assert_eq!(again.text, joined.text);
    assert_eq!((main.rows("peers").await.len(), main.rows("contracts").await.len()), (1, 1));
    // Another party's card is none of one's own.
    let forged = card.replacen('.', ".e30", 1);
    holder
        .post(&path, &crate::parties::key("forged"), &json!({ "card": forged }))
        .await
        .expect_problem(422, "invalid-body");
    main.node.assert_sound();
}
