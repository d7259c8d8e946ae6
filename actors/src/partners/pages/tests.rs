//! Who may write which page, what is shown when, and how a revision comes from a main site to its partner.

mod made;

use std::time::Duration;

use kippu_events::access::{Caller, Role, Roles};
use kippu_events::blobs::BlobId;
use kippu_events::partners::contracts::{self, Confirmation, Contract, Known, PageRights, Part, Terms, Way};
use kippu_events::partners::page_deliveries::{self, PageDelivery};
use kippu_events::partners::pages::{Content, Decliner, Event, MediaType, Page, PagePath, Recipe, id_of};
use kippu_events::secrets::EncryptedField;
use kippu_events::{Entity as _, EntityId, EntityKey, Family, Time};
use serde_json::{Value, json};

use super::refusal;
use super::request::{Brought, Command, Written};
use crate::activity::Work;
use crate::erased::AnyCommand;
use crate::given::{NOW, given, id};
use crate::partners::page_deliveries::request as page_deliveries_request;
use crate::problem;
use crate::world::{World, slug};

const MAIN: EntityId = EntityId::from_bytes([1; 15]);
const PARTNER: EntityId = EntityId::from_bytes([2; 15]);
const OTHER: EntityId = EntityId::from_bytes([4; 15]);
const SECS: u32 = 600;

fn path() -> PagePath {
    PagePath::try_from("offers/index.html".to_owned()).unwrap()
}

fn content(byte: u8) -> Content {
    let media_type = MediaType::try_from("text/html".to_owned()).unwrap();
    Content { sha256: BlobId([byte; 32]), media_type, size: 5 }
}

/// A contract on these terms, which count from before now.
fn known(terms: Terms) -> Box<Known> {
    let event = contracts::Event::Proposed {
        main: MAIN,
        partner: PARTNER,
        number: 1,
        from: Time::default(),
        sha256: String::new(),
        terms: Box::new(terms),
        here: true,
    };
    let mut contract = Contract::default();
    contract.evolve(&event, NOW);
    contract.evolve(&contracts::Event::Accepted { number: 1, here: false }, NOW);
    Box::new(contract.known().unwrap().clone())
}

fn terms(rights: PageRights, confirmation: Confirmation) -> Terms {
    let mut terms = Terms::sample();
    (terms.pages.rights, terms.pages.confirmation, terms.pages.answer_secs) = (rights, confirmation, SECS);
    terms
}

fn plain() -> Terms {
    terms(PageRights::Brand, Confirmation::None)
}

fn contract() -> EntityId {
    contracts::id_of(MAIN, PARTNER)
}

fn write(byte: u8, repairs: Option<Terms>) -> Command {
    let repairs = repairs.map(|terms| (contract(), known(terms)));
    let (path, content) = (path(), content(byte));
    Command::Write(Box::new(Written {
        path,
        content,
        tie_up: false,
        part: Part::Content,
        category: None,
        recipe: Recipe::default(),
        repairs,
    }))
}

fn brought(revision: u32, terms: Terms) -> Brought {
    Brought {
        contract: (contract(), known(terms)),
        delivery: OTHER,
        path: path(),
        revision,
        content: content(u8::try_from(revision).unwrap()),
        part: Part::Content,
        capability: encrypted(),
        category: None,
        recipe: Recipe::default(),
    }
}

fn update(revision: u32, terms: Terms) -> Command {
    Command::Update(Box::new(brought(revision, terms)))
}

fn encrypted() -> EncryptedField {
    EncryptedField { xchacha20poly1305: "AQ".to_owned() }
}

fn revised(revision: u32, byte: u8) -> Event {
    Event::Revised {
        path: path(),
        revision,
        content: content(byte),
        tie_up: false,
        part: Part::Content,
        category: None,
        layout: None,
        links: false,
    }
}

fn offered(revision: u32, answer_secs: Option<u32>) -> Event {
    Event::Offered {
        contract: contract(),
        main: MAIN,
        delivery: OTHER,
        path: path(),
        revision,
        content: content(u8::try_from(revision).unwrap()),
        part: Part::Content,
        capability: encrypted(),
        answer_secs,
        category: None,
        layout: None,
        links: false,
        way: Way::Overwrite,
    }
}

fn updated(revision: u32) -> Event {
    Event::Updated { revision, sha256: content(u8::try_from(revision).unwrap()).sha256 }
}

const fn fetched(attempt: u32) -> Command {
    Command::CameOf { attempt, refusal: None }
}

/// Shows B17, B18.
#[test]
fn who_may_write_which_page_follows_from_its_class_and_the_contract() {
    let original = [revised(1, 1)];
    let tie_up = [offered(1, None), updated(1)];
    for rights in [PageRights::Repair, PageRights::Brand] {
        let terms = || terms(rights, Confirmation::None);
        // The partner's manager, an original: always.
        given::<Page>(&original).when(&write(2, None)).becomes(&[revised(2, 2)]);
        // The main site's manager, an original: never.
        given::<Page>(&original).when(&update(9, terms())).refused(&refusal::NOT_WRITABLE);
        // The main site's manager, a tie-up page: always.
        given::<Page>(&tie_up).when(&update(2, terms())).becomes(&[offered(2, None)]);
        // The partner's manager, a tie-up page: as the contract has it.
        let page = given::<Page>(&tie_up).when(&write(7, Some(terms())));
        match rights {
            PageRights::Repair => page.becomes(&[Event::Repaired { revision: 1, content: content(7) }]),
            PageRights::Brand => page.refused(&refusal::NOT_WRITABLE),
        }
        given::<Page>(&tie_up).when(&write(7, None)).refused(&refusal::NOT_WRITABLE);
    }
}

/// Shows B12, B13.
#[test]
fn a_revision_is_shown_once_its_bytes_are_here_and_only_if_it_is_newer() {
    given::<Page>(&[]).when(&update(1, plain())).becomes(&[offered(1, None)]);
    given::<Page>(&[offered(1, None)]).when(&fetched(1)).becomes(&[updated(1)]);
    let shown = [offered(2, None), updated(2)];
    given::<Page>(&shown).when(&update(2, plain())).refused(&refusal::NOT_NEWER);
    given::<Page>(&shown).when(&update(1, plain())).refused(&refusal::NOT_NEWER);
    // A newer one takes the place of one that is not here yet, whose bytes then change nothing.
    let faster = [offered(1, None), offered(2, None)];
    given::<Page>(&faster).when(&fetched(1)).refused(&problem::NOT_DUE);
    given::<Page>(&faster).when(&fetched(2)).becomes(&[updated(2)]);
    given::<Page>(&faster).when(&update(2, plain())).refused(&refusal::NOT_NEWER);
    let failed = Command::CameOf { attempt: 1, refusal: Some("not-found".to_owned()) };
    let reason = Some("not-found".to_owned());
    let declined = Event::Declined { revision: 1, sha256: content(1).sha256, by: Decliner::Node, reason };
    given::<Page>(&[offered(1, None)]).when(&failed).becomes(&[declined]);
}

#[test]
fn a_contract_that_is_not_in_force_or_has_other_parts_brings_nothing() {
    let mut links = plain();
    links.parts = [Part::Links].into();
    given::<Page>(&[]).when(&update(1, links)).refused(&refusal::NOT_BROUGHT);
    let mut over = brought(1, plain());
    over.contract.1.ends_at = Some(NOW);
    given::<Page>(&[]).when(&Command::Update(Box::new(over))).refused(&refusal::NOT_BROUGHT);
    let mut of_another = brought(2, plain());
    of_another.contract.0 = OTHER;
    let tie_up = [offered(1, None), updated(1)];
    given::<Page>(&tie_up).when(&Command::Update(Box::new(of_another))).refused(&refusal::PATH_TAKEN);
    given::<Page>(&[revised(1, 1)]).when(&write(2, Some(plain()))).refused(&refusal::PATH_TAKEN);
}

#[test]
fn where_the_manager_is_asked_a_revision_is_shown_after_a_yes_to_its_very_bytes() {
    let asked = terms(PageRights::Brand, Confirmation::Manager);
    given::<Page>(&[]).when(&update(1, asked)).becomes(&[offered(1, Some(SECS))]);
    let until = NOW.after(Duration::from_secs(SECS.into()));
    let held = Event::Held { revision: 1, sha256: content(1).sha256, until };
    given::<Page>(&[offered(1, Some(SECS))]).when(&fetched(1)).becomes(std::slice::from_ref(&held));
    let waiting = [offered(1, Some(SECS)), held];
    let page = || given::<Page>(&waiting);
    let answer = |revision, byte, agrees: bool| {
        let reason = (!agrees).then(|| "no".to_owned());
        Command::Answer { revision, sha256: content(byte).sha256, agrees, reason }
    };
    page().when(&answer(1, 1, true)).becomes(&[updated(1)]);
    page().when(&answer(2, 2, true)).refused(&refusal::NOT_ASKED);
    page().when(&answer(1, 2, true)).refused(&refusal::NOT_ASKED);
    let declined = |by, reason| Event::Declined { revision: 1, sha256: content(1).sha256, by, reason };
    page().when(&answer(1, 1, false)).becomes(&[declined(Decliner::Manager, Some("no".to_owned()))]);
    page().at(until).when(&answer(1, 1, true)).refused(&refusal::NOT_ASKED);
    page().when(&Command::TimeUp).refused(&problem::NOT_DUE);
    page().at(until).when(&Command::TimeUp).becomes(&[declined(Decliner::Deadline, None)]);
    // A newer one is asked about anew: a yes to the one before is none to it.
    let newer = [waiting.to_vec(), vec![offered(2, Some(SECS))]].concat();
    given::<Page>(&newer).when(&answer(1, 1, true)).refused(&refusal::NOT_ASKED);
}

#[test]
fn bytes_that_were_changed_are_named_once_and_fetched_again_where_the_main_site_has_them() {
    let looked = |found| Command::Looked { sha256: content(1).sha256, found };
    let [sound, other] = [content(1), content(9)].map(|content| content.sha256);
    let tie_up = [offered(1, None), updated(1), Event::Told { attempt: 2 }];
    let damaged = Event::Damaged { sha256: sound, found: Some(other) };
    given::<Page>(&tie_up).when(&looked(Some(sound))).refused(&problem::NOT_DUE);
    given::<Page>(&tie_up).when(&looked(Some(other))).becomes(std::slice::from_ref(&damaged));
    given::<Page>(&tie_up).when(&looked(None)).becomes(&[Event::Damaged { sha256: sound, found: None }]);
    let cracked = [tie_up.to_vec(), vec![damaged]].concat();
    given::<Page>(&cracked).when(&looked(Some(other))).refused(&problem::NOT_DUE);
    given::<Page>(&cracked).when(&fetched(4)).becomes(&[Event::Restored { sha256: sound }]);
    let refused = Command::CameOf { attempt: 4, refusal: Some("not-found".to_owned()) };
    given::<Page>(&cracked).when(&refused).refused(&problem::NO_OUTCOME);
    given::<Page>(&[revised(1, 1)]).when(&looked(None)).becomes(&[Event::Damaged { sha256: sound, found: None }]);
}

/// A site, in a world of its own.
struct Site {
    world: World,
    party: EntityId,
}

impl Site {
    fn new(party: u8) -> Self {
        let world = World::of(party);
        let party = world.secrets.party;
        Self { world, party }
    }

    fn ask(&mut self, family: Family, name: &'static str, id: Option<EntityId>, body: &Value) -> Value {
        self.world.ask(Caller::OPERATOR, (family, name, id), body).unwrap().1
    }

    /// Does at `other`, as a party of this role, what `key` owes it; gives the answer.
    fn tell(&mut self, other: &mut Self, role: Role, key: EntityKey) -> Value {
        let (owed, work) = self.world.owed(key).unwrap();
        assert_eq!(owed.to, other.party);
        let Work::Command { path, body } = work else { panic!("a command is owed, and not {work:?}") };
        let parts: Vec<&str> = path.split('/').skip(2).collect();
        let (family, name, id) = match parts[..] {
            [family] => (family, "open", None),
            [family, name] => (family, name, None),
            [family, id, name] => (family, name, Some(id.parse().unwrap())),
            _ => panic!("{path}"),
        };
        let family = Family::from_name(family).unwrap();
        let name = ["open", "accept", "update", "report"].into_iter().find(|known| *known == name).unwrap();
        let caller = Caller::of_peer(self.party, Roles::one(role));
        let body = serde_json::from_slice(&body).unwrap();
        let (status, answer) = other.world.ask(caller, (family, name, id), &body).unwrap();
        self.world.came_of(key, owed.attempt, status, &answer).unwrap();
        answer
    }
}

/// Two sites with a contract in force.
fn sites(pages: &Value) -> (Site, Site, EntityId) {
    let (mut main, mut partner) = (Site::new(1), Site::new(2));
    let key = json!({"use": "http", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    let peer =
        json!({"party": partner.party, "name": "b", "url": "http://b", "roles": ["partner_site"], "keys": [key]});
    main.ask(Family::Peers, "open", None, &peer);
    let mut terms = serde_json::to_value(Terms::sample()).unwrap();
    terms["pages"] = pages.clone();
    let body = json!({"partner": partner.party, "number": 1, "from": Time::default(), "terms": terms});
    let proposed = main.ask(Family::Contracts, "open", None, &body);
    let contract = contracts::id_of(main.party, partner.party);
    let key = EntityKey::of::<Contract>(contract);
    main.tell(&mut partner, Role::MainSite, key);
    let answer = json!({"number": 1, "sha256": proposed["sha256"]});
    partner.ask(Family::Contracts, "accept", Some(contract), &answer);
    partner.tell(&mut main, Role::PartnerSite, key);
    (main, partner, contract)
}

/// Shows B10, B13.
#[test]
fn a_revision_at_the_main_site_comes_to_be_shown_at_the_partners_and_both_know() {
    let (mut main, mut partner, contract) = sites(&json!({}));
    let bytes = content(5);
    main.world.blobs.push((bytes.sha256, bytes.size));
    let page = json!({"path": path(), "sha256": bytes.sha256, "media_type": "text/html", "tie_up": true});
    main.ask(Family::Pages, "open", None, &page);
    let Page::Own(own) = main.world.state::<Page>(id_of(main.party, &path())) else { panic!("it was written here") };
    let delivery = EntityKey::of::<PageDelivery>(page_deliveries::id_of(contract, &path()));
    let order: AnyCommand = Box::new(page_deliveries_request::Command::Order { contract, page: own });
    main.world.give(delivery, &order).unwrap();
    let answer = main.tell(&mut partner, Role::MainSite, delivery);
    assert_eq!((&answer["revision"], &answer["state"]), (&json!(1), &json!("fetching")));
    let copy = EntityKey::of::<Page>(id_of(partner.party, &path()));
    let shown = |site: &Site| site.world.state::<Page>(copy.id).shown().map(|shown| shown.content.clone());
    assert_eq!(shown(&partner), None);
    let (owed, work) = partner.world.owed(copy).unwrap();
    let Work::Fetch { path: at, capability, sha256, size } = work else { panic!("bytes are owed") };
    assert_eq!(main.world.secrets.capability(&capability), Some(delivery));
    let expected = format!("/v1/page-deliveries/{}/content/{}", delivery.id, bytes.sha256);
    assert_eq!((at, sha256, size), (expected, bytes.sha256.to_string(), bytes.size));
    assert!(!partner.world.text().contains(&capability) && !main.world.text().contains(&capability));
    partner.world.came_of(copy, owed.attempt, 200, &json!({})).unwrap();
    assert_eq!(shown(&partner), Some(bytes.clone()));
    partner.tell(&mut main, Role::PartnerSite, copy);
    let known = main.world.state::<PageDelivery>(delivery.id).known().unwrap().clone();
    assert_eq!((known.phase, known.applied), (page_deliveries::Phase::Applied, Some((1, bytes))));
    assert_eq!((main.world.owed(delivery), partner.world.owed(copy)), (None, None));
    for site in [main, partner] {
        site.world.replays();
    }
}

/// Shows B11.
#[test]
fn nobody_but_the_main_site_of_the_contract_brings_a_page() {
    let (main, mut partner, contract) = sites(&json!({}));
    let update = (Family::Pages, "update", None);
    let body = json!({
        "contract": contract, "delivery": id(8), "path": path(), "revision": 1, "content": content(5), "part": "content",
        "capability": "kpc_x",
    });
    let peer = |party, role| Caller::of_peer(party, Roles::one(role));
    let before = partner.world.records();
    assert_eq!(slug(partner.world.ask(peer(id(7), Role::MainSite), update, &body)), "forbidden");
    assert_eq!(slug(partner.world.ask(peer(main.party, Role::PartnerSite), update, &body)), "forbidden");
    assert_eq!(slug(partner.world.ask(Caller::OPERATOR, update, &body)), "forbidden");
    let mut elsewhere = body.clone();
    elsewhere["contract"] = json!(id(9));
    assert_eq!(slug(partner.world.ask(peer(main.party, Role::MainSite), update, &elsewhere)), "not-found");
    assert_eq!(partner.world.records(), before);
    partner.world.ask(peer(main.party, Role::MainSite), update, &body).unwrap();
}

#[test]
fn a_path_that_leaves_the_site_and_a_page_that_is_too_large_are_no_pages() {
    let mut site = Site::new(1);
    site.world.blobs.push((content(5).sha256, (16 << 20) + 1));
    let page = |path: &str| json!({"path": path, "sha256": content(5).sha256, "media_type": "text/html"});
    let open = (Family::Pages, "open", None);
    for path in ["../kippu.json", "/etc/passwd", "a/../../b", "", "a\nb"] {
        assert_eq!(slug(site.world.ask(Caller::OPERATOR, open, &page(path))), "invalid-body", "{path:?}");
    }
    assert_eq!(slug(site.world.ask(Caller::OPERATOR, open, &page("a.html"))), "invalid-body");
    assert_eq!(site.world.records(), 0);
}
