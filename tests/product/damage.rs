//! Damage of every kind: found, named by place, and never a panic.

use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};

use crate::fixture::{Ended, Node, files_below, run, seeded, utf8};
use crate::market::{price, purchase, redemption};
use crate::stores::Raw;

/// More than half of a data file of this size is records.
const LARGE: u64 = 8 << 10;
/// Records whose bytes are changed, one after the other.
const PLACES: usize = 100;

/// A stopped node with some history in every partition.
async fn stopped() -> Node {
    let mut node = Node::start_with(&["--partitions", "4"]);
    let market = node.market(10_000);
    let settler = market.settler("one").await;
    for name in 0..12 {
        let buyer = market.buyer(&format!("buyer {name}")).await;
        for n in 0..5 {
            let opened = buyer.terminal.post("/v1/approvals", &format!("open-{n}"), &purchase(100)).await.expect(201);
            let (id, body) = (opened.field("id"), redemption(&opened.field("token")));
            settler.post("/v1/approvals/redeem", &format!("redeem-{id}"), &body).await.expect(200);
            settler.post("/v1/approvals/redeem", &format!("again-{id}"), &body).await.expect(409);
            settler.post(&format!("/v1/approvals/{id}/settle"), &format!("settle-{id}"), &price(50)).await.expect(200);
        }
    }
    node.stop();
    node.assert_sound();
    node
}

/// A partition with at least `least` records, and these. Chance spreads the buyers: few of them may lie in one.
fn any_partition(store: &Raw, least: usize, rng: &mut StdRng) -> (usize, Vec<Vec<u8>>) {
    let histories = (0..store.partitions()).map(|partition| (partition, store.records(partition)));
    let long: Vec<_> = histories.filter(|(_, records)| records.len() >= least).collect();
    long.choose(rng).cloned().unwrap()
}

/// Panics unless verify found damage and named this place.
#[track_caller]
fn assert_named(verified: Ended, partition: usize, number: u64, what: &str) {
    let said = verified.refused(1, "").said;
    let place = said.lines().find(|line| line.contains("DAMAGE") || line.contains("BREACH")).unwrap_or_default();
    let words: Vec<&str> = place.split([' ', ',', ':']).collect();
    let names = |word: &str, value: u64| words.windows(2).any(|pair| pair[0] == word && pair[1] == value.to_string());
    assert!(names("partition", partition as u64) && names("number", number), "{what} at {partition}-{number}: {said}");
}

/// Shows F2, F21, F29. Keeps L5.
#[tokio::test]
async fn a_byte_that_was_changed_inside_a_stored_value_is_found_and_named() {
    let node = stopped().await;
    let mut rng = seeded("damage");
    for _ in 0..PLACES {
        let store = Raw::log(&node.data());
        let (partition, records) = any_partition(&store, 1, &mut rng);
        let number = rng.random_range(0..records.len());
        let mut changed = records[number].clone();
        let at = rng.random_range(0..changed.len());
        changed[at] ^= rng.random_range(1..=255_u8);
        store.put(partition, number as u64, &changed);
        drop(store);
        assert_named(node.verify(), partition, number as u64, &format!("byte {at} changed"));
        Raw::log(&node.data()).put(partition, number as u64, &records[number]);
    }
    node.assert_sound();
}

/// Shows F21. Keeps L2, L5.
#[tokio::test]
async fn a_record_that_was_removed_swapped_or_added_is_found_and_named() {
    let node = stopped().await;
    let mut rng = seeded("damage");
    for _ in 0..8 {
        let store = Raw::log(&node.data());
        let (partition, records) = any_partition(&store, 4, &mut rng);
        let mut numbers: Vec<usize> = (1..records.len() - 1).collect();
        numbers.shuffle(&mut rng);
        let (one, two) = (numbers[0].min(numbers[1]), numbers[0].max(numbers[1]));
        let (first, second) = (one as u64, two as u64);

        store.remove(partition, first);
        drop(store);
        assert_named(node.verify(), partition, first, "a record removed");

        let store = Raw::log(&node.data());
        store.put(partition, first, &records[two]);
        store.put(partition, second, &records[one]);
        drop(store);
        assert_named(node.verify(), partition, first, "two records swapped");

        // Everything from there on moves by one, so that a record that was there before is there twice.
        let store = Raw::log(&node.data());
        store.put(partition, first, &records[one]);
        for (number, record) in (second..).zip(std::iter::once(&records[one]).chain(&records[two..])) {
            store.put(partition, number, record);
        }
        drop(store);
        assert_named(node.verify(), partition, second, "a record added");

        let store = Raw::log(&node.data());
        for (number, record) in (0..).zip(&records) {
            store.put(partition, number, record);
        }
        store.remove(partition, records.len() as u64);
        drop(store);
        node.assert_sound();
    }
}

/// Shows F21. Keeps L1, L5.
#[tokio::test]
async fn a_tail_that_was_cut_off_is_refused() {
    let mut node = stopped().await;
    let store = Raw::log(&node.data());
    let (partition, records) = any_partition(&store, 2, &mut seeded("damage"));
    store.remove(partition, records.len() as u64 - 1);
    drop(store);
    let place = format!("partition {partition}");
    node.verify().refused(1, &place);
    let refused = node.try_start_again().unwrap_err();
    assert!(refused.contains(&place) && !refused.contains("panicked"), "{refused}");
}

/// Shows F4. Keeps L5.
#[tokio::test]
async fn a_bit_that_flipped_in_a_data_file_is_refused_with_file_and_key() {
    let mut node = stopped().await;
    Raw::log(&node.data()).flush();
    let mut rng = seeded("damage");
    let files = data_files(&node.data());
    for round in 0..24 {
        let (file, size) = files.choose(&mut rng).expect("there are data files");
        let at = rng.random_range(0..*size);
        flip(file, at);
        let said = node.verify().said;
        let name = file.file_name().and_then(|name| name.to_str()).unwrap();
        let what = format!("round {round}, {name} at {at} of {size}: {said}");
        assert!(said.contains("verify: DAMAGED") && said.contains(name) && !said.contains("panicked"), "{what}");
        // Behind the records lies what RocksDB needs to find them, without which it reads nothing of a file.
        let is_in_a_record = *size > LARGE && at < size / 2;
        assert!(!is_in_a_record || said.contains("partition ") && said.contains("number "), "{what}");
        flip(file, at);
    }
    node.assert_sound();
    node.start_again();
}

/// Shows F4. Keeps L5.
#[tokio::test]
async fn damage_that_a_running_node_meets_ends_it_so_that_it_is_not_started_again() {
    let mut node = Node::start_with(&["--partitions", "1"]);
    // Some blocks of records, so that the damage is neither in the first nor in the last, which every start reads.
    let market = node.market(1_000_000);
    for name in 0..100 {
        market.buyer(&format!("buyer {name}")).await;
    }
    // What was written between two starts goes into a file of its own, and RocksDB merges them once there are four.
    node.crash();
    node.stop();
    let files = data_files(&node.data());
    let (file, size) = files.iter().max_by_key(|(_, size)| *size).expect("there are data files");
    flip(file, size / 2);
    let ended = ended_by_itself(&mut node).await;
    assert!(ended.contains("exit status: 3"), "{ended}");
    let log = node.log();
    assert!(log.contains("Corruption"), "{log}");
    node.verify().refused(1, "partition 0");
    flip(file, size / 2);
    node.start_again();
}

/// Starts the node, and has it write, until it has ended by itself; with what.
async fn ended_by_itself(node: &mut Node) -> String {
    for start in 0..8 {
        if let Err(ended) = node.try_start_again() {
            return ended;
        }
        let caller = node.operator();
        for n in 0..50 {
            let client = serde_json::json!({ "role": "settler", "name": "one" });
            let answer = caller.try_post("/v1/clients", &format!("{start}-{n}"), &client).await;
            if !answer.is_ok_and(|answer| answer.status == 201) {
                return node.wait().to_string();
            }
        }
        node.kill();
    }
    panic!("nobody has met the damage: {}", node.log())
}

/// Shows F4, F21. Keeps L1.
#[tokio::test]
async fn where_nobody_knows_any_more_what_was_durable_that_is_said() {
    const UNKNOWN: &str = "what was durable is not known";
    let mut node = Node::start();
    assert!(!node.verify().ok().said.contains(UNKNOWN));
    node.market(1_000).buyer("ann").await;
    node.stop();
    assert!(!node.verify().ok().said.contains(UNKNOWN));
    std::fs::write(node.data().join("log/durable"), "torn").unwrap();
    assert!(node.verify().ok().said.contains(UNKNOWN));
    let told = run(&["replay", "verify", "--json", "--data", utf8(&node.data())]).ok().json();
    assert!(told[0]["sound"] == true && told[0]["remark"].as_str().is_some_and(|remark| remark.contains(UNKNOWN)));
    assert!(run(&["doctor", "--data", utf8(&node.data())]).said.contains(UNKNOWN));
    assert!(!node.log().contains(UNKNOWN));
    node.start_again();
    assert!(node.log().contains(UNKNOWN));
    assert!(!node.verify().ok().said.contains(UNKNOWN));
}

/// Shows F14. Keeps E3.
#[tokio::test]
async fn a_log_that_was_put_back_to_an_earlier_day_is_served_and_what_was_lost_is_told() {
    let mut node = Node::start_with(&["--partitions", "1"]);
    let buyer = node.market(1_000).buyer("ann").await;
    node.stop();
    let (log, earlier) = (node.data().join("log"), node.data().join("earlier"));
    copy(&log, &earlier);
    node.start_again();
    let terminal = node.caller(&buyer.terminal.key);
    let lost = terminal.post("/v1/approvals", "open", &purchase(10)).await.expect(201).field("id");
    node.stop();
    std::fs::remove_dir_all(&log).unwrap();
    std::fs::rename(&earlier, &log).unwrap();
    node.start_again();
    assert!(node.log().contains("the log ends before a record that the entity store has seen"), "{}", node.log());
    let terminal = node.caller(&buyer.terminal.key);
    let again = terminal.post("/v1/approvals", "other", &purchase(1_000)).await.expect(201);
    terminal.get_at(&format!("/v1/approvals/{lost}"), &again.position()).await.expect_problem(404, "not-found");
    node.stop();
    node.assert_sound();
}

/// Copies a folder with everything in it.
fn copy(from: &Path, to: &Path) {
    for file in files_below(from) {
        let copied = to.join(file.strip_prefix(from).unwrap());
        std::fs::create_dir_all(copied.parent().unwrap()).unwrap();
        std::fs::copy(file, copied).unwrap();
    }
}

/// Flips the lowest bit of a byte.
fn flip(file: &Path, at: u64) {
    let opened = std::fs::File::options().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    opened.read_exact_at(&mut byte, at).unwrap();
    opened.write_all_at(&[byte[0] ^ 1], at).unwrap();
}

/// The log's data files and their sizes.
fn data_files(data: &Path) -> Vec<(PathBuf, u64)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(data.join("log/store")).unwrap() {
        let entry = entry.unwrap();
        if entry.path().extension().is_some_and(|extension| extension == "sst") {
            files.push((entry.path(), entry.metadata().unwrap().len()));
        }
    }
    files.sort();
    files
}

/// Shows F4.
#[tokio::test]
async fn a_write_ahead_log_that_was_torn_is_repaired() {
    let mut node = Node::start();
    let market = node.market(1_000);
    let buyer = market.buyer("ann").await;
    let opened = buyer.terminal.post("/v1/approvals", "open", &purchase(10)).await.expect(201);
    node.kill();
    // What a power failure leaves behind the last synced byte.
    let wal = newest(&node.data().join("log/store"), "log");
    let end = std::fs::metadata(&wal).unwrap().len();
    let file = std::fs::File::options().write(true).open(&wal).unwrap();
    file.write_all_at(&[0x5a; 100], end).unwrap();
    node.start_again();
    let terminal = node.caller(&buyer.terminal.key);
    assert!(terminal.post("/v1/approvals", "open", &purchase(10)).await.says_the_same_as(&opened));
    terminal.post("/v1/approvals", "more", &purchase(10)).await.expect(201);
    node.kill();
    node.assert_sound();
}

/// The file with the highest number and this extension.
fn newest(folder: &Path, extension: &str) -> PathBuf {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|found| found == extension)).max().expect("there is one")
}

/// Shows F4, F37.
#[tokio::test]
async fn a_store_that_a_newer_version_wrote_is_refused_untouched() {
    let mut node = Node::start();
    node.stop();
    let path = node.data().join("log/store/FORMAT");
    let before = std::fs::read_to_string(&path).unwrap();
    let newer = before.replacen("\"format\": 1", "\"format\": 2", 1);
    assert_ne!(before, newer);
    std::fs::write(&path, &newer).unwrap();
    let refused = node.try_start_again().unwrap_err();
    assert!(refused.contains("newer") && refused.contains("format"), "{refused}");
    node.verify().refused(3, "newer");
    std::fs::write(&path, before).unwrap();
    node.start_again();
}

/// Shows F4.
#[tokio::test]
async fn a_second_process_on_one_directory_is_refused_with_the_holders_pid() {
    let node = Node::start();
    let second = run(&["serve", "--listen", "127.0.0.1:0", "--data", utf8(&node.data())]);
    second.refused(3, &node.pid().to_string());
    assert_eq!(node.operator().get("/livez").await.status, 200);
}

/// Shows F4, F9, F35. Keeps L1, E3.
#[tokio::test]
async fn a_write_that_fails_ends_the_node_and_loses_nothing_that_was_answered() {
    // The file system takes no file beyond half a megabyte, as a full quota would.
    let mut node = Node::start_limited_to_blocks(1024);
    let market = node.market(1_000_000_000);
    let buyer = market.buyer("ann").await;
    let mut told = Vec::new();
    let mut body = purchase(1);
    body["purchase"]["description"] = "x".repeat(250).into();
    while let Ok(reply) = buyer.terminal.try_post("/v1/approvals", &format!("open-{}", told.len()), &body).await {
        if reply.status != 201 {
            assert_eq!(reply.status, 503, "{reply:?}");
            break;
        }
        told.push(reply);
        assert!(told.len() < 10_000, "the limit is met before");
    }
    assert_eq!(node.wait().code(), Some(70));
    let log = node.log();
    assert!(log.contains(" could not be written") && !log.contains("panicked"), "{log}");

    node.unlimited();
    node.start_again();
    let terminal = node.caller(&buyer.terminal.key);
    for (n, reply) in told.iter().enumerate() {
        assert!(terminal.post("/v1/approvals", &format!("open-{n}"), &body).await.says_the_same_as(reply));
    }
    terminal.post("/v1/approvals", "after", &body).await.expect(201);
    node.kill();
    node.assert_sound();
}
