//! A node on a machine that gives it little: under every limit it serves all that is asked of it, or ends with 3 and names
//! the limit. It never panics, and is never without an answer once it has said that it serves.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::fixture::{Ended, Node, kippu, run, run_by, say, utf8};
use crate::market::purchase;

/// A user that nobody is, so that nobody else counts against its limits.
const NOBODY: &str = "54321";

fn folder() -> TempDir {
    TempDir::with_prefix("kippu-test-").unwrap()
}

/// Whether these tests may run a program as another user.
fn is_root() -> bool {
    Ended::of(Command::new("id").arg("-u")).out.trim() == "0"
}

/// A folder with a copy of the program, both usable for everybody, and what runs the copy as another user under `limits`.
fn as_nobody(limits: &[&str]) -> (TempDir, Vec<String>) {
    let folder = folder();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o777)).unwrap();
    let copy = folder.path().join("kippu");
    std::fs::copy(env!("CARGO_BIN_EXE_kippu"), &copy).unwrap();
    let script = format!("exec '{}' \"$@\"", copy.display());
    let user = ["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"];
    let runner = [&user[..], limits, &["sh", "-c", &script]].concat();
    (folder, runner.into_iter().map(str::to_owned).collect())
}

/// A node under `runner` that does what nodes are for, or the reason why there is none, which MUST name `limit`.
async fn serves_or_names(runner: &[&str], folder: TempDir, flags: &[&str], limit: &str) -> bool {
    match Node::try_start_under(folder, runner, flags) {
        Ok(mut node) => {
            let buyer = node.market(10_000).buyer("ann").await;
            for n in 0..4 {
                buyer.terminal.post("/v1/approvals", &format!("open-{n}"), &purchase(10)).await.expect(201);
            }
            node.operator().get("/v1/approvals").await.expect(200);
            node.operator().get("/metrics").await.expect(200);
            node.stop();
            assert!(!node.log().contains("panic"), "{runner:?}: {}", node.log());
            true
        }
        Err(said) => {
            assert!(said.contains("exit status: 3") && said.contains(limit), "{runner:?}: {said}");
            assert!(!said.contains("panic"), "{runner:?}: {said}");
            false
        }
    }
}

#[tokio::test]
async fn under_every_limit_on_open_files_a_node_serves_or_names_the_limit() {
    let mut served = 0;
    for most in (5..100).step_by(5).chain((100..).step_by(20)) {
        let limit = format!("--nofile={most}:{most}");
        served += u32::from(serves_or_names(&["prlimit", &limit], folder(), &[], "open files").await);
        if served == 3 {
            say(&format!("limits: a node serves from {} open files on", most - 40));
            return assert!(most <= 512, "{most}");
        }
    }
}

#[tokio::test]
async fn more_workers_need_more_open_files_than_few() {
    let limited = |workers| async move {
        serves_or_names(&["prlimit", "--nofile=300:300"], folder(), &["--workers", workers], "open files").await
    };
    assert!(limited("1").await);
    assert!(!limited("64").await);
}

#[tokio::test]
async fn under_every_limit_on_threads_a_node_serves_or_names_the_limit() {
    if !is_root() {
        return say("limits: not root, so that the limit on another user's threads is not tried");
    }
    let mut served = 0;
    for most in (1..24).step_by(4).chain((24..).step_by(8)) {
        let limit = format!("--nproc={most}:{most}");
        let (folder, runner) = as_nobody(&["prlimit", &limit]);
        let runner: Vec<&str> = runner.iter().map(String::as_str).collect();
        served += u32::from(serves_or_names(&runner, folder, &[], "threads").await);
        if served == 2 {
            return assert!(most <= 400, "{most}");
        }
    }
}

#[tokio::test]
async fn under_every_limit_on_address_space_a_node_serves_or_names_the_limit() {
    // With less than that, the program itself is not loaded.
    for mebibytes in [96, 128, 256, 512, 768, 1024, 1280, 1536, 2048, 3072, 4096_u64] {
        let limit = format!("--as={0}:{0}", mebibytes << 20);
        let served = serves_or_names(&["prlimit", &limit], folder(), &[], "address space").await;
        assert!(served || mebibytes < 4096, "{mebibytes}");
    }
}

#[tokio::test]
async fn a_small_stack_and_a_small_file_are_named_and_core_files_and_locked_memory_are_not_needed() {
    assert!(!serves_or_names(&["prlimit", "--stack=131072:131072"], folder(), &[], "stack").await);
    assert!(!serves_or_names(&["prlimit", "--fsize=65536:65536"], folder(), &[], "size of a file").await);
    assert!(serves_or_names(&["prlimit", "--core=0:0", "--memlock=0:0"], folder(), &[], "").await);
}

#[tokio::test]
async fn a_write_beyond_the_limit_on_a_file_is_an_error_and_no_death_without_a_word() {
    let mut node = Node::try_start_under(folder(), &["prlimit", "--fsize=524288:524288"], &[]).unwrap();
    let buyer = node.market(1_000_000_000).buyer("ann").await;
    let mut told = Vec::new();
    let mut body = purchase(1);
    body["purchase"]["description"] = "x".repeat(250).into();
    while let Ok(reply) = buyer.terminal.try_post("/v1/approvals", &format!("open-{}", told.len()), &body).await {
        if reply.status != 201 {
            break;
        }
        told.push(reply);
        assert!(told.len() < 10_000, "the limit is met before");
    }
    assert_eq!(node.wait().code(), Some(70));
    assert!(node.log().contains("ulimit -f"), "{}", node.log());
    node.unlimited();
    node.start_again();
    let terminal = node.caller(&buyer.terminal.key);
    for (n, reply) in told.iter().enumerate() {
        assert!(terminal.post("/v1/approvals", &format!("open-{n}"), &body).await.says_the_same_as(reply));
    }
}

#[test]
fn other_commands_name_the_limit_too() {
    let mut node = Node::start();
    node.stop();
    let data = node.data();
    let data = utf8(&data);
    std::fs::write(node.data().with_file_name("none.ndjson"), "").unwrap();
    let lines = node.data().with_file_name("none.ndjson");
    let new = node.data().with_file_name("new");
    let commands: [&[&str]; 6] = [
        &["replay", "verify", "--data", data],
        &["doctor", "--least-free-bytes", "1", "--data", data],
        &["log", "inspect", "--data", data, "--partition", "0"],
        &["client", "list", "--data", data],
        &["import", utf8(&lines), "--data", data],
        &["init", "--data", utf8(&new)],
    ];
    for command in commands {
        for (limit, named) in [("--nofile=12:12", "open files"), ("--as=100663296:100663296", "address space")] {
            let ended = Ended::of(run_by(&["prlimit", limit]).args(command));
            ended.refused(3, named);
        }
        for files in [16, 20, 24, 32, 40, 48, 56, 64, 80, 100, 130] {
            let limit = format!("--nofile={files}:{files}");
            let ended = Ended::of(run_by(&["prlimit", &limit]).args(command));
            let is_told = ended.code == Some(3) && ended.said.contains("open files");
            // A history of which not all can be opened is not damaged.
            assert!(ended.code == Some(0) || is_told, "{command:?} {files}: {ended:?}");
            assert!(!ended.said.contains("panicked"), "{command:?} {files}: {ended:?}");
        }
    }
}

/// A store that cannot be opened for a limit is not thrown away for it.
#[tokio::test]
async fn a_start_that_a_limit_ends_leaves_the_caches_as_they_are() {
    let mut node = Node::start();
    node.stop();
    let made = |node: &Node| std::fs::metadata(node.data().join("entities/IDENTITY")).unwrap().modified().unwrap();
    let before = made(&node);
    let serve = ["serve", "--listen", "127.0.0.1:0", "--data", utf8(&node.data())].map(str::to_owned);
    for files in (20..100).step_by(4) {
        Ended::of(run_by(&["prlimit", &format!("--nofile={files}:{files}")]).args(&serve)).refused(3, "open files");
    }
    assert_eq!(made(&node), before);
    node.start_again();
}

#[test]
fn streams_that_are_closed_at_the_start_are_not_taken_for_files_of_the_stores() {
    let node = Node::try_start_under(folder(), &["sh", "-c", "exec \"$0\" \"$@\" 0<&- 1>&- 2>&-"], &[]).unwrap();
    for stream in 0..3 {
        let open = std::fs::read_link(format!("/proc/{}/fd/{stream}", node.pid())).unwrap();
        assert_eq!(open, Path::new("/dev/null"), "{stream}");
    }
}

#[test]
fn a_node_whose_starter_blocked_or_ignored_signals_ends_at_sigterm_all_the_same() {
    for how in ["--block-signal=TERM", "--ignore-signal=TERM", "--block-signal", "--ignore-signal"] {
        Node::try_start_under(folder(), &["env", how], &[]).unwrap().stop();
    }
}

#[test]
fn who_cannot_listen_is_told_why() {
    let node = Node::start();
    let address = node.url().strip_prefix("http://").unwrap();
    let data = node.data().with_file_name("other");
    let serve = |address: &str| run(&["serve", "--data", utf8(&data), "--listen", address, "--plain", "allow"]);
    serve(address).refused(3, "another process listens there");
    serve("192.0.2.1:7701").refused(3, "no interface of this machine has this address");
    serve("/run/kippu.sock").refused(2, "/run/kippu.sock");
    assert!(!data.exists(), "nothing is made for a node that cannot be asked");
}

#[test]
fn a_node_needs_neither_a_home_nor_a_folder_for_temporary_files_and_whoever_needs_one_says_so() {
    let mut node = Node::try_start_under(folder(), &["env", "-u", "HOME", "TMPDIR=/nowhere"], &[]).unwrap();
    node.stop();
    let verify = ["replay", "verify", "--data", utf8(&node.data())].map(str::to_owned);
    Ended::of(kippu().args(&verify).env("TMPDIR", "/nowhere")).refused(3, "TMPDIR");
}

#[test]
fn a_node_serves_without_proc() {
    let script = "mount -t tmpfs none /proc && exec \"$0\" \"$@\"";
    let runner = ["unshare", "--mount", "sh", "-c", script];
    if !is_root() || Ended::of(Command::new("unshare").args(["--mount", "true"])).code != Some(0) {
        return say("limits: no root, or no mounts of its own, so that a machine without /proc is not tried");
    }
    Node::try_start_under(folder(), &runner, &[]).unwrap().stop();
}
