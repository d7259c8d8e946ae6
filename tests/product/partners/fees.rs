//! Fees: both parties compute the same bytes from the lines that each has, and see where they would differ.

use serde_json::{Value, json};

use super::Sites;
use super::logs::{file, terms};
use crate::fixture::{Ended, first, run, utf8};
use crate::parties::{Party, key};

/// `requests` to the pages of `kind`, a minute apart, each by another client, on a day of October 2026.
pub(super) fn requests(kind: &str, day: u8, count: usize) -> String {
    let line = |n: usize| {
        let (a, b, hour, minute) = (n / 250, n % 250, n / 60 % 24, n % 60);
        format!(
            "198.51.{a}.{b} - - [{day:02}/Oct/2026:{hour:02}:{minute:02}:00 +0900] \"GET /{kind}/p{} HTTP/1.1\" 200 500 \"-\" \"Mozilla/5.0\"\n",
            n % 3
        )
    };
    (0..count).map(line).collect()
}

impl Sites {
    /// Has these lines certified at the partner, and waits until the main site has them.
    pub(super) async fn logged(&self, segment: &str, text: &str) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = file(&folder, segment, text.as_bytes());
        self.take(&path, &[]).await;
    }

    /// The statement of October as `party` computes it.
    async fn fees(&self, party: &Party) -> Value {
        party.row(&format!("/v1/contracts/{}/fees/2026-10", self.contract)).await
    }

    /// The same at both, to the byte.
    pub(super) async fn agreed(&self) -> Value {
        // Views follow what was handed over by a moment.
        let both = async || [self.fees(&self.main).await, self.fees(&self.partner).await];
        let [here, there] = first(both, |[here, there]| here == there).await;
        assert_eq!(here.to_string(), there.to_string());
        here
    }

    /// Reports something at the main site, and waits until the partner has it.
    async fn report(&self, name: &str, facts: Value) {
        let body = json!({ "contract": self.contract, "name": name, "at": "2026-10-20T00:00:00Z", "facts": facts });
        self.main.do_once("/v1/fee-reports", &key("report"), &body).await.expect(201);
        for party in [&self.main, &self.partner] {
            let names = async || party.rows("fee-reports").await;
            let has_it = |rows: &Vec<Value>| rows.iter().any(|row| row["name"] == json!(name));
            assert!(has_it(&first(names, has_it).await), "{name}");
        }
        self.main.owes_nothing().await;
    }
}

/// `kippu fees compute` for October at `party`.
fn compute(party: &Party, contract: &str) -> Ended {
    let key_file = party.node.data().join("operator.key");
    let node = ["--server", party.node.url(), "--key-file", utf8(&key_file)];
    run(&[&["fees", "compute", "--contract", contract, "--month", "2026-10"][..], &node].concat())
}

/// The amount of the line of this rule, of all parts of the month.
fn amount(statement: &Value, rule: &str) -> i64 {
    let lines = statement["fee"]["lines"].as_array().expect("there are lines").iter();
    lines.filter(|line| line["rule"] == json!(rule)).map(|line| line["amount"].as_i64().expect("a number")).sum()
}

pub(super) fn total(statement: &Value) -> i64 {
    let lines = statement["fee"]["lines"].as_array().expect("there are lines").iter();
    let sum: i64 = lines.map(|line| line["amount"].as_i64().expect("a number")).sum();
    assert_eq!(json!(sum), statement["fee"]["total"], "{statement}");
    sum
}

/// Shows B39, B40, B54.
#[tokio::test]
async fn both_parties_compute_the_same_fee_and_a_discount_begins_above_its_threshold() {
    let sites = Sites::on(&terms()).await;
    sites.logged("a.log", &requests("tie-up", 10, 60)).await;
    sites.logged("b.log", &requests("own", 11, 40)).await;
    let at = sites.agreed().await;
    assert_eq!((amount(&at, "many"), amount(&at, "share"), amount(&at, "type")), (0, 6_000, 30_000), "{at}");
    assert_eq!((amount(&at, "options/page-protection"), amount(&at, "visitors")), (2_500, -150), "{at}");
    assert_eq!(total(&at), 38_350);
    sites.logged("c.log", &requests("own", 12, 1)).await;
    let above = sites.agreed().await;
    assert_eq!(amount(&above, "many"), -1_000, "{above}");
    sites.assert_sound();
}

/// Shows B42.
#[tokio::test]
async fn of_two_partners_with_as_many_pages_the_one_with_popular_originals_pays_less() {
    let (c, d) = (Sites::on(&terms()).await, Sites::on(&terms()).await);
    for (sites, originals) in [(&c, 30), (&d, 10)] {
        sites.logged("a.log", &requests("tie-up", 10, 30)).await;
        sites.logged("b.log", &requests("own", 11, originals)).await;
    }
    let (popular, plain) = (c.agreed().await, d.agreed().await);
    assert!(total(&popular) < total(&plain), "{popular} {plain}");
    assert_eq!((amount(&popular, "share"), amount(&plain, "share")), (5_000, 7_500));
}

/// Shows B3.
#[tokio::test]
async fn terms_that_change_inside_a_month_rate_each_access_by_those_of_its_time() {
    let sites = Sites::on(&terms()).await;
    let mut dearer = terms();
    dearer["tariff"]["version"] = json!("2026-b");
    dearer["tariff"]["rules"][0]["by"]["type"][0]["amount"] = json!(62_000);
    dearer["counting"]["pages"][1]["class"] = json!("tie_up");
    // Half of October, from the sixteenth on, in the contract's time zone.
    sites.propose(2, "2026-10-16T00:00:00+09:00", &dearer).await.expect(201);
    sites.accept(2).await.expect(200);
    sites.both_have(|row| row["terms"][1]["standing"] == json!("accepted")).await;
    sites.logged("a.log", &requests("own", 10, 20)).await;
    sites.logged("b.log", &requests("own", 20, 20)).await;
    let statement = sites.agreed().await;
    let stretches = statement["stretches"].as_array().expect("there are stretches");
    let counts: Vec<_> = stretches
        .iter()
        .map(|it| (it["terms"].as_u64(), it["tie_up"]["accesses"].as_u64(), it["original"]["accesses"].as_u64()))
        .collect();
    assert_eq!(counts, [(Some(1), Some(0), Some(20)), (Some(2), Some(20), Some(0))]);
    // 15 of 31 days at 300.00, 16 at 620.00.
    assert_eq!(amount(&statement, "type"), 14_516 + 32_000, "{statement}");
    let versions: Vec<_> = statement["fee"]["parts"].as_array().unwrap().iter().map(|part| &part["tariff"]).collect();
    assert_eq!(versions, [&json!("2026-a"), &json!("2026-b")]);
}

/// Shows B37, B38, B41, B43, B44, B54.
#[tokio::test]
async fn what_no_access_log_says_is_reported_by_the_main_site_and_named_in_the_lines() {
    let mut terms = terms();
    let rules = terms["tariff"]["rules"].as_array_mut().unwrap();
    rules.push(json!({
        "id": "helped", "text": "Sales that originals helped to", "rounding": "half_even",
        "by": { "contribution": { "popular_over": 10, "window_minutes": 60, "reward": { "share": "0.1" } } }
    }));
    rules.push(json!({
        "id": "advertisements", "text": "Advertisements of the main site", "rounding": "half_even",
        "by": { "advertisements": { "by": "impressions", "main": "0.02" } }
    }));
    rules.push(json!({
        "id": "handling", "text": "Handling of sales", "rounding": "half_even",
        "by": { "transactions": { "supply": [{ "from": 0, "demand": [{ "from": 0, "below": 10, "rate": "0.2" }, { "from": 10, "rate": "0.1" }] }] } }
    }));
    rules.push(json!({
        "id": "size", "text": "Pages from the main site", "rounding": "half_even",
        "by": { "size": { "of": "tieup", "unit": "pages", "classes": [{ "from": 0, "below": 10, "amount": 1_000 }, { "from": 10, "amount": 2_500 }] } }
    }));
    rules.push(json!({
        "id": "bought", "text": "Purchases", "rounding": "half_even", "by": { "purchases": { "effect": "credit", "each": "10" } }
    }));
    terms["tariff"]["factors"] = json!([{
        "id": "capacity", "text": "Capacity of the partner's server", "by": { "objective": "capacity" },
        "classes": [{ "from": 0, "below": 100, "factor": "1" }, { "from": 100, "factor": "0.5" }], "rules": ["type"]
    }]);
    let sites = Sites::on(&terms).await;
    sites.logged("a.log", &requests("own", 10, 60)).await;
    let purchase = |id: &str, minute: u8| {
        json!({
            "id": id, "at": format!("2026-10-10T03:{minute:02}:00Z"), "amount": 5_000, "quantity": 1, "good": "book",
            "referral": { "page": "/own/p0", "at": "2026-10-10T02:30:00Z" }
        })
    };
    // The first within the hour of its referral, the second behind it.
    sites.report("purchases", json!({ "purchases": [purchase("p-1", 30), purchase("p-2", 31)] })).await;
    let ads = json!([{ "owner": "main", "offers": 1, "impressions": 20_000, "income": 0 }]);
    let goods = json!([{ "good": "book", "offered": 100, "demanded": 10 }]);
    let capacity = json!([{ "name": "capacity", "value": 100 }]);
    sites.report("october", json!({ "advertisements": ads, "goods": goods, "objective": capacity })).await;
    let statement = sites.agreed().await;
    let amounts = ["helped", "advertisements", "handling", "type"].map(|rule| amount(&statement, rule));
    assert_eq!(amounts[0], -500, "{statement}");
    assert_eq!(amounts[3], 15_000, "{statement}");
    let lines = statement["fee"]["lines"].as_array().unwrap();
    let of = |rule: &'static str| {
        lines.iter().filter(move |line| line["rule"].as_str().is_some_and(|it| it.starts_with(rule)))
    };
    assert_eq!(of("advertisements").map(|line| line["amount"].as_i64().unwrap()).sum::<i64>(), -400, "{statement}");
    assert_eq!(of("handling").map(|line| line["amount"].as_i64().unwrap()).sum::<i64>(), 1_000, "{statement}");
    let sources =
        of("handling").flat_map(|line| line["inputs"].as_array().unwrap()).map(|input| input["sources"].to_string());
    assert!(sources.into_iter().any(|sources| sources.contains("report purchases")), "{statement}");
    assert_eq!((amount(&statement, "bought"), amount(&statement, "visitors")), (-20, -150), "{statement}");
    // Nine pages are of the first class of sizes, and with one more they are of the second.
    for (name, pages, costs) in [("pages", 9, 1_000), ("one more page", 1, 2_500)] {
        sites.report(name, json!({ "volume": [{ "class": "tieup", "pages": pages, "bytes": 0 }] })).await;
        let statement = sites.agreed().await;
        assert_eq!(amount(&statement, "size"), costs, "{statement}");
    }
    // The partner reports nothing, and nothing is reported twice.
    let body = json!({ "contract": sites.contract, "name": "mine", "at": "2026-10-20T00:00:00Z", "facts": {} });
    assert_eq!(sites.partner.do_once("/v1/fee-reports", &key("report"), &body).await.status, 403);
    let mut again = body;
    again["name"] = json!("october");
    sites.main.do_once("/v1/fee-reports", &key("report"), &again).await.expect_problem(409, "fee-report-known");
}

/// Shows B35.
#[tokio::test]
async fn where_two_statements_differ_the_difference_is_told_by_page_and_day() {
    let sites = Sites::on(&terms()).await;
    sites.logged("a.log", &requests("tie-up", 10, 6)).await;
    let statement = sites.agreed().await;
    let folder = tempfile::tempdir().unwrap();
    let verify = |party: &Party, statement: &Value| {
        let path = file(&folder, "statement.json", statement.to_string().as_bytes());
        let key_file = party.node.data().join("operator.key");
        run(&["fees", "verify", utf8(&path), "--server", party.node.url(), "--key-file", utf8(&key_file)])
    };
    compute(&sites.main, &sites.contract).ok();
    verify(&sites.partner, &statement).ok();
    verify(&sites.main, &statement).ok();
    let mut altered = statement.clone();
    altered["stretches"][0]["pages"][0]["accesses"] = json!(99);
    let told = verify(&sites.partner, &altered);
    assert_eq!(told.code, Some(1), "{}", told.out);
    assert!(told.out.contains("2026-10-10 /tie-up/p0 tie_up accesses (terms 1): theirs 99, ours 2"), "{}", told.out);
    // Bytes that nobody certified, between others that somebody did, are named at both.
    let line = requests("tie-up", 11, 3);
    let path = file(&folder, "holes.log", line.as_bytes());
    sites.take(&path, &["--offset", "100"]).await;
    let statement = sites.agreed().await;
    assert_eq!(statement["gaps"], json!([{ "source": "www", "segment": "holes.log", "from": 0, "until": 100 }]));
    compute(&sites.main, &sites.contract).refused(1, "www holes.log: nobody has certified bytes 0 to 100");
    // The same place with another content: one of the two counts, and that there are two is told.
    let forged = line.replace("/tie-up/p0", "/tie-up/p9");
    let path = file(&folder, "holes.log", forged.as_bytes());
    sites.take(&path, &["--offset", "100"]).await;
    let statement = sites.agreed().await;
    assert_eq!(statement["conflicting"], json!(1), "{statement}");
    compute(&sites.partner, &sites.contract).refused(1, "1 lines came with several contents");
}
