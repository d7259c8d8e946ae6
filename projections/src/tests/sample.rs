//! A seeded sample: users, approvals in every phase, clients, and the samples of every other family, as commands in a plausible order.

use std::collections::{BTreeSet, HashMap};

use kippu_events::access::clients::{self, Client, Role};
use kippu_events::access::users::{self, Charging, LimitSource, Period, Policy, User};
use kippu_events::approvals::offer_content::OfferItem;
use kippu_events::approvals::{
    self, Approval, Channel, Inquiry, Named, Offered, Purchase, RedeemRefusal, RequestRefusal, Told,
};
use kippu_events::event::{AnyEvent, BodyWriter, Cause, Mac, Place, Typed, read_body};
use kippu_events::log::LogId;
use kippu_events::money::{Currency, Minor};
use kippu_events::secrets::{EncryptedField, PinVerifier, TokenHash};
use kippu_events::{EntityId, EntityKey, Family, Principal, Time};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

mod purchases;

/// One command's events.
pub(crate) struct Beat {
    pub partition: u16,
    pub time: Time,
    pub principal: Principal,
    pub events: Vec<(EntityKey, u64, Box<dyn AnyEvent>)>,
}

impl Beat {
    /// The body of the record that it is, as record `number`.
    pub(crate) fn body(&self, log: &LogId, number: u64) -> Vec<u8> {
        let cause = Cause::new(Mac::default(), Mac::default(), self.principal);
        let place = Place { log, partition: self.partition, number, time: self.time, cause: &cause };
        let mut body = BodyWriter::new(place);
        for (entity, version, event) in &self.events {
            body.push(*entity, *version, &**event);
        }
        body.finish()
    }
}

pub(crate) struct SampleHistory {
    pub partitions: u16,
    pub users: Vec<EntityId>,
    pub settlers: Vec<EntityId>,
    pub terminals: Vec<EntityId>,
    /// So many turns of other families there were.
    turns: usize,
    /// Entities of other families, with the samples that have not happened to them yet.
    others: Vec<(EntityKey, Vec<Box<dyn AnyEvent>>)>,
    shops: Vec<EntityId>,
    pub approvals: Vec<(EntityId, EntityId, State)>,
    versions: HashMap<EntityKey, u64>,
    rng: StdRng,
    clock: i64,
    ids: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    Over,
    Pending,
    Issued,
    Redeemed(EntityId),
    Settled(EntityId),
}

/// 2026-11-21T09:30:00Z.
pub(crate) const BEGIN: i64 = 1_795_253_400_000_000;
const STEP_MICROS: i64 = 3_600_000_000;

pub(crate) fn minor(units: u64) -> Minor {
    Minor::new(units).expect("an amount")
}

pub(crate) fn euro() -> Currency {
    "EUR".parse().expect("a currency")
}

pub(crate) fn token() -> TokenHash {
    TokenHash { key: 1, sha256: "h".repeat(43) }
}

impl SampleHistory {
    pub(crate) fn new(seed: u64, partitions: u16) -> Self {
        Self {
            partitions,
            users: Vec::new(),
            settlers: Vec::new(),
            terminals: Vec::new(),
            turns: 0,
            others: Vec::new(),
            shops: Vec::new(),
            approvals: Vec::new(),
            versions: HashMap::new(),
            rng: StdRng::seed_from_u64(seed),
            clock: BEGIN,
            ids: 0,
        }
    }

    fn fresh_id(&mut self) -> EntityId {
        self.ids += 1;
        let mut hash = [0; 32];
        self.rng.fill(&mut hash);
        EntityId::from_hash(&hash)
    }

    fn event<E: kippu_events::Entity>(&mut self, id: EntityId, event: E::Event) -> (EntityKey, u64, Box<dyn AnyEvent>) {
        let key = EntityKey::of::<E>(id);
        let version = self.versions.entry(key).or_insert(0);
        *version += 1;
        (key, *version, Box::new(Typed::<E>(event)))
    }

    fn beat(&mut self, id: EntityId, events: Vec<(EntityKey, u64, Box<dyn AnyEvent>)>) -> Beat {
        self.clock += STEP_MICROS;
        let principal = self.terminals.first().map_or(Principal::Operator, |terminal| Principal::Client(*terminal));
        Beat { partition: id.slot().partition(self.partitions), time: Time::from_micros(self.clock), principal, events }
    }

    pub(crate) fn register(&mut self) -> Beat {
        let id = self.fresh_id();
        let encrypted = |text: &str| EncryptedField { xchacha20poly1305: text.to_owned() };
        let event = users::Event::Registered {
            login: encrypted("encrypted-login"),
            name: Some(encrypted("encrypted-name")),
            pin: Some(PinVerifier { pepper: 1, argon2id: "verifier".to_owned() }),
            source: LimitSource::Fixed,
            limit: minor(100_000),
            currency: euro(),
            charging: Charging::AtSettlement,
            policy: Policy::Own,
            reference: None,
            points_rate_bp: 0,
            period: Period::Month,
        };
        self.users.push(id);
        let next = Time::from_micros(self.clock).next_month();
        let events = vec![
            self.event::<User>(id, event),
            self.event::<User>(id, users::Event::PeriodBegun { charged_before: Minor::ZERO, next }),
        ];
        self.beat(id, events)
    }

    pub(crate) fn client(&mut self, role: Role, user: Option<EntityId>) -> Beat {
        let id = self.fresh_id();
        let event = clients::Event::Opened { role, name: format!("{role:?}"), user, key: token() };
        match role {
            Role::Settler => self.settlers.push(id),
            Role::Terminal => self.terminals.push(id),
            Role::Shop => self.shops.push(id),
            Role::Operator
            | Role::Auditor
            | Role::Authenticator
            | Role::Reference
            | Role::MainSite
            | Role::PartnerSite
            | Role::Subscriber
            | Role::Guest => {}
        }
        let event = self.event::<Client>(id, event);
        self.beat(id, vec![event])
    }

    /// What comes next of an entity of any other family, by its samples.
    fn other(&mut self) -> Beat {
        let has_scenes = [Family::Users, Family::Clients, Family::Approvals];
        let others: Vec<Family> = Family::ALL.into_iter().filter(|family| !has_scenes.contains(family)).collect();
        // In turn, so that each has its share of a history.
        let family = others[self.turns % others.len()];
        self.turns += 1;
        if self.others.iter().filter(|(key, _)| key.family == family).count() < 5 {
            let id = self.fresh_id();
            self.others.push((EntityKey { family, id }, family.samples()));
        }
        let of_family: Vec<usize> =
            (0..self.others.len()).filter(|which| self.others[*which].0.family == family).collect();
        let which = of_family[self.rng.random_range(0..of_family.len())];
        let (key, events) = &mut self.others[which];
        let (key, event) = (*key, events.remove(0));
        if events.is_empty() {
            self.others.remove(which);
        }
        let version = self.versions.entry(key).or_insert(0);
        *version += 1;
        let event = (key, *version, event);
        self.beat(key.id, vec![event])
    }

    /// What a user does apart from purchases.
    fn account(&mut self, user: EntityId) -> Beat {
        let (limit, currency) = (minor(100_000), euro());
        let (amount, of_earlier_period) = (Minor::ZERO, true);
        let hours = u64::try_from(self.clock / STEP_MICROS).unwrap_or_default();
        // In a long history, and never one of the first users, whom tests ask for.
        let may_be_forgotten = self.approvals.len() > 40 && !self.users[..4].contains(&user);
        let event = match self.rng.random_range(0..9) {
            8 if may_be_forgotten => users::Event::Forgotten {},
            0 => users::Event::LimitChanged { limit, before: limit, currency, approval: None },
            1 => users::Event::Credited { amount, limit, currency, approval: None },
            2 => users::Event::AmountRefunded { approval: user, amount, of_earlier_period },
            4 => users::Event::PointsTakenBack { approval: user, amount, limit, currency },
            5 => users::Event::Suspended {},
            6 => users::Event::Resumed {},
            7 if hours % 2 == 0 => users::Event::Charged {
                category: users::Category::Line,
                amount: minor(hours % 2_000 + 1),
                currency,
                note: Some("=1+1".to_owned()),
                takes_back: hours % 8 == 0,
            },
            3 => users::Event::PinRefused { locked_until: None },
            _ => users::Event::PinAccepted {},
        };
        let event = self.event::<User>(user, event);
        self.beat(user, vec![event])
    }

    /// A shop gets a key, another one, or none.
    fn shop(&mut self) -> Beat {
        if self.shops.len() < 2 {
            return self.client(Role::Shop, None);
        }
        let id = self.shops.remove(0);
        let event = if self.rng.random() {
            self.shops.push(id);
            clients::Event::KeyRolled { counter: 1, key: token() }
        } else {
            clients::Event::Revoked {}
        };
        let event = self.event::<Client>(id, event);
        self.beat(id, vec![event])
    }

    /// What happens next.
    pub(crate) fn next(&mut self) -> Beat {
        if self.users.len() < 4 {
            return self.register();
        }
        if self.settlers.len() < 2 {
            return self.client(Role::Settler, None);
        }
        if self.terminals.is_empty() {
            return self.client(Role::Terminal, Some(self.users[0]));
        }
        let user = self.users[self.rng.random_range(0..self.users.len())];
        let settler = self.settlers[self.rng.random_range(0..self.settlers.len())];
        let which = self.rng.random_range(0..self.approvals.len().max(1));
        match self.rng.random_range(0..20) {
            0 => self.register(),
            1 => self.refuse(user),
            2 | 3 => self.other(),
            4 => self.account(user),
            5 => self.shop(),
            6..=8 => self.issue(user, 10),
            9 => self.ask(user, 10),
            10..=19 => match self.approvals.get(which).map(|approval| approval.2) {
                Some(State::Pending) => self.told(which),
                Some(State::Issued) if self.rng.random_ratio(1, 5) => self.collect(which),
                Some(State::Issued) if self.rng.random() => self.redeem(which, settler),
                Some(State::Over) if self.rng.random() => self.redeem(which, settler),
                Some(State::Issued | State::Redeemed(_)) => self.finish(which),
                Some(State::Settled(_)) if self.rng.random_ratio(1, 5) => self.give_back(which),
                Some(State::Settled(_) | State::Over) | None => self.issue(user, 10),
            },
            _ => self.issue(user, 10),
        }
    }
}

/// Shows F37.
#[test]
fn the_sample_has_every_kind_of_event() {
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../events/golden/events");
    let files = std::fs::read_dir(golden).expect("golden files");
    let names = files.map(|file| file.expect("a file").file_name().into_string().expect("a name"));
    let mut untold: BTreeSet<String> = names.filter_map(|name| Some(name.rsplitn(3, '.').nth(2)?.to_owned())).collect();
    assert!(untold.contains("approval.issued"), "{untold:?}");
    let mut sample = SampleHistory::new(super::seed(), 2);
    // Families take turns, and some have many kinds.
    for _ in 0..100_000 {
        if untold.is_empty() {
            break;
        }
        for event in read_body(&sample.next().body(&LogId([0; 16]), 1)).expect("events") {
            untold.remove(event.kind);
        }
    }
    assert!(untold.is_empty(), "the sample does not tell {untold:?}");
}
