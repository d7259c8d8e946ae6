//! What the environment says leads no secret anywhere, and who answers in a node's place is told of.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::thread::JoinHandle;

use crate::fixture::{Ended, Node, kippu, run, utf8};

/// What tells other programs to use a proxy.
const VARIABLES: [&str; 8] =
    ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "FTP_PROXY", "SOCKS_PROXY"];

/// Somebody who listens, and is to hear nothing.
struct Trap(TcpListener);

impl Trap {
    fn set() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    fn url(&self) -> String {
        format!("http://{}", self.0.local_addr().unwrap())
    }

    /// `command`, told to use this as a proxy.
    fn proxy_of<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env_remove("NO_PROXY").env_remove("no_proxy").env_remove("REQUEST_METHOD");
        command.envs(VARIABLES.map(|name| (name, self.url())))
    }

    fn assert_silent(&self) {
        assert!(self.0.accept().is_err(), "somebody called");
    }
}

/// Answers so many requests with `answer`; gives what it was asked.
fn impostor(answer: &str, requests: usize) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (url, answer) = (format!("http://{}", listener.local_addr().unwrap()), answer.to_owned());
    let thread = std::thread::spawn(move || {
        let mut heard = String::new();
        for _ in 0..requests {
            let (mut stream, _) = listener.accept().unwrap();
            let mut bytes = [0; 4096];
            let read = stream.read(&mut bytes).unwrap();
            heard.push_str(&String::from_utf8_lossy(&bytes[..read]));
            stream.write_all(answer.as_bytes()).unwrap();
        }
        heard
    });
    (url, thread)
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

/// Shows F32, F33. Keeps S1.
#[tokio::test]
async fn no_proxy_of_the_environment_is_given_a_key() {
    let (node, trap, folder) = (Node::start(), Trap::set(), tempfile::tempdir().unwrap());
    let key = node.data().join("operator.key");
    let place = ["--server", node.url(), "--key-file", utf8(&key)];
    let lines = folder.path().join("lines");
    std::fs::write(&lines, r#"{"family":"placements","command":"open","key":"k","body":{"label":"l"}}"#).unwrap();
    let add = ["client", "add", "--role", "settler", "--name", "s"];
    for command in [&["client", "list"][..], &add, &["import", utf8(&lines)]] {
        Ended::of(trap.proxy_of(kippu().args(command).args(place))).ok();
    }
    let doctor = Ended::of(trap.proxy_of(kippu().args(["doctor", "--data", utf8(&node.data())])));
    assert!(doctor.said.contains("serves partitions") && doctor.said.contains("is ready"), "{}", doctor.said);
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/purchases-sample.txt");
    let mut client = Command::new(Path::new(env!("CARGO_BIN_EXE_kippu")).with_file_name("examples").join("purchases"));
    client.arg("--file").arg(sample).args(["--limit", "100.00", "--node", node.url(), "--operator-key"]).arg(key);
    Ended::of(trap.proxy_of(&mut client)).ok();
    trap.assert_silent();
}

/// Shows F32, F33. Keeps S1.
#[test]
fn nobody_is_followed_to_another_address() {
    let node = Node::start();
    let key = node.data().join("operator.key");
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let trap = Trap::set();
        let (url, asked) = impostor(&answer(status, &format!("Location: {}/\r\n", trap.url()), ""), 1);
        let place = ["--server", &url, "--key-file", utf8(&key)];
        let ended = run(&[&["client", "list"][..], &place].concat()).refused(3, "no kippu node answers here");
        assert!(ended.said.contains(status) && ended.said.contains(&trap.url()), "{}", ended.said);
        asked.join().unwrap();
        trap.assert_silent();
    }
}

/// Shows F33.
#[test]
fn who_answers_in_place_of_a_node_is_told_of() {
    let node = Node::start();
    let (folder, key) = (tempfile::tempdir().unwrap(), node.data().join("operator.key"));
    let secret = std::fs::read_to_string(&key).unwrap();
    let lines = folder.path().join("lines");
    std::fs::write(&lines, r#"{"family":"placements","command":"open","key":"k","body":{"label":"l"}}"#).unwrap();
    let import = ["import", utf8(&lines)];
    let body = format!("<html>\r\n<head><title>502 Bad Gateway</title>{}</head>", secret.trim());
    let gateway = answer("502 Bad Gateway", "Server: nginx/1.22.1\r\n", &body);
    let said = "502 Bad Gateway from nginx/1.22.1: <html> <head><title>502 Bad Gateway</title>";
    for command in [&["client", "list"][..], &import[..]] {
        let (url, asked) = impostor(&gateway, 1);
        let ended = run(&[command, &["--server", &url, "--key-file", utf8(&key)]].concat()).refused(3, said);
        // A key that comes back is not shown, and import asks for the node before it sends one.
        let heard = asked.join().unwrap();
        assert!(command == import || !ended.said.contains(secret.trim()), "{}", ended.said);
        assert_eq!(heard.contains(secret.trim()), command != import, "{heard}");
    }
    let gateway =
        answer("403 Forbidden", "", r#"{"type":"about:blank","title":"Forbidden","status":403,"detail":"no"}"#);
    let (url, asked) = impostor(&gateway, 1);
    let ended =
        run(&["client", "list", "--server", &url, "--key-file", utf8(&key)]).refused(3, "no kippu node answers here");
    assert!(ended.said.contains("the answer is 403 Forbidden"), "{}", ended.said);
    asked.join().unwrap();
    let (url, asked) = impostor(&answer("200 OK", "", "{\"status\":\"alive\"}"), 1);
    run(&[&import[..], &["--server", &url, "--key-file", utf8(&key)]].concat()).refused(3, "the answer is 200 OK: {");
    asked.join().unwrap();
}

/// Shows F33.
#[test]
fn a_doctor_tells_who_answers_where_the_history_says_that_a_node_does() {
    for (gateway, said) in [
        (
            answer("502 Bad Gateway", "Server: haproxy\r\n", "<html>"),
            "the answer is 502 Bad Gateway from haproxy: <html>",
        ),
        (answer("200 OK", "", "{\"status\":\"ok\"}"), "no kippu node answers here"),
        (answer("404 Not Found", "", ""), "the answer is 404 Not Found: no body"),
    ] {
        let (url, asked) = impostor(&gateway, 1);
        let node = Node::start_with(&[&format!("--url={url}")]);
        run(&["doctor", "--data", utf8(&node.data())]).refused(1, said);
        asked.join().unwrap();
    }
}

/// Shows F32, F33. Keeps S1.
#[test]
fn an_address_with_a_password_is_refused_and_not_repeated() {
    for address in ["http://ann:s3cret@127.0.0.1:1", "ann:s3cret@127.0.0.1:1"] {
        let ended = run(&["client", "list", "--server", address, "--key-file", "/dev/null"]);
        assert!(ended.code != Some(0) && !ended.said.contains("s3cret"), "{}", ended.said);
    }
}

/// Shows F30. Keeps S1.
#[test]
fn a_node_leaves_no_core_dump() {
    let node = Node::start();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", node.pid())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
}
