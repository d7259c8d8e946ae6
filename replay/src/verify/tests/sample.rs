//! A log in memory whose every byte a test may change, and a sample who fills it with an honest history.

use kippu_events::access::clients::{self, Client, Role};
use kippu_events::access::users::{self, Charging, LimitSource, Period, Policy, User};
use kippu_events::approvals::{self, Approval, Channel, Named, Purchase, RedeemRefusal};
use kippu_events::event::{AnyEvent, BodyWriter, Cause, EventId, Mac, Place, Typed};
use kippu_events::log::{
    Bound, Claim, Commit, Content, Entry, Genesis, Hash, Head, LogId, Page, ReadError, ReadLog, Record, Watch,
};
use kippu_events::money::{Currency, Minor};
use kippu_events::placement::placements::{self, Placement};
use kippu_events::secrets::{EncryptedField, TokenHash};
use kippu_events::{Entity, EntityId, EntityKey, Principal, Time};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use std::collections::HashMap;

pub(crate) const LOG: LogId = LogId([7; 16]);
pub(crate) const PARTITIONS: u16 = 3;

/// A log whose stored bytes lie open. No bytes at all are a gap.
#[derive(Clone)]
pub(crate) struct Tape(pub(crate) Vec<Vec<Vec<u8>>>);

impl ReadLog for Tape {
    fn id(&self) -> LogId {
        LOG
    }

    fn partitions(&self) -> u16 {
        u16::try_from(self.0.len()).unwrap()
    }

    fn end(&self, partition: u16) -> Result<u64, ReadError> {
        Ok(self.0[usize::from(partition)].len() as u64)
    }

    fn read(&self, partition: u16, offset: u64, bound: Bound) -> Result<Page, ReadError> {
        let stored = self.0[usize::from(partition)].iter().cloned();
        let entries = (0..).zip(stored).map(|(offset, stored)| Entry { offset, stored });
        let there = entries.skip(usize::try_from(offset).unwrap()).filter(|entry| !entry.stored.is_empty());
        Ok(Page { entries: there.take(bound.entries).collect() })
    }

    fn watch(&self, _watch: Watch) {}
}

impl Tape {
    /// Chains the records of `partition` from `from` on anew, numbers, claims and digests included, as a forger with
    /// this software would.
    pub(crate) fn rechain(&mut self, partition: u16, from: usize) {
        let records = &mut self.0[usize::from(partition)];
        let mut head = Head::at_genesis(Record::decode(&records[0]).unwrap().digest);
        for (number, stored) in (0..).zip(records.iter_mut()).skip(1) {
            let mut content = Record::decode(stored).map(|record| record.content).unwrap();
            let mut epoch = head.epoch;
            match &mut content {
                Content::Genesis(_) => panic!("a second genesis"),
                Content::Claim(claim) => epoch = claim.epoch,
                Content::Commit(commit) => (commit.number, commit.prev) = (number, head.hash),
                Content::Seal(seal) => (seal.number, seal.prev) = (number, head.hash),
            }
            let (bytes, _) = content.encode();
            let hash = Record::decode(&bytes).unwrap().hash(number, head.hash);
            head = Head { epoch, number, hash, sealed: false };
            if usize::try_from(number).unwrap() >= from {
                *stored = bytes;
            }
        }
    }

    /// Changes the body of a commit, and makes its digest fit.
    pub(crate) fn edit(&mut self, partition: u16, number: usize, change: impl FnOnce(String) -> String) {
        let stored = &mut self.0[usize::from(partition)][number];
        let Content::Commit(commit) = Record::decode(stored).unwrap().content else { panic!("not a commit") };
        let body = change(String::from_utf8(commit.body.to_vec()).unwrap());
        *stored = Content::Commit(Commit { body: body.as_bytes(), ..commit }).encode().0;
    }

    pub(crate) fn body(&self, partition: u16, number: usize) -> String {
        match Record::decode(&self.0[usize::from(partition)][number]).unwrap().content {
            Content::Commit(commit) => String::from_utf8(commit.body.to_vec()).unwrap(),
            Content::Genesis(_) | Content::Claim(_) | Content::Seal(_) => String::new(),
        }
    }

    /// The first record with this text in its body.
    pub(crate) fn find(&self, text: &str) -> (u16, usize) {
        for partition in 0..self.partitions() {
            for number in 0..self.0[usize::from(partition)].len() {
                if self.body(partition, number).contains(text) {
                    return (partition, number);
                }
            }
        }
        panic!("nothing says {text}")
    }
}

pub(crate) type Events = Vec<(EntityKey, Box<dyn AnyEvent>)>;

pub(crate) fn event<E: Entity>(id: EntityId, event: E::Event) -> (EntityKey, Box<dyn AnyEvent>) {
    (EntityKey::of::<E>(id), Box::new(Typed::<E>(event)))
}

/// Writes well-formed records, whatever they say.
pub(crate) struct SampleLog {
    pub(crate) tape: Tape,
    pub(crate) rng: StdRng,
    pub(crate) now: Time,
    /// Who acts, where it is not who can.
    pub(crate) by: Option<Principal>,
    /// Which event is answered.
    pub(crate) answers: Option<EventId>,
    heads: Vec<Head>,
    versions: HashMap<EntityKey, u64>,
    pub(crate) commands: u64,
}

impl SampleLog {
    pub(crate) fn new(seed: u64) -> Self {
        println!("seed {seed}");
        let mut sample = Self {
            tape: Tape(Vec::new()),
            rng: StdRng::seed_from_u64(seed),
            now: Time::from_micros(1_800_000_000_000_000),
            by: None,
            answers: None,
            heads: Vec::new(),
            versions: HashMap::new(),
            commands: 0,
        };
        for partition in 0..PARTITIONS {
            let (bytes, digest) = Content::Genesis(Genesis { log: LOG, partition, partitions: PARTITIONS }).encode();
            sample.tape.0.push(vec![bytes]);
            sample.heads.push(Head::at_genesis(digest));
            sample.claim(partition);
        }
        sample
    }

    pub(crate) fn id(&mut self) -> EntityId {
        EntityId::from_hash(&self.rng.random())
    }

    /// An id of this partition.
    fn id_in(&mut self, partition: usize) -> EntityId {
        loop {
            let id = self.id();
            if usize::from(id.slot().partition(PARTITIONS)) == partition {
                return id;
            }
        }
    }

    pub(crate) fn claim(&mut self, partition: u16) {
        let head = self.heads[usize::from(partition)];
        let claim = Claim { epoch: head.epoch + 1, nonce: [3; 16], node: "n".to_owned(), url: "u".to_owned() };
        let epoch = claim.epoch;
        self.store(partition, &Content::Claim(claim), epoch);
    }

    /// One record in the partition of its first event's entity.
    pub(crate) fn commit(&mut self, events: Events) -> (u16, u64) {
        let partition = events[0].0.id.slot().partition(PARTITIONS);
        (partition, self.commit_in(partition, events))
    }

    pub(crate) fn commit_in(&mut self, partition: u16, events: Events) -> u64 {
        let Head { epoch, number, hash, .. } = self.heads[usize::from(partition)];
        self.commands += 1;
        let mut command = [0; 16];
        command[..8].copy_from_slice(&self.commands.to_be_bytes());
        let principal = self.by.unwrap_or_else(|| actor(&*events[0].1));
        let cause = Cause { causation: self.answers, ..Cause::new(Mac(command), Mac([9; 16]), principal) };
        let number = number + 1;
        let mut body = BodyWriter::new(Place { log: &LOG, partition, number, time: self.now, cause: &cause });
        for (entity, event) in events {
            let version = self.versions.entry(entity).or_default();
            *version += 1;
            body.push(entity, *version, &*event);
        }
        // A pipelining writer: it knows less to be durable than it has written.
        let acked = number.saturating_sub(self.rng.random_range(1..4));
        let body = body.finish();
        self.store(partition, &Content::Commit(Commit { epoch, number, prev: hash, acked, body: &body }), epoch);
        number
    }

    fn store(&mut self, partition: u16, content: &Content<'_>, epoch: u64) {
        let head = &mut self.heads[usize::from(partition)];
        let (bytes, _) = content.encode();
        let number = head.number + 1;
        let hash = Record::decode(&bytes).unwrap().hash(number, head.hash);
        *head = Head { epoch, number, hash, sealed: false };
        self.tape.0[usize::from(partition)].push(bytes);
    }
}

/// Who alone can have done this.
fn actor(event: &dyn AnyEvent) -> Principal {
    let mut members = Vec::new();
    event.write_members(&mut members);
    let event: serde_json::Value =
        serde_json::from_str(&format!("{{{}}}", &str::from_utf8(&members).unwrap()[1..])).unwrap();
    let named = |who| event["data"][who].as_str().map(|id: &str| Principal::Client(id.parse().unwrap()));
    let by_the_node = || match (event["type"].as_str(), event["data"]["inquiry"]["told"].as_str()) {
        (Some("approval.expired"), _) | (_, Some("nothing")) => Some(Principal::Deadline),
        (_, Some(_)) => Some(Principal::Activity),
        (_, None) => None,
    };
    let who = by_the_node().or_else(|| named("settler")).or_else(|| named("terminal"));
    who.unwrap_or(Principal::Operator)
}

pub(crate) fn minor(units: u64) -> Minor {
    Minor::new(units).unwrap()
}

pub(crate) fn euro() -> Currency {
    "EUR".parse().unwrap()
}

pub(crate) fn registered(limit: u64, charging: Charging) -> users::Event {
    registered_as(LimitSource::Fixed, limit, charging)
}

pub(crate) fn registered_as(source: LimitSource, limit: u64, charging: Charging) -> users::Event {
    users::Event::Registered {
        login: EncryptedField { xchacha20poly1305: "c2VhbGVk".to_owned() },
        name: None,
        pin: None,
        source,
        limit: minor(limit),
        currency: euro(),
        charging,
        policy: Policy::Own,
        reference: None,
        points_rate_bp: 0,
        period: Period::None,
    }
}

pub(crate) fn issued(user: EntityId, amount: u64, expires_at: Time, limit: u64, used: u64) -> approvals::Event {
    approvals::Event::Issued {
        user,
        terminal: user,
        amount: minor(amount),
        currency: euro(),
        purchase: Purchase { description: Some("a book, \"new\"".to_owned()), quantity: Some(2) },
        offer: None,
        channel: Channel::Request,
        expires_at,
        token: TokenHash { key: 1, sha256: "aGFzaA".to_owned() },
        limit: minor(limit),
        used: minor(used),
        inquiry: None,
    }
}

pub(crate) fn redeemed(settler: EntityId, amount: u64) -> approvals::Event {
    approvals::Event::Redeemed { settler, amount: minor(amount), currency: euro(), offer: None }
}

pub(crate) fn settled(settler: EntityId, amount: u64) -> approvals::Event {
    let (settled_at, contents) = (None, Vec::new());
    approvals::Event::Settled { settler, amount: minor(amount), currency: euro(), settled_at, contents }
}

pub(crate) fn given_back(amount: u64, total: u64) -> approvals::Event {
    approvals::Event::Refunded { amount: minor(amount), currency: euro(), total: minor(total) }
}

pub(crate) fn reserved(approval: EntityId, amount: u64) -> users::Event {
    users::Event::AmountReserved { approval, amount: minor(amount) }
}

pub(crate) fn released(approval: EntityId, amount: u64) -> users::Event {
    users::Event::AmountReleased { approval, amount: minor(amount) }
}

pub(crate) fn charged(approval: EntityId, reserved: u64, amount: u64) -> users::Event {
    users::Event::AmountCharged { approval, reserved: minor(reserved), amount: minor(amount) }
}

pub(crate) fn refunded(approval: EntityId, amount: u64) -> users::Event {
    users::Event::AmountRefunded { approval, amount: minor(amount), of_earlier_period: false }
}

pub(crate) fn redeem_refused(settler: EntityId, reason: RedeemRefusal) -> approvals::Event {
    approvals::Event::RedeemRefused { settler, reason, named: Named::default() }
}

/// An honest history of `records` commits: every family, every end an approval can have, claims between, and users in
/// each partition.
pub(crate) fn honest(seed: u64, records: usize) -> Tape {
    let mut sample = SampleLog::new(seed);
    let settler = sample.id();
    let key = TokenHash { key: 1, sha256: "a2V5".to_owned() };
    let opened = clients::Event::Opened { role: Role::Settler, name: "s".to_owned(), user: None, key: key.clone() };
    sample.commit(vec![event::<Client>(settler, opened)]);
    sample.commit(vec![event::<Client>(settler, clients::Event::KeyRolled { counter: 1, key })]);
    let place = sample.id();
    sample.commit(vec![event::<Placement>(place, placements::Event::Opened { label: "l".to_owned() })]);
    let mut users = Vec::new();
    while sample.commands < records as u64 {
        sample.now = Time::from_micros(sample.now.micros() + sample.rng.random_range(0..1000));
        if users.len() < 8 {
            let user = sample.id_in(users.len() % usize::from(PARTITIONS));
            let charging = if users.len() % 2 == 0 { Charging::AtPermission } else { Charging::AtSettlement };
            sample.commit(vec![event::<User>(user, registered(1_000_000, charging))]);
            users.push((user, charging, 0_u64));
        } else {
            let pick = sample.rng.random_range(0..users.len());
            purchase(&mut sample, settler, &mut users[pick]);
            if sample.rng.random_ratio(1, 10) {
                let partition = sample.rng.random_range(0..PARTITIONS);
                sample.claim(partition);
            }
        }
    }
    super::settlements::honest(&mut sample);
    super::partners::honest(&mut sample);
    super::sales::honest(&mut sample);
    sample.tape
}

/// One approval from its request to one of its ends.
fn purchase(sample: &mut SampleLog, settler: EntityId, (user, charging, used): &mut (EntityId, Charging, u64)) {
    let (user, charging) = (*user, *charging);
    let approval = sample.id().in_slot(user.slot());
    let amount: u64 = sample.rng.random_range(0..1000);
    let ends = Time::from_micros(sample.now.micros() + 500);
    let one = |event_of| vec![event::<Approval>(approval, event_of)];
    let with = |event_of, user_event| vec![event::<Approval>(approval, event_of), event::<User>(user, user_event)];
    sample.commit(with(issued(user, amount, ends, 1_000_000, *used), reserved(approval, amount)));
    if sample.rng.random_ratio(1, 8) {
        sample.commit(with(approvals::Event::Released { settler }, released(approval, amount)));
        sample.commit(one(redeem_refused(settler, RedeemRefusal::Released)));
        return;
    }
    if sample.rng.random_ratio(1, 5) {
        sample.now = ends;
        sample.commit(with(approvals::Event::Expired {}, released(approval, amount)));
        sample.commit(one(redeem_refused(settler, RedeemRefusal::Expired)));
        return;
    }
    let at_permission = charging == Charging::AtPermission;
    if at_permission {
        sample.commit(with(redeemed(settler, amount), charged(approval, amount, amount)));
    } else {
        sample.commit(one(redeemed(settler, amount)));
    }
    sample.commit(one(redeem_refused(settler, RedeemRefusal::AlreadyRedeemed)));
    if sample.rng.random_ratio(1, 5) {
        let back = if at_permission { refunded(approval, amount) } else { released(approval, amount) };
        sample.commit(with(approvals::Event::Revoked {}, back));
        return;
    }
    let price = sample.rng.random_range(0..=amount);
    *used += price;
    match (at_permission, amount - price) {
        (true, 0) => sample.commit(one(settled(settler, price))),
        (true, rest) => sample.commit(with(settled(settler, price), refunded(approval, rest))),
        (false, _) => sample.commit(with(settled(settler, price), charged(approval, amount, price))),
    };
    let back = price / 3;
    if back > 0 && sample.rng.random_ratio(1, 3) {
        for total in [back, 2 * back] {
            sample.commit(with(given_back(back, total), refunded(approval, back)));
        }
        *used -= 2 * back;
    }
}

/// A seed from the environment, or a new one; printed by [`SampleLog::new`].
pub(crate) fn seed() -> u64 {
    std::env::var("KIPPU_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random)
}

/// The hash of no record.
pub(crate) const NOWHERE: Hash = Hash([0xee; 32]);
