//! A proxy in front of a party, which passes on what is asked and answered, or does worse.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::Party;

/// What becomes of a request.
#[derive(Clone)]
pub(crate) enum Act {
    /// The party is asked, and answers.
    PassOn,
    /// It is asked twice with the same bytes, and the second answer is passed on.
    AskTwice,
    /// It is asked for something else.
    ChangeRequest(fn(Vec<u8>) -> Vec<u8>),
    /// It is asked, and its answer is changed.
    Change(fn(Vec<u8>) -> Vec<u8>),
    /// It is asked, and its answer is held back until the proxy acts otherwise.
    HoldBack,
    /// It is asked, and its answer is lost.
    LoseAnswer,
    /// It is not asked, and nobody answers.
    LoseRequest,
    /// It is not asked, and whoever asks is left waiting until the proxy acts otherwise.
    Hang,
    /// It is not asked, and this is the answer.
    Say(Vec<u8>),
}

/// What was asked, and what the party answered.
#[derive(Clone, Debug)]
pub(crate) struct Passed {
    pub(crate) path: String,
    pub(crate) request: Vec<u8>,
    pub(crate) answer: Vec<u8>,
}

type Acts = Box<dyn FnMut(&str) -> Act + Send>;

/// See the module.
pub(crate) struct Proxy {
    pub(crate) url: String,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

struct Shared {
    /// Where the party answers.
    party: String,
    /// What is done, by the path that is asked for.
    acts: Mutex<Acts>,
    /// Changes whenever the proxy acts otherwise.
    turns: watch::Sender<()>,
    passed: Mutex<Vec<Passed>>,
}

impl Proxy {
    /// In front of `party`, passing everything on.
    pub(crate) async fn before(party: &Party) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let shared = Arc::new(Shared {
            party: party.node.url().to_owned(),
            acts: Mutex::new(Box::new(|_| Act::PassOn)),
            turns: watch::Sender::new(()),
            passed: Mutex::default(),
        });
        let serving = tokio::spawn({
            let shared = Arc::clone(&shared);
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    // Whoever asks may be gone.
                    tokio::spawn(Arc::clone(&shared).serve(stream));
                }
            }
        });
        Self { url, shared, serving }
    }

    /// From now on, requests for paths that end so are treated so, each for itself; others are passed on.
    pub(crate) fn acts(&self, path: &'static str, mut act: impl FnMut() -> Act + Send + 'static) {
        let acts = move |asked: &str| if asked.ends_with(path) { act() } else { Act::PassOn };
        *self.shared.acts.lock().expect("no test panics in here") = Box::new(acts);
        self.shared.turns.send_replace(());
    }

    /// From now on, everything is passed on.
    pub(crate) fn passes_on(&self) {
        self.acts("", || Act::PassOn);
    }

    /// What was passed on of requests for paths that end so.
    pub(crate) fn passed(&self, path: &str) -> Vec<Passed> {
        let passed = self.shared.passed.lock().expect("no test panics in here");
        passed.iter().filter(|passed| passed.path.ends_with(path)).cloned().collect()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Shared {
    /// One request, one answer.
    async fn serve(self: Arc<Self>, mut stream: TcpStream) {
        let Some(request) = whole(&mut stream).await else { return };
        let line = String::from_utf8_lossy(&request);
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        // What comes after this is another turn.
        let mut turns = self.turns.subscribe();
        let act = (self.acts.lock().expect("no test panics in here"))(&path);
        let ask_for = async |request: Vec<u8>| {
            let answer = ask(&self.party, &request).await;
            let passed = Passed { path: path.clone(), request, answer: answer.clone() };
            self.passed.lock().expect("no test panics in here").push(passed);
            answer
        };
        let ask = async || ask_for(request.clone()).await;
        let answer = match act {
            Act::PassOn => ask().await,
            Act::AskTwice => {
                ask().await;
                ask().await
            }
            Act::ChangeRequest(change) => ask_for(change(request.clone())).await,
            Act::Change(change) => change(ask().await),
            Act::HoldBack => {
                let answer = ask().await;
                turns.changed().await.expect("the proxy is there");
                answer
            }
            Act::LoseAnswer => {
                ask().await;
                return;
            }
            Act::LoseRequest => return,
            Act::Hang => return turns.changed().await.expect("the proxy is there"),
            Act::Say(answer) => answer,
        };
        // Whoever asked may have left.
        if stream.write_all(&answer).await.is_ok() {
            let _left = stream.shutdown().await;
        }
    }
}

/// One whole message of HTTP; nothing where it ends before.
async fn whole(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        if let Some((head, body)) = parts(&bytes) {
            let size = field(head, "content-length").and_then(|size| size.parse().ok()).unwrap_or(0);
            if body.len() >= size {
                return Some(bytes);
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

/// The head of a message, its blank line left out, and what follows.
fn parts(message: &[u8]) -> Option<(&str, &[u8])> {
    let at = message.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some((std::str::from_utf8(&message[..at]).ok()?, &message[at + 4..]))
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.into_iter().find(|(its, _)| its.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

/// Sends these very bytes to the node at `url`, on a connection for them alone; its answer, or nothing.
pub(crate) async fn ask(url: &str, request: &[u8]) -> Vec<u8> {
    let mut answer = Vec::new();
    let Some((head, body)) = parts(request) else { return answer };
    let Ok(mut stream) = TcpStream::connect(url.trim_start_matches("http://")).await else { return answer };
    let request = [head.as_bytes(), b"\r\nConnection: close\r\n\r\n", body].concat();
    if stream.write_all(&request).await.is_err() || stream.read_to_end(&mut answer).await.is_err() {
        answer.clear();
    }
    answer
}

/// Status and body of an answer.
pub(crate) fn told(answer: &[u8]) -> (u16, String) {
    let (head, body) = parts(answer).expect("an answer");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, String::from_utf8_lossy(body).into_owned())
}

/// The answer without the fields of its signature.
pub(crate) fn unsigned(answer: Vec<u8>) -> Vec<u8> {
    let (head, body) = parts(&answer).expect("an answer");
    let is_signed = |line: &&str| !line.to_ascii_lowercase().starts_with("signature");
    let head: Vec<&str> = head.lines().filter(is_signed).collect();
    [head.join("\r\n").as_bytes(), b"\r\n\r\n", body].concat()
}

/// The answer up to the middle of its body.
pub(crate) fn cut(answer: Vec<u8>) -> Vec<u8> {
    let (_, body) = parts(&answer).expect("an answer");
    answer[..answer.len() - body.len() / 2].to_vec()
}

/// The answer with another digit in the middle of its body.
pub(crate) fn altered(mut answer: Vec<u8>) -> Vec<u8> {
    let (_, body) = parts(&answer).expect("an answer");
    let at = answer.len() - body.len() / 2;
    answer[at] ^= 1;
    answer
}
