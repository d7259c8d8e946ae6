//! Lines one by one: who certifies them, who may check them, and where a log differs from what is on record.

use serde_json::{Value, json};

use super::Sites;
use super::fees::requests;
use super::logs::{file, terms};
use crate::fixture::{Ended, first, run, utf8};
use crate::parties::Party;

/// `kippu access verify` of a file at `party`.
fn verify(sites: &Sites, party: &Party, file: &std::path::Path) -> Ended {
    let key_file = party.node.data().join("operator.key");
    let node = ["--server", party.node.url(), "--key-file", utf8(&key_file)];
    let command =
        ["access", "verify", utf8(file), "--contract", &sites.contract, "--source", "www", "--segment", "a.log"];
    run(&[&command[..], &node].concat())
}

/// Shows B34.
#[tokio::test]
async fn what_was_done_to_a_log_after_it_was_certified_is_named_by_line_at_either_site() {
    let sites = Sites::on(&terms()).await;
    // Three batches.
    let text = requests("tie-up", 10, 2_500);
    sites.logged("a.log", &text).await;
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let edited = |change: &dyn Fn(&mut Vec<String>)| {
        let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        change(&mut lines);
        lines.concat()
    };
    let folder = tempfile::tempdir().unwrap();
    for (altered, told) in [
        (edited(&|_| {}), "2500 lines are on record as they are, 0 differ"),
        (
            edited(&|lines| lines[1_233] = lines[1_233].replace("200 500", "200 9")),
            "line 1234 is another line on record",
        ),
        (edited(&|lines| drop(lines.remove(1_499))), "line 1500 is on record, and the file has it not"),
        (edited(&|lines| lines.insert(700, lines[699].clone())), "line 701 is on record once less often"),
        (edited(&|lines| lines.swap(40, 50)), "line 51 is on record elsewhere"),
        (edited(&|lines| lines.insert(10, lines[10].replace("p1", "pX"))), "line 11 is not on record"),
        (edited(&|lines| lines.push(requests("own", 11, 1))), "0 differ, 1 come after them"),
    ] {
        let path = file(&folder, "altered.log", altered.as_bytes());
        for party in [&sites.main, &sites.partner] {
            let ended = verify(&sites, party, &path);
            assert!(ended.out.contains(told), "{told}: {} {}", ended.out, ended.said);
            assert_eq!(ended.code, Some(i32::from(!told.contains("0 differ"))), "{}", ended.out);
        }
    }
    // The log grows between two imports: the last batch of before is a part of a longer one, and nothing differs.
    let grown = format!("{text}{}", requests("own", 12, 900));
    sites.take(&file(&folder, "a.log", grown.as_bytes()), &[]).await;
    let altered = grown.replacen("/own/p1 ", "/own/p7 ", 1);
    let line = grown.lines().position(|line| line.contains("/own/p1 ")).unwrap() + 1;
    for party in [&sites.main, &sites.partner] {
        let ended = verify(&sites, party, &file(&folder, "grown.log", grown.as_bytes())).ok();
        assert!(ended.out.contains("3400 lines are on record as they are, 0 differ, 0 come"), "{}", ended.out);
        let ended = verify(&sites, party, &file(&folder, "altered.log", altered.as_bytes()));
        assert!(ended.out.contains(&format!("line {line} is another line on record")), "{}", ended.out);
    }
    // The line is edited, and certified anew with the hash that it has now.
    let forged = edited(&|lines| lines[1_233] = lines[1_233].replace("200 500", "200 999"));
    let path = file(&folder, "a.log", forged.as_bytes());
    sites.take(&path, &[]).await;
    for party in [&sites.main, &sites.partner] {
        let ended = verify(&sites, party, &path);
        assert_eq!(ended.code, Some(1), "{}", ended.out);
        assert!(ended.out.contains("line 1234 is on record with several contents"), "{}", ended.out);
    }
    sites.assert_sound();
}

/// Shows B36.
#[tokio::test]
async fn the_terms_say_who_certifies_lines_and_who_may_check_them() {
    let mut terms = terms();
    let sites = Sites::on(&terms).await;
    let folder = tempfile::tempdir().unwrap();
    let (main, partner) = (&sites.main, &sites.partner);
    let placements: [(&[&str], &[&str]); 5] = [
        (&["partner"], &["main", "partner"]),
        (&["partner"], &["main"]),
        (&["main"], &["main", "partner"]),
        (&["main"], &["partner"]),
        (&["main", "partner"], &["main", "partner"]),
    ];
    for (n, (writers, verifiers)) in placements.into_iter().enumerate() {
        let (day, number) = (10 + n, 2 + u32::try_from(n).unwrap());
        terms["certification"] = json!({ "writers": writers, "verifiers": verifiers });
        sites.propose(number, &format!("2026-10-{day}T00:00:00+09:00"), &terms).await.expect(201);
        sites.accept(number).await.expect(200);
        sites.both_have(|row| row["terms"][number as usize - 1]["standing"] == json!("accepted")).await;
        let mut segments = 0;
        for (name, party) in [("main", main), ("partner", partner)] {
            let segment = format!("{name}-{n}.log");
            let path = file(&folder, &segment, requests("tie-up", u8::try_from(day).unwrap(), 3).as_bytes());
            let ended = sites.import(party, &path, &[]);
            if writers.contains(&name) {
                ended.ok();
                segments += 1;
            } else {
                assert_eq!(ended.code, Some(1), "{name} certified by terms {number}: {}", ended.out);
                assert!(ended.said.contains("forbidden"), "{}", ended.said);
            }
        }
        for (name, party) in [("main", main), ("partner", partner)] {
            party.owes_nothing().await;
            let path = format!("/v1/contracts/{}/fees/2026-10", sites.contract);
            let is_new = |row: &Value| row["segment"].as_str().is_some_and(|it| it.ends_with(&format!("-{n}.log")));
            let new = async || {
                let rows = party.rows("access-batches").await;
                rows.into_iter().filter(is_new).collect::<Vec<_>>()
            };
            let new = first(new, |rows| rows.len() == segments).await;
            assert_eq!(new.len(), segments, "both keep what was certified");
            let leaves = format!("/v1/access-batches/{}/leaves", new[0]["id"].as_str().unwrap());
            for path in [path, leaves] {
                let reply = party.operator().get(&path).await;
                let expected = if verifiers.contains(&name) { 200 } else { 403 };
                assert_eq!(reply.status, expected, "{name} by terms {number}: {}", reply.text);
            }
        }
    }
    sites.assert_sound();
}
