//! Calls of another party's node, over sockets.

use std::time::Duration;

use reqwest::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::signature::call::{CallError, Caller, MOST_ANSWER_BYTES, PeerAddress};

/// What came, as far as a signature covers it.
async fn next(listener: &TcpListener) -> (tokio::net::TcpStream, Sent) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut came = Vec::new();
    let (head, length) = loop {
        assert_ne!(stream.read_buf(&mut came).await.unwrap(), 0);
        let text = String::from_utf8(came.clone()).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |it| it.parse().unwrap());
        if body.len() == length {
            break (head.to_owned(), length);
        }
    };
    let (line, fields) = head.split_once("\r\n").unwrap();
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let fields: Vec<_> = fields.lines().map(|line| line.split_once(": ").unwrap()).collect();
    let sent = Sent::of(&fields, &came[came.len() - length..]);
    (stream, Sent { method: method.to_owned(), path: path.to_owned(), query: query.to_owned(), ..sent })
}

fn head(answer: &Sent) -> String {
    let fields: String = answer.fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("HTTP/1.1 {} X\r\n{fields}connection: close\r\n", answer.status)
}

/// Calls the bank, whose node does to each request what `answer` says, with a command, or a query.
async fn called(is_command: bool, answer: impl Fn(&Sent) -> Vec<u8>) -> (Sent, Result<crate::Answer, CallError>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let bank = PeerAddress { url, party: BANK.to_owned(), keys: Box::new(keys(&key(2))) };
    let (shop, caller) = (
        signer(SHOP, &key(1)),
        Caller::over(crate::builder(Duration::from_secs(60), &crate::Roots::default()).build().unwrap()),
    );
    let path = "/v1/approvals?kind=one%20time&n=1";
    let call = async {
        if is_command {
            caller.call(&shop, &bank, Method::POST, path, Some("a-key"), Some(b"{\"n\":1}".to_vec())).await
        } else {
            caller.call(&shop, &bank, Method::GET, path, None, None).await
        }
    };
    let serve = async {
        let (mut stream, sent) = next(&listener).await;
        // Who reads only the beginning may have gone.
        let _gone = stream.write_all(&answer(&sent)).await;
        sent
    };
    let (result, sent) = tokio::join!(call, serve);
    (sent, result)
}

fn whole(answer: &Sent) -> Vec<u8> {
    [format!("{}content-length: {}\r\n\r\n", head(answer), answer.body.len()).as_bytes(), &answer.body].concat()
}

fn signed(sent: &Sent, status: u16) -> Sent {
    Sent { status, ..Sent::answer() }.answering(sent, LABEL, &signer(BANK, &key(2)))
}

/// Shows F43.
#[tokio::test]
async fn a_call_is_a_signed_request_and_its_answer_counts_whatever_it_says() {
    for (is_command, status) in [(true, 201), (true, 409), (false, 200), (false, 303)] {
        let (sent, answered) = called(is_command, |sent| whole(&signed(sent, status))).await;
        let answered = answered.unwrap();
        assert_eq!((answered.status.as_u16(), answered.text().as_ref()), (status, r#"{"state":"redeemed"}"#));
        assert_eq!(answered.position(), Some("0-7"));
        let now = jiff::Timestamp::now().as_second();
        let parsed = sent.parse(Here { party: BANK, now }).unwrap();
        assert_eq!(parsed.verify(|message, signature| has_signed(&key(1), message, signature)), Ok(()));
        assert_eq!((sent.path.as_str(), sent.query.as_str()), ("/v1/approvals", "kind=one%20time&n=1"));
        let body: &[u8] = if is_command { b"{\"n\":1}" } else { b"" };
        assert_eq!((sent.body.as_slice(), sent.field(IDEMPOTENCY_KEY).is_some()), (body, is_command));
    }
}

#[tokio::test]
async fn an_answer_of_somebody_else_is_told_from_none() {
    let reason = async |answer: fn(&Sent) -> Sent| match called(true, |sent| whole(&answer(sent))).await.1 {
        Err(CallError::NotGenuine { reason, told, .. }) => (reason, told),
        other => panic!("{other:?}"),
    };
    let (refused, told) = reason(|_| Sent { status: 502, ..Sent::of(&[("server", "nginx")], b"bad gateway") }).await;
    assert_eq!((refused, told.as_str()), (Refused::Unsigned, "the answer is 502 Bad Gateway from nginx: bad gateway"));
    let (refused, _) = reason(|sent| Sent { status: 200, ..signed(sent, 409) }).await;
    assert_eq!(refused, Refused::Signature);
    let (refused, _) = reason(|_| signed(&Sent::command().signed_by(&signer(SHOP, &key(1))), 200)).await;
    assert_eq!(refused, Refused::OtherRequest);

    let (_, none) = called(true, |_| Vec::new()).await;
    assert!(matches!(none, Err(CallError::Lost(_))), "{none:?}");
    let (_, cut) = called(true, |sent| {
        let mut whole = whole(&signed(sent, 200));
        whole.pop();
        whole
    })
    .await;
    assert!(matches!(cut, Err(CallError::Lost(_))), "{cut:?}");
}

#[tokio::test]
async fn an_answer_is_read_as_far_as_it_may_be_long() {
    let long = |bytes: usize| {
        move |sent: &Sent| {
            let body = vec![b'x'; bytes];
            let answer = Sent::of(&[(CONTENT_DIGEST, &digest::of(&body))], &body);
            // Its length is not told.
            let answer = answer.answering(sent, LABEL, &signer(BANK, &key(2)));
            [head(&answer).as_bytes(), b"\r\n", &answer.body].concat()
        }
    };
    let (_, most) = called(false, long(MOST_ANSWER_BYTES)).await;
    assert_eq!(most.unwrap().body.len(), MOST_ANSWER_BYTES);
    let (_, more) = called(false, long(MOST_ANSWER_BYTES + 1)).await;
    assert!(matches!(more, Err(CallError::TooLong { .. })), "{more:?}");
}

#[tokio::test]
async fn nothing_is_sent_to_no_address_and_without_a_signature() {
    let caller = Caller::over(crate::builder(Duration::from_secs(60), &crate::Roots::default()).build().unwrap());
    let shop = signer(SHOP, &key(1));
    let peer = |url: &str, party: &str| PeerAddress {
        url: url.to_owned(),
        party: party.to_owned(),
        keys: Box::new(keys(&key(2))),
    };
    let none = caller.call(&shop, &peer("ftp://bank", BANK), Method::GET, "/", None, None).await;
    assert!(matches!(none, Err(CallError::Address(_))), "{none:?}");
    let none = caller.call(&shop, &peer("http://127.0.0.1:1", "bänk"), Method::GET, "/", None, None).await;
    assert!(matches!(none, Err(CallError::Unsignable { reason: Refused::Unprintable(_), .. })), "{none:?}");
    let none = caller.call(&shop, &peer("http://127.0.0.1:1", BANK), Method::GET, "/", Some("\n"), None).await;
    assert!(matches!(none, Err(CallError::Lost(_))), "{none:?}");
}
