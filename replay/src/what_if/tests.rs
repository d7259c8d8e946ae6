//! Decisions taken again: none is otherwise under the limits that there were; under others, arithmetic says what comes out.

use kippu_events::access::users::{self, Charging, LimitSource, Policy, Reference, User};
use kippu_events::approvals::{self, Approval, Inquiry, Purchase, RequestRefusal, Told};
use kippu_events::secrets::{EncryptedField, TokenHash};
use kippu_events::{EntityId, Time};
use rand::Rng as _;

use super::{Change, NotASetting, NotDecided, Options, Report, Setting, Sum, Total, Turned, what_if};
use crate::verify::tests::sample::{
    Events, SampleLog, charged, euro, event, given_back, issued, minor, redeemed, refunded, registered_as, released,
    reserved, seed, settled,
};
use crate::verify::{self, verify};

/// A user who buys, and whose approvals are decided as a node does: within the limit, counting what is reserved.
struct Buyer {
    user: EntityId,
    charging: Charging,
    limit: u64,
    used: u64,
}

/// An approval that was given.
#[derive(Clone, Copy)]
struct Given {
    id: EntityId,
    amount: u64,
}

struct Story {
    sample: SampleLog,
    settler: EntityId,
}

impl Story {
    fn new() -> Self {
        let mut sample = SampleLog::new(seed());
        let settler = sample.id();
        Self { sample, settler }
    }

    fn buyer(&mut self, charging: Charging, limit: u64) -> Buyer {
        self.buyer_as(charging, limit, |_| {})
    }

    fn buyer_as(&mut self, charging: Charging, limit: u64, change: impl FnOnce(&mut users::Event)) -> Buyer {
        let user = self.sample.id();
        let mut registered = registered_as(LimitSource::Fixed, limit, charging);
        change(&mut registered);
        self.sample.commit(vec![event::<User>(user, registered)]);
        Buyer { user, charging, limit, used: 0 }
    }

    fn ends(&self) -> Time {
        Time::from_micros(self.sample.now.micros() + 1_000_000)
    }

    /// What happens to an approval, and to its user.
    fn tell(&mut self, id: EntityId, happened: approvals::Event, buyer: &Buyer, of_user: Option<users::Event>) {
        let mut events: Events = vec![event::<Approval>(id, happened)];
        events.extend(of_user.map(|happened| event::<User>(buyer.user, happened)));
        self.sample.commit(events);
    }

    fn buys(&mut self, buyer: &mut Buyer, amount: u64) -> Option<Given> {
        let id = self.sample.id().in_slot(buyer.user.slot());
        if buyer.used + amount > buyer.limit {
            let refused = refused(buyer, amount, RequestRefusal::LimitExceeded, None);
            self.tell(id, refused, buyer, None);
            return None;
        }
        let given = issued(buyer.user, amount, self.ends(), buyer.limit, buyer.used);
        self.tell(id, given, buyer, Some(reserved(id, amount)));
        buyer.used += amount;
        Some(Given { id, amount })
    }

    fn settles(&mut self, buyer: &mut Buyer, Given { id, amount }: Given, price: u64) {
        let at_permission = buyer.charging == Charging::AtPermission;
        self.tell(id, redeemed(self.settler, amount), buyer, at_permission.then(|| charged(id, amount, amount)));
        let moved = match (at_permission, amount - price) {
            (false, _) => Some(charged(id, amount, price)),
            (true, 0) => None,
            (true, rest) => Some(refunded(id, rest)),
        };
        self.tell(id, settled(self.settler, price), buyer, moved);
        buyer.used -= amount - price;
    }

    fn revokes(&mut self, buyer: &mut Buyer, Given { id, amount }: Given) {
        self.tell(id, approvals::Event::Revoked {}, buyer, Some(released(id, amount)));
        buyer.used -= amount;
    }

    fn gives_back(&mut self, buyer: &mut Buyer, Given { id, .. }: Given, amount: u64) {
        self.tell(id, given_back(amount, amount), buyer, Some(refunded(id, amount)));
        buyer.used -= amount;
    }

    /// The next month begins for these, of whom nothing is reserved.
    fn begins_anew<'a>(&mut self, buyers: impl IntoIterator<Item = &'a mut Buyer>) {
        self.sample.now = self.sample.now.next_month();
        for buyer in buyers {
            let next = self.sample.now.next_month();
            let begun = users::Event::PeriodBegun { charged_before: minor(buyer.used), next };
            self.sample.commit(vec![event::<User>(buyer.user, begun)]);
            buyer.used = 0;
        }
    }

    fn what_if(&self, set: &[&str]) -> Result<Report, NotDecided> {
        let report = verify(&self.sample.tape, &verify::Options::default());
        assert!(report.sound, "{report}");
        let set: Vec<Setting> = set.iter().map(|setting| setting.parse().unwrap()).collect();
        what_if(&self.sample.tape, &Options { set: &set, threads: 2, progress: &|_| {} })
    }

    /// The sums under these limits; those of euros alone.
    fn total(&self, set: &[&str]) -> Total {
        self.what_if(set).unwrap().sums.remove(&euro()).unwrap()
    }
}

fn refused(buyer: &Buyer, amount: u64, reason: RequestRefusal, inquiry: Option<Inquiry>) -> approvals::Event {
    let (user, amount, currency, purchase) = (buyer.user, minor(amount), euro(), Purchase::default());
    approvals::Event::Refused { user, amount, currency, purchase, offer: None, reason, inquiry }
}

const fn sum(count: u64, amount: u64) -> Sum {
    Sum { count, amount }
}

/// What was, what would have been.
#[track_caller]
fn comes_to(total: &Total, [permitted, refused, would_be, would_not]: [(u64, u64); 4]) {
    let decided = [total.before.permitted, total.before.refused, total.after.permitted, total.after.refused];
    assert_eq!(
        decided,
        [permitted, refused, would_be, would_not].map(|(count, amount)| sum(count, amount)),
        "{total:?}"
    );
}

/// Shows F27.
#[test]
fn under_the_limits_that_there_were_nothing_is_decided_otherwise() {
    let mut story = Story::new();
    let mut buyers: Vec<_> = (0..6)
        .map(|n| story.buyer(if n % 2 == 0 { Charging::AtPermission } else { Charging::AtSettlement }, 500))
        .collect();
    for _ in 0..600 {
        let pick = story.sample.rng.random_range(0..buyers.len());
        let buyer = &mut buyers[pick];
        let amount = story.sample.rng.random_range(0..400);
        let Some(given) = story.buys(buyer, amount) else {
            if story.sample.rng.random_ratio(1, 40) {
                story.begins_anew(&mut buyers);
            }
            continue;
        };
        if story.sample.rng.random_ratio(1, 4) {
            story.revokes(buyer, given);
            continue;
        }
        let price = story.sample.rng.random_range(0..=amount);
        story.settles(buyer, given, price);
        if story.sample.rng.random_ratio(1, 4) {
            let back = story.sample.rng.random_range(0..=price);
            story.gives_back(buyer, given, back);
        }
    }
    let total = story.total(&["limits=5.00"]);
    assert!(total.before.permitted.count > 50 && total.before.refused.count > 50, "{total:?}");
    assert_eq!((total.turned, total.change, total.otherwise), (Turned::default(), Change::default(), 0), "{total:?}");
}

/// Shows F27.
#[test]
fn what_is_settled_in_full_comes_to_what_another_limit_had_decided() {
    for charging in [Charging::AtPermission, Charging::AtSettlement] {
        let mut story = Story::new();
        let mut buyer = story.buyer(charging, 1000);
        let amounts: Vec<u64> = (0..80).map(|_| story.sample.rng.random_range(0..120)).collect();
        for amount in &amounts {
            if let Some(given) = story.buys(&mut buyer, *amount) {
                story.settles(&mut buyer, given, *amount);
            }
        }
        for limit in [0, 1, 500, 999, 1000, 1001, 2000, 9999] {
            let (mut used, mut permitted, mut refused) = (0, Sum::default(), Sum::default());
            for amount in &amounts {
                let one = sum(1, *amount);
                if used + amount <= limit {
                    used += amount;
                    permitted.add(one);
                } else {
                    refused.add(one);
                }
            }
            let set = format!("limits={}.{:02}", limit / 100, limit % 100);
            let total = story.total(&[&set]);
            assert_eq!((total.after.permitted, total.after.refused), (permitted, refused), "{set} {total:?}");
            let signed = i128::from(permitted.amount) - i128::from(total.before.permitted.amount);
            assert_eq!(total.change.permitted.amount, signed, "{set}");
            assert_eq!(total.change.refused.amount, -signed, "{set}");
        }
    }
}

#[test]
fn what_was_let_go_settled_for_less_or_given_back_leaves_room_and_what_would_be_refused_does_too() {
    let mut story = Story::new();
    let mut buyer = story.buyer(Charging::AtSettlement, 100);
    let given = story.buys(&mut buyer, 60).unwrap();
    story.settles(&mut buyer, given, 20);
    let other = story.buys(&mut buyer, 50).unwrap();
    story.revokes(&mut buyer, other);
    assert!(story.buys(&mut buyer, 90).is_none());
    story.gives_back(&mut buyer, given, 5);
    assert!(story.buys(&mut buyer, 86).is_none());
    let before = [(2, 110), (2, 176)];
    comes_to(&story.total(&["limits=1.09"]), [before[0], before[1], (3, 196), (1, 90)]);
    comes_to(&story.total(&["limits=1.10"]), [before[0], before[1], (3, 200), (1, 86)]);
    // The first is refused, and none of what became of it counts.
    comes_to(&story.total(&["limits=0.59"]), [before[0], before[1], (1, 50), (3, 236)]);
}

#[test]
fn charges_add_up_within_a_period() {
    let mut story = Story::new();
    let mut buyer = story.buyer(Charging::AtPermission, 100);
    for _ in 0..2 {
        let given = story.buys(&mut buyer, 60).unwrap();
        story.settles(&mut buyer, given, 60);
        assert!(story.buys(&mut buyer, 50).is_none());
        story.begins_anew([&mut buyer]);
    }
    comes_to(&story.total(&["limits=1.10"]), [(2, 120), (2, 100), (4, 220), (0, 0)]);
    comes_to(&story.total(&["limits=0.55"]), [(2, 120), (2, 100), (2, 100), (2, 120)]);
}

#[test]
fn what_a_reference_told_counts_and_what_it_was_not_asked_is_not_known() {
    let party = EntityId::from_hash(&[4; 32]);
    let of_policy = |its: Policy| {
        move |registered: &mut users::Event| {
            if let users::Event::Registered { policy, reference, .. } = registered {
                let number = EncryptedField { xchacha20poly1305: "AQ".to_owned() };
                (*policy, *reference) = (its, Some(Box::new(Reference { party, number })));
            }
        }
    };
    // The limit first, so nobody was asked.
    let mut story = Story::new();
    let mut buyer = story.buyer_as(Charging::AtSettlement, 100, of_policy(Policy::Both));
    assert!(story.buys(&mut buyer, 150).is_none());
    let total = story.total(&["limits=2.00"]);
    assert_eq!((total.after.not_known, total.otherwise), (sum(1, 150), 1), "{total:?}");
    comes_to(&story.total(&["limits=1.00"]), [(0, 0), (1, 150), (0, 0), (1, 150)]);

    // The reference first: what it told is known.
    for (told, reason, turns) in
        [(Told::Good, RequestRefusal::LimitExceeded, true), (Told::Bad, RequestRefusal::CreditRefused, false)]
    {
        let mut story = Story::new();
        let buyer = story.buyer_as(Charging::AtSettlement, 100, of_policy(Policy::Reference));
        let id = story.sample.id().in_slot(buyer.user.slot());
        let pending = approvals::Event::Pending {
            user: buyer.user,
            terminal: buyer.user,
            amount: minor(150),
            currency: euro(),
            purchase: Purchase::default(),
            offer: None,
            channel: approvals::Channel::Request,
            expires_in_secs: 900,
            token: TokenHash { key: 1, sha256: "aGFzaA".to_owned() },
            reserved: minor(0),
            limit: minor(100),
            used: minor(0),
            reference: party,
            number: EncryptedField { xchacha20poly1305: "AQ".to_owned() },
            until: story.ends(),
        };
        story.tell(id, pending, &buyer, None);
        let inquiry = Some(Inquiry { party, told, limit: None });
        story.tell(id, refused(&buyer, 150, reason, inquiry), &buyer, None);
        let after = if turns { [(1, 150), (0, 0)] } else { [(0, 0), (1, 150)] };
        comes_to(&story.total(&["limits=2.00"]), [(0, 0), (1, 150), after[0], after[1]]);
        comes_to(&story.total(&["limits=1.49"]), [(0, 0), (1, 150), (0, 0), (1, 150)]);
    }
}

#[test]
fn a_setting_is_for_one_user_or_for_all_whose_limit_the_operator_sets() {
    let mut story = Story::new();
    let mut one = story.buyer(Charging::AtSettlement, 100);
    let mut other = story.buyer(Charging::AtSettlement, 100);
    let mut prepaid = story.buyer_as(Charging::AtSettlement, 100, |registered| {
        if let users::Event::Registered { source, .. } = registered {
            *source = LimitSource::Prepaid;
        }
    });
    for buyer in [&mut one, &mut other, &mut prepaid] {
        assert!(story.buys(buyer, 101).is_none());
    }
    let named = format!("limits={}:1.01", one.user);
    let report = story.what_if(&[&named]).unwrap();
    let turned: Vec<_> = report.users.iter().filter(|user| user.turned.permitted.count > 0).map(|it| it.user).collect();
    assert_eq!((turned, report.kept), (vec![one.user], 0));
    let report = story.what_if(&[&named, "limits=0.50", "limits=1.01"]).unwrap();
    assert_eq!((report.sums[&euro()].turned.permitted, report.kept), (sum(2, 202), 1));
    assert_eq!(report.users.len(), 3);
    let said = report.text(1).to_string();
    assert!(said.contains("2 refusals turn into permissions") && said.contains("and 1 more users"), "{said}");
    assert!(said.contains("what people would have done"), "{said}");
}

#[test]
fn what_cannot_be_set_is_refused() {
    for text in ["limit=1", "limits", "limits=", "limits=-1", "limits=1,00", "limits=1e3", "tariffs=1"] {
        assert!(text.parse::<Setting>().is_err(), "{text}");
    }
    assert_eq!("limits=me:1.00".parse::<Setting>(), Err(NotASetting::User));
    let mut story = Story::new();
    story.buyer(Charging::AtSettlement, 100);
    let refused = story.what_if(&["limits=1.001"]).unwrap_err();
    assert!(matches!(refused, NotDecided::Amount { .. }), "{refused}");
}

#[test]
fn a_history_that_is_damaged_gives_no_answer() {
    let mut story = Story::new();
    let mut buyer = story.buyer(Charging::AtSettlement, 100);
    story.buys(&mut buyer, 50);
    let (partition, number) = story.sample.tape.find("approval.issued");
    story.sample.tape.0[usize::from(partition)][number].pop();
    let set = ["limits=1.00".parse().unwrap()];
    let read = what_if(&story.sample.tape, &Options { set: &set, threads: 1, progress: &|_| {} });
    assert!(matches!(read, Err(NotDecided::Unreadable(error)) if error.is_damage()));
}
