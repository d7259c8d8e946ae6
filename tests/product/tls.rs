//! TLS from outside: a node with a certificate is called by HTTPS alone, and by those who trust whoever has issued it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kippu_client::{Client, Roots};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use reqwest::tls::Version;
use rustls_pki_types::ServerName;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use crate::fixture::{Ended, Node, PATIENCE, first, kippu, run, until, utf8};
use crate::http::Caller;

/// How long it is between one byte and the next.
const DRIP: Duration = Duration::from_millis(100);

/// Somebody who issues certificates.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut about = CertificateParams::default();
        about.distinguished_name.push(DnType::CommonName, name);
        about.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(about, KeyPair::generate().unwrap()).unwrap())
    }

    /// A certificate for a node on this machine, and its key.
    fn issue(&self, change: impl FnOnce(&mut CertificateParams)) -> (String, String) {
        let mut about = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
        change(&mut about);
        let key = KeyPair::generate().unwrap();
        (about.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }
}

/// A folder with the files of a node's certificate.
struct Files(TempDir);

impl Files {
    /// What `authority` has issued, and its own certificate.
    fn new(authority: &Authority) -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        files.put(authority.issue(|_| {}));
        fs::write(files.roots(), authority.0.pem()).unwrap();
        files
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn roots(&self) -> PathBuf {
        self.at("roots.pem")
    }

    fn put(&self, (certificate, key): (String, String)) {
        fs::write(self.at("node.pem"), certificate).unwrap();
        fs::write(self.at("node.key"), key).unwrap();
        fs::set_permissions(self.at("node.key"), fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn flags(&self) -> [String; 4] {
        let [certificate, key] = ["node.pem", "node.key"].map(|name| utf8(&self.at(name)).to_owned());
        ["--tls-certificate".to_owned(), certificate, "--tls-key".to_owned(), key]
    }
}

/// A node with the certificate in `files`.
fn node(files: &Files, more: &[&str]) -> Node {
    let flags = files.flags();
    let flags: Vec<&str> = flags.iter().map(String::as_str).chain(more.iter().copied()).collect();
    Node::start_with(&flags)
}

/// A caller of `node` who trusts the authorities in `roots`.
fn trusting(node: &Node, roots: &Roots) -> Caller {
    Caller::trusting(node.url(), PATIENCE, roots)
}

fn roots(authorities: &[&Authority]) -> Roots {
    let file = tempfile::NamedTempFile::new().unwrap();
    let pem: String = authorities.iter().map(|authority| authority.0.pem()).collect();
    fs::write(file.path(), pem).unwrap();
    Roots::read(file.path()).unwrap()
}

/// Where `node` listens.
fn address(node: &Node) -> &str {
    node.url().strip_prefix("https://").expect("the node says that it speaks TLS")
}

/// All that the node answers to `bytes`, until it closes the connection.
async fn answer_to(node: &Node, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address(node)).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let ended = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("the connection is closed");
    // Whoever closes before all was read may reset the connection.
    drop(ended);
    answer
}

/// The first message of a caller whose newest version of TLS is `version`, as in RFC 5246, 7.4.1.2.
fn hello(version: u8) -> Vec<u8> {
    let suites = [0xc0, 0x2b, 0xc0, 0x09, 0xc0, 0x0a];
    let extensions = [0, 13, 0, 4, 0, 2, 4, 3, 0, 10, 0, 4, 0, 2, 0, 23, 0, 11, 0, 2, 1, 0];
    let (suites_bytes, extensions_bytes) = (suites.len() as u8, extensions.len() as u8);
    let head = [&[3, version][..], &[7; 32], &[0], &[0, suites_bytes], &suites, &[1, 0], &[0, extensions_bytes]];
    let body = [&head.concat()[..], &extensions].concat();
    let message = [&[1, 0, 0, body.len() as u8][..], &body].concat();
    [&[22, 3, 1, 0, message.len() as u8][..], &message].concat()
}

/// Shows D6, D11.
#[tokio::test]
async fn a_node_with_a_certificate_is_called_by_https() {
    let authority = Authority::new("ours");
    let files = Files::new(&authority);
    let mut node = node(&files, &["--plain", "refuse"]);
    let caller = trusting(&node, &roots(&[&authority]));
    caller.get("/livez").await.expect(200);
    let key = fs::read_to_string(node.data().join("operator.key")).unwrap();
    let status = caller.with_key(key.trim()).get("/v1/status").await.expect(200);
    assert!(status.json()["views"].is_array());
    let left = caller.with_key(key.trim()).get("/metrics").await.expect(200).text;
    assert!(left.lines().any(|line| line.starts_with("kippu_certificate_left_seconds ")), "{left}");
    assert!(caller.get("/openapi.json").await.expect(200).json().is_object(), "an answer of many records is whole");
    // The connection of that caller is there, and another that has not come to TLS.
    let _silent = TcpStream::connect(address(&node)).await.unwrap();
    node.stop();
}

/// Shows D6.
#[tokio::test]
async fn tls_1_2_and_1_3_are_spoken_and_nothing_older() {
    let authority = Authority::new("ours");
    let node = node(&Files::new(&authority), &[]);
    for version in [Version::TLS_1_2, Version::TLS_1_3] {
        let http = kippu_client::builder(PATIENCE, &roots(&[&authority]));
        let http = http.min_tls_version(version).max_tls_version(version).build().unwrap();
        let client = Client::over(http, node.url());
        assert_eq!(client.send(client.query("/livez", None)).await.unwrap().status, 200, "{version:?}");
    }
    let mut stream = TcpStream::connect(address(&node)).await.unwrap();
    stream.write_all(&hello(3)).await.unwrap();
    let mut kind = [0];
    stream.read_exact(&mut kind).await.unwrap();
    assert_eq!(kind, [22], "TLS 1.2 begins a handshake");
    // A fatal alert: protocol_version.
    for older in [2, 1] {
        let answer = answer_to(&node, &hello(older)).await;
        assert!(answer.starts_with(&[21]) && answer.ends_with(&[2, 70]), "TLS 1.{}: {answer:?}", older - 1);
    }
}

/// Shows D11.
#[tokio::test]
async fn plain_http_to_a_node_with_a_certificate_is_answered_by_nothing_and_the_node_stays_up() {
    let authority = Authority::new("ours");
    let node = node(&Files::new(&authority), &["--trace-filter", "info,kippu=debug"]);
    let caller = trusting(&node, &roots(&[&authority]));
    let asked = "GET /livez HTTP/1.1\r\nHost: node\r\n\r\n";
    for bytes in [asked.as_bytes(), b"\r\n\r\n\r\n\r\n", &[0; 64]] {
        let answer = answer_to(&node, bytes).await;
        let text = String::from_utf8_lossy(&answer);
        assert!(!text.contains("HTTP") && !text.contains("alive"), "{text}");
        caller.get("/livez").await.expect(200);
    }
    let plain = Caller::nobody(&format!("http://{}", address(&node)), PATIENCE);
    assert!(plain.try_get("/livez", None).await.is_err());
    until(async || node.log(), |log| log.contains("no TLS was agreed on")).await;
}

/// Shows D11, F31.
#[tokio::test]
async fn a_handshake_that_trickles_ends() {
    let authority = Authority::new("ours");
    let node = node(&Files::new(&authority), &["--request-timeout-secs", "1"]);
    let mut stream = TcpStream::connect(address(&node)).await.unwrap();
    let (mut dripping, mut taken) = (tokio::time::interval(DRIP), [0; 64]);
    let begun = tokio::time::Instant::now();
    // A message of 16 KiB would take half an hour.
    for byte in [22, 3, 1, 0x40, 0, 1, 0, 0x3f, 0xfc, 3, 3].into_iter().chain(std::iter::repeat(7)) {
        tokio::select! {
            _ = stream.read(&mut taken) => break,
            _ = dripping.tick() => if stream.write_all(&[byte]).await.is_err() {
                break;
            },
        }
        assert!(begun.elapsed() < PATIENCE, "the handshake holds the connection");
    }
    trusting(&node, &roots(&[&authority])).get("/livez").await.expect(200);
}

/// Shows F31.
#[tokio::test]
async fn a_connection_with_tls_is_not_held_by_answers_that_are_not_taken() {
    let authority = Authority::new("ours");
    let node = node(&Files::new(&authority), &["--request-timeout-secs", "1", "--keep-alive-secs", "1"]);
    let mut trusted = RootCertStore::empty();
    trusted.add(authority.0.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(trusted).with_no_client_auth();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let stream = socket.connect(address(&node).parse().unwrap()).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    stream.write_all("GET /openapi.json HTTP/1.1\r\nHost: node\r\n\r\n".repeat(64).as_bytes()).await.unwrap();
    let mut dripping = tokio::time::interval(DRIP);
    let closed = timeout(PATIENCE, async {
        while stream.write_all(b"GET /livez HTTP/1.1\r\nHost: node\r\n\r\n").await.is_ok() {
            dripping.tick().await;
        }
    });
    assert!(closed.await.is_ok(), "answers that are not taken hold the connection");
}

/// Shows D6, F33.
#[tokio::test]
async fn commands_call_a_node_whose_authority_they_are_told_of_and_no_other() {
    let (ours, others) = (Authority::new("ours"), Authority::new("others"));
    let (files, strange) = (Files::new(&ours), Files::new(&others));
    let node = node(&files, &[]);
    let key_file = node.data().join("operator.key");
    let list = |roots: &[&str]| {
        let which = ["client", "list", "--server", node.url(), "--key-file", utf8(&key_file)];
        run(&[&which[..], roots].concat())
    };
    list(&[]).refused(3, "nobody who is trusted here has issued that certificate").refused(3, "--tls-roots");
    list(&["--tls-roots", utf8(&strange.roots())]).refused(3, "nobody who is trusted here");
    list(&["--tls-roots", utf8(&files.at("none"))]).refused(3, "none: No such file");
    list(&["--tls-roots", utf8(&key_file)]).refused(3, "holds no certificate");
    assert!(list(&["--tls-roots", utf8(&files.roots())]).ok().said.contains("first operator"));
    let by_variable = |arguments: &[&str]| Ended::of(kippu().args(arguments).env("KIPPU_TLS_ROOTS", files.roots()));
    by_variable(&["client", "list", "--server", node.url(), "--key-file", utf8(&key_file)]).ok();
    let lines = files.at("lines");
    fs::write(&lines, "").unwrap();
    by_variable(&["import", utf8(&lines), "--server", node.url(), "--key-file", utf8(&key_file)]).ok();
    // It asks the node where the node itself has said that it answers.
    let data = node.data();
    let doctor = ["doctor", "--data", utf8(&data), "--least-free-bytes", "1"];
    assert!(by_variable(&doctor).said.contains(&format!("{} serves partitions", node.url())));
    run(&doctor).refused(1, "nobody who is trusted here");
    // By plain HTTP, and a node without TLS by HTTPS.
    let http = format!("http://{}", address(&node));
    run(&["client", "list", "--server", &http, "--key-file", utf8(&key_file)]).refused(3, "does not answer");
    let bare = Node::start();
    let https = bare.url().replace("http://", "https://");
    run(&["client", "list", "--server", &https, "--key-file", utf8(&key_file)]).refused(3, "does not speak TLS");
}

/// Shows D6.
#[tokio::test]
async fn a_certificate_is_exchanged_while_requests_go_on_and_a_wrong_one_is_not_taken() {
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let files = Files::new(&old);
    let node = node(&files, &[]);
    let [both, new_alone] = [roots(&[&old, &new]), roots(&[&new])];
    // Each request on a connection of its own, and on one that stays.
    let http = kippu_client::builder(PATIENCE, &both).pool_max_idle_per_host(0).build().unwrap();
    let (fresh, kept) = (Client::over(http, node.url()), trusting(&node, &both));
    let ask = async || {
        kept.get("/livez").await.expect(200);
        fresh.send(fresh.query("/livez", None)).await.expect("an answer").status.as_u16()
    };
    let shows_the_new_one = async || trusting(&node, &new_alone).try_get("/livez", None).await.is_ok();
    assert!(!shows_the_new_one().await);

    // The new key is there before its certificate.
    let (certificate, key) = new.issue(|_| {});
    fs::write(files.at("node.key"), &key).unwrap();
    node.signal("HUP");
    let told = first(
        async || {
            assert_eq!(ask().await, 200);
            node.log()
        },
        |log| log.contains("the certificate before is shown on"),
    );
    assert!(told.await.contains("is not that of the first certificate in"));
    assert!(!shows_the_new_one().await);

    fs::write(files.at("node.pem"), &certificate).unwrap();
    node.signal("HUP");
    until(
        async || {
            assert_eq!(ask().await, 200);
            shows_the_new_one().await
        },
        |shows| *shows,
    )
    .await;
    assert!(!node.log().contains("panicked"));
}

/// Shows D11.
#[tokio::test]
async fn plain_http_is_answered_where_it_is_allowed_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let serve = |more: &[&str]| run(&[&["serve", "--data", utf8(&data)], more].concat());
    serve(&["--listen", "127.0.0.1:0", "--plain", "refuse"]).refused(2, "http.plain: plain HTTP is refused");
    serve(&["--listen", "0.0.0.0:0"]).refused(2, "http.listen: without a certificate");
    assert!(!data.exists());
    let flags = ["--plain", "allow"].map(str::to_owned).to_vec();
    let node = Node::start_at(folder, flags, "0.0.0.0:0");
    Caller::nobody(node.url(), PATIENCE).get("/livez").await.expect(200);
}

/// Shows D6, F33.
#[test]
fn what_is_wrong_with_a_certificate_is_said_before_a_node_depends_on_it() {
    let authority = Authority::new("ours");
    let files = Files::new(&authority);
    let toml = files.at("kippu.toml");
    let [certificate, key] = ["node.pem", "node.key"].map(|name| utf8(&files.at(name)).to_owned());
    fs::write(&toml, format!("[http.tls]\ncertificate = \"{certificate}\"\nkey = \"{key}\"\n")).unwrap();
    let check = |more: &[&str]| run(&[&["config", "check", utf8(&toml)], more].concat());
    let serve = || run(&["serve", "--data", utf8(&files.at("data")), "--config", utf8(&toml)]);
    check(&[]).ok();
    assert!(check(&["--url", "https://n1.example"]).ok().said.contains("does not name n1.example"));
    check(&["--url", "http://127.0.0.1:7701"]).refused(1, "node.url: this node speaks TLS alone");
    check(&["--tls-roots", utf8(&toml)]).refused(1, "--tls-roots or KIPPU_TLS_ROOTS: tls.roots: ");

    files.put(authority.issue(|about| about.not_after = date_time_ymd(2026, 1, 2)));
    check(&[]).refused(1, "kippu.toml:2:15: http.tls.certificate: the certificate ended at 2026-01-02");
    files.put((authority.issue(|_| {}).0, authority.issue(|_| {}).1));
    check(&[]).refused(1, "kippu.toml:3:7: http.tls.key: the key in ").refused(1, "is not that of the first");
    serve().refused(3, "is not that of the first certificate in");
    files.put(authority.issue(|_| {}));
    fs::set_permissions(files.at("node.key"), fs::Permissions::from_mode(0o644)).unwrap();
    check(&[]).refused(1, "which has mode 0644");
    serve().refused(3, "which has mode 0644");
    fs::remove_file(files.at("node.pem")).unwrap();
    check(&[]).refused(1, "kippu.toml:2:15: http.tls.certificate: ").refused(1, "No such file");
    serve().refused(3, "node.pem: No such file");
}
