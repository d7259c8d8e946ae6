//! Blobs that events name go along with a history, to wherever it goes: each once, and no other bytes than it is named by.

use std::process::Stdio;

use tempfile::TempDir;

use super::*;
use crate::fixture::{files_below, kippu, topic};

/// A node with films that a product names, and one that nothing names.
async fn with_films(count: usize, size: usize) -> (Node, Vec<Vec<u8>>) {
    let node = Node::start();
    let operator = node.operator();
    let films: Vec<Vec<u8>> = (0..count).map(|n| format!("{n:07}\n").repeat(size / 8).into_bytes()).collect();
    for (n, film) in films.iter().enumerate() {
        put(&operator, film).await.expect(201);
        list(&operator, &n.to_string(), film).await.expect(201);
    }
    put(&operator, b"nothing names this").await.expect(201);
    (node, films)
}

/// What became of the blobs: how many were copied, and were there before.
fn brought(ended: &Ended) -> (u64, u64) {
    let told = &ended.json()[0]["blobs"];
    let count = |of: &str| told[of].as_u64().unwrap_or_else(|| panic!("no {of} in {told}"));
    (count("copied"), count("found"))
}

fn copy(node: &Node, to: &Path, flags: &[&str]) -> Ended {
    run(&[&["--json", "log", "copy", utf8(&node.data()), utf8(to)], flags].concat())
}

fn at(data: &Path, bytes: &[u8]) -> PathBuf {
    let name = name(bytes);
    data.join("blobs").join(&name[..2]).join(&name[2..])
}

/// Shows F7, F46.
#[tokio::test]
async fn a_copy_has_every_blob_that_its_events_name_once_and_nothing_else() {
    let (node, films) = with_films(5, 80_000).await;
    let folder = TempDir::new().unwrap();
    let to = folder.path().join("data");
    assert_eq!(brought(&copy(&node, &to, &[]).ok()), (5, 0));
    verify(&to).ok();
    assert!(!at(&to, b"nothing names this").exists());
    let files = |data: &Path| files_below(&data.join("blobs")).len();
    assert_eq!((files(&to), files(&node.data())), (5, 6));
    // What is there is not copied again, and what is missing there is.
    std::fs::remove_file(at(&to, &films[3])).unwrap();
    assert_eq!(brought(&copy(&node, &to, &[]).ok()), (1, 4));
    // Other bytes are not taken.
    std::fs::remove_file(at(&to, &films[0])).unwrap();
    std::fs::write(file(&node, &films[0]), b"others").unwrap();
    copy(&node, &to, &[]).refused(1, "1 blobs that the history names");
    assert!(!at(&to, &films[0]).exists());
    verify(&to).refused(1, &format!("MISSING blob {}", name(&films[0])));
    copy(&node, &to, &["--seal"]).refused(1, "1 blobs that the history names");
    copy(&node, &to, &["--without-blobs"]).ok();
    put(&node.operator(), &films[0]).await.expect(201);
    assert_eq!(brought(&copy(&node, &to, &[]).ok()), (1, 4));
    verify(&to).ok();
}

/// Shows F7, F46.
#[tokio::test]
async fn a_copy_that_was_killed_among_its_blobs_goes_on_and_has_them_all() {
    let (node, films) = with_films(12, 4 << 20).await;
    let folder = TempDir::new().unwrap();
    let to = folder.path().join("data");
    let mut copying = kippu()
        .args(["log", "copy"])
        .arg(node.data())
        .arg(&to)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until(async || to.join("blobs").is_dir(), |is_there| *is_there).await;
    copying.kill().unwrap();
    copying.wait().unwrap();
    let (copied, found) = brought(&copy(&node, &to, &[]).ok());
    assert_eq!(copied + found, films.len() as u64);
    verify(&to).ok();
}

/// Shows F7, F46.
#[tokio::test]
async fn an_export_has_the_blobs_and_an_import_brings_them_back() {
    let (node, films) = with_films(3, 80_000).await;
    let folder = TempDir::new().unwrap();
    let [export, bare, to, other] = ["export", "bare", "data", "other"].map(|name| folder.path().join(name));
    let exported = |flags: &[&str], dir: &Path| {
        run(&[&["--json", "log", "export", utf8(dir), "--data", utf8(&node.data())], flags].concat()).ok()
    };
    assert_eq!(brought(&exported(&[], &export)), (3, 0));
    assert_eq!(brought(&exported(&[], &export)), (0, 3));
    exported(&["--without-blobs"], &bare);
    let import = |dir: &Path, to: &Path| run(&["--json", "log", "import", utf8(dir), "--data", utf8(to)]);
    assert_eq!(brought(&import(&export, &to).ok()), (3, 0));
    assert_eq!(std::fs::read(at(&to, &films[1])).unwrap(), films[1]);
    verify(&to).ok();
    import(&bare, &other).refused(1, "3 blobs that the history names");
    run(&["log", "import", utf8(&bare), "--data", utf8(&other), "--without-blobs"]).ok();
}

/// Shows F7, F46.
#[tokio::test]
async fn blobs_go_with_a_history_to_where_the_nodes_on_kafka_share_them() {
    let (mut node, films) = with_films(3, 80_000).await;
    let (log, shared) = (topic("blobs"), TempDir::new().unwrap());
    let copy = |flags: &[&str]| {
        let kafka = ["--replicas", "1", "--accept-single-copy"];
        run(&[&["--json", "log", "copy", utf8(&node.data()), &log], &kafka[..], flags].concat())
    };
    let left = copy(&[]).ok();
    assert_eq!(left.json()[0]["blobs"]["left"], json!(3));
    let key = node.data().join("operator.key");
    let sealed = copy(&["--blobs-to", utf8(shared.path()), "--seal", "--key-file", utf8(&key)]).ok();
    assert_eq!(brought(&sealed), (3, 0));
    node.stop();
    let at = ["--log", &log, "--accept-single-copy", "--blobs-dir", utf8(shared.path())];
    run(&[&["replay", "verify", "--blobs"], &at[..]].concat()).ok();
    std::fs::remove_dir_all(node.data().join("blobs")).unwrap();
    node.serve_from(&log);
    node.start_again_with(&format!("--blobs-dir={}", utf8(shared.path())));
    let operator = node.operator();
    let read = async || operator.get(&path(&films[1])).await;
    assert_eq!(first(read, |reply| reply.status == 200).await.text.as_bytes(), films[1]);
}
