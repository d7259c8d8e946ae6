//! Whether a tariff is sound: every fault of it, with a JSON Pointer (RFC 6901) to the place.

use std::collections::BTreeMap;

use super::classes::{Disorder, Range, disorders};
use super::fraction::Decimal;
use super::rules::{Effect, Exceeding, Factor, RatioRate, Reward, Shown, ShownBy, Transactions};
use super::tariff::{By, Class, Rule, Tariff};

/// A fault and its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {fault}")]
pub struct Finding {
    /// The JSON Pointer to the place in the tariff, as `/rules/2/by/size/classes/1/from`.
    pub at: String,
    /// What is wrong there.
    pub fault: Fault,
}

/// What is wrong with a tariff. Whoever wrote it changes the place that the finding points to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum Fault {
    #[error("an id has 1 to 64 lower-case letters, digits and hyphens, and is not minimum or maximum")]
    NotAnId,
    #[error("contradicts {0}, which rules the same")]
    Contradicts(String),
    #[error("there is no class")]
    NoClass,
    #[error("the first class begins at 0")]
    NotFromZero,
    #[error("boundaries rise from class to class")]
    OutOfOrder,
    #[error("overlaps the class before it, which has to end where this one begins")]
    Overlap,
    #[error("leaves a gap after the class before it")]
    Gap,
    #[error("the last class has no end")]
    NoLast,
    #[error("is more than 1")]
    AboveOne,
    #[error("is negative")]
    Negative,
    #[error("more attraction would cost more: {0}")]
    AttractionCosts(&'static str),
    #[error("a period is 1 to 31 days")]
    NotAPeriod,
    #[error("there is no rule of this id")]
    NoSuchRule,
    #[error("is below the minimum")]
    BelowMinimum,
    #[error("has more than {MOST} entries")]
    TooMany,
}

/// Entries of any list of a tariff: more than any contract has, few enough to check at once.
const MOST: usize = 1_000;

impl Tariff {
    /// Every fault of the tariff; [`compute`](super::compute()) takes only those without.
    #[must_use]
    pub fn check(&self) -> Vec<Finding> {
        let mut check = Check::default();
        check.few("/rules", self.rules.len());
        check.few("/factors", self.factors.len());
        for (index, rule) in self.rules.iter().enumerate() {
            check.rule(&format!("/rules/{index}"), rule);
        }
        for (index, factor) in self.factors.iter().enumerate() {
            check.factor(&format!("/factors/{index}"), factor, &self.rules);
        }
        if let Some(limits) = self.limits
            && limits.maximum.is_some_and(|maximum| limits.minimum.is_some_and(|minimum| maximum < minimum))
        {
            check.found("/limits/maximum", Fault::BelowMinimum);
        }
        check.findings
    }
}

#[derive(Default)]
struct Check {
    findings: Vec<Finding>,
    /// What is ruled, and where.
    ruled: BTreeMap<String, String>,
}

impl Check {
    fn found(&mut self, at: impl Into<String>, fault: Fault) {
        self.findings.push(Finding { at: at.into(), fault });
    }

    fn few(&mut self, at: &str, count: usize) {
        if count > MOST {
            self.found(at, Fault::TooMany);
        }
    }

    fn id(&mut self, at: &str, id: &str) {
        let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !(1..=64).contains(&id.len()) || !id.bytes().all(is_letter) || ["minimum", "maximum"].contains(&id) {
            self.found(at, Fault::NotAnId);
        }
    }

    /// Notes that `what` is ruled at `at`; a second place that rules it is a contradiction.
    fn once(&mut self, at: &str, what: String) {
        match self.ruled.get(&what) {
            Some(before) => self.found(at, Fault::Contradicts(before.clone())),
            None => {
                self.ruled.insert(what, at.to_owned());
            }
        }
    }

    fn positive(&mut self, at: &str, number: Decimal) {
        if number < Decimal::ZERO {
            self.found(at, Fault::Negative);
        }
    }

    fn rate(&mut self, at: &str, rate: Decimal) {
        self.positive(at, rate);
        if rate > Decimal::ONE {
            self.found(at, Fault::AboveOne);
        }
    }

    fn classes<R: Range>(&mut self, at: &str, classes: &[R]) {
        self.few(at, classes.len());
        for (index, bound, disorder) in disorders(classes) {
            let at = index.map_or_else(|| at.to_owned(), |index| format!("{at}/{index}/{bound}"));
            let fault = match disorder {
                Disorder::Empty => Fault::NoClass,
                Disorder::NotFromZero => Fault::NotFromZero,
                Disorder::OutOfOrder => Fault::OutOfOrder,
                Disorder::Overlap => Fault::Overlap,
                Disorder::Gap => Fault::Gap,
                Disorder::NoLast => Fault::NoLast,
            };
            self.found(at, fault);
        }
    }

    /// That `values` of the lists' entries never go the wrong way; `rises` says whether they may only rise or only fall.
    fn trend<T: PartialOrd>(&mut self, at: &str, field: &str, values: &[T], rises: bool, why: &'static str) {
        for (index, pair) in values.windows(2).enumerate() {
            let is_wrong = if rises { pair[1] < pair[0] } else { pair[1] > pair[0] };
            if is_wrong {
                self.found(format!("{at}/{}/{field}", index + 1), Fault::AttractionCosts(why));
            }
        }
    }

    fn rule(&mut self, at: &str, rule: &Rule) {
        self.id(&format!("{at}/id"), &rule.id);
        self.once(&format!("{at}/id"), format!("id {}", rule.id));
        let by = |kind: &str| format!("{at}/by/{kind}");
        match &rule.by {
            By::Type(prices) => {
                self.once(at, "type".to_owned());
                self.few(&by("type"), prices.len());
                for (index, price) in prices.iter().enumerate() {
                    self.once(&format!("{}/{index}/parts", by("type")), format!("parts {:?}", price.parts));
                }
            }
            By::Options(options) => {
                self.few(&by("options"), options.len());
                for (index, option) in options.iter().enumerate() {
                    let at = format!("{}/{index}/id", by("options"));
                    self.id(&at, &option.id);
                    self.once(&at, format!("option {}", option.id));
                }
            }
            By::Size(size) => {
                let at_classes = by("size/classes");
                self.once(at, format!("size {:?}", size.of));
                self.classes(&at_classes, &size.classes);
                match size.of {
                    Class::Tieup => {}
                    Class::Original => {
                        let amounts: Vec<_> = size.classes.iter().map(|class| class.amount).collect();
                        self.trend(&at_classes, "amount", &amounts, false, "more original information");
                    }
                }
            }
            By::Ratio(ratio) => {
                self.once(at, "ratio".to_owned());
                self.rate(&by("ratio/none"), ratio.none);
                match &ratio.rate {
                    RatioRate::Linear(_) => {}
                    RatioRate::Classes(classes) => {
                        let at = by("ratio/rate/classes");
                        self.classes(&at, classes);
                        for (index, class) in classes.iter().enumerate() {
                            self.rate(&format!("{at}/{index}/from"), class.from);
                        }
                        let amounts: Vec<_> = classes.iter().map(|class| class.amount).collect();
                        self.trend(&at, "amount", &amounts, true, "a lower tie-up share");
                    }
                }
            }
            By::Exceeding(exceeding) => self.exceeding(at, &by("exceeding"), exceeding),
            By::Contribution(contribution) => {
                self.once(at, "contribution".to_owned());
                match contribution.reward {
                    Reward::Each(each) => self.positive(&by("contribution/reward/each"), each),
                    Reward::Share(share) => self.rate(&by("contribution/reward/share"), share),
                }
            }
            By::Advertisements(shown) => {
                self.once(at, "advertisements".to_owned());
                self.shown(&by("advertisements"), shown);
            }
            By::Visits(visits) => {
                self.once(at, "visits".to_owned());
                self.positive(&by("visits/each"), visits.each);
                if visits.effect == Effect::Charge {
                    self.found(by("visits/effect"), Fault::AttractionCosts("more visitors"));
                }
            }
            By::Purchases(purchases) => {
                self.once(at, "purchases".to_owned());
                self.positive(&by("purchases/each"), purchases.each);
            }
            By::Transactions(transactions) => {
                self.once(at, "transactions".to_owned());
                self.transactions(&by("transactions/supply"), transactions);
            }
        }
    }

    fn exceeding(&mut self, rule: &str, at: &str, exceeding: &Exceeding) {
        self.once(rule, format!("exceeding {:?} {:?}", exceeding.counts, exceeding.every_days));
        if exceeding.every_days.is_some_and(|days| !(1..=31).contains(&days)) {
            self.found(format!("{at}/every_days"), Fault::NotAPeriod);
        }
        let steps = format!("{at}/steps");
        self.few(&steps, exceeding.steps.len());
        for (index, pair) in exceeding.steps.windows(2).enumerate() {
            if pair[1].over <= pair[0].over {
                self.found(format!("{steps}/{}/over", index + 1), Fault::OutOfOrder);
            }
        }
        let amounts: Vec<_> = exceeding.steps.iter().map(|step| step.amount).collect();
        self.trend(&steps, "amount", &amounts, true, "more accesses");
    }

    fn shown(&mut self, at: &str, shown: &Shown) {
        let is_share = shown.by == ShownBy::Income;
        let mut number =
            |at: String, number| if is_share { self.rate(&at, number) } else { self.positive(&at, number) };
        if let Some(rate) = shown.main {
            number(format!("{at}/main"), rate);
        }
        if let Some(charge) = &shown.partner {
            number(format!("{at}/partner/rate"), charge.rate);
            match charge.at_most_share {
                Some(share) => self.rate(&format!("{at}/partner/at_most_share"), share),
                None if shown.by == ShownBy::Impressions => {
                    let why = "more impressions, without a bound by their income (at_most_share)";
                    self.found(format!("{at}/partner"), Fault::AttractionCosts(why));
                }
                None => {}
            }
        }
    }

    fn transactions(&mut self, at: &str, transactions: &Transactions) {
        self.classes(at, &transactions.supply);
        for (index, supply) in transactions.supply.iter().enumerate() {
            let at = format!("{at}/{index}/demand");
            self.classes(&at, &supply.demand);
            for (index, demand) in supply.demand.iter().enumerate() {
                self.rate(&format!("{at}/{index}/rate"), demand.rate);
            }
            let rates: Vec<_> = supply.demand.iter().map(|demand| demand.rate).collect();
            self.trend(&at, "rate", &rates, false, "more demand");
        }
    }

    fn factor(&mut self, at: &str, factor: &Factor, rules: &[Rule]) {
        self.id(&format!("{at}/id"), &factor.id);
        self.once(&format!("{at}/id"), format!("id {}", factor.id));
        let classes = format!("{at}/classes");
        self.classes(&classes, &factor.classes);
        for (index, class) in factor.classes.iter().enumerate() {
            self.rate(&format!("{classes}/{index}/factor"), class.factor);
        }
        let factors: Vec<_> = factor.classes.iter().map(|class| class.factor).collect();
        self.trend(&classes, "factor", &factors, false, "a higher measure");
        self.few(&format!("{at}/rules"), factor.rules.len());
        for (index, id) in factor.rules.iter().enumerate() {
            let at = format!("{at}/rules/{index}");
            self.once(&at, format!("factor {} on {id}", factor.id));
            match rules.iter().find(|rule| rule.id == *id) {
                None => self.found(at, Fault::NoSuchRule),
                Some(rule) if credits(&rule.by) => {
                    self.found(at, Fault::AttractionCosts("a higher measure would lower a credit"));
                }
                Some(_) => {}
            }
        }
    }
}

/// Whether a rule can lower the fee.
fn credits(by: &By) -> bool {
    match by {
        By::Type(_) | By::Options(_) | By::Size(_) | By::Ratio(_) | By::Transactions(_) => false,
        By::Exceeding(_) | By::Contribution(_) | By::Visits(_) => true,
        By::Advertisements(shown) => shown.main.is_some(),
        By::Purchases(purchases) => purchases.effect == Effect::Credit,
    }
}
