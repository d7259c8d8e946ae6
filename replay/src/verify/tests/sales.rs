//! Stocks and collections that say what must not be.

use kippu_events::EntityId;
use kippu_events::Principal;
use kippu_events::partners::collections::{self, Account, Charge, Collection, moved};
use kippu_events::partners::stocks::{self, Stock};

use super::sample::{SampleLog, Tape, euro, event, minor, seed};
use crate::check::Rule;
use crate::verify::{Options, verify};

/// A stock of ten, three of them reserved for a request, and a sale that is to be collected.
struct Scene {
    sample: SampleLog,
    stock: EntityId,
    request: EntityId,
    sale: EntityId,
}

impl Scene {
    fn new() -> Self {
        Self::within(SampleLog::new(seed()))
    }

    fn within(mut sample: SampleLog) -> Self {
        let [stock, request, sale] = [sample.id(), sample.id(), sample.id()];
        let mut scene = Self { sample, stock, request, sale };
        scene.stock_is(stocks::Event::Received { article: "a".to_owned(), quantity: 10 });
        scene.stock_is(scene.reserved(3));
        scene.sale_is(scene.charged(250));
        scene
    }

    fn stock_is(&mut self, happened: stocks::Event) -> (u16, u64) {
        self.sample.commit(vec![event::<Stock>(self.stock, happened)])
    }

    fn sale_is(&mut self, happened: collections::Event) -> (u16, u64) {
        self.sample.commit(vec![event::<Collection>(self.sale, happened)])
    }

    fn reserved(&self, quantity: u32) -> stocks::Event {
        stocks::Event::Reserved { request: self.request, quantity }
    }

    fn sold(&self, quantity: u32) -> stocks::Event {
        stocks::Event::Sold { request: self.request, quantity }
    }

    fn released(&self, quantity: u32) -> stocks::Event {
        stocks::Event::Released { request: self.request, quantity }
    }

    fn charge(&self) -> Charge {
        Charge {
            contract: self.request,
            reference: "sale".to_owned(),
            prepaid: false,
            at: self.sample.now,
            paid: minor(1_999),
            charge: minor(250),
            currency: euro(),
        }
    }

    /// A charge of 250 whose postings say `due`.
    fn charged(&self, due: u64) -> collections::Event {
        let postings =
            [moved(Account::Cash, Account::Sales, minor(1_749)), moved(Account::Cash, Account::MainSite, minor(due))];
        collections::Event::Charged { charge: self.charge(), to: Some(self.stock), postings: postings.concat() }
    }

    /// What `forge` adds breaks this rule, where it was added and nowhere else.
    fn found(rule: Rule, forge: impl Fn(&mut Self) -> (u16, u64)) {
        let mut scene = Self::new();
        let (partition, number) = forge(&mut scene);
        let report = verify(&scene.sample.tape, &Options::default());
        assert!(!report.sound && report.totals.damaged == 0, "{report}");
        let walked = &report.partitions[usize::from(partition)];
        assert!(walked.first_breaches.iter().any(|breach| breach.rule == rule), "{rule}: {report}");
        assert!(walked.first_breaches.iter().all(|breach| breach.number == number), "{report}");
    }
}

fn transferred(amount: u64) -> collections::Event {
    collections::Event::Transferred { postings: moved(Account::MainSite, Account::Cash, minor(amount)).to_vec() }
}

/// A history that breaks `rule`.
pub(super) fn broken(rule: Rule) -> (Tape, (u16, u64)) {
    let mut scene = Scene::new();
    let place = if rule == Rule::StockKept {
        scene.stock_is(stocks::Event::Removed { quantity: 8 })
    } else if rule == Rule::StockOnce {
        scene.stock_is(scene.sold(3));
        scene.stock_is(scene.released(3))
    } else {
        scene.sale_is(transferred(249))
    };
    (scene.sample.tape, place)
}

/// An honest sale, in the history of `sample`.
pub(super) fn honest(sample: &mut SampleLog) {
    let mut scene = Scene::within(std::mem::replace(sample, SampleLog::new(1)));
    scene.stock_is(scene.sold(3));
    scene.stock_is(stocks::Event::Removed { quantity: 7 });
    scene.sale_is(transferred(250));
    *sample = scene.sample;
}

#[test]
fn what_is_sold_once_and_collected_once_holds() {
    let mut sample = SampleLog::new(seed());
    honest(&mut sample);
    let report = verify(&sample.tape, &Options::default());
    assert!(report.sound, "{report}");
}

#[test]
fn a_stock_that_is_sold_twice_or_beyond_what_there_is_is_found() {
    Scene::found(Rule::StockKept, |scene| {
        scene.request = scene.sample.id();
        scene.stock_is(scene.reserved(8))
    });
    Scene::found(Rule::StockOnce, |scene| scene.stock_is(scene.sold(2)));
    Scene::found(Rule::StockOnce, |scene| {
        scene.stock_is(scene.released(3));
        scene.stock_is(scene.sold(3))
    });
    Scene::found(Rule::StockOnce, |scene| scene.stock_is(scene.reserved(1)));
}

#[test]
fn postings_that_do_not_add_up_or_come_twice_are_found() {
    Scene::found(Rule::Postings, |scene| {
        scene.sale = scene.sample.id();
        scene.sale_is(scene.charged(249))
    });
    Scene::found(Rule::Postings, |scene| scene.sale_is(scene.charged(250)));
    Scene::found(Rule::Postings, |scene| {
        scene.sale_is(transferred(250));
        scene.sale_is(transferred(250))
    });
    Scene::found(Rule::Principal, |scene| {
        let (from, charge) = (scene.stock, scene.charge());
        scene.sale = scene.sample.id();
        scene.sample.by = Some(Principal::Operator);
        let postings = moved(Account::Cash, Account::Partners, minor(250)).to_vec();
        scene.sale_is(collections::Event::Received { from, charge, postings })
    });
}
