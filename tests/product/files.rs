//! Files that were made on other systems: what is plainly meant is taken, and anything else is refused with file, line and cause.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::{Ended, Node, kippu, run, utf8};

/// A data directory without a node on it.
pub(crate) struct Stage {
    pub(crate) folder: TempDir,
}

impl Stage {
    pub(crate) fn set() -> Self {
        let stage = Self { folder: TempDir::with_prefix("kippu-test-").unwrap() };
        run(&["init", "--data", &stage.path("data"), "--partitions", "2"]).ok();
        stage
    }

    pub(crate) fn path(&self, name: &str) -> String {
        utf8(&self.folder.path().join(name)).to_owned()
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        std::fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }
}

/// A command that opens a placement.
pub(crate) fn line(key: &str) -> String {
    json!({ "family": "placements", "command": "open", "key": key, "body": { "label": "l" } }).to_string()
}

pub(crate) fn utf_16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Files that are no text in UTF-8, with what is to be said of each.
pub(crate) fn no_texts(text: &str) -> Vec<(&'static str, Vec<u8>, &'static str)> {
    vec![
        ("utf-16", utf_16(&format!("\u{feff}{text}")), "UTF-16"),
        ("utf-16-without-mark", utf_16(text), "UTF-16"),
        ("gzip", b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x4b\x4c".to_vec(), "gunzip"),
        ("zip", b"PK\x03\x04\x14\0\0\0".to_vec(), "ZIP"),
        ("latin-1", [text.as_bytes(), b"\n# caf\xe9\n"].concat(), "is not UTF-8"),
        ("zeros", [text.as_bytes(), b"\n\0\0\0\0"].concat(), "bytes of zero"),
    ]
}

/// Shows F33.
#[test]
fn a_configuration_is_taken_or_refused_with_file_line_and_cause() {
    let stage = Stage::set();
    let check = |bytes: &[u8]| run(&["config", "check", &stage.write("kippu.toml", bytes)]);
    for text in [
        "\u{feff}[http]\nworkers = 3\n",
        "[http]\r\nworkers = 3",
        "[http]\rworkers = 3\r",
        "\n\n[http]  \nworkers = 3 \n\n\n",
    ] {
        assert!(check(text.as_bytes()).ok().out.contains("workers = 3"), "{text:?}");
    }
    for text in ["", "\u{feff}", "\r\n\r\n", "  \n"] {
        check(text.as_bytes()).ok();
    }
    let toml = "[http]\nworkers = 3";
    for (name, bytes, why) in no_texts(toml) {
        let refused = check(&bytes).refused(1, why).refused(1, "kippu.toml");
        let line = ["latin-1", "zeros"].contains(&name);
        assert_eq!(refused.said.contains("kippu.toml:3: "), line, "{}", refused.said);
    }
    check(b"[http]\nworkers = 3\nworkers = 4\n").refused(1, "kippu.toml:3:").refused(1, "duplicate key");
    // The line is that of an editor, whatever ended lines.
    check(b"[http]\r\rwokers = 3\r").refused(1, "kippu.toml:3:1: unknown field");
    check(b"[http]\r\n\r\nwokers = 3\r\n").refused(1, "kippu.toml:3:1: unknown field");
    run(&["config", "check", &stage.path(".")]).refused(3, "Is a directory");
    run(&["config", "check", &stage.path("nothing")]).refused(3, "No such file");
    run(&["serve", "--config", &stage.write("kippu.toml", utf_16(toml))]).refused(2, "UTF-16");
    let mut piped = Command::new("sh");
    piped.args(["-c", "echo 'http.workers = 3' | \"$0\" config check /dev/stdin", env!("CARGO_BIN_EXE_kippu")]);
    assert!(Ended::of(&mut piped).ok().out.contains("workers = 3"));
}

/// Shows F33. Keeps S1.
#[test]
fn a_file_with_a_key_is_taken_or_refused_without_telling_the_key() {
    let node = Node::start();
    let stage = TempDir::with_prefix("kippu-test-").unwrap();
    let file = stage.path().join("file.key");
    let key = node.operator().key.clone();
    let list = |bytes: &[u8]| {
        std::fs::write(&file, bytes).unwrap();
        let ended = run(&["client", "list", "--server", node.url(), "--key-file", utf8(&file)]);
        assert!(!ended.said.contains(&key), "{}", ended.said);
        ended
    };
    for text in ["K", "K\n", "K\r\n", "K\r", "\u{feff}K\r\n", "  K  \n\n", "\nK\n"] {
        list(text.replace('K', &key).as_bytes()).ok();
    }
    for (_, bytes, why) in no_texts(&key) {
        list(&bytes).refused(3, why).refused(3, "file.key");
    }
    list(b"").refused(3, "file.key holds no API key: it is empty");
    list(b"\n").refused(3, "it is empty");
    for text in ["K\nK\n", "{\"key\":\"K\"}", "client x\nkey K", "hello"] {
        list(text.replace('K', &key).as_bytes()).refused(3, "file.key holds no API key, which is one line");
    }
    let import = |at: &str| run(&["import", "/dev/null", "--server", node.url(), "--key-file", at]);
    std::fs::write(&file, utf_16(&key)).unwrap();
    import(utf8(&file)).refused(3, "UTF-16");
    import(utf8(stage.path())).refused(3, "Is a directory");
}

/// Shows F33.
#[test]
fn the_label_of_a_data_directory_is_taken_or_refused_by_name() {
    let stage = Stage::set();
    let label = std::fs::read_to_string(stage.path("data/kippu.json")).unwrap();
    let list = |bytes: &[u8]| {
        stage.write("data/kippu.json", bytes);
        run(&["client", "list", "--data", &stage.path("data")])
    };
    for text in [format!("\u{feff}{label}"), label.replace('\n', "\r\n") + "\r\n\n", label.replace('\n', "\r")] {
        list(text.as_bytes()).ok();
    }
    for (_, bytes, why) in no_texts(&label) {
        list(&bytes).refused(3, why).refused(3, "kippu.json");
    }
    list(b"").refused(3, "kippu.json: it is empty");
    list(label.replacen('{', "{\"layout\": 1,", 1).as_bytes()).refused(3, "duplicate field `layout`");
    list(format!("{label}{label}").as_bytes()).refused(3, "trailing characters");
    std::fs::remove_file(stage.path("data/kippu.json")).unwrap();
    std::fs::create_dir(stage.path("data/kippu.json")).unwrap();
    run(&["client", "list", "--data", &stage.path("data")]).refused(3, "kippu.json: Is a directory");
}

/// Shows F7, F29.
#[test]
fn manifests_and_keyrings_are_taken_or_refused_by_name() {
    let stage = Stage::set();
    let (data, export) = (stage.path("data"), stage.path("export"));
    run(&["log", "export", &export, "--data", &data]).ok();
    let mut turn = 0;
    let mut import = || {
        turn += 1;
        run(&["log", "import", &export, "--data", &stage.path(&format!("imported-{turn}"))])
    };
    let manifest = std::fs::read_to_string(format!("{export}/manifest.json")).unwrap();
    stage.write("export/manifest.json", format!("\u{feff}{}\r\n", manifest.replace('\n', "\r\n")));
    import().ok();
    for (_, bytes, why) in no_texts(&manifest) {
        stage.write("export/manifest.json", bytes);
        import().refused(1, why).refused(1, "manifest.json");
    }
    stage.write("export/manifest.json", "");
    import().refused(1, "manifest.json: it is empty");
    // A keyring that came by a way which ends lines otherwise is the same keyring.
    let keyring = std::fs::read_to_string(stage.path("data/keys/keyring.json")).unwrap();
    let copy = |bytes: &[u8]| {
        let other = stage.write("other.json", bytes);
        run(&["log", "copy", &data, &stage.path("copied"), "--keyring", &other])
    };
    for _ in 0..2 {
        copy(format!("\u{feff}{}", keyring.replace('\n', "\r\n")).as_bytes()).ok();
    }
    for (_, bytes, why) in no_texts(&keyring) {
        copy(&bytes).refused(3, why).refused(3, "other.json");
    }
    copy(b"").refused(3, "it is empty");
}

/// Shows F33.
#[test]
fn names_that_are_not_utf8_are_taken_or_refused_and_never_a_panic() {
    let stage = Stage::set();
    let odd = |name: &[u8]| stage.folder.path().join(OsStr::from_bytes(name));
    let on = |arguments: &[&OsStr]| {
        let ended = Ended::of(kippu().args(arguments));
        assert!(!ended.said.contains("panicked"), "{}", ended.said);
        ended
    };
    let (words, data) = (|word: &'static str| OsStr::new(word), PathBuf::from(stage.path("data")));
    let lines = odd(b"lines-\xff");
    std::fs::write(&lines, line("1")).unwrap();
    on(&[words("--json"), words("import"), lines.as_os_str(), words("--data"), data.as_os_str()]).ok();
    assert!(odd(b"lines-\xff.progress").exists());
    let export = odd(b"export-\xff");
    let exported =
        on(&[words("--json"), words("log"), words("export"), export.as_os_str(), words("--data"), data.as_os_str()]);
    assert!(exported.ok().json()[0]["to"].as_str().unwrap().ends_with("export-\u{fffd}"));
    let settings = odd(b"\xff.toml");
    std::fs::write(&settings, "x = 1").unwrap();
    on(&[words("config"), words("check"), settings.as_os_str()]).refused(1, "\u{fffd}.toml:1:1");
    // Half of it would lie at another name: its log and its keys.
    let node = odd(b"node-\xff");
    for command in
        [&["init"][..], &["serve"], &["doctor"], &["client", "list"], &["log", "inspect"], &["replay", "verify"]]
    {
        let arguments: Vec<&OsStr> =
            command.iter().map(OsStr::new).chain([words("--data"), node.as_os_str()]).collect();
        on(&arguments).refused(3, "");
        assert!(!node.exists(), "{command:?}");
    }
    on(&[words("init"), words("--data"), node.as_os_str()]).refused(3, "is no path in UTF-8, which the stores need");
    let shown = on(&[words("--json"), words("config"), words("check"), words("--data"), node.as_os_str()]).ok();
    assert!(matches!(&shown.json()[0]["config"]["data"], Value::String(data) if data.ends_with("node-\u{fffd}")));
}
