//! The central node: where it is, and what it does for every site.

use memchr::memmem;
use serde_json::{Value, json};

use super::super::Sites;
use super::{PASSWORD, Visit, actions, another, register, registration, sign_in, terms};
use crate::fixture::{files_below, first};
use crate::http::Reply;
use crate::parties::{Party, key};

/// Shows B28, B30.
#[tokio::test]
async fn a_member_who_registered_at_one_partner_signs_in_at_another_and_no_partner_keeps_the_password() {
    let terms = terms(&json!({}));
    let sites = Sites::on(&terms).await;
    let (second, contract) = another(&sites, "second", &terms).await;
    let login = "quetzalcoatl.vexillology";
    let registered = register(&sites.partner, &sites.contract, login).await.expect(201);
    let row = sites.main.row(&format!("/v1/members/{}", registered.field("id"))).await;
    let agreed = [&row["site"], &row["agreed"], &row["marketing"], &row["state"]];
    let expected = [json!(sites.partner.id), json!("privacy-2026-1"), json!(true), json!("registered")];
    assert_eq!(agreed.map(Clone::clone), expected, "{row}");
    // At the other partner nobody registered.
    let visit = Visit::of(&second, &contract, login).await;
    assert_eq!(visit.member, registered.field("id"));
    assert!(second.rows("members").await.is_empty() && sites.partner.rows("members").await.is_empty());
    let row = sites.main.row(&format!("/v1/members/{}", visit.member)).await;
    assert_eq!(row["sites"].as_array().map(Vec::len), Some(2), "{row}");
    // Who registered at the main site is a member everywhere.
    let mut at_main = registration("zyxomma");
    at_main["site"] = json!(sites.main.id);
    sites.main.guest().post("/v1/members", &key("member"), &at_main).await.expect(201);
    Visit::of(&second, &contract, "zyxomma").await;
    // A ticket opens one visit, at the site that it is for.
    let ticket = sign_in(&second, &contract, login, PASSWORD).await.expect(200).field("ticket");
    let open = |contract: &str| json!({ "contract": contract, "ticket": ticket });
    let at_another = sites.partner.guest().post("/v1/member-visits", &key("visit"), &open(&sites.contract)).await;
    at_another.expect_problem(403, "not-identified");
    let [head, content, signature] = <[&str; 3]>::try_from(ticket.split('.').collect::<Vec<_>>()).expect("three parts");
    let last = if content.ends_with('A') { "B" } else { "A" };
    let altered = format!("{head}.{}{last}.{signature}", &content[..content.len() - 1]);
    let body = json!({ "contract": contract, "ticket": altered });
    second.guest().post("/v1/member-visits", &key("visit"), &body).await.expect_problem(403, "not-identified");
    second.guest().post("/v1/member-visits", &key("visit"), &open(&contract)).await.expect(201);
    second
        .guest()
        .post("/v1/member-visits", &key("visit"), &open(&contract))
        .await
        .expect_problem(409, "already-exists");
    // Who is not identified is not told why.
    let wrong = sign_in(&second, &contract, login, "a wrong password").await;
    let unknown = sign_in(&second, &contract, "nobody at all", "a wrong password").await;
    let said = |reply: &Reply| (reply.status, reply.json()["type"].clone(), reply.json()["detail"].clone());
    assert_eq!(said(&wrong), said(&unknown));
    wrong.expect_problem(403, "not-identified");
    let email = format!("{login}@example.org");
    for party in [&sites.main, &sites.partner, &second] {
        for path in files_below(&party.node.data()) {
            let bytes = std::fs::read(&path).unwrap_or_default();
            for secret in [login, PASSWORD, &email, "a wrong password"] {
                assert!(memmem::find(&bytes, secret.as_bytes()).is_none(), "{} holds {secret}", path.display());
            }
        }
        assert!(!party.node.log().contains(PASSWORD) && !party.node.log().contains(login));
    }
    sites.assert_sound();
    second.node.assert_sound();
}

#[tokio::test]
async fn wrong_passwords_at_all_partners_together_lock_a_member() {
    let terms = terms(&json!({}));
    let sites = Sites::on(&terms).await;
    let (second, contract) = another(&sites, "second", &terms).await;
    register(&sites.partner, &sites.contract, "aiko").await.expect(201);
    for n in 0..5 {
        let (party, contract) = if n % 2 == 0 { (&second, &contract) } else { (&sites.partner, &sites.contract) };
        sign_in(party, contract, "aiko", "a wrong password").await.expect_problem(403, "not-identified");
    }
    sign_in(&second, &contract, "aiko", PASSWORD).await.expect_problem(403, "not-identified");
}

/// Shows B29.
#[tokio::test]
async fn the_central_node_may_be_one_of_its_own_which_partners_reach_directly_or_through_the_main_site() {
    let device = Party::start("device").await;
    let sites = Sites::on(&terms(&json!({ "central": device.id, "through_main": true }))).await;
    device.knows(&sites.main, &["main_site"]).await;
    sites.main.knows(&device, &["main_site"]).await;
    // The partner checks tickets of the device, and it need not know the partner.
    sites.partner.knows(&device, &["main_site"]).await;
    let registered = register(&sites.partner, &sites.contract, "aiko").await.expect(201);
    let row = device.row(&format!("/v1/members/{}", registered.field("id"))).await;
    assert_eq!(row["site"], json!(sites.partner.id), "{row}");
    assert!(sites.main.rows("members").await.is_empty());
    let visit = Visit::of(&sites.partner, &sites.contract, "aiko").await;
    visit.acts(&key("act"), "cart", "/tie-up/a").await.expect(201);
    let taken = actions(&device, 1).await;
    assert_eq!((&taken[0]["kind"], &taken[0]["site"]), (&json!("cart"), &json!(sites.partner.id)));
    // Directly, where the contract says so: the main site takes no part in it.
    device.knows(&sites.partner, &["partner_site"]).await;
    let directly = terms(&json!({ "central": device.id }));
    let (mut main, partner, contract) = (sites.main, sites.partner, sites.contract);
    let sites = Sites { main, partner, contract };
    sites.propose(2, "2026-10-02T00:00:00+09:00", &directly).await.expect(201);
    sites.accept(2).await.expect(200);
    sites.both_have(|row| row["terms"][1]["standing"] == json!("accepted")).await;
    main = sites.main;
    main.node.kill();
    let visit = Visit::of(&sites.partner, &sites.contract, "aiko").await;
    visit.acts(&key("act"), "reservation", "/tie-up/a").await.expect(201);
    actions(&device, 2).await;
}

/// Shows B56, B30.
#[tokio::test]
async fn what_members_do_is_on_record_per_member_and_page_at_both_once_whoever_is_killed() {
    let mut sites = Sites::on(&terms(&json!({}))).await;
    for login in ["aiko", "björn"] {
        register(&sites.partner, &sites.contract, login).await.expect(201);
    }
    let aiko = Visit::of(&sites.partner, &sites.contract, "aiko").await;
    let björn = Visit::of(&sites.partner, &sites.contract, "björn").await;
    let twice = key("act");
    for _ in 0..2 {
        aiko.acts(&twice, "page", "/tie-up/a").await.expect(201);
    }
    sites.main.node.kill();
    aiko.acts(&key("act"), "cart", "/tie-up/a").await.expect(201);
    björn.acts(&key("act"), "reservation", "/own/b").await.expect(201);
    sites.partner.node.crash();
    sites.main.node.start_again();
    actions(&sites.main, 3).await;
    sites.partner.owes_nothing().await;
    sites.main.node.crash();
    sites.partner.owes_nothing().await;
    let what = |rows: Vec<Value>| {
        let mut rows: Vec<_> =
            rows.iter().map(|row| json!([row["member"], row["kind"], row["page"], row["at"]])).collect();
        rows.sort_by_key(Value::to_string);
        rows
    };
    let here = what(sites.partner.rows("member-actions").await);
    assert_eq!(here, what(sites.main.rows("member-actions").await));
    let mut expected = [
        [&*aiko.member, "page", "/tie-up/a"],
        [&*aiko.member, "cart", "/tie-up/a"],
        [&*björn.member, "reservation", "/own/b"],
    ];
    expected.sort_unstable();
    let mut found: Vec<_> = here.iter().map(|row| [0, 1, 2].map(|n| row[n].as_str().unwrap_or_default())).collect();
    found.sort_unstable();
    assert_eq!(found, expected);
    // Per member and page, as a list is narrowed.
    let of = async |query: String| {
        sites.main.operator().get(&format!("/v1/member-actions?{query}")).await.json()["data"].clone()
    };
    assert_eq!(of(format!("member={}&page=/tie-up/a", aiko.member)).await.as_array().map(Vec::len), Some(2));
    assert_eq!(of(format!("member={}&page=/tie-up/a", björn.member)).await, json!([]));
    // Nobody records what another member does, nor a purchase that was not paid.
    let body = json!({ "contract": sites.contract, "visit": björn.id, "kind": "cart", "page": "/own/b" });
    aiko.holder.post("/v1/member-actions", &key("act"), &body).await.expect_problem(403, "not-identified");
    aiko.acts(&key("act"), "purchase", "/own/b").await.expect_problem(422, "invalid-body");
    let stranger = sites.partner.guest();
    stranger.post("/v1/member-actions", &key("act"), &body).await.expect_problem(403, "not-identified");
    sites.assert_sound();
}

/// Shows B33.
#[tokio::test]
async fn while_the_main_site_is_down_a_partner_identifies_those_whom_it_identified_before() {
    let mut sites = Sites::on(&terms(&json!({ "copy_secs": 3_600 }))).await;
    let (second, contract) = another(&sites, "second", &terms(&json!({}))).await;
    for login in ["aiko", "björn"] {
        register(&sites.partner, &sites.contract, login).await.expect(201);
    }
    for (party, contract) in [(&sites.partner, &sites.contract), (&second, &contract)] {
        let told = sign_in(party, contract, "aiko", PASSWORD).await.expect(200);
        assert!(
            told.json().get("allowance").is_none(),
            "what lets the node keep something is for the node: {}",
            told.text
        );
    }
    let copies = async || sites.partner.operator().get("/v1/members?state=copied").await.json()["data"].clone();
    let copied = first(copies, |rows: &Value| rows.as_array().is_some_and(|rows| rows.len() == 1)).await;
    assert!(copied[0].get("login").is_none() && copied[0].get("argon2id").is_none(), "{copied}");
    // Who registers at the partner's own node is no member of the contract.
    let mut own = registration("carol");
    own["site"] = json!(sites.partner.id);
    sites.partner.guest().post("/v1/members", &key("own"), &own).await.expect(201);
    let own = json!({ "login": "carol", "password": PASSWORD, "site": sites.partner.id });
    let ticket = sites.partner.guest().post("/v1/members/sign-in", &key("own"), &own).await.expect(200).field("ticket");
    let open = json!({ "contract": sites.contract, "ticket": ticket });
    let refused = sites.partner.guest().post("/v1/member-visits", &key("visit"), &open).await;
    refused.expect_problem(403, "not-identified");
    sites.main.node.kill();
    let ticket = sign_in(&sites.partner, &sites.contract, "aiko", PASSWORD).await.expect(200).field("ticket");
    let visit = Visit::open(&sites.partner, &sites.contract, &ticket).await;
    visit.acts(&key("act"), "cart", "/tie-up/a").await.expect(201);
    // Not with a wrong password, not who was not there before, and not where the contract says nothing of it.
    sign_in(&sites.partner, &sites.contract, "aiko", "a wrong password").await.expect_problem(403, "not-identified");
    sign_in(&sites.partner, &sites.contract, "björn", PASSWORD).await.expect_problem(403, "not-identified");
    sign_in(&second, &contract, "aiko", PASSWORD).await.expect_problem(503, "unavailable");
    sites.main.node.start_again();
    actions(&sites.main, 1).await;
    sites.assert_sound();
}

#[tokio::test]
async fn who_is_forgotten_is_identified_nowhere_and_nothing_of_the_person_opens_any_more() {
    let sites = Sites::on(&terms(&json!({}))).await;
    let mut body = registration("aiko");
    body["site"] = json!(sites.main.id);
    let registered = sites.main.guest().post("/v1/members", &key("member"), &body).await.expect(201);
    let (id, position) = (registered.field("id"), registered.position());
    Visit::of(&sites.partner, &sites.contract, "aiko").await;
    // As it was right after the registration: what opens it is the person's key, and nothing else.
    let then = format!("/v1/members/{id}?decrypt=true&as_of={position}");
    let shown = async || sites.main.operator().get(&then).await;
    let row = first(shown, |reply: &Reply| reply.status == 200).await.json();
    assert_eq!((&row["login"], &row["email"]), (&json!("aiko"), &json!("aiko@example.org")), "{row}");
    sites.main.do_once(&format!("/v1/members/{id}/forget"), &key("forget"), &json!({})).await.expect(200);
    sign_in(&sites.partner, &sites.contract, "aiko", PASSWORD).await.expect_problem(403, "not-identified");
    let row = first(shown, |reply: &Reply| reply.json()["login"] == Value::Null).await.json();
    assert_eq!((&row["email"], &row["profile"]), (&Value::Null, &Value::Null), "{row}");
    assert_eq!(sites.main.row(&format!("/v1/members/{id}")).await["state"], json!("forgotten"));
    register(&sites.partner, &sites.contract, "aiko").await.expect_problem(409, "already-exists");
    sites.assert_sound();
}
