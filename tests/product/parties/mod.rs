//! Five parties, each a node of its own: an authentication server, a financial reference, a shop, its settlement server, and a rival
//! settlement server. They know each other by their cards, and a terminal buys.

mod buyer;
mod cluster;
mod patient;
pub(crate) mod played;
pub(crate) mod proxy;

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::fixture::{Node, first};
use crate::http::{Caller, Reply};

pub(crate) use self::buyer::{Bought, Buyer, OVER, finish, present, settle, settled};
pub(crate) use self::cluster::Twin;
pub(crate) use self::patient::{End, Patient, answered};

/// A key that nobody guesses, and another one each time.
pub(crate) fn key(what: &str) -> String {
    format!("{what}-{:032x}", rand::random::<u128>())
}

/// A node, and who it is to the others.
pub(crate) struct Party {
    pub(crate) node: Node,
    /// One more node of the same party.
    pub(crate) twin: Option<Twin>,
    pub(crate) id: String,
}

impl Party {
    /// Starts a party whose address stays the same through restarts.
    pub(crate) async fn start(name: &str) -> Self {
        Self::start_on("127.0.0.1", name).await
    }

    /// The same, on `host`, an address of this machine.
    async fn start_on(host: &str, name: &str) -> Self {
        let port = std::net::TcpListener::bind((host, 0)).expect("a free port").local_addr().expect("an address");
        let folder = tempfile::TempDir::with_prefix("kippu-test-").expect("a temporary folder");
        let flags = ["--name", name].map(str::to_owned).to_vec();
        let node = Node::start_at(folder, flags, &port.to_string());
        let id = card(&node).await["party"].as_str().expect("a party has an id").to_owned();
        Self { node, twin: None, id }
    }

    pub(crate) fn operator(&self) -> Caller {
        self.node.operator()
    }

    /// Somebody who does not say who they are.
    pub(crate) fn guest(&self) -> Caller {
        self.node.caller("")
    }

    /// Lets this party know `other`, in these roles.
    pub(crate) async fn knows(&self, other: &Self, roles: &[&str]) {
        let mut body = card(&other.node).await;
        body["roles"] = json!(roles);
        self.do_once("/v1/peers", &format!("peer-{}", other.id), &body).await.expect(201);
    }

    /// Lets this party find `other`, which it knows in this role, at `url`.
    pub(crate) async fn finds(&self, other: &Self, role: &str, url: &str) {
        let body = json!({ "name": "elsewhere", "url": url, "roles": [role] });
        self.do_once(&format!("/v1/peers/{}/change", other.id), &key("change"), &body).await.expect(200);
    }

    /// Gives a command as the operator until the node takes commands.
    pub(crate) async fn do_once(&self, path: &str, key: &str, body: &Value) -> Reply {
        let operator = self.operator();
        answered(|| operator.try_post(path, key, body)).await
    }

    /// Waits until nothing is owed any more, by no node.
    pub(crate) async fn owes_nothing(&self) {
        for operator in self.operators() {
            Self::at_owes_nothing(&operator).await;
        }
    }

    async fn at_owes_nothing(operator: &Caller) {
        let owed = async || operator.try_get("/v1/activities", None).await;
        let none = |reply: &Result<Reply, _>| {
            reply.as_ref().is_ok_and(|reply: &Reply| reply.status == 200 && reply.json()["data"] == json!([]))
        };
        let reply = first(owed, none).await;
        assert!(none(&reply), "{reply:?}");
    }

    /// Waits until its views reflect what was written before.
    async fn reflects(&self) {
        let status = async || self.operator().get("/v1/status").await.expect(200).json();
        let is_done = |status: &Value| {
            status["views"].as_array().is_some_and(|views| views.iter().all(|view| view["lag"] == json!(0)))
        };
        let status = first(status, is_done).await;
        assert!(is_done(&status), "{status}");
    }

    /// A row of one of its views.
    pub(crate) async fn row(&self, path: &str) -> Value {
        self.reflects().await;
        self.operator().get(path).await.expect(200).json()
    }

    /// Every row of one of its views.
    pub(crate) async fn rows(&self, view: &str) -> Vec<Value> {
        let (mut rows, mut path) = (Vec::new(), format!("/v1/{view}?limit=1000"));
        loop {
            let page = self.row(&path).await;
            rows.extend(page["data"].as_array().expect("a list").iter().cloned());
            match page["next"].as_str() {
                Some(next) => path = format!("/v1/{view}?limit=1000&cursor={next}"),
                None => return rows,
            }
        }
    }
}

/// What a party tells everybody of itself.
pub(crate) async fn card(node: &Node) -> Value {
    node.caller("").get("/.well-known/kippu-party.json").await.expect(200).json()
}

/// The five parties of a purchase.
pub(crate) struct Parties {
    /// The authentication server.
    pub(crate) authenticator: Party,
    /// The financial reference.
    pub(crate) reference: Party,
    /// The shop.
    pub(crate) shop: Party,
    /// Its settlement server.
    pub(crate) settler: Party,
    /// Another settlement server.
    pub(crate) rival: Party,
    /// Whether the shop settles itself.
    in_one: bool,
    products: AtomicU32,
}

impl Parties {
    /// All five, which know each other. The shop sells through its settlement server alone.
    pub(crate) async fn start() -> Self {
        Self::start_on(["127.0.0.1"; 5], false).await
    }

    /// The same, but the shop's own node is its settlement server, and a peer of itself.
    pub(crate) async fn start_in_one() -> Self {
        Self::start_on(["127.0.0.1"; 5], true).await
    }

    /// The same as [`Parties::start`], each on a host of its own, which browsers take for a site of its own.
    pub(crate) async fn start_apart() -> Self {
        Self::start_on(["127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6"], false).await
    }

    async fn start_on([authenticator, reference, shop, settler, rival]: [&str; 5], in_one: bool) -> Self {
        let authenticator = Party::start_on(authenticator, "authenticator").await;
        let reference = Party::start_on(reference, "reference").await;
        let shop = Party::start_on(shop, "shop").await;
        let settler = Party::start_on(settler, "settler").await;
        let rival = Party::start_on(rival, "rival").await;
        Self::of([authenticator, reference, shop, settler, rival], in_one).await
    }

    /// Lets them know each other.
    async fn of([authenticator, reference, shop, settler, rival]: [Party; 5], in_one: bool) -> Self {
        authenticator.knows(&shop, if in_one { &["shop", "settler"] } else { &["shop"] }).await;
        authenticator.knows(&settler, &["settler"]).await;
        authenticator.knows(&rival, &["settler"]).await;
        authenticator.knows(&reference, &["reference"]).await;
        reference.knows(&authenticator, &["authenticator"]).await;
        shop.knows(&settler, &["settler"]).await;
        shop.knows(&rival, &["settler"]).await;
        shop.knows(&authenticator, &["authenticator"]).await;
        for settlement in [&settler, &rival] {
            settlement.knows(&authenticator, &["authenticator"]).await;
            settlement.knows(&shop, &["shop"]).await;
        }
        if in_one {
            shop.knows(&shop, &["shop", "settler"]).await;
        }
        let parties = Self { authenticator, reference, shop, settler, rival, in_one, products: AtomicU32::new(0) };
        parties.sell_through(&[parties.settling()], false).await;
        parties
    }

    /// The settlement server of the shop, which may be the shop itself.
    pub(crate) const fn settling(&self) -> &Party {
        if self.in_one { &self.shop } else { &self.settler }
    }

    /// Lets the shop sell through `settlers`; the shop itself delivers where `direct`.
    pub(crate) async fn sell_through(&self, settlers: &[&Party], direct: bool) {
        let settlers: Vec<&str> = settlers.iter().map(|settler| &*settler.id).collect();
        let terms = json!({ "settlers": settlers, "currency": "EUR", "direct": direct });
        self.shop.do_once("/v1/shop-terms/set", &key("terms"), &terms).await.expect(200);
    }

    /// Sets the terms of both settlement servers.
    pub(crate) async fn settle_on(&self, order: &str, wait_secs: u32) {
        let terms = json!({ "order": order, "wait_secs": wait_secs });
        for settler in [self.settling(), &self.rival] {
            settler.do_once("/v1/settler-terms/set", &key("terms"), &terms).await.expect(200);
        }
    }

    /// A product at `price` cents, with a file of its own; gives its id and the bytes.
    pub(crate) async fn product(&self, price: u64) -> (String, Vec<u8>) {
        let number = self.products.fetch_add(1, Ordering::Relaxed);
        let bytes = format!("the song number {number}, {:x}", rand::random::<u64>()).into_bytes();
        let sha256: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let operator = self.shop.operator();
        let put = operator.request(reqwest::Method::PUT, &format!("/v1/blobs/{sha256}")).body(bytes.clone());
        let put = operator.send(put).await.expect("the shop answers");
        assert!(matches!(put.status, 200 | 201), "{}", put.text);
        let content = json!({ "name": "song.ogg", "media_type": "audio/ogg", "sha256": sha256, "size": bytes.len() });
        let product = json!({
            "sku": format!("song-{number}"), "name": format!("Song № {number} – “Música”"), "kind": "digital", "genre": "Rock",
            "price": price, "currency": "EUR", "contents": [content],
        });
        let opened = self.shop.do_once("/v1/products", &key("product"), &product).await.expect(201);
        self.shop.reflects().await;
        (opened.field("id"), bytes)
    }

    /// A subscriber with a limit, and a terminal that stores who it is.
    pub(crate) async fn buyer(&self, limit: u64) -> Buyer {
        self.buyer_with(json!({ "limit": { "source": "fixed", "amount": limit, "currency": "EUR" } })).await
    }

    /// The same, who is registered with these members too.
    pub(crate) async fn buyer_with(&self, mut user: Value) -> Buyer {
        user["login"] = json!(key("login"));
        let user = self.authenticator.do_once("/v1/users", &key("user"), &user).await.expect(201).field("id");
        let terminal = json!({ "role": "terminal", "name": "a terminal", "user": user });
        let opened = self.authenticator.do_once("/v1/clients", &key("client"), &terminal).await.expect(201);
        Buyer { terminal: self.authenticator.node.caller(&opened.field("key")), user }
    }

    /// A subscriber with a limit whom the financial reference vouches for, and is asked about each time.
    pub(crate) async fn buyer_in_good_standing(&self, limit: u64) -> Buyer {
        let number = key("number");
        let credit = json!({ "number": number, "standing": "good" });
        self.reference.do_once("/v1/credits", &key("credit"), &credit).await.expect(201);
        self.buyer_with(json!({
            "limit": { "source": "fixed", "amount": limit, "currency": "EUR" }, "policy": "both",
            "reference": { "party": self.reference.id, "number": number },
        }))
        .await
    }

    /// A subscriber who signs in with `login` and `pin`; its id.
    pub(crate) async fn subscriber(&self, login: &str, pin: &str, limit: u64) -> String {
        let limit = json!({ "source": "fixed", "amount": limit, "currency": "EUR" });
        let user = json!({ "login": login, "pin": pin, "limit": limit });
        self.authenticator.do_once("/v1/users", &key("user"), &user).await.expect(201).field("id")
    }

    /// The shop's offer of one piece of `product`.
    pub(crate) async fn offer(&self, product: &str) -> Value {
        let wanted = json!({ "items": [{ "product": product, "quantity": 1 }] });
        self.shop.guest().post("/v1/offers", &key("offer"), &wanted).await.expect(201).json()
    }

    /// One purchase from the offer to the file, at the settlement server.
    pub(crate) async fn buy(&self, buyer: &Buyer, product: &str) -> Bought {
        let offer = self.offer(product).await;
        let approval = buyer.approve(&offer).await.expect(201).json();
        buyer::settle(self.settling(), &approval, &offer).await
    }

    /// The amounts that stand in the books of the authentication server for `user`: reserved and charged.
    pub(crate) async fn account(&self, user: &str) -> (u64, u64) {
        let row = self.authenticator.row(&format!("/v1/users/{user}")).await;
        let amount = |name: &str| row[name].as_u64().unwrap_or_else(|| panic!("no {name} in {row}"));
        (amount("reserved"), amount("charged"))
    }

    /// All five, in the order of the fields.
    pub(crate) fn each(&mut self) -> [&mut Party; 5] {
        [&mut self.authenticator, &mut self.reference, &mut self.shop, &mut self.settler, &mut self.rival]
    }

    /// Every history is sound.
    #[track_caller]
    pub(crate) fn assert_sound(&mut self) {
        for party in self.each() {
            party.node.assert_sound();
        }
    }
}
