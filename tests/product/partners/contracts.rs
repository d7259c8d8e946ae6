//! Contracts between nodes: what is proposed at one is answered at the other, whatever dies between.

use serde_json::json;

use super::Sites;
use super::sites::FROM;
use crate::parties::key;
use crate::partners::logs::terms;

/// Shows B2.
#[tokio::test]
async fn a_contract_is_the_same_at_both_sites_also_where_one_of_them_dies_meanwhile() {
    let mut sites = Sites::strangers().await;
    sites.partner.node.kill();
    let proposed = sites.propose(1, FROM, &terms()).await.expect(201);
    sites.contract = proposed.field("id");
    sites.partner.node.start_again();
    sites.has(&sites.partner, |row| row["state"] == json!("proposed")).await;
    sites.main.node.kill();
    sites.accept(1).await.expect(200);
    sites.main.node.start_again();
    let [here, there] = sites.both_have(|row| row["state"] == json!("in_force") && row["untold"] == json!(false)).await;
    assert_eq!(here["terms"], there["terms"]);
    let end = json!({ "at": "2026-12-31T00:00:00Z" });
    let path = format!("/v1/contracts/{}/end", sites.contract);
    sites.partner.do_once(&path, &key("end"), &end).await.expect(200);
    sites.both_have(|row| row["state"] == json!("ended") && row["untold"] == json!(false)).await;
    sites.assert_sound();
}

#[tokio::test]
async fn another_party_takes_no_part_in_a_contract() {
    let sites = Sites::on(&terms()).await;
    let rival = crate::parties::Party::start("rival").await;
    sites.main.knows(&rival, &["partner_site"]).await;
    rival.knows(&sites.main, &["main_site"]).await;
    // The rival's node has no such contract, so its operator cannot even ask it to tell the main site something of it.
    let path = format!("/v1/contracts/{}/accept", sites.contract);
    let answer = json!({ "number": 1, "sha256": "5f" });
    assert_eq!(rival.do_once(&path, &key("accept"), &answer).await.status, 404);
    // Who has no key at all is nobody.
    assert_eq!(sites.main.guest().post(&path, &key("accept"), &answer).await.status, 401);
    // The main site does not answer for its partner.
    assert_eq!(sites.main.do_once(&path, &key("accept"), &answer).await.status, 403);
}
