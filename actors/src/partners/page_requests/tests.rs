//! Requests at one site, and between two whose nodes tell each other.

mod others;

use std::time::Duration;

use kippu_events::access::{Caller, Role, Roles};
use kippu_events::blobs::BlobId;
use kippu_events::partners::collections::Collection;
use kippu_events::partners::contracts::{self, Contract, Terms};
use kippu_events::partners::page_requests::{Known, PageRequest, Phase};
use kippu_events::partners::pages::{Page, PagePath, id_of};
use kippu_events::partners::stocks::{self, Stock};
use kippu_events::{EntityId, EntityKey, Family, Time};
use serde_json::{Value, json};

use crate::activity::Work;
use crate::given::{caller, id};
use crate::world::{World, id_in, slug};

const ARTICLE: &str = "book-1";

/// A main site, or its partner.
struct Site {
    world: World,
    party: EntityId,
}

impl Site {
    fn of(party: u8) -> Self {
        let world = World::of(party);
        let party = world.secrets.party;
        Self { world, party }
    }

    fn ask(
        &mut self,
        family: Family,
        name: &'static str,
        id: Option<EntityId>,
        body: &Value,
    ) -> Result<Value, &'static str> {
        let done = self.world.ask(Caller::OPERATOR, (family, name, id), body);
        done.map(|(_, body)| body).map_err(|problem| problem.kind.slug)
    }

    fn receives(&mut self, quantity: u32) {
        let body = json!({ "article": ARTICLE, "quantity": quantity });
        self.ask(Family::Stocks, "open", None, &body).unwrap();
    }

    /// On hand, reserved and sold.
    fn stock(&self) -> (u64, u64, u64) {
        let stock: Stock = self.world.state(stocks::id_of(self.party, ARTICLE));
        (stock.on_hand, stock.reserved, stock.sold)
    }

    fn known(&self, request: EntityId) -> Known {
        self.world.state::<PageRequest>(request).known().unwrap().clone()
    }

    fn phase(&self, request: EntityId) -> Phase {
        self.known(request).phase
    }

    fn reason(&self, request: EntityId) -> Option<String> {
        self.known(request).failure.map(|failure| failure.reason)
    }

    /// The shop's program answers a step.
    fn answers(&mut self, request: EntityId, step: &str) -> Result<Value, &'static str> {
        let mut body = json!({ "step": step });
        if step == "price" {
            body = json!({ "step": step, "amount": 1_999, "currency": "EUR" });
        }
        self.ask(Family::PageRequests, "answer", Some(request), &body)
    }

    /// What this one owes: path and body, and the number of the activity.
    fn owes(&self, request: EntityId) -> Option<(String, Value, u32)> {
        let (owed, work) = self.world.owed(EntityKey::of::<PageRequest>(request))?;
        let Work::Command { path, body } = work else { panic!("a command is owed") };
        Some((path, serde_json::from_slice(&body).unwrap(), owed.attempt))
    }

    /// Tells `other` what is owed for `request`; the request that it is about there, where it was taken.
    fn tells(&mut self, other: &mut Self, role: Role, request: EntityId) -> Result<EntityId, &'static str> {
        let (path, body, attempt) = self.owes(request).expect("something is owed");
        let parts: Vec<&str> = path.trim_start_matches("/v1/page-requests/").split('/').collect();
        let (name, there) = match parts[..] {
            ["consult"] => ("consult", None),
            ["entrust"] => ("entrust", None),
            [there, "report"] => ("report", Some(there.parse().unwrap())),
            [there, "settle"] => ("settle", Some(there.parse().unwrap())),
            _ => panic!("{path}"),
        };
        let peer = Caller::of_peer(self.party, Roles::one(role));
        let answered = other.world.ask(peer, (Family::PageRequests, name, there), &body);
        let (status, answer) = match &answered {
            Ok((status, answer)) => (*status, answer.clone()),
            Err(problem) => (problem.kind.status, json!({ "type": format!("/problems/{}", problem.kind.slug) })),
        };
        self.world.came_of(EntityKey::of::<PageRequest>(request), attempt, status, &answer).unwrap();
        answered.map(|(_, answer)| id_in(&answer)).map_err(|problem| problem.kind.slug)
    }
}

/// A main site and its partner, which shows a page of it.
struct Sites {
    main: Site,
    partner: Site,
    contract: EntityId,
    page: EntityId,
}

impl Sites {
    fn on(delegation: &Value) -> Self {
        let (mut main, mut partner) = (Site::of(1), Site::of(2));
        let mut terms = serde_json::to_value(Terms::sample()).unwrap();
        terms["delegation"] = delegation.clone();
        terms["collecting"] = json!({ "per_sale": { "rate_bp": 1_250 } });
        let key = json!({"use": "http", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
        let card =
            json!({"party": partner.party, "name": "p", "url": "http://p", "roles": ["partner_site"], "keys": [key]});
        main.ask(Family::Peers, "open", None, &card).unwrap();
        let contract = contracts::id_of(main.party, partner.party);
        let proposal = json!({ "partner": partner.party, "number": 1, "from": Time::default(), "terms": terms });
        let proposed = main.ask(Family::Contracts, "open", None, &proposal).unwrap();
        let answer = json!({ "number": 1, "sha256": proposed["sha256"] });
        let as_peer = |party, role| Caller::of_peer(party, Roles::one(role));
        let from_main = as_peer(main.party, Role::MainSite);
        partner.world.ask(from_main, (Family::Contracts, "open", None), &proposal).unwrap();
        partner.ask(Family::Contracts, "accept", Some(contract), &answer).unwrap();
        let from_partner = as_peer(partner.party, Role::PartnerSite);
        main.world.ask(from_partner, (Family::Contracts, "accept", Some(contract)), &answer).unwrap();
        assert!(main.world.state::<Contract>(contract).known().unwrap().accepted().next().is_some());
        let path = "offers/a.html";
        let content = json!({ "sha256": BlobId([7; 32]), "media_type": "text/html", "size": 5 });
        let update = json!({
            "contract": contract, "delivery": id(9), "path": path, "revision": 1, "part": "content", "content": content,
            "capability": "kpc_x",
        });
        partner.world.ask(from_main, (Family::Pages, "update", None), &update).unwrap();
        let page = id_of(partner.party, &PagePath::try_from(path.to_owned()).unwrap());
        let fetched = EntityKey::of::<Page>(page);
        let (owed, _) = partner.world.owed(fetched).unwrap();
        partner.world.came_of(fetched, owed.attempt, 200, &json!({})).unwrap();
        Self { main, partner, contract, page }
    }

    /// A visitor of the partner asks; the request.
    fn visitor_asks(&mut self, kind: &str, quantity: u32) -> EntityId {
        let body = json!({
            "page": self.page, "contract": self.contract, "kind": kind, "article": ARTICLE, "quantity": quantity,
        });
        let asked = self.partner.world.ask(Caller::GUEST, (Family::PageRequests, "open", None), &body);
        let (status, answer) = asked.unwrap();
        assert!(status == 201 && answer["capability"].as_str().unwrap().starts_with("kpc_"));
        id_in(&answer)
    }

    /// The partner tells the main site; its request there.
    fn up(&mut self, request: EntityId) -> Result<EntityId, &'static str> {
        self.partner.tells(&mut self.main, Role::PartnerSite, request)
    }

    /// The main site tells the partner.
    fn down(&mut self, there: EntityId) -> Result<EntityId, &'static str> {
        self.main.tells(&mut self.partner, Role::MainSite, there)
    }

    fn replay(self) {
        self.main.world.replays();
        self.partner.world.replays();
    }
}

const WORK: [&str; 3] = ["price", "payment", "delivery"];

#[test]
fn the_partner_processes_all_and_the_main_site_hears_nothing() {
    let mut sites = Sites::on(&json!({}));
    sites.partner.receives(5);
    let before = sites.main.world.records();
    let request = sites.visitor_asks("buy", 2);
    assert_eq!(sites.partner.answers(request, "payment"), Err("page-request-not-waiting"));
    for step in WORK {
        sites.partner.answers(request, step).unwrap();
        assert_eq!(sites.partner.answers(request, step).err(), Some("page-request-not-waiting"));
    }
    assert_eq!((sites.partner.phase(request), sites.partner.stock()), (Phase::Over, (3, 0, 2)));
    assert_eq!((sites.partner.owes(request), sites.main.world.records()), (None, before));
    // What the main site is due of the sale is in the same record.
    let text = sites.partner.world.text();
    assert!(text.contains("collection.charged") && text.contains("\"charge\":250"), "{text}");
    sites.replay();
}

#[test]
fn the_main_site_processes_all_and_the_partners_stock_is_left_alone() {
    let mut sites = Sites::on(&json!({ "rules": [{ "kind": "buy", "mode": "main" }] }));
    sites.main.receives(5);
    sites.partner.receives(5);
    let request = sites.visitor_asks("buy", 2);
    let there = sites.up(request).unwrap();
    assert_eq!(sites.partner.phase(request), Phase::Entrusted);
    for step in WORK {
        sites.main.answers(there, step).unwrap();
    }
    assert_eq!((sites.main.stock(), sites.partner.stock()), ((3, 0, 2), (5, 0, 0)));
    sites.down(there).unwrap();
    let known = sites.partner.known(request);
    assert_eq!((known.phase.clone(), known.is_complete(), sites.main.phase(there)), (Phase::Over, true, Phase::Over));
    // The partner was paid nothing, and owes nothing.
    assert!(!sites.partner.world.text().contains("collection."));
    // Another kind is the partner's.
    let price = sites.visitor_asks("price", 1);
    assert_eq!(sites.partner.owes(price), None);
    sites.replay();
}

#[test]
fn the_main_site_commands_which_steps_the_partner_takes() {
    let mut sites = Sites::on(&json!({ "rules": [{ "mode": "commanded" }] }));
    let instruct = |sites: &mut Sites, steps: &[&str]| {
        let body = json!({ "article": ARTICLE, "steps": steps });
        sites.main.ask(Family::Stocks, "instruct", None, &body).unwrap();
    };
    // With the stock, of which there is none.
    let first = sites.visitor_asks("buy", 1);
    sites.up(first).unwrap();
    sites.partner.answers(first, "price").unwrap();
    assert_eq!(sites.partner.reason(first).as_deref(), Some("out-of-stock"));
    // Without.
    instruct(&mut sites, &WORK);
    let second = sites.visitor_asks("buy", 1);
    sites.up(second).unwrap();
    for step in WORK {
        sites.partner.answers(second, step).unwrap();
    }
    assert!(sites.partner.known(second).is_complete());
    // What nobody would have paid.
    instruct(&mut sites, &["delivery"]);
    let unpaid = sites.visitor_asks("buy", 1);
    sites.up(unpaid).unwrap();
    assert_eq!(sites.partner.reason(unpaid).as_deref(), Some("no-steps"));
    // Nothing that such a request has.
    instruct(&mut sites, &["answer"]);
    let third = sites.visitor_asks("buy", 1);
    sites.up(third).unwrap();
    assert_eq!(sites.partner.reason(third).as_deref(), Some("no-steps"));
    sites.replay();
}

/// The stock is the main site's, the rest the partner's.
fn with_stock_at_main() -> Sites {
    let mut sites = Sites::on(&json!({ "rules": [{ "kind": "buy", "entrusted": ["stock"] }], "hold_secs": 600 }));
    sites.main.receives(3);
    sites
}

#[test]
fn stock_that_is_entrusted_is_sold_or_released_as_the_partner_says() {
    let mut sites = with_stock_at_main();
    for (is_paid, stock) in [(true, (1, 0, 2)), (false, (1, 0, 2))] {
        let quantity = if is_paid { 2 } else { 1 };
        let request = sites.visitor_asks("buy", quantity);
        sites.partner.answers(request, "price").unwrap();
        let there = sites.up(request).unwrap();
        sites.down(there).unwrap();
        assert_eq!(sites.main.stock().1, u64::from(quantity));
        if is_paid {
            sites.partner.answers(request, "payment").unwrap();
            sites.partner.answers(request, "delivery").unwrap();
        } else {
            let refused = json!({ "step": "payment", "refused": "card-declined" });
            sites.partner.ask(Family::PageRequests, "answer", Some(request), &refused).unwrap();
        }
        assert_eq!(sites.partner.phase(request), Phase::Settling { sold: is_paid });
        sites.up(request).unwrap();
        assert_eq!((sites.main.stock(), sites.partner.phase(request)), (stock, Phase::Over));
        assert_eq!(sites.partner.known(request).is_complete(), is_paid);
    }
    // There is no more than one left.
    let request = sites.visitor_asks("buy", 2);
    sites.partner.answers(request, "price").unwrap();
    let there = sites.up(request).unwrap();
    sites.down(there).unwrap();
    assert_eq!(sites.partner.reason(request).as_deref(), Some("out-of-stock"));
    assert_eq!((sites.main.phase(there), sites.partner.owes(request)), (Phase::Over, None));
    sites.replay();
}

#[test]
fn a_sale_that_is_told_after_its_stock_was_released_is_refused_and_the_request_fails() {
    let mut sites = with_stock_at_main();
    let request = sites.visitor_asks("buy", 3);
    sites.partner.answers(request, "price").unwrap();
    let there = sites.up(request).unwrap();
    sites.down(there).unwrap();
    sites.main.world.after(600);
    sites.main.world.fire();
    assert_eq!((sites.main.stock(), sites.main.phase(there)), ((3, 0, 0), Phase::Over));
    sites.partner.answers(request, "payment").unwrap();
    sites.partner.answers(request, "delivery").unwrap();
    assert_eq!(sites.up(request), Err("page-request-not-held"));
    assert_eq!(sites.partner.reason(request).as_deref(), Some("page-request-not-held"));
    assert!(!sites.partner.world.text().contains("collection."));
    sites.replay();
}

#[test]
fn what_nobody_answers_in_time_fails_and_what_was_reserved_is_for_others_again() {
    let mut sites = Sites::on(&json!({ "answer_secs": 60 }));
    sites.partner.receives(1);
    let request = sites.visitor_asks("buy", 1);
    sites.partner.answers(request, "price").unwrap();
    assert_eq!(sites.partner.stock(), (1, 1, 0));
    sites.partner.world.after(60);
    assert_eq!(sites.partner.answers(request, "payment"), Err("page-request-not-waiting"));
    sites.partner.world.fire();
    assert_eq!((sites.partner.stock(), sites.partner.reason(request).as_deref()), ((1, 0, 0), Some("no-answer")));
    sites.replay();
}

#[test]
fn what_comes_too_late_or_is_not_in_the_terms_the_main_site_does_not_do() {
    let mut sites = Sites::on(&json!({ "rules": [{ "kind": "buy", "mode": "main" }], "answer_secs": 60 }));
    sites.main.receives(1);
    let request = sites.visitor_asks("buy", 1);
    let (_, body, _) = sites.partner.owes(request).unwrap();
    sites.main.world.after(60);
    assert_eq!(sites.up(request), Err("page-request-too-late"));
    assert_eq!(sites.partner.reason(request).as_deref(), Some("page-request-too-late"));
    let entrust = (Family::PageRequests, "entrust", None);
    let mut send = |change: &dyn Fn(&mut Value)| {
        let mut body = body.clone();
        change(&mut body);
        let peer = Caller::of_peer(sites.partner.party, Roles::one(Role::PartnerSite));
        slug(sites.main.world.ask(peer, entrust, &body))
    };
    assert_eq!(send(&|body| body["wanted"]["kind"] = json!("price")), "invalid-body");
    assert_eq!(send(&|body| body["steps"] = json!(["stock", "price"])), "invalid-body");
    assert_eq!(send(&|body| body["wanted"]["quantity"] = json!(0)), "invalid-body");
    // Nothing is delivered that nobody paid, whoever says so, nor at a price that the partner makes.
    assert_eq!(send(&|body| body["steps"] = json!(["delivery"])), "invalid-body");
    let price = json!({ "step": "price", "found": { "amount": 1, "currency": "EUR" } });
    let cheap = |body: &mut Value| {
        body["taken"] = json!([price]);
        body["steps"] = json!(["stock", "payment", "delivery"]);
    };
    assert_eq!(send(&cheap), "page-request-not-entrusted");
    let of_another_kind = |body: &mut Value| {
        body["wanted"]["kind"] = json!("price");
        body["steps"] = json!(["price"]);
    };
    assert_eq!(send(&of_another_kind), "page-request-not-entrusted");
    let stranger = Caller::of_peer(id(8), Roles::one(Role::PartnerSite));
    assert_eq!(slug(sites.main.world.ask(stranger, entrust, &body)), "forbidden");
    assert_eq!(sites.main.stock(), (1, 0, 0));
}
