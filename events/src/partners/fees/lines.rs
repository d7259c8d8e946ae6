//! The lines of each kind of rule: the inputs, the formula in words, and the exact amount.

use std::collections::{BTreeMap, BTreeSet};

use num_traits::Zero as _;

use super::classes;
use super::compute::{Context, FeeError};
use super::fraction::{Exact, part, text, whole};
use super::rules::{
    Contribution, Counted, Effect, Exceeding, OptionPrice, PerPurchase, PerVisit, Ratio, RatioRate, Reward, Size,
    Transactions, TypePrice, Unit, VisitUnit,
};
use super::statement::Input;
use super::tally::Sum;
use super::tariff::{By, Class};
use crate::money::Minor;

mod shown;

/// A line before factors and rounding.
pub(super) struct Draft {
    /// Which of a rule's lines it is, where there are several.
    pub of: Option<String>,
    pub text: Option<String>,
    pub inputs: Vec<Input>,
    pub formula: String,
    pub exact: Exact,
}

impl Draft {
    fn new(inputs: Vec<Input>, formula: impl Into<String>, exact: Exact) -> Self {
        Self { of: None, text: None, inputs, formula: formula.into(), exact }
    }

    fn of(self, of: impl Into<String>, text: impl Into<String>) -> Self {
        Self { of: Some(of.into()), text: Some(text.into()), ..self }
    }
}

/// An input that the tariff or the calendar gives.
pub(super) fn given(name: impl Into<String>, value: impl ToString) -> Input {
    Input { name: name.into(), sources: BTreeSet::new(), value: value.to_string() }
}

const BY_DAYS: &str = " × days charged ÷ days of the month";

impl Context<'_> {
    /// What a rule by `by` gives.
    pub(super) fn drafts(&self, by: &By) -> Result<Vec<Draft>, FeeError> {
        match by {
            By::Type(prices) => self.partnership(prices).map(|draft| vec![draft]),
            By::Options(options) => Ok(self.options(options)),
            By::Size(size) => Ok(vec![self.size(size)]),
            By::Ratio(ratio) => Ok(vec![self.ratio(ratio)]),
            By::Exceeding(exceeding) => Ok(vec![self.exceeding(exceeding)]),
            By::Contribution(contribution) => Ok(vec![self.contribution(contribution)]),
            By::Advertisements(shown) => Ok(self.advertisements(shown)),
            By::Visits(visits) => Ok(vec![self.visits(visits)]),
            By::Purchases(purchases) => Ok(vec![self.purchases(purchases)]),
            By::Transactions(transactions) => self.transactions(transactions),
        }
    }

    /// A price of a month, by days.
    fn monthly(&self, mut inputs: Vec<Input>, price: Minor, formula: &str) -> Draft {
        inputs.push(given("price", price));
        inputs.extend(self.days());
        Draft::new(inputs, format!("{formula}{BY_DAYS}"), whole(price.units()) * self.share())
    }

    fn partnership(&self, prices: &[TypePrice]) -> Result<Draft, FeeError> {
        let mut types = self.facts.partnership.iter().map(|record| &record.parts);
        let parts = types.next().cloned().unwrap_or_default();
        if types.any(|other| *other != parts) {
            return Err(FeeError::TwoTypes { part: self.part });
        }
        let price = prices.iter().find(|price| price.parts == parts);
        let price = price.ok_or(FeeError::NoPrice { part: self.part })?.amount;
        let names: Vec<String> = parts.iter().map(|part| format!("{part:?}").to_lowercase()).collect();
        let mut input = given("parts inherited", names.join(" "));
        input.sources = self.facts.partnership.iter().filter_map(|record| record.source.clone()).collect();
        Ok(self.monthly(vec![input], price, "price of the type"))
    }

    fn options(&self, options: &[OptionPrice]) -> Vec<Draft> {
        let mut drafts = Vec::new();
        for option in options {
            let mut bought = self.facts.options.iter().filter(|bought| bought.option == option.id).peekable();
            if bought.peek().is_none() {
                continue;
            }
            let sources = bought.filter_map(|bought| bought.source.clone()).collect();
            let input = Input { name: "option bought".to_owned(), sources, value: option.id.clone() };
            let draft = self.monthly(vec![input], option.amount, "price of the option");
            drafts.push(draft.of(&option.id, &option.text));
        }
        drafts
    }

    fn size(&self, size: &Size) -> Draft {
        let mut sum = Sum::default();
        for volume in self.facts.volume.iter().filter(|volume| volume.class == size.of) {
            let count = match size.unit {
                Unit::Bytes => volume.bytes,
                Unit::Pages => volume.pages,
            };
            sum.add(count, volume.source.as_ref());
        }
        let unit = match size.unit {
            Unit::Bytes => "bytes",
            Unit::Pages => "pages",
        };
        let price = classes::find(&size.classes, &sum.exact(), &whole(1)).map_or(Minor::ZERO, |class| class.amount);
        self.monthly(vec![sum.input(format!("{} {unit}", name(size.of)))], price, "price of the class of the amount")
    }

    fn ratio(&self, ratio: &Ratio) -> Draft {
        let tieup = self.tally.accesses(Counted::Tieup, |_| true);
        let original = self.tally.accesses(Counted::Original, |_| true);
        let all = tieup.count.saturating_add(original.count);
        let share = if all == 0 { ratio.none.exact() } else { part(tieup.count, all) };
        let mut inputs = vec![
            tieup.input("accesses to tie-up pages"),
            original.input("accesses to original pages"),
            given("tie-up share", text(&share)),
        ];
        match &ratio.rate {
            RatioRate::Linear(price) => {
                let draft = self.monthly(inputs, *price, "price × tie-up share");
                Draft { exact: draft.exact * share, ..draft }
            }
            RatioRate::Classes(table) => {
                let class = classes::find(table, &share, &whole(1));
                inputs.extend(class.map(|class| given("class from", class.from)));
                self.monthly(inputs, class.map_or(Minor::ZERO, |class| class.amount), "price of the class of the share")
            }
        }
    }

    fn exceeding(&self, exceeding: &Exceeding) -> Draft {
        let (mut inputs, mut exact) = (Vec::new(), Exact::zero());
        for period in self.stretch.periods(exceeding.every_days) {
            let sum = self.tally.accesses(exceeding.counts, |day| period.has(day));
            let share = part(period.days, period.nominal);
            let exceeded = exceeding.steps.iter().rev().find(|step| sum.exact() > whole(step.over) * &share);
            let days = format!("days {} to {}", period.first, period.last);
            inputs.push(sum.input(format!("accesses, {days}")));
            inputs.push(given(format!("days charged of {}, {days}", period.nominal), period.days));
            let Some(step) = exceeded else { continue };
            inputs.push(given(format!("threshold exceeded, {days}"), step.over));
            inputs.push(given(format!("discount, {days}"), step.amount));
            exact -= whole(step.amount.units()) * share;
        }
        let formula = "− sum over periods of the discount whose threshold × days charged ÷ days of a period is exceeded, \
                       × days charged ÷ days of a period";
        Draft::new(inputs, formula, exact)
    }

    fn contribution(&self, contribution: &Contribution) -> Draft {
        let popular_over = whole(contribution.popular_over) * self.share();
        let window_us = i64::from(contribution.window_minutes) * 60_000_000;
        let (mut pages, mut count, mut amount) = (BTreeMap::new(), Sum::default(), Sum::default());
        for purchase in &self.facts.purchases {
            let Some(referral) = &purchase.referral else { continue };
            let Some(accesses) = self.tally.original(&referral.page) else { continue };
            let after_us = purchase.at.micros().checked_sub(referral.at.micros());
            if accesses.exact() > popular_over && after_us.is_some_and(|after| (0..=window_us).contains(&after)) {
                pages.insert(referral.page.as_str(), accesses);
                count.add(1, purchase.source.as_ref());
                amount.add(purchase.amount.units(), purchase.source.as_ref());
            }
        }
        let mut inputs: Vec<Input> =
            pages.iter().map(|(page, accesses)| accesses.input(format!("accesses to {page}"))).collect();
        inputs.push(given("popular over", contribution.popular_over));
        inputs.extend(self.days());
        inputs.push(given("window in minutes", contribution.window_minutes));
        match contribution.reward {
            Reward::Each(each) => {
                inputs.extend([count.input("purchases from popular pages"), given("for each", each)]);
                Draft::new(inputs, "− purchases from popular pages × for each", -(count.exact() * each.exact()))
            }
            Reward::Share(share) => {
                inputs.extend([amount.input("amount of purchases from popular pages"), given("share", share)]);
                Draft::new(
                    inputs,
                    "− amount of purchases from popular pages × share",
                    -(amount.exact() * share.exact()),
                )
            }
        }
    }

    fn visits(&self, visits: &PerVisit) -> Draft {
        let (mut sum, what) = match visits.of {
            VisitUnit::Visits => (Sum::default(), "visits"),
            VisitUnit::Visitors => (Sum::default(), "visiting users"),
        };
        for record in &self.facts.visits {
            let count = match visits.of {
                VisitUnit::Visits => record.visits,
                VisitUnit::Visitors => record.visitors,
            };
            sum.add(count, record.source.as_ref());
        }
        let (sign, amount) = signed(visits.effect, sum.exact() * visits.each.exact());
        Draft::new(vec![sum.input(what), given("for each", visits.each)], format!("{sign}{what} × for each"), amount)
    }

    fn purchases(&self, rule: &PerPurchase) -> Draft {
        let (mut sum, each, mut exact) = (Sum::default(), rule.each.exact(), Exact::zero());
        for purchase in &self.facts.purchases {
            sum.add(1, purchase.source.as_ref());
            exact += match rule.effect {
                Effect::Credit => each.clone(),
                Effect::Charge => each.clone().min(whole(purchase.amount.units())),
            };
        }
        let (sign, exact) = signed(rule.effect, exact);
        let bound = match rule.effect {
            Effect::Credit => "",
            Effect::Charge => ", but none more than the purchase's amount",
        };
        let formula = format!("{sign}purchases × for each{bound}");
        Draft::new(vec![sum.input("purchases"), given("for each", rule.each)], formula, exact)
    }

    fn transactions(&self, transactions: &Transactions) -> Result<Vec<Draft>, FeeError> {
        let mut sold: BTreeMap<&str, Sum<'_>> = BTreeMap::new();
        for purchase in &self.facts.purchases {
            sold.entry(&purchase.good).or_default().add(purchase.amount.units(), purchase.source.as_ref());
        }
        let draft = |(good, amount): (&str, Sum<'_>)| {
            let no_good = || FeeError::NoSuchGood { part: self.part, good: good.to_owned() };
            let (offered, demanded) = self.tally.goods.get(good).ok_or_else(no_good)?;
            let supply = classes::find(&transactions.supply, &offered.exact(), &self.share());
            let demand = supply.and_then(|supply| classes::find(&supply.demand, &demanded.exact(), &self.share()));
            // A checked tariff has a class for every quantity.
            let rate = demand.map_or(super::Decimal::ZERO, |demand| demand.rate);
            let mut inputs =
                vec![amount.input("amount of purchases"), offered.input("offered"), demanded.input("demanded")];
            inputs.extend(self.days());
            inputs.push(given("rate", rate));
            let formula = "amount of purchases × rate of the classes of supply and demand";
            Ok(Draft::new(inputs, formula, amount.exact() * rate.exact()).of(good, good))
        };
        sold.into_iter().map(draft).collect()
    }
}

fn signed(effect: Effect, exact: Exact) -> (&'static str, Exact) {
    match effect {
        Effect::Charge => ("", exact),
        Effect::Credit => ("− ", -exact),
    }
}

fn name(class: Class) -> &'static str {
    match class {
        Class::Tieup => "tie-up",
        Class::Original => "original",
    }
}
