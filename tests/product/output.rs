//! Results that cannot be written: every command says so and ends with 3. A reader that has gone away is no error, a
//! standard error that is closed or full changes nothing, and no secret is lost.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;
use tempfile::TempDir;

use crate::fixture::{Ended, kippu, run, utf8};

/// A data directory without a node on it, and what commands read next to it.
struct Stage {
    folder: TempDir,
}

impl Stage {
    fn set() -> Self {
        let stage = Self { folder: TempDir::with_prefix("kippu-test-").unwrap() };
        run(&["init", "--data", &stage.data(), "--partitions", "2"]).ok();
        run(&["log", "export", &stage.path("export"), "--data", &stage.data()]).ok();
        let line = json!({ "family": "placements", "command": "open", "key": "k", "body": { "label": "l" } });
        std::fs::write(stage.path("lines"), format!("{line}\n")).unwrap();
        stage
    }

    fn path(&self, name: &str) -> String {
        utf8(&self.folder.path().join(name)).to_owned()
    }

    fn data(&self) -> String {
        self.path("data")
    }

    /// Every command that prints something, each of which ends well where it can.
    fn commands(&self, turn: &str) -> Vec<Vec<String>> {
        let (data, export) = (self.data(), self.path("export"));
        let [made, exported, imported, copied] =
            ["made", "exported", "imported", "copied"].map(|n| self.path(&format!("{n}-{turn}")));
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        vec![
            words(&["--help"]),
            words(&["--version"]),
            words(&["help", "log"]),
            words(&["completions", "bash"]),
            words(&["config", "check"]),
            words(&["init", "--partitions", "1", "--data", &made]),
            words(&["client", "add", "--role", "shop", "--name", "s", "--data", &data]),
            words(&["client", "list", "--data", &data]),
            words(&["client", "revoke", &self.a_client(), "--data", &data]),
            words(&["import", &self.path("lines"), "--data", &data]),
            words(&["log", "inspect", "--data", &data]),
            words(&["log", "export", &exported, "--data", &data]),
            words(&["log", "import", &export, "--data", &imported]),
            words(&["log", "copy", &data, &copied]),
            words(&["replay", "verify", "--data", &data]),
        ]
    }

    fn a_client(&self) -> String {
        let place = ["--json", "client", "add", "--role", "shop", "--name", "s", "--data", &self.data()];
        run(&place).ok().json()[0]["id"].as_str().unwrap().to_owned()
    }

    fn clients(&self) -> usize {
        run(&["--json", "client", "list", "--data", &self.data()]).ok().json()[0]["clients"].as_array().unwrap().len()
    }
}

/// The real binary, as the shell runs it with `redirection`.
fn redirected(redirection: &str, arguments: &[String]) -> Ended {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("exec \"$0\" \"$@\" {redirection}"), env!("CARGO_BIN_EXE_kippu")]).args(arguments);
    Ended::of(command.stdin(Stdio::null()))
}

/// Shows F33.
#[test]
fn a_command_whose_result_cannot_be_written_ends_with_3_and_says_so() {
    let stage = Stage::set();
    for (turn, redirection, why) in [("full", ">/dev/full", "No space left"), ("closed", ">&-", "Bad file descriptor")]
    {
        for (json, flag) in [("", None), ("json", Some("--json".to_owned()))] {
            // What it finds depends on the machine, so that it does not always end well.
            let doctor = ["doctor", "--data", &stage.data()].map(str::to_owned).to_vec();
            for arguments in stage.commands(&format!("{turn}{json}")).into_iter().chain([doctor]) {
                let arguments: Vec<String> = flag.iter().cloned().chain(arguments).collect();
                let ended = redirected(redirection, &arguments);
                assert!(ended.code == Some(3), "{redirection} {arguments:?}: {ended:?}");
                ended.refused(3, why).refused(3, "standard output");
            }
        }
    }
}

/// Shows F33.
#[test]
fn a_reader_that_goes_away_is_no_error_of_the_command() {
    let stage = Stage::set();
    for arguments in stage.commands("pipe") {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ended = Ended::of(kippu().args(&arguments).stdout(writer)).ok();
        // But for a key that is told once, nothing is said.
        assert_eq!(
            ended.said.contains("--idempotency-key"),
            arguments.starts_with(&["client".to_owned(), "add".to_owned()]),
            "{ended:?}"
        );
        assert!(!ended.said.contains("standard output"), "{arguments:?}: {ended:?}");
    }
    let wrong = stage.path("wrong.toml");
    std::fs::write(&wrong, "x = 1").unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    Ended::of(kippu().args(["config", "check", &wrong]).stdout(writer)).refused(1, "");
}

/// Shows F33.
#[test]
fn a_standard_error_that_is_closed_or_full_changes_nothing() {
    let stage = Stage::set();
    let lines = stage.path("mixed");
    std::fs::write(&lines, format!("{{\n{}", std::fs::read_to_string(stage.path("lines")).unwrap())).unwrap();
    for (turn, redirection) in [("closed", "2>&-"), ("full", "2>/dev/full")] {
        for arguments in stage.commands(&format!("error-{turn}")) {
            redirected(redirection, &arguments).ok();
        }
        let progress = stage.path(&format!("progress-{turn}"));
        let import = ["import", &lines, "--data", &stage.data(), "--resume-file", &progress].map(str::to_owned);
        let counted = redirected(redirection, &import);
        assert!(counted.code == Some(1) && counted.out.contains("2 lines"), "{counted:?}");
        let wrong = ["serve", "--loud"].map(str::to_owned);
        assert_eq!(redirected(redirection, &wrong).code, Some(2));
        assert_eq!(redirected(redirection, &["serve".to_owned()]).code, Some(2));
    }
}

/// Shows F33.
#[test]
fn a_key_that_could_not_be_printed_is_told_again_by_the_call_that_the_error_names() {
    let stage = Stage::set();
    let add = ["client", "add", "--role", "shop", "--name", "s", "--data", &stage.data()].map(str::to_owned);
    let before = stage.clients();
    let lost = redirected(">/dev/full", &add).refused(3, "No space left").said;
    let named = lost.split_once("--idempotency-key ").unwrap().1.split_whitespace().next().unwrap();
    let again = [&add[..], &["--json".to_owned(), "--idempotency-key".to_owned(), named.to_owned()]].concat();
    let told = Ended::of(kippu().args(again)).ok().json().remove(0);
    assert!(lost.contains(told["id"].as_str().unwrap()) && told["key"].as_str().unwrap().starts_with("kpk_"), "{told}");
    assert_eq!(stage.clients(), before + 1);
    // A key of the caller's own is named too.
    let own = [&add[..], &["--idempotency-key".to_owned(), "mine".to_owned()]].concat();
    redirected(">&-", &own).refused(3, "--idempotency-key mine ");
}

/// Shows F33.
#[test]
fn a_result_that_is_written_in_part_is_told_and_the_signal_of_a_file_limit_ends_nothing() {
    let stage = Stage::set();
    let shown = File::create(stage.path("shown")).unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -f 2; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_kippu")]);
    command.args(["completions", "bash"]).stdout(shown);
    Ended::of(&mut command).refused(3, "File too large");
    assert_eq!(std::fs::metadata(stage.path("shown")).unwrap().len(), 1024);
}

/// Shows F7, F33.
#[test]
fn an_export_for_which_there_is_no_space_is_none_until_it_has_come_to_its_end() {
    let stage = Stage::set();
    let line =
        |n: usize| json!({ "family": "placements", "command": "open", "key": n.to_string(), "body": { "label": "l" } });
    let many: String = (0..2_000).map(|n| format!("{}\n", line(n))).collect();
    std::fs::write(stage.path("many"), many).unwrap();
    run(&["import", &stage.path("many"), "--data", &stage.data()]).ok();
    let export = stage.path("narrow");
    let export_it = ["log", "export", &export, "--data", &stage.data()];
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -f 512; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_kippu")]).args(export_it);
    Ended::of(&mut command).refused(3, "File too large");
    let other = stage.path("other");
    run(&["log", "import", &export, "--data", &other]).refused(3, "");
    assert!(!Path::new(&other).exists());
    run(&export_it).ok();
    run(&["log", "import", &export, "--data", &other]).ok();
}

/// Shows F33, F41.
#[test]
fn an_import_that_cannot_keep_its_progress_says_so_and_loses_nothing() {
    let stage = Stage::set();
    let import = |progress: &str| {
        run(&["--json", "import", &stage.path("lines"), "--data", &stage.data(), "--resume-file", progress])
    };
    import(&stage.path("no/such/folder")).refused(3, "progress cannot be kept");
    import(&stage.path("data")).refused(3, "progress cannot be kept");
    // Links, so that a mistake replaces them and not the machine's own.
    let [full, null] = ["full", "null"].map(|name| {
        std::os::unix::fs::symlink(PathBuf::from("/dev").join(name), stage.path(name)).unwrap();
        stage.path(name)
    });
    import(&full).refused(3, "progress cannot be kept").refused(3, "run the same import again");
    let counts = import(&null).ok().json().remove(0);
    assert_eq!((counts["applied"].as_u64(), counts["replayed"].as_u64()), (Some(0), Some(1)), "{counts}");
}

/// Shows F33.
#[test]
fn files_that_a_command_is_told_to_write_are_written_or_are_an_error() {
    let stage = Stage::set();
    let data = stage.data();
    let full = stage.path("full");
    std::os::unix::fs::symlink("/dev/full", &full).unwrap();
    let tiles = stage.path("tiles");
    let checkpoint = |more: &[&str]| run(&[&["replay", "checkpoint", "--data", &data, "--out", &tiles], more].concat());
    checkpoint(&["--begin"]).ok();
    checkpoint(&["--keep", &full]).refused(3, "No space left");
    assert!(checkpoint(&["--keep", "/dev/stdout"]).ok().said.contains("\"cut_proof\""));
    checkpoint(&["--keep", &data]).refused(3, "is a directory");
    let serve = |file: &str| run(&["serve", "--listen", "127.0.0.1:0", "--data", &data, "--ready-file", file]);
    serve(&full).refused(3, "No space left");
    serve(&stage.path("no/such")).refused(3, "No such file");
    assert!(std::fs::symlink_metadata(&full).unwrap().is_symlink());
}

/// Shows F33.
#[test]
fn the_purchases_client_tells_of_a_result_that_could_not_be_written() {
    let folder = TempDir::with_prefix("kippu-test-").unwrap();
    let file = folder.path().join("purchases");
    // From another system: a byte order mark, and lines that end with CR.
    std::fs::write(&file, "\u{feff}1 19970101 1 60.00\r1 19970102 1 60.00\r").unwrap();
    let play = |arguments: &[&str], stdout: Stdio| {
        let mut command =
            Command::new(Path::new(env!("CARGO_BIN_EXE_kippu")).with_file_name("examples").join("purchases"));
        Ended::of(
            command
                .arg("--kippu")
                .arg(env!("CARGO_BIN_EXE_kippu"))
                .arg("--file")
                .arg(&file)
                .args(arguments)
                .stdout(stdout),
        )
    };
    let full = || File::options().write(true).open("/dev/full").unwrap().into();
    play(&["--help"], full()).refused(3, "No space left");
    play(&["--limit", "100.00"], full()).refused(3, "No space left");
    let said = play(&["--limit", "100.00"], Stdio::piped()).ok().said;
    assert!(said.contains("1 permitted         60.00        1 refused         60.00"), "{said}");
    std::fs::write(&file, b"1 19970101 1 60.00\nJos\xe9 19970102 1 60.00\n").unwrap();
    play(&["--limit", "100.00"], Stdio::piped()).refused(3, "line 2: it is not UTF-8");
}
