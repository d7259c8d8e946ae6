//! What connects the terminal with the shop: it is closed once the offer is there, or stays open until the file is.

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::parties::{Parties, Party, key, settle};

/// One connection to the shop.
struct Link {
    stream: BufReader<TcpStream>,
    host: String,
}

impl Link {
    async fn to(shop: &Party) -> Self {
        let host = shop.node.url().strip_prefix("http://").unwrap().to_owned();
        Self { stream: BufReader::new(TcpStream::connect(&host).await.unwrap()), host }
    }

    /// Sends a request on it, and reads the answer.
    async fn ask(&mut self, line: &str, more: &str, body: &str) -> Value {
        let size = body.len();
        let head = format!("{line} HTTP/1.1\r\nHost: {}\r\n{more}Content-Length: {size}\r\n\r\n", self.host);
        self.stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        let (mut status, mut size) = (String::new(), 0);
        self.stream.read_line(&mut status).await.unwrap();
        assert!(status.starts_with("HTTP/1.1 20"), "{status}");
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).await.unwrap();
            let Some((name, value)) = line.trim().split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                size = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; size];
        self.stream.read_exact(&mut body).await.unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    async fn offer(&mut self, product: &str) -> Value {
        let more = format!("Content-Type: application/json\r\nIdempotency-Key: {}\r\n", key("offer"));
        let wanted = json!({ "items": [{ "product": product, "quantity": 1 }] });
        self.ask("POST /v1/offers", &more, &wanted.to_string()).await
    }

    /// Closes it: the shop has seen the end once it closes it too.
    async fn close(mut self) {
        self.stream.shutdown().await.unwrap();
        assert_eq!(self.stream.read(&mut [0]).await.unwrap(), 0);
    }
}

/// Shows D10.
#[tokio::test]
async fn a_link_to_the_shop_that_is_closed_after_the_offer_or_stays_open_makes_no_difference() {
    let mut parties = Parties::start().await;
    let mut outcomes = Vec::new();
    for stays_open in [false, true] {
        let (product, bytes) = parties.product(500).await;
        let buyer = parties.buyer(1_000).await;
        let mut link = Some(Link::to(&parties.shop).await);
        let offer = link.as_mut().unwrap().offer(&product).await;
        if !stays_open {
            link.take().unwrap().close().await;
        }
        let approval = buyer.approve(&offer).await.expect(201).json();
        let bought = settle(&parties.settler, &approval, &offer).await;
        assert_eq!(bought.files, [bytes], "{}", bought.row);
        parties.settler.owes_nothing().await;
        // The same connection goes on, next to all of that.
        if let Some(link) = &mut link {
            let card = link.ask("GET /.well-known/kippu-party.json", "", "").await;
            assert_eq!(card["party"], json!(parties.shop.id));
        }
        let at_shop = parties.shop.row(&format!("/v1/offers/{}", offer["id"].as_str().unwrap())).await;
        outcomes.push((
            [&bought.row["state"], &bought.row["settled_amount"], &at_shop["state"], &at_shop["delivery"]["amount"]]
                .map(Value::clone),
            parties.account(&buyer.user).await,
        ));
    }
    assert_eq!(outcomes[0], outcomes[1]);
    assert_eq!(outcomes[0], ([json!("settled"), json!(500), json!("delivered"), json!(500)], (0, 500)));
    parties.assert_sound();
}
