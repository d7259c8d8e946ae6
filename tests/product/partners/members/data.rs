//! What is asked of members' data: the three outputs, who may be written to, what a partner may have, and sales by region.

use serde_json::{Value, json};

use super::super::Sites;
use super::super::logs::file;
use super::{PASSWORD, Visit, actions, code, register, registration, say, sign_in, terms};
use crate::fixture::{first, run, utf8};
use crate::http::Reply;
use crate::parties::{Party, key};

/// This month, in which what happens here happens.
fn month() -> String {
    kippu_events::Time::now().to_string()[..7].to_owned()
}

/// One of the outputs of this month, as the main site has it.
async fn output(sites: &Sites, which: &str) -> Value {
    let path = format!("/v1/contracts/{}/management/{which}?month={}", sites.contract, month());
    sites.main.row(&path).await
}

/// The three.
async fn outputs(sites: &Sites) -> [Value; 3] {
    [output(sites, "customers").await, output(sites, "security").await, output(sites, "fee").await]
}

/// A request for a tie-up page a minute ago, by another visitor each time.
async fn access(sites: &Sites, n: u8) {
    let now = kippu_events::Time::now().to_string();
    let (day, time) = (&now[8..10], &now[11..19]);
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let name = months[now[5..7].parse::<usize>().expect("a month") - 1];
    let line = format!(
        "198.51.100.{n} - - [{day}/{name}/{}:{time} +0000] \"GET /tie-up/a HTTP/1.1\" 200 500 \"-\" \"Mozilla/5.0\"\n",
        &now[..4]
    );
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = file(&folder, &format!("{n}.log"), line.as_bytes());
    sites.take(&path, &[]).await;
}

/// Shows B26.
#[tokio::test]
async fn customers_security_and_fee_come_from_the_same_logs_and_each_changes_with_them() {
    let mut terms = terms(&json!({}));
    // Whichever month it is where this runs.
    terms["time_zone"] = json!("Etc/UTC");
    terms["tariff"]["rules"][3]["by"]["exceeding"]["steps"][0]["over"] = json!(1);
    let sites = Sites::on(&terms).await;
    access(&sites, 1).await;
    let [customers, security, fee] = outputs(&sites).await;
    assert_eq!((&customers["visits"], &fee["accesses"]), (&json!(1), &json!(1)), "{customers} {fee}");
    assert_eq!(security["failed_sign_ins"], json!({}), "{security}");
    access(&sites, 2).await;
    let [more, same, dearer] = outputs(&sites).await;
    assert_eq!((&more["visits"], &dearer["accesses"], &same), (&json!(2), &json!(2), &security), "{more} {dearer}");
    assert_ne!(fee["fee"]["total"], dearer["fee"]["total"], "{dearer}");
    register(&sites.partner, &sites.contract, "aiko").await.expect(201);
    sign_in(&sites.partner, &sites.contract, "aiko", "a wrong password").await.expect_problem(403, "not-identified");
    let [one_more, unsafer, as_dear] = outputs(&sites).await;
    assert_eq!(unsafer["failed_sign_ins"], json!({ "wrong_password": 1 }), "{unsafer}");
    assert_eq!((&one_more["registered"], as_dear), (&json!(1), dearer), "{one_more}");
    let visit = Visit::of(&sites.partner, &sites.contract, "aiko").await;
    visit.acts(&key("act"), "cart", "/tie-up/a").await.expect(201);
    actions(&sites.main, 1).await;
    let [active, ..] = outputs(&sites).await;
    assert_eq!((&active["identified"], &active["actions"]), (&json!(1), &json!({ "cart": 1 })), "{active}");
    let guest = sites.main.guest();
    let path = format!("/v1/contracts/{}/management/fee?month={}", sites.contract, month());
    guest.get(&path).await.expect_problem(401, "unauthenticated");
}

/// Registers somebody with these members besides.
async fn somebody(party: &Party, contract: &str, login: &str, more: &Value) -> Reply {
    let mut body = registration(login);
    for (name, value) in more.as_object().expect("an object") {
        body[name] = value.clone();
    }
    say(party, contract, "register", &body).await.expect(201)
}

/// Shows B31.
#[tokio::test]
async fn who_agreed_may_be_written_to_by_region_and_preference_and_nobody_who_took_that_back() {
    let sites = Sites::on(&terms(&json!({ "user_data": { "marketing": true } }))).await;
    let north = json!({ "region": "north", "preferences": ["books", "=music"] });
    let aiko = somebody(&sites.partner, &sites.contract, "aiko", &north).await.field("id");
    let south = json!({ "region": "south" });
    let björn = somebody(&sites.partner, &sites.contract, "björn", &south).await.field("id");
    somebody(&sites.partner, &sites.contract, "chloé", &json!({ "region": "north", "marketing": false })).await;
    let export = async |query: &str| {
        sites.main.row("/v1/status").await;
        sites.main.operator().get(&format!("/v1/members/marketing?contract={}&{query}", sites.contract)).await
    };
    let lines = |reply: &Reply| -> Vec<Value> {
        reply.text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    };
    let emails = |reply: &Reply| -> Vec<Value> { lines(reply).iter().map(|line| line["email"].clone()).collect() };
    let mut all = emails(&export("format=jsonl").await.expect(200));
    all.sort_by_key(Value::to_string);
    assert_eq!(all, [json!("aiko@example.org"), json!("björn@example.org")]);
    assert_eq!(emails(&export("format=jsonl&region=north").await.expect(200)), [json!("aiko@example.org")]);
    assert_eq!(emails(&export("format=jsonl&preference=%3Dmusic").await.expect(200)), [json!("aiko@example.org")]);
    assert_eq!(emails(&export("format=jsonl&region=west").await.expect(200)), Vec::<Value>::new());
    let csv = export("region=north").await.expect(200).text;
    assert!(csv.contains(&format!("\"{aiko}\",\"aiko@example.org\",\"plain\",\"north\",\"books; =music\"")), "{csv}");
    // Whom it showed is on record, and nobody else.
    let on_record =
        run(&["--json", "replay", "access-log", "--data", utf8(&sites.main.node.data())]).ok().json().remove(0);
    let on_record = on_record["disclosures"].as_array().expect("a list");
    let mut shown: Vec<&Value> = on_record.iter().flat_map(|one| one["persons"].as_array().expect("a list")).collect();
    shown.sort_by_key(|id| id.to_string());
    let mut expected = [&json!(aiko), &json!(björn)];
    expected.sort_by_key(|id| id.to_string());
    assert_eq!(shown, expected, "each is on record once within a minute, and who did not agree never");
    let ticket = sign_in(&sites.partner, &sites.contract, "aiko", PASSWORD).await.expect(200).field("ticket");
    let taken_back = json!({ "ticket": ticket, "marketing": false });
    say(&sites.partner, &sites.contract, "consent", &taken_back).await.expect(200);
    assert_eq!(export("format=jsonl&region=north").await.expect(200).text, "");
    sites.main.guest().get("/v1/members/marketing").await.expect_problem(401, "unauthenticated");
    // What the contract says nothing of is done for nobody.
    sites.propose(2, "2026-10-02T00:00:00+09:00", &terms(&json!({}))).await.expect(201);
    sites.accept(2).await.expect(200);
    sites.both_have(|row| row["terms"][1]["standing"] == json!("accepted")).await;
    export("format=jsonl").await.expect_problem(403, "forbidden");
    sites.assert_sound();
}

/// Shows B32.
#[tokio::test]
async fn a_partner_has_the_users_data_of_the_pages_that_its_contract_names() {
    let named = |page: &str| terms(&json!({ "user_data": { "pages": [page] } }));
    let sites = Sites::on(&named("/tie-up/a")).await;
    register(&sites.partner, &sites.contract, "aiko").await.expect(201);
    let visit = Visit::of(&sites.partner, &sites.contract, "aiko").await;
    for (kind, page) in [("page", "/tie-up/a"), ("cart", "/tie-up/a"), ("page", "/tie-up/b")] {
        visit.acts(&key("act"), kind, page).await.expect(201);
    }
    actions(&sites.main, 3).await;
    let ask = async |page: &str| {
        let path = format!("/v1/contracts/{}/page-users?page={page}", sites.contract);
        sites.partner.operator().get(&path).await
    };
    let rows = ask("/tie-up/a").await.expect(200).json();
    assert_eq!(rows["data"][0]["actions"], json!({ "cart": 1, "page": 1 }), "{rows}");
    assert_eq!((&rows["data"][0]["member"], rows["data"].as_array().map(Vec::len)), (&json!(visit.member), Some(1)));
    assert!(!rows.to_string().contains("aiko"), "{rows}");
    ask("/tie-up/b").await.expect_problem(403, "forbidden");
    sites.propose(2, "2026-10-02T00:00:00+09:00", &named("/tie-up/b")).await.expect(201);
    sites.accept(2).await.expect(200);
    sites.both_have(|row| row["terms"][1]["standing"] == json!("accepted")).await;
    sites.main.row("/v1/status").await;
    ask("/tie-up/a").await.expect_problem(403, "forbidden");
    let rows = ask("/tie-up/b").await.expect(200).json();
    assert_eq!(rows["data"][0]["actions"], json!({ "page": 1 }), "{rows}");
    // Nobody else has any.
    let path = format!("/v1/contracts/{}/page-users?page=/tie-up/b", sites.contract);
    sites.main.guest().get(&path).await.expect_problem(401, "unauthenticated");
    sites.partner.guest().get(&path).await.expect_problem(401, "unauthenticated");
}

/// Shows B52.
#[tokio::test]
async fn sales_are_told_by_region_and_small_groups_of_buyers_together() {
    let prices = json!({ "book": { "amount": 1_000, "currency": "EUR" } });
    let sites = Sites::on(&terms(&json!({ "prices": prices }))).await;
    for (n, region) in ["north", "north", "north", "south"].into_iter().enumerate() {
        let login = format!("reader-{n}");
        let registered = somebody(&sites.partner, &sites.contract, &login, &json!({ "region": region })).await;
        let visit = Visit::of(&sites.partner, &sites.contract, &login).await;
        let ordered = visit.orders("book").await.expect(200).json();
        let code = code(&registered.field("one_time_secret"), "0");
        let confirmed = visit.confirms(&sites.partner, &ordered, &code).await.expect(200).field("confirmation");
        visit.pays(&ordered["order"], Some(&confirmed)).await.expect(200);
    }
    actions(&sites.main, 4).await;
    let report =
        async || sites.main.row(&format!("/v1/member-actions/regions?month={}", month())).await["data"].clone();
    let rows = first(report, |rows: &Value| rows.as_array().is_some_and(|rows| !rows.is_empty())).await;
    let site = json!(sites.partner.id);
    let row = |region: &str, purchases: u64| json!({ "amount": purchases * 1_000, "currency": "EUR", "purchases": purchases, "region": region, "site": site });
    assert_eq!(rows, json!([row("north", 3), row("other", 1)]));
    let before = sites.main.row("/v1/member-actions/regions?month=2020-01").await;
    assert_eq!(before["data"], json!([]));
}
