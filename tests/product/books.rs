//! The books of each party: they sum to zero, agree with each other to the cent, and are told in every form with the same figures.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::fixture::first;
use crate::http::{Caller, Reply};
use crate::parties::{Parties, Party, key, settled};

/// Both sides of every account of a party.
pub(crate) type Books = BTreeMap<String, (i64, i64)>;

/// The books of `party` as they are now. All accounts and the trial balance are zero together.
pub(crate) async fn books(party: &Party) -> Books {
    let units = |row: &Value, member: &str| row[member].as_i64().unwrap_or_else(|| panic!("no {member} in {row}"));
    let both = |row: &Value| (units(row, "debit"), units(row, "credit"));
    let accounts = party.rows("ledger").await;
    let sum: i64 = accounts.iter().map(|row| units(row, "balance")).sum();
    assert_eq!(sum, 0, "{accounts:#?}");
    for row in party.rows("trial-balances").await {
        assert_eq!(units(&row, "balance"), 0, "{row}");
    }
    accounts.iter().map(|row| (row["account"].as_str().unwrap().to_owned(), both(row))).collect()
}

/// Asserts that a party comes to have these accounts, and of what it has no others, by the parts of their names.
async fn assert_books(party: &Party, of: &[&str], expected: &[(String, (i64, i64))]) {
    let expected: Books = expected.iter().cloned().collect();
    let chosen = async || -> Books {
        let all = books(party).await.into_iter();
        all.filter(|(account, _)| of.iter().any(|part| account.contains(part))).collect()
    };
    assert_eq!(first(chosen, |found| *found == expected).await, expected);
}

/// The cells of a page, in their order.
fn cells(page: &str) -> Vec<&str> {
    page.split('<')
        .filter_map(|piece| piece.split_once('>'))
        .map(|(_, text)| text.trim())
        .filter(|t| !t.is_empty())
        .collect()
}

fn csv_of(reply: &Reply) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(reply.text.as_bytes());
    reader.records().map(|row| row.expect("CSV").iter().map(str::to_owned).collect()).collect()
}

/// As it stands in every form but JSON.
fn euros(cents: i64) -> String {
    format!("{}.{:02}", cents.abs() / 100, cents.abs() % 100)
}

fn side(balance: i64) -> &'static str {
    if balance > 0 { "debit" } else { "credit" }
}

/// The statement of `account` in `period`, whose figures are the same in JSON, CSV and on the page.
async fn statement(caller: &Caller, account: &str, period: &str) -> Value {
    let path = format!("/v1/statements/{account}?{period}");
    let json = caller.get(&path).await.expect(200);
    assert_eq!(json.header("content-type"), Some("application/json"));
    let statement = json.json();
    let lines = statement["lines"].as_array().unwrap().clone();
    let number = |value: &Value| value.as_i64().unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut balance = number(&statement["opening"]);
    let mut expected = vec![vec![euros(balance), side(balance).to_owned()]];
    for line in &lines {
        let (amount, is_debit) = (number(&line["amount"]), line["side"] == "debit");
        balance += if is_debit { amount } else { -amount };
        assert_eq!(number(&line["balance"]), balance);
        let row =
            [text(&line["at"]), text(&line["entry"]), text(&line["what"]), text(&line["cause"]), text(&line["note"])];
        let both = if is_debit { [euros(amount), String::new()] } else { [String::new(), euros(amount)] };
        expected.push(row.into_iter().chain(both).chain([euros(balance), side(balance).to_owned()]).collect());
    }
    assert_eq!(number(&statement["closing"]), balance);
    let sums = [euros(number(&statement["debit"])), euros(number(&statement["credit"]))];
    expected.push(sums.into_iter().chain([euros(balance), side(balance).to_owned()]).collect());

    let csv = caller.get(&format!("{path}&format=csv")).await.expect(200);
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8; header=present"));
    let told = csv_of(&csv);
    assert!(told.iter().flatten().all(|cell| !cell.starts_with(['=', '+', '-', '@'])), "{told:?}");
    let rows: Vec<Vec<String>> = told[1..].iter().map(|row| row[..9].to_vec()).collect();
    let (opening, closing) = (&rows[0], &rows[rows.len() - 1]);
    assert_eq!((&opening[7..], &closing[5..]), (&expected[0][..], &expected[expected.len() - 1][..]));
    let unquoted =
        |row: &Vec<String>| row.iter().map(|cell| cell.trim_start_matches('\'').to_owned()).collect::<Vec<_>>();
    assert_eq!(rows[1..rows.len() - 1].iter().map(unquoted).collect::<Vec<_>>(), expected[1..expected.len() - 1]);

    let page = caller.get(&format!("{path}&format=html")).await.expect(200);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && !page.text.contains("<script"), "{policy}");
    let cells = cells(&page.text);
    for row in &expected {
        let row: Vec<&str> = row.iter().map(String::as_str).filter(|cell| !cell.is_empty()).collect();
        assert!(cells.windows(row.len()).any(|run| run == row), "{row:?} is not on the page: {cells:?}");
    }
    statement
}

/// Shows D34, D42, D43.
#[tokio::test]
async fn the_books_of_all_parties_agree_to_the_cent_and_sum_to_zero_whoever_is_killed() {
    let mut parties = Parties::start().await;
    let (song, film) = (parties.product(99).await.0, parties.product(1_250).await.0);
    let first_buyer = parties.buyer(10_000).await;
    let at_permission =
        json!({ "limit": { "source": "prepaid", "amount": 5_000, "currency": "EUR" }, "charging": "at_permission" });
    let second_buyer = parties.buyer_with(at_permission).await;
    let bought = parties.buy(&first_buyer, &film).await;
    parties.authenticator.node.crash();
    parties.buy(&second_buyer, &song).await;
    parties.settler.node.crash();
    parties.buy(&second_buyer, &film).await;
    parties.shop.node.crash();
    parties.buy(&first_buyer, &song).await;
    parties.settler.owes_nothing().await;
    let id = bought.row["id"].as_str().unwrap();
    let refund = json!({ "amount": 250 });
    parties.settler.do_once(&format!("/v1/settlements/{id}/refund"), &key("refund"), &refund).await.expect(200);
    settled(&bought.holder, id, &["settled"]).await;
    parties.settler.owes_nothing().await;

    let [authenticator, settler, shop] =
        [&parties.authenticator, &parties.settler, &parties.shop].map(|party| &*party.id);
    let (sold, back) = (2 * (1_250 + 99), 250);
    let spent = |user: &str| format!("subscriber.{user}.purchases.EUR");
    let at_authenticator = [
        (spent(&first_buyer.user), (1_349, 250)),
        (spent(&second_buyer.user), (1_349, 0)),
        ("house.clearing.EUR".to_owned(), (sold + back, sold + back)),
        ("house.purchases.EUR".to_owned(), (sold, back)),
        (format!("settler.{settler}.settlements.EUR"), (back, sold)),
        (format!("shop.{shop}.purchases.EUR"), (back, sold)),
    ];
    let at_settler = [
        (format!("issuer.{authenticator}.settlements.EUR"), (sold, back)),
        (format!("shop.{shop}.sales.EUR"), (back, sold)),
    ];
    let at_shop =
        [(format!("settler.{settler}.deliveries.EUR"), (sold, back)), ("house.sales.EUR".to_owned(), (back, sold))];
    for round in 0..2 {
        assert_books(&parties.authenticator, &["purchases", "clearing", "settlements"], &at_authenticator).await;
        assert_books(&parties.settler, &["."], &at_settler).await;
        assert_books(&parties.shop, &["."], &at_shop).await;
        // What was deleted comes back from the history.
        if round == 0 {
            for party in [&mut parties.authenticator, &mut parties.settler, &mut parties.shop] {
                party.node.crash();
            }
        }
    }
    // No name, and no user, is in the books of anybody else.
    for party in [&parties.settler, &parties.shop] {
        let all = json!([party.rows("ledger").await, party.rows("ledger-entries").await]).to_string();
        assert!(!all.contains(&first_buyer.user) && !all.contains("subscriber"), "{all}");
    }
    parties.assert_sound();
}

/// Shows D43.
#[tokio::test]
async fn a_statement_has_the_same_figures_in_every_form_and_is_shown_to_its_party_alone() {
    let parties = Parties::start().await;
    let product = parties.product(1_250).await.0;
    let (buyer, other) = (parties.buyer(10_000).await, parties.buyer(10_000).await);
    for _ in 0..3 {
        parties.buy(&buyer, &product).await;
    }
    parties.settler.owes_nothing().await;
    let operator = parties.authenticator.operator();
    let account = format!("settler.{}.settlements.EUR", parties.settler.id);
    let row = async || operator.get(&format!("/v1/ledger/{account}")).await;
    let row = first(row, |row| row.status == 200 && row.json()["credit"] == json!(3_750)).await.expect(200).json();
    let month = row["months"].as_object().unwrap().keys().next_back().unwrap().clone();
    let of_month = statement(&operator, &account, &format!("month={month}")).await;
    assert_eq!(of_month["closing"], json!(-3_750));
    let last = of_month["lines"].as_array().unwrap().last().unwrap().clone();
    let day = last["at"].as_str().unwrap()[..10].to_owned();
    let of_day = statement(&operator, &account, &format!("day={day}")).await;
    assert_eq!(of_day["closing"], of_month["closing"]);

    let camt = operator.get(&format!("/v1/statements/{account}?day={day}&format=camt.053")).await.expect(200);
    assert_eq!(camt.header("content-type"), Some("application/xml"));
    let entries: Vec<&str> = camt.text.split("<Ntry>").skip(1).collect();
    assert_eq!(entries.len(), of_day["lines"].as_array().unwrap().len(), "{}", camt.text);
    let paid = "<Amt Ccy=\"EUR\">12.50</Amt><CdtDbtInd>CRDT</CdtDbtInd>";
    assert!(entries.iter().all(|entry| entry.contains(paid)), "{}", camt.text);
    assert!(camt.text.contains("<Amt Ccy=\"EUR\">37.50</Amt><CdtDbtInd>CRDT</CdtDbtInd>"), "{}", camt.text);
    assert!(camt.text.contains("urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"));

    // Whose it is.
    let own = format!("subscriber.{}.purchases.EUR", buyer.user);
    let of_buyer = statement(&buyer.terminal, &own, &format!("month={month}")).await;
    assert_eq!(of_buyer["closing"], json!(3_750));
    for form in ["json", "csv", "html", "camt.053"] {
        let path = |account: &str| format!("/v1/statements/{account}?month={month}&format={form}");
        other.terminal.get(&path(&own)).await.expect_problem(404, "not-found");
        buyer.terminal.get(&path(&account)).await.expect_problem(404, "not-found");
        buyer.terminal.get(&path("house.clearing.EUR")).await.expect_problem(404, "not-found");
        parties.authenticator.guest().get(&path(&own)).await.expect_problem(401, "unauthenticated");
    }
    for query in ["", "month=2026", "month=2026-11&day=2026-11-30", "month=2026-11&format=pdf"] {
        let asked = operator.get(&format!("/v1/statements/{account}?{query}")).await;
        asked.expect_problem(400, "invalid-request");
    }
    let nobody = format!("/v1/statements/shop.{}.sales.EUR?month={month}", parties.rival.id);
    operator.get(&nobody).await.expect_problem(404, "not-found");
}

/// Shows D39.
#[tokio::test]
async fn line_charges_are_a_category_of_their_own_and_leave_the_limit_on_purchases() {
    let parties = Parties::start().await;
    let buyer = parties.buyer(1_000).await;
    let path = format!("/v1/users/{}/charge", buyer.user);
    let line = json!({ "category": "line", "amount": 5_990, "currency": "EUR", "note": "=cmd|' /C calc'!A0" });
    parties.authenticator.do_once(&path, &key("line"), &line).await.expect(200);
    let again = json!({ "category": "line", "amount": 990, "currency": "EUR", "takes_back": true });
    let taken = key("back");
    for _ in 0..2 {
        parties.authenticator.do_once(&path, &taken, &again).await.expect(200);
    }
    let fee = json!({ "category": "fee", "amount": 100, "currency": "EUR" });
    parties.authenticator.do_once(&path, &key("fee"), &fee).await.expect(200);
    buyer.terminal.post(&path, &key("own"), &fee).await.expect_problem(403, "forbidden");
    // The whole limit is there still.
    buyer.approve_amount(1_000).await.expect(201);
    let of = |category: &str| format!("subscriber.{}.{category}.EUR", buyer.user);
    let expected = [
        (of("line"), (5_990, 990)),
        (of("fees"), (100, 0)),
        (of("reserved"), (1_000, 0)),
        ("house.line.EUR".to_owned(), (990, 5_990)),
        ("house.fees.EUR".to_owned(), (0, 100)),
        ("house.reservations.EUR".to_owned(), (0, 1_000)),
    ];
    assert_books(&parties.authenticator, &["."], &expected).await;
    let row = parties.authenticator.row(&format!("/v1/ledger/{}", of("line"))).await;
    let month = row["months"].as_object().unwrap().keys().next_back().unwrap().clone();
    let told = statement(&buyer.terminal, &of("line"), &format!("month={month}")).await;
    assert_eq!((&told["closing"], &told["lines"][0]["note"]), (&json!(5_000), &line["note"]));
}
