//! A month is closed: the main site signs what its node computed, the partner site signs the same or says where its own differs, and what
//! comes later is an adjustment.

use serde_json::{Value, json};

use super::Sites;
use super::fees::{requests, total};
use super::logs::{file, terms};
use crate::fixture::{Ended, first, run, utf8};
use crate::parties::Party;

impl Sites {
    /// `kippu fees …` at `party`.
    fn at(&self, party: &Party, arguments: &[&str]) -> Ended {
        let key_file = party.node.data().join("operator.key");
        run(&[&["fees"][..], arguments, &["--server", party.node.url(), "--key-file", utf8(&key_file)]].concat())
    }

    /// The same about October.
    fn of_october(&self, party: &Party, what: &str) -> Ended {
        self.at(party, &[what, "--contract", &self.contract, "--month", "2026-10"])
    }

    /// What is signed of October, as `party` has it, once that is in this state.
    async fn signed(&self, party: &Party, state: &str) -> Value {
        let path = format!("/v1/fee-statements?contract={}&month=2026-10", self.contract);
        let row = async || party.operator().get(&path).await.json()["data"][0].clone();
        let row = first(row, |row| row["state"] == json!(state) && row["untold"] == json!(false)).await;
        assert_eq!(row["state"], json!(state), "{row}");
        row
    }

    /// What is owed of November.
    async fn november_before(&self) -> i64 {
        total(&self.main.row(&format!("/v1/contracts/{}/fees/2026-11", self.contract)).await)
    }

    /// The statement of November as both compute it, once it has an adjustment.
    async fn november(&self) -> Value {
        let path = format!("/v1/contracts/{}/fees/2026-11", self.contract);
        let statement = async || {
            let [here, there] = [self.main.row(&path).await, self.partner.row(&path).await];
            (here == there).then_some(here)
        };
        let is_adjusted =
            |it: &Option<Value>| it.as_ref().is_some_and(|it| it.to_string().contains("adjustment/2026-10"));
        first(statement, is_adjusted).await.expect("both compute the same")
    }
}

/// Shows B35.
#[tokio::test]
async fn both_sign_the_statement_of_a_month_and_what_comes_later_is_adjusted_in_another() {
    let mut sites = Sites::on(&terms()).await;
    sites.logged("a.log", &requests("tie-up", 10, 60)).await;
    sites.logged("b.log", &requests("own", 11, 20)).await;
    let october = sites.agreed().await;
    sites.of_october(&sites.partner, "close").refused(1, "forbidden");
    // The partner's node is down when the main site signs, and is told once it is there again.
    sites.partner.node.kill();
    let closed = sites.of_october(&sites.main, "close").ok();
    assert!(closed.out.contains(&format!("{} minor units", total(&october))), "{}", closed.out);
    sites.partner.node.start_again();
    sites.of_october(&sites.main, "close").refused(1, "fee-statement-not-next");
    sites.signed(&sites.partner, "signed").await;
    sites.of_october(&sites.partner, "cosign").ok();
    let rows = [sites.signed(&sites.main, "cosigned").await, sites.signed(&sites.partner, "cosigned").await];
    for name in ["sha256", "total", "signed", "cosigned", "number", "currency"] {
        assert_eq!(rows[0][name], rows[1][name], "{name}");
    }
    assert_eq!(rows[0]["total"], json!(total(&october)));
    // Each node keeps the bytes of what its party has signed.
    for party in [&sites.main, &sites.partner] {
        let blob =
            party.operator().get(&format!("/v1/blobs/{}", rows[0]["sha256"].as_str().unwrap())).await.expect(200);
        assert_eq!(blob.json(), october);
    }
    for party in [&sites.main, &sites.partner] {
        let again = if party.id == sites.main.id { "close" } else { "cosign" };
        let ended = sites.of_october(party, again);
        assert_eq!(ended.code, Some(1), "{}", ended.out);
    }
    // Lines that come late change what is computed, and not what was signed.
    let adjust = [
        "adjust",
        "--contract",
        &sites.contract,
        "--month",
        "2026-10",
        "--at",
        "2026-11-05T00:00:00Z",
        "--reason",
        "late lines",
    ];
    sites.at(&sites.main, &adjust).refused(1, "nothing to");
    sites.logged("late.log", &requests("own", 12, 40)).await;
    let later = sites.agreed().await;
    assert_ne!(total(&later), total(&october));
    let before = sites.november_before().await;
    sites.at(&sites.main, &adjust).ok();
    sites.main.owes_nothing().await;
    let november = sites.november().await;
    let of_rule = |it: &&Value| it["rule"] == json!("adjustment/2026-10");
    let line = november["fee"]["lines"].as_array().unwrap().iter().find(of_rule).expect("a line").clone();
    assert_eq!(line["amount"], json!(total(&later) - total(&october)), "{november}");
    assert_eq!(total(&november), before + total(&later) - total(&october));
    assert_eq!(sites.signed(&sites.main, "cosigned").await["total"], json!(total(&october)));
    // What was adjusted once is not adjusted again.
    sites.at(&sites.main, &adjust).refused(1, "nothing to");
    sites.assert_sound();
}

/// Shows B35.
#[tokio::test]
async fn a_statement_that_the_partner_cannot_compute_is_disputed_by_page_and_day_and_signed_anew() {
    let sites = Sites::on(&terms()).await;
    sites.logged("a.log", &requests("tie-up", 10, 6)).await;
    sites.agreed().await;
    sites.of_october(&sites.main, "close").ok();
    sites.signed(&sites.partner, "signed").await;
    let folder = tempfile::tempdir().unwrap();
    let statement = sites.main.row(&format!("/v1/contracts/{}/fees/2026-10", sites.contract)).await;
    let path = file(&folder, "main.json", statement.to_string().as_bytes());
    sites.at(&sites.partner, &["dispute", utf8(&path)]).refused(1, "nothing to");
    // The partner has more lines than the main site had when it signed.
    sites.logged("b.log", &requests("tie-up", 11, 3)).await;
    sites.of_october(&sites.partner, "cosign").refused(1, "another statement");
    let told = sites.at(&sites.partner, &["dispute", utf8(&path), "--reason", "lines of the eleventh"]).ok();
    assert!(
        told.out.contains("2026-10-11 /tie-up/p0 tie_up accesses (terms 1): theirs nothing, ours 1"),
        "{}",
        told.out
    );
    let row = sites.signed(&sites.main, "disputed").await;
    assert_eq!(row["reason"], json!("lines of the eleventh"));
    let whats: Vec<&str> = row["differences"].as_array().unwrap().iter().filter_map(|it| it["what"].as_str()).collect();
    assert!(whats.iter().any(|what| what.starts_with("2026-10-11 /tie-up/p0")), "{row}");
    sites.agreed().await;
    sites.of_october(&sites.main, "close").ok();
    sites.signed(&sites.partner, "signed").await;
    sites.of_october(&sites.partner, "cosign").ok();
    assert_eq!(sites.signed(&sites.main, "cosigned").await["number"], json!(2));
    sites.assert_sound();
}

/// Shows B35.
#[tokio::test]
async fn nothing_is_signed_where_lines_contradict_each_other_and_what_is_at_stake_is_told() {
    let sites = Sites::on(&terms()).await;
    let folder = tempfile::tempdir().unwrap();
    let lines = requests("tie-up", 10, 30);
    sites.logged("a.log", &lines).await;
    sites.logged("b.log", &requests("own", 10, 30)).await;
    let forged = lines.replacen("/tie-up/p0", "/own/ppp0", 3).replace("/own/ppp0", "/own/pp00");
    let path = file(&folder, "a.log", forged.as_bytes());
    sites.take(&path, &[]).await;
    let statement = sites.agreed().await;
    assert!(statement["conflicting"].as_u64().is_some_and(|count| count >= 3), "{statement}");
    let [others, without] =
        ["total_with_others", "total_without_conflicts"].map(|name| statement[name].as_i64().expect("it is told"));
    let totals = [total(&statement), others, without];
    let at_stake = totals.iter().max().unwrap() - totals.iter().min().unwrap();
    // Three accesses to tie-up pages of thirty, or three to originals more: not nothing, whichever content counts.
    assert!(at_stake > 0, "{statement}");
    let told = sites.of_october(&sites.main, "close");
    assert_eq!(told.code, Some(1), "{}", told.out);
    let at_stake = format!("{at_stake} minor units of the fee depend on them");
    assert!(told.said.contains(&at_stake), "{at_stake}: {}", told.said);
    let anyway = ["close", "--contract", &sites.contract, "--month", "2026-10", "--anyway"];
    sites.at(&sites.main, &anyway).ok();
    sites.assert_sound();
}
