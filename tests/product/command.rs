//! The operator's command: its subcommands, what they print, and how they end.

use tokio::net::TcpStream;

use crate::fixture::{Node, files_below, run, until, utf8};
use crate::http::Begun;
use crate::market::purchase;

/// Shows F33.
#[test]
fn exit_codes_tell_usage_from_failure() {
    for (wrong, why) in [
        (&["dance"][..], "unrecognized subcommand 'dance'"),
        (&["serve", "--loud"], "unexpected argument '--loud'"),
        (&["replay", "verify"], "no history: name a data directory"),
        (&["init", "--partitions", "many"], "invalid value 'many' for '--partitions"),
    ] {
        run(wrong).refused(2, why);
    }
    let nowhere = tempfile::tempdir().unwrap();
    let nowhere = nowhere.path().join("nothing");
    run(&["replay", "verify", "--data", utf8(&nowhere)]).refused(3, "nothing/log/store holds no log");
}

/// Shows F33, F36.
#[test]
fn a_node_whose_brokers_do_not_answer_ends_so_that_its_supervisor_starts_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let label =
        r#"{"layout":1,"log":"00000000000000000000000000000000","location":"kafka://127.0.0.1:1/kippu","made_by":"0"}"#;
    std::fs::write(folder.path().join("kippu.json"), label).unwrap();
    let data = utf8(folder.path());
    run(&["serve", "--data", data, "--listen", "127.0.0.1:0"]).refused(69, "kippu: Kafka: ");
    // Nobody reaches a node there, and no broker has to be asked for that.
    run(&["serve", "--data", data, "--listen", "0.0.0.0:0", "--plain", "allow"]).refused(2, "--url");
}

/// Shows F33.
#[test]
fn completions_are_printed_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let printed = run(&["completions", shell]).ok().out;
        assert!(printed.len() > 500 && printed.contains("verify"), "{shell}: {printed}");
    }
}

/// Shows F33.
#[test]
fn a_configuration_file_is_checked_with_line_and_column() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kippu.toml");
    let check = |text: &str| {
        std::fs::write(&file, text).unwrap();
        run(&["config", "check", utf8(&file)])
    };
    check("[http]\nlisten = \"127.0.0.1:7701\"\n").ok();
    check("[http]\nlisen = \"127.0.0.1:7701\"\n").refused(1, "lisen").refused(1, ":2:");
}

/// Shows F33, F4.
#[test]
fn init_makes_a_directory_once_and_writes_its_keys_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let init = run(&["init", "--data", utf8(&data), "--partitions", "2"]).ok();
    let key = std::fs::read_to_string(data.join("operator.key")).unwrap();
    assert!(!init.said.contains(key.trim()), "the key is not printed");
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&data), mode(&data.join("operator.key"))), (0o700, 0o600));
    let keys: Vec<_> = files_below(&data.join("keys"));
    assert!(!keys.is_empty() && keys.iter().all(|key| mode(key) == 0o600), "{keys:?}");
    run(&["init", "--data", utf8(&data)]).refused(3, "holds a node already");
}

/// Shows F21, F29, F33.
#[tokio::test]
async fn verify_walks_the_history_of_a_running_node() {
    let node = Node::start_with(&["--partitions", "3"]);
    let market = node.market(1_000);
    let buyer = market.buyer("ann").await;
    for n in 0..5 {
        buyer.terminal.post("/v1/approvals", &format!("open-{n}"), &purchase(10)).await.expect(201);
        let report = run(&["replay", "verify", "--json", "--data", utf8(&node.data())]).ok().json().remove(0);
        assert_eq!(report["sound"], true);
        // What was answered is seen at once.
        let walked: u64 = report["partitions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|partition| partition["records"].as_u64().unwrap())
            .sum();
        assert_eq!(walked, node.ends().await.iter().sum::<u64>());
    }
    let said = node.verify().said;
    assert!(said.trim_end().ends_with("verify: sound"), "{said}");
}

/// Shows F29. Keeps R1.
#[tokio::test]
async fn verify_changes_nothing_on_disk() {
    let mut node = Node::start();
    let market = node.market(1_000);
    market.buyer("ann").await.terminal.post("/v1/approvals", "open", &purchase(10)).await.expect(201);
    node.kill();
    let everything = || {
        let files = files_below(&node.data());
        files.into_iter().map(|path| (std::fs::read(&path).unwrap(), path)).collect::<Vec<_>>()
    };
    let before = everything();
    node.assert_sound();
    assert!(everything() == before, "the same files with the same bytes");
}

/// Shows F32, F33.
#[tokio::test]
async fn clients_are_added_listed_and_revoked_through_a_running_node() {
    let node = Node::start();
    let folder = tempfile::tempdir().unwrap();
    let key_file = folder.path().join("key");
    std::fs::write(&key_file, node.operator().key.clone()).unwrap();
    let client = |arguments: &[&str]| {
        let place = ["--json", "--server", node.url(), "--key-file", utf8(&key_file)];
        run(&[&["client"], arguments, &place].concat())
    };
    let added = client(&["add", "--role", "settler", "--name", "desk"]).ok().json().remove(0);
    let (id, key) = (&added["id"], &added["key"]);
    let (id, key) = (id.as_str().unwrap(), key.as_str().unwrap());
    node.caller(key).get("/v1/approvals").await.expect(200);

    let listed = client(&["list"]).said;
    assert!(listed.contains(id) && !listed.contains(key), "{listed}");

    client(&["revoke", id]).ok();
    node.caller(key).get("/v1/approvals").await.expect_problem(401, "unauthenticated");
}

/// Shows F35.
#[tokio::test]
async fn sigterm_answers_what_is_under_way_and_ends_in_order() {
    let mut node = Node::start();
    let terminal = node.market(1_000).buyer("ann").await.terminal;
    let (address, body) = (node.url().strip_prefix("http://").unwrap().to_owned(), purchase(10));
    let asked = Begun::post(&terminal, "/v1/approvals", "last", &body).await;
    node.signal("TERM");
    until(async || TcpStream::connect(&address).await.is_ok(), |is_open| !is_open).await;
    let answer = asked.finish().await;
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    assert!(node.wait().success(), "{}", node.log());
    node.start_again();
    let again = node.caller(&terminal.key).post("/v1/approvals", "last", &body).await.expect(201);
    assert!(answer.ends_with(&again.text), "{answer}, and then {}", again.text);
}
