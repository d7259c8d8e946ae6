//! Blobs: bytes that commands name come before them, whole or not at all; what nothing names goes again, and what is named is
//! there, whatever is killed when.

mod moving;

use std::path::{Path, PathBuf};

use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::fixture::{Ended, Node, first, run, until, utf8};
use crate::http::{Caller, Reply};

/// What is swept is swept at once.
const SWEPT: [&str; 4] = ["--blobs-keep-secs", "1", "--blobs-sweep-secs", "1"];

fn name(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(bytes))
}

fn path(bytes: &[u8]) -> String {
    format!("/v1/blobs/{}", name(bytes))
}

async fn put_at(caller: &Caller, path: &str, bytes: &[u8]) -> Reply {
    caller.send(caller.request(Method::PUT, path).body(bytes.to_vec())).await.expect("it was answered")
}

async fn put(caller: &Caller, bytes: &[u8]) -> Reply {
    put_at(caller, &path(bytes), bytes).await
}

/// A command that names a blob.
async fn list(caller: &Caller, key: &str, bytes: &[u8]) -> Reply {
    let content = json!({ "name": "film.txt", "media_type": "text/plain", "sha256": name(bytes), "size": bytes.len() });
    let body = json!({
        "sku": key, "name": "a film", "kind": "digital", "price": 250, "currency": "EUR", "contents": [content],
    });
    caller.post("/v1/products", key, &body).await
}

/// Where a node keeps a blob.
fn file(node: &Node, bytes: &[u8]) -> PathBuf {
    let name = name(bytes);
    node.data().join("blobs").join(&name[..2]).join(&name[2..])
}

fn verify(data: &Path) -> Ended {
    run(&["replay", "verify", "--blobs", "--data", utf8(data)])
}

/// Shows F46.
#[tokio::test]
async fn a_blob_is_uploaded_once_and_read_whole_and_in_part_by_those_who_may() {
    let node = Node::start();
    let market = node.market(1_000);
    let (operator, shop) = (node.operator(), market.client("shop", "a shop").await);
    let bytes = b"kippu: admits once".repeat(50_000);
    let kept = put(&shop, &bytes).await.expect(201);
    assert_eq!(kept.json(), json!({ "id": name(&bytes), "size": bytes.len() }));
    assert_eq!(kept.header("Location"), Some(path(&bytes).as_str()));
    assert_eq!(put(&operator, &bytes).await.expect(200).json(), kept.json());

    let whole = shop.get(&path(&bytes)).await.expect(200);
    assert_eq!(whole.text.as_bytes(), bytes);
    assert_eq!(whole.header("ETag"), Some(format!("\"{}\"", name(&bytes)).as_str()));
    assert_eq!(whole.header("X-Content-Type-Options"), Some("nosniff"));
    let asked = |method, header: &'static str, value: String| {
        let request = shop.request(method, &path(&bytes)).header(header, value);
        async { shop.send(request).await.expect("it was answered") }
    };
    let part = asked(Method::GET, "Range", "bytes=300000-300017".to_owned()).await.expect(206);
    assert_eq!(part.text.as_bytes(), &bytes[300_000..300_018]);
    assert_eq!(part.header("Content-Range"), Some(format!("bytes 300000-300017/{}", bytes.len()).as_str()));
    asked(Method::GET, "Range", format!("bytes={}-", bytes.len())).await.expect_problem(416, "range-not-satisfiable");
    asked(Method::GET, "If-None-Match", format!("\"{}\"", name(&bytes))).await.expect(304);
    let head = asked(Method::HEAD, "Accept", "*/*".to_owned()).await.expect(200);
    assert_eq!((head.header("Content-Length"), head.text.len()), (Some(bytes.len().to_string().as_str()), 0));

    let buyer = market.buyer("ann").await;
    for (caller, status, slug) in
        [(&buyer.terminal, 403, "forbidden"), (&node.caller("kpk_no"), 401, "unauthenticated")]
    {
        put(caller, b"theirs").await.expect_problem(status, slug);
        caller.get(&path(&bytes)).await.expect_problem(status, slug);
    }
    shop.get(&path(b"theirs")).await.expect_problem(404, "not-found");
    shop.get("/v1/blobs/film").await.expect_problem(404, "not-found");
}

/// Shows F46.
#[tokio::test]
async fn bytes_that_are_others_too_many_or_not_all_there_leave_nothing() {
    let node = Node::start_with(&["--blobs-most-bytes", "100000", "--request-timeout-secs", "1"]);
    let operator = node.operator();
    put_at(&operator, &path(b"these"), b"others").await.expect_problem(422, "digest-mismatch");
    put(&operator, &[b'x'; 100_001]).await.expect_problem(413, "too-large");
    put(&operator, &[b'x'; 100_000]).await.expect(201);

    // Not all that was announced: the caller waits for the answer, or goes away.
    let (half, address) = ([b'y'; 50_000], operator.url.strip_prefix("http://").unwrap().to_owned());
    let begin = async |length: &str| {
        let head = format!(
            "PUT {} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n{length}\r\nConnection: close\r\n\r\n",
            path(&half),
            operator.key
        );
        let mut stream = TcpStream::connect(&address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream
    };
    let answer = async |mut stream: TcpStream| {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let mut slow = begin("Content-Length: 50000").await;
    slow.write_all(&half[..25_000]).await.unwrap();
    let answered = answer(slow).await;
    assert!(answered.starts_with("HTTP/1.1 408") && answered.contains("/problems/timeout"), "{answered}");
    let mut gone = begin("Content-Length: 50000").await;
    gone.write_all(&half[..49_999]).await.unwrap();
    drop(gone);
    until(async || std::fs::read_dir(node.data().join("blobs/uploads")).unwrap().count(), |left| *left == 0).await;
    for bytes in [&b"these"[..], b"others", &half, &half[..25_000]] {
        operator.get(&path(bytes)).await.expect_problem(404, "not-found");
    }

    let mut chunked = begin("Transfer-Encoding: chunked").await;
    for part in half.chunks(20_000) {
        chunked.write_all(format!("{:x}\r\n", part.len()).as_bytes()).await.unwrap();
        chunked.write_all(part).await.unwrap();
        chunked.write_all(b"\r\n").await.unwrap();
    }
    chunked.write_all(b"0\r\n\r\n").await.unwrap();
    let answered = answer(chunked).await;
    assert!(answered.starts_with("HTTP/1.1 201"), "{answered}");
}

/// Shows F46.
#[tokio::test]
async fn a_command_that_names_a_blob_is_accepted_once_the_blob_is_there_and_verify_misses_it() {
    let mut node = Node::start();
    let operator = node.operator();
    let bytes = b"a film".repeat(1_000);
    list(&operator, "film", &bytes).await.expect_problem(409, "blob-missing");
    put(&operator, &bytes).await.expect(201);
    let listed = list(&operator, "film", &bytes).await.expect(201);
    assert!(verify(&node.data()).ok().said.contains("1 blobs are named"), "next to the running node");
    node.stop();
    verify(&node.data()).ok();

    let (file, aside) = (file(&node, &bytes), node.data().join("kept-elsewhere"));
    std::fs::rename(&file, &aside).unwrap();
    node.verify().ok();
    let said = verify(&node.data()).refused(1, "verify: DAMAGED").said;
    assert!(said.contains(&format!("MISSING blob {}", name(&bytes))), "{said}");
    let mut altered = bytes.clone();
    altered[10] ^= 1;
    std::fs::write(&file, &altered).unwrap();
    let said = verify(&node.data()).refused(1, "verify: DAMAGED").said;
    assert!(said.contains(&format!("ALTERED blob {}", name(&bytes))) && said.contains(&name(&altered)), "{said}");
    let told = run(&["replay", "verify", "--json", "--blobs", "--data", utf8(&node.data())]).json();
    assert_eq!(
        (&told[0]["blobs"]["altered"], &told[0]["blobs"]["faults"][0]["blob"]),
        (&json!(1), &json!(name(&bytes)))
    );

    // A retry is told what it was told, and an upload mends the blob.
    node.start_again();
    let operator = node.operator();
    assert!(list(&operator, "film", &bytes).await.says_the_same_as(&listed));
    put(&operator, &bytes).await.expect(201);
    assert!(verify(&node.data()).ok().said.contains("1 blobs are named"));
}

/// Shows F46.
#[tokio::test]
async fn a_blob_that_nothing_names_is_swept_and_one_that_something_names_stays() {
    let node = Node::start_with(&SWEPT);
    let operator = node.operator();
    put(&operator, b"named").await.expect(201);
    list(&operator, "named", b"named").await.expect(201);
    put(&operator, b"forgotten").await.expect(201);
    let forgotten = path(b"forgotten");
    until(async || operator.get(&forgotten).await.status, |status| *status == 404).await;
    operator.get(&path(b"named")).await.expect(200);
    list(&operator, "other", b"forgotten").await.expect_problem(409, "blob-missing");
    verify(&node.data()).ok();
}

/// Shows F46. Keeps E3.
#[tokio::test]
async fn whatever_is_killed_between_a_blob_and_its_event_no_event_is_left_without_its_blob() {
    let mut node = Node::start_with(&SWEPT);
    let films: Vec<Vec<u8>> = (0..60).map(|n| format!("film {n}").repeat(1_000).into_bytes()).collect();
    let mut listed = Vec::new();
    for (round, films) in films.chunks(10).enumerate() {
        let operator = node.operator();
        for (n, film) in films.iter().enumerate() {
            let key = format!("{round}-{n}");
            put(&operator, film).await;
            if n % 2 == 0 {
                // A sweep may come between the two.
                let again = async || {
                    put(&operator, film).await;
                    list(&operator, &key, film).await
                };
                first(again, |answer| answer.slug().as_deref() != Some("blob-missing")).await.expect(201);
                listed.push(film.clone());
            }
        }
        // In the middle of an upload, and of whatever sweep there is.
        let address = operator.url.strip_prefix("http://").unwrap();
        let mut half = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "PUT {} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\nContent-Length: 9000000\r\n\r\n",
            path(b"half"),
            operator.key
        );
        half.write_all(head.as_bytes()).await.unwrap();
        half.write_all(&[b'z'; 600_000]).await.unwrap();
        node.crash();
        verify(&node.data()).ok();
    }
    let operator = node.operator();
    for film in films.iter().filter(|film| !listed.contains(film)) {
        until(async || operator.get(&path(film)).await.status, |status| *status == 404).await;
    }
    for film in &listed {
        assert_eq!(operator.get(&path(film)).await.expect(200).text.as_bytes(), film);
    }
    operator.get(&path(b"half")).await.expect_problem(404, "not-found");
    node.stop();
    verify(&node.data()).ok();
}

/// Shows F46.
#[tokio::test]
async fn a_role_that_has_uploaded_what_it_may_is_told_so_and_has_room_again_once_that_is_gone() {
    let settings = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(settings.path(), "[blobs.quota_bytes]\nshop = 100000\n").unwrap();
    let mut node = Node::start_with(&["--config", utf8(settings.path()), "--blobs-sweep-secs", "1"]);
    let market = node.market(1_000);
    let (one, other) = (market.client("shop", "one").await, market.client("shop", "other").await);
    put(&one, &[b'a'; 60_000]).await.expect(201);
    list(&one, "a", &[b'a'; 60_000]).await.expect(201);
    put(&one, &[b'b'; 40_000]).await.expect(201);
    put(&other, &[b'c'; 10_000]).await.expect_problem(409, "quota-exceeded");
    put(&other, &[b'a'; 60_000]).await.expect(200);
    put(&node.operator(), &[b'd'; 500_000]).await.expect(201);
    node.kill();
    node.start_again_with("--blobs-keep-secs=1");
    let other = node.caller(&other.key);
    let again = async || put(&other, &[b'c'; 10_000]).await;
    first(again, |reply| reply.status == 201).await;
    let full = put(&other, &[b'e'; 50_000]).await.expect_problem(409, "quota-exceeded");
    assert!(full.json()["detail"].as_str().is_some_and(|detail| detail.contains("100000 bytes")), "{full:?}");
}

/// Shows F46.
#[tokio::test]
async fn other_methods_on_a_blob_are_refused_and_the_document_has_those_that_there_are() {
    let node = Node::start();
    let operator = node.operator();
    let reply = operator.send(operator.request(Method::DELETE, &path(b""))).await.expect("it was answered");
    assert_eq!(reply.expect_problem(405, "method-not-allowed").header("Allow"), Some("GET, HEAD, PUT"));
    let document: Value = operator.get("/openapi.json").await.expect(200).json();
    let methods = document["paths"]["/v1/blobs/{sha256}"].as_object().unwrap();
    assert_eq!(methods.keys().collect::<Vec<_>>(), ["get", "head", "put"]);
}
