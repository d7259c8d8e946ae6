//! Data directories as they are found in the field: somebody else's, by other names, copied, moved, deleted, handed to a
//! group by an orchestrator, and in a container.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::fixture::{Ended, Node, kippu, run, run_by, say, utf8};

/// A user and a group that nobody has: as those that an orchestrator gives to a container.
const USER: u32 = 1_000_660_000;

fn folder() -> TempDir {
    TempDir::with_prefix("kippu-test-").unwrap()
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

/// Whether these tests may act as several users; says so where they may not.
fn is_root(what: &str) -> bool {
    let is_root = Ended::of(Command::new("id").arg("-u")).out.trim() == "0";
    if !is_root {
        say(&format!("places: not root, so that {what} is not tried"));
    }
    is_root
}

/// The program as that user, in a copy that it may run.
fn as_user(folder: &Path, arguments: &[&str]) -> Ended {
    let copy = folder.join("kippu");
    if !copy.exists() {
        set_mode(folder, 0o755);
        std::fs::copy(env!("CARGO_BIN_EXE_kippu"), &copy).unwrap();
    }
    let (user, script) = (USER.to_string(), format!("exec '{}' \"$@\"", copy.display()));
    let runner = ["setpriv", "--reuid", &user, "--regid", &user, "--clear-groups", "sh", "-c", &script];
    Ended::of(run_by(&runner).args(arguments))
}

fn init(data: &Path) -> Ended {
    run(&["init", "--data", utf8(data)])
}

/// What doctor finds bad at `data`: the names of its checks.
fn bad(data: &Path) -> Vec<String> {
    let report = run(&["doctor", "--json", "--least-free-bytes", "1", "--data", utf8(data)]).json().remove(0);
    let findings = report["findings"].as_array().unwrap().iter().filter(|finding| finding["verdict"] == "bad");
    findings.map(|finding| format!("{}: {}", finding["check"].as_str().unwrap(), finding["detail"])).collect()
}

#[test]
fn a_volume_that_is_a_groups_is_said_to_be_so_and_a_directory_below_it_is_made() {
    if !is_root("a volume of another user") {
        return;
    }
    let folder = folder();
    let volume = folder.path().join("volume");
    std::fs::create_dir(&volume).unwrap();
    chown(&volume, Some(0), Some(USER)).unwrap();
    set_mode(&volume, 0o2775);
    let refused = as_user(folder.path(), &["init", "--data", utf8(&volume)]);
    let whose = format!("belongs to user 0 (root) and group {USER} (mode 2775), and not to user {USER}");
    let refused = refused.refused(3, &whose);
    let below = volume.join("kippu");
    assert!(
        refused.said.contains(&format!("a directory below it that is made for kippu alone, as {}", below.display()))
    );
    assert_eq!(std::fs::metadata(&volume).unwrap().mode() & 0o7777, 0o2775, "it stays as it is");
    assert_eq!(std::fs::read_dir(&volume).unwrap().count(), 0);
    as_user(folder.path(), &["init", "--data", utf8(&below)]).ok();
}

#[test]
fn what_an_orchestrator_opens_to_a_group_is_taken_back_by_the_next_start_and_said() {
    let mut node = Node::start();
    node.stop();
    let data = node.data();
    Ended::of(Command::new("chmod").args(["-R", "g+rwX"]).arg(&data)).ok();
    Ended::of(Command::new("find").arg(&data).args(["-type", "d", "-exec", "chmod", "g+s", "{}", "+"])).ok();
    assert!(bad(&data).iter().any(|finding| finding.contains("the next start of the node takes it back")));
    node.start_again();
    assert_eq!(bad(&data), Vec::<String>::new());
    assert!(node.log().contains("which was taken back"), "{}", node.log());
}

#[test]
fn what_a_restore_by_another_user_left_unreadable_is_named_with_whose_it_is() {
    if !is_root("a restore by another user") {
        return;
    }
    let folder = folder();
    let data = folder.path().join("data");
    as_user(folder.path(), &["config", "check"]).ok();
    std::fs::create_dir(&data).unwrap();
    chown(&data, Some(USER), Some(USER)).unwrap();
    as_user(folder.path(), &["init", "--data", utf8(&data)]).ok();
    let lost = data.join("keys/keyring.json");
    chown(&lost, Some(0), Some(0)).unwrap();
    let refused = as_user(folder.path(), &["client", "list", "--data", utf8(&data)]);
    refused.refused(3, &format!("{} belongs to user 0 (root)", lost.display())).refused(3, "chown -R");
    // All of it.
    Ended::of(Command::new("chown").args(["-R", "0:0"]).arg(&data)).ok();
    as_user(folder.path(), &["client", "list", "--data", utf8(&data)]).refused(3, "belongs to user 0 (root)");
    let owner = USER.to_string();
    Ended::of(Command::new("chown").args(["-R", &owner]).arg(&data)).ok();
    as_user(folder.path(), &["client", "list", "--data", utf8(&data)]).ok();
}

#[test]
fn a_way_that_leads_through_somebody_elses_directory_is_said_to_be_shut() {
    if !is_root("a directory of another user") {
        return;
    }
    let folder = folder();
    let (closed, fixed) = (folder.path().join("closed"), folder.path().join("fixed"));
    for (dir, mode) in [(&closed, 0o700), (&fixed, 0o755)] {
        std::fs::create_dir(dir).unwrap();
        set_mode(dir, mode);
        let data = dir.join("node/data");
        for command in [&["init"][..], &["serve", "--listen", "127.0.0.1:0"]] {
            let refused = as_user(folder.path(), &[command, &["--data", utf8(&data)]].concat());
            refused
                .refused(3, &format!("{} belongs to user 0 (root)", dir.display()))
                .refused(3, "may not go on there");
        }
    }
}

#[test]
fn names_that_systems_give_are_nobodys_and_all_others_are_somebodys() {
    let folder = folder();
    for name in [
        "lost+found",
        ".snapshot",
        ".snapshots",
        ".zfs",
        ".Trash-1000",
        ".nfs0001",
        ".DS_Store",
        "@eaDir",
        "System Volume Information",
    ] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
    }
    init(folder.path()).ok();
    assert_eq!(bad(folder.path()), Vec::<String>::new());
    for name in [".bashrc", "thesis.tex", "lost", "snapshots"] {
        let other = self::folder();
        std::fs::create_dir(other.path().join(name)).unwrap();
        init(other.path()).refused(3, name);
    }
}

#[test]
fn a_link_a_file_and_a_path_that_stores_cannot_be_given_are_told_apart() {
    let folder = folder();
    let (link, file) = (folder.path().join("link"), folder.path().join("file"));
    symlink(folder.path().join("there"), &link).unwrap();
    init(&link).refused(3, "is a link to");
    std::fs::create_dir(folder.path().join("there")).unwrap();
    init(&link).ok();
    assert_eq!(bad(&link), Vec::<String>::new());
    std::fs::write(&file, "").unwrap();
    for path in [&file, &file.join("below")] {
        let ended = init(path);
        assert!(ended.code == Some(3) && ended.said.contains("director"), "{ended:?}");
    }
    let spaced = folder.path().join("a place with spaces, \u{e4} and 'quotes'");
    init(&spaced).ok();
    let raw = folder.path().join(OsStr::from_bytes(b"not-\xff-utf8"));
    let before = std::fs::read_dir(folder.path()).unwrap().count();
    for command in ["init", "serve"] {
        Ended::of(kippu().args([command, "--data"]).arg(&raw)).refused(3, "no path in UTF-8");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), before, "no directory of another name is made");
}

#[test]
fn one_directory_by_two_names_is_one_nodes() {
    let node = Node::start();
    let link = node.data().with_file_name("link");
    symlink(node.data(), &link).unwrap();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--data"];
    Ended::of(kippu().args(serve).arg(&link)).refused(3, &format!("in use by process {}", node.pid()));
    let mounted = node.data().with_file_name("mounted");
    std::fs::create_dir(&mounted).unwrap();
    let script = format!("mount --bind '{}' '{}' && exec \"$0\" \"$@\"", node.data().display(), mounted.display());
    let runner = ["unshare", "--mount", "sh", "-c", &script];
    if is_root("a directory that is mounted twice") {
        Ended::of(run_by(&runner).args(serve).arg(&mounted)).refused(3, "in use by process");
    }
}

#[test]
fn a_copy_by_hard_links_and_its_original_stay_two() {
    let mut node = Node::start();
    node.stop();
    let copy = node.data().with_file_name("copy");
    Ended::of(Command::new("cp").arg("-al").args([&node.data(), &copy])).ok();
    let read = || {
        let files = crate::fixture::files_below(&copy);
        // The lock's file is of no account, and an info log is for people.
        let kept = files.into_iter().filter(|file| !file.ends_with("LOCK") && !file.ends_with("LOG"));
        kept.map(|file| (std::fs::read(&file).unwrap(), file)).collect::<Vec<_>>()
    };
    let before = read();
    node.start_again();
    run(&["client", "add", "--role", "settler", "--name", "till", "--server", node.url(), "--key-file"]
        .into_iter()
        .chain([utf8(&node.data().join("operator.key"))])
        .collect::<Vec<_>>())
    .ok();
    node.stop();
    let changed: Vec<_> =
        before.iter().zip(read()).filter(|(one, other)| *one != other).map(|(one, _)| &one.1).collect();
    assert!(changed.is_empty(), "{changed:?}");
    run(&["replay", "verify", "--data", utf8(&copy)]).ok();
}

#[test]
fn a_node_whose_directory_is_deleted_moved_or_exchanged_ends_and_says_so() {
    type Harm = fn(&Path);
    let harm: [(&str, Harm); 4] = [
        ("deleted", |data| std::fs::remove_dir_all(data).unwrap_or_default()),
        ("moved", |data| std::fs::rename(data, data.with_file_name("other")).unwrap()),
        ("without its history", |data| std::fs::rename(data.join("log"), data.join("log.old")).unwrap()),
        ("without its keys", |data| std::fs::rename(data.join("keys"), data.join("keys.old")).unwrap()),
    ];
    for (what, does) in harm {
        let mut node = Node::start();
        does(&node.data());
        assert_eq!(node.wait().code(), Some(3), "{what}: {}", node.log());
        assert!(node.log().contains("is not what this node opened any more"), "{what}: {}", node.log());
    }
}

#[test]
fn a_node_whose_caches_are_deleted_goes_on_with_its_history() {
    let mut node = Node::start();
    std::fs::remove_dir_all(node.data().join("entities")).unwrap();
    std::fs::remove_dir_all(node.data().join("views")).unwrap();
    node.kill();
    node.start_again();
    node.stop();
    node.assert_sound();
}

#[test]
fn an_initialisation_for_kafka_that_failed_makes_no_embedded_node_later() {
    let folder = folder();
    let data = folder.path().join("data");
    // Nobody answers there.
    let log = "kafka://127.0.0.1:9/purchases";
    let keyring = folder.path().join("keyring.json");
    std::fs::write(&keyring, "{}").unwrap();
    for more in [&[][..], &["--keyring", utf8(&keyring)]] {
        let failed = run(&[&["init", "--data", utf8(&data), "--log", log], more].concat());
        assert_eq!(failed.code, Some(3), "{failed:?}");
        run(&["serve", "--listen", "127.0.0.1:0", "--data", utf8(&data)]).refused(3, log).refused(3, "kippu init");
        assert!(!data.join("log").exists() && !data.join("kippu.json").exists());
        // It goes on as what it was begun, without being told again.
        let again = run(&["init", "--data", utf8(&data)]);
        assert!(again.code == Some(3) && !data.join("log").exists(), "{again:?}");
        std::fs::remove_dir_all(&data).unwrap();
    }
}

#[test]
fn a_log_that_was_begun_in_a_directory_does_not_go_on_on_kafka() {
    let folder = folder();
    let data = folder.path().join("data");
    init(&data).ok();
    std::fs::remove_file(data.join("kippu.json")).unwrap();
    let log = "kafka://127.0.0.1:9/purchases";
    run(&["init", "--data", utf8(&data), "--log", log]).refused(3, "holds a log that was begun there");
    init(&data).ok();
}

#[test]
fn the_holder_in_a_container_is_not_taken_for_the_process_of_that_number_here() {
    if !is_root("a container") {
        return;
    }
    let runner = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"];
    let node = Node::try_start_under(folder(), &runner, &[]).unwrap();
    assert_eq!(std::fs::read_to_string(node.data().join("LOCK")).unwrap().trim(), "1");
    let serve = ["serve", "--listen", "127.0.0.1:0", "--data", utf8(&node.data())].map(str::to_owned);
    let refused = Ended::of(kippu().args(&serve)).refused(3, "is in use by process");
    assert!(!refused.said.contains("process 1\n") && !refused.said.contains("process 1 "), "{}", refused.said);
    // Another container sees neither.
    Ended::of(run_by(&runner).args(&serve)).refused(3, "outside of this container");
}

#[test]
fn what_a_node_writes_is_its_owners_alone_under_every_umask() {
    for umask in ["000", "077", "277"] {
        let script = format!("umask {umask}; exec \"$0\" \"$@\"");
        let mut node = Node::try_start_under(folder(), &["sh", "-c", &script], &[]).unwrap();
        assert_eq!(bad(&node.data()), Vec::<String>::new(), "{umask}");
        node.stop();
    }
}

#[test]
fn a_file_system_without_space_or_for_reading_only_is_named_and_a_later_start_goes_on() {
    if !is_root("a small file system") {
        return;
    }
    let folder = folder();
    let (small, data) = (folder.path().join("small"), folder.path().join("small/data"));
    std::fs::create_dir(&small).unwrap();
    let within = |options: &str, script: &str| {
        let script = format!("mount -t tmpfs -o {options} none '{}' && {script}", small.display());
        Ended::of(run_by(&["unshare", "--mount", "sh", "-c", &script]).args(["init", "--data", utf8(&data)]))
    };
    within("ro", "exec \"$0\" \"$@\"").refused(3, "Read-only file system");
    for size in ["16k", "64k", "512k"] {
        within(&format!("size={size}"), "exec \"$0\" \"$@\"").refused(3, "pace");
    }
    let again = format!("{{ \"$0\" \"$@\"; mount -o remount,size=2g '{}' && exec \"$0\" \"$@\"; }}", small.display());
    within("size=64k", &again).ok();
}

#[test]
fn a_history_is_verified_where_nothing_can_be_written() {
    let mut node = Node::start();
    node.stop();
    if !is_root("a file system for reading only") {
        return;
    }
    let data = node.data();
    let script =
        format!("mount --bind '{0}' '{0}' && mount -o remount,ro,bind '{0}' && exec \"$0\" \"$@\"", data.display());
    let within = |arguments: &[&str]| {
        Ended::of(run_by(&["unshare", "--mount", "sh", "-c", &script]).args(arguments).args(["--data", utf8(&data)]))
    };
    within(&["replay", "verify"]).ok();
    within(&["serve", "--listen", "127.0.0.1:0"]).refused(3, "Read-only file system");
    let report: Value = within(&["doctor", "--json"]).json().remove(0);
    assert!(report["findings"].as_array().unwrap().iter().any(|finding| finding["check"] == "log"), "{report}");
}

#[test]
fn a_cache_may_lie_on_another_file_system() {
    let mut node = Node::start();
    node.stop();
    for cache in ["entities", "views"] {
        let other = node.data().with_file_name(cache);
        std::fs::rename(node.data().join(cache), &other).unwrap();
        symlink(&other, node.data().join(cache)).unwrap();
    }
    node.start_again();
    assert_eq!(bad(&node.data()), Vec::<String>::new());
    node.stop();
}
