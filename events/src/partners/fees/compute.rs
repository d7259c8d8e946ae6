//! From facts to a statement: each stretch by its own version of the terms, each line rounded once.

use std::collections::BTreeSet;

use num_bigint::BigInt;
use num_traits::{ToPrimitive as _, Zero as _};

use super::check::Finding;
use super::classes;
use super::facts::{Adjustment, Facts};
use super::fraction::{Exact, part, text, whole};
use super::lines::{Draft, given};
use super::rules::{Factor, FactorBy};
use super::statement::{Input, Line, Part, Statement};
use super::stretch::Stretch;
use super::tally::{Sum, Tally};
use super::tariff::{By, Limits, Rule, Tariff};
use crate::money::Minor;

/// Why there is no statement. `part` is the place in what was given, from 0. Nothing was computed in any of these cases.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum FeeError {
    #[error("there is no stretch to rate")]
    NoPart,
    #[error("part {part} is not a stretch of a month")]
    NotAStretch { part: usize },
    #[error("part {part} does not follow the one before it within the same month")]
    NotInOrder { part: usize },
    #[error("part {part} is in another currency than the first")]
    OtherCurrency { part: usize },
    #[error("the tariff of part {part} has {} faults", .findings.len())]
    Unsound { part: usize, findings: Vec<Finding> },
    #[error("the facts of part {part} name two types of partnership")]
    TwoTypes { part: usize },
    #[error("the tariff of part {part} has no price for the partnership's type")]
    NoPrice { part: usize },
    #[error("the tariff of part {part} has no price for the option {option}")]
    NoSuchOption { part: usize, option: String },
    #[error("the facts of part {part} have no supply of the good {good}")]
    NoSuchGood { part: usize, good: String },
    #[error("accesses to {page} in part {part} are of another month")]
    OutsideMonth { part: usize, page: String },
    #[error("purchase {purchase} in part {part} was at another time")]
    OutsideStretch { part: usize, purchase: String },
    #[error("purchase {purchase} in part {part} was counted before")]
    Twice { part: usize, purchase: String },
    #[error("the amount of {rule} in part {part} is out of bounds")]
    OutOfBounds { part: usize, rule: String },
}

/// The statement for a month, whose parts MUST follow one another in time. A part that no terms cover is left out.
///
/// The same parts give the same statement, byte for byte, in whatever order and however split the facts of a part are.
///
/// # Errors
/// See [`FeeError`].
pub fn compute(parts: &[(Stretch, &Tariff, &Facts)]) -> Result<Statement, FeeError> {
    let Some((first, tariff, _)) = parts.first() else { return Err(FeeError::NoPart) };
    let currency = tariff.currency;
    let mut ahead: Option<&Stretch> = None;
    let mut purchases = BTreeSet::new();
    let mut statement = Statement { currency, lines: Vec::new(), parts: Vec::new(), total: 0 };
    for (index, (stretch, tariff, facts)) in parts.iter().enumerate() {
        if !stretch.is_sound() {
            return Err(FeeError::NotAStretch { part: index });
        }
        if !stretch.has(first.first_day) || !ahead.is_none_or(|ahead| follows(ahead, stretch)) {
            return Err(FeeError::NotInOrder { part: index });
        }
        ahead = Some(stretch);
        if tariff.currency != currency {
            return Err(FeeError::OtherCurrency { part: index });
        }
        let findings = tariff.check();
        if !findings.is_empty() {
            return Err(FeeError::Unsound { part: index, findings });
        }
        admit(index, stretch, tariff, facts, &mut purchases)?;
        let context = Context { part: index, stretch, facts, tally: Tally::of(facts) };
        context.rate(tariff, &mut statement.lines)?;
        context.adjust(&mut statement.lines)?;
        statement.parts.push(Part {
            days: stretch.days,
            first_day: stretch.first_day,
            from: stretch.from,
            month_days: stretch.month_days(),
            tariff: tariff.version.clone(),
            until: stretch.until,
        });
    }
    let total: i128 = statement.lines.iter().map(|line| i128::from(line.amount)).sum();
    let total = i64::try_from(total).ok().filter(|total| total.unsigned_abs() <= Minor::MOST);
    let last = parts.len() - 1;
    statement.total = total.ok_or_else(|| FeeError::OutOfBounds { part: last, rule: "total".to_owned() })?;
    Ok(statement)
}

fn follows(ahead: &Stretch, next: &Stretch) -> bool {
    let end = ahead.first_day.day().unsigned_abs().saturating_add(ahead.days);
    let is_later = ahead.days == 0 || next.days == 0 || end <= next.first_day.day().unsigned_abs();
    ahead.until <= next.from && is_later
}

/// Refuses facts that are of another time, or counted before, or have no price.
fn admit<'a>(
    part: usize,
    stretch: &Stretch,
    tariff: &Tariff,
    facts: &'a Facts,
    purchases: &mut BTreeSet<&'a str>,
) -> Result<(), FeeError> {
    if let Some(access) = facts.accesses.iter().find(|access| !stretch.has(access.day)) {
        return Err(FeeError::OutsideMonth { part, page: access.page.clone() });
    }
    for purchase in &facts.purchases {
        if purchase.at < stretch.from || purchase.at >= stretch.until {
            return Err(FeeError::OutsideStretch { part, purchase: purchase.id.clone() });
        }
        if !purchases.insert(&purchase.id) {
            return Err(FeeError::Twice { part, purchase: purchase.id.clone() });
        }
    }
    let has_price = |option: &str| {
        tariff.rules.iter().any(|rule| match &rule.by {
            By::Options(options) => options.iter().any(|priced| priced.id == option),
            By::Type(_) | By::Size(_) | By::Ratio(_) | By::Exceeding(_) | By::Contribution(_) => false,
            By::Advertisements(_) | By::Visits(_) | By::Purchases(_) | By::Transactions(_) => false,
        })
    };
    match facts.options.iter().find(|bought| !has_price(&bought.option)) {
        Some(bought) => Err(FeeError::NoSuchOption { part, option: bought.option.clone() }),
        None => Ok(()),
    }
}

/// What the lines of one part are computed from.
pub(super) struct Context<'a> {
    pub part: usize,
    pub stretch: &'a Stretch,
    pub facts: &'a Facts,
    pub tally: Tally<'a>,
}

impl Context<'_> {
    /// The share of the month that is charged.
    pub(super) fn share(&self) -> Exact {
        part(self.stretch.days, self.stretch.month_days())
    }

    /// The two inputs that the share is of.
    pub(super) fn days(&self) -> [Input; 2] {
        [given("days charged", self.stretch.days), given("days of the month", self.stretch.month_days())]
    }

    fn rate(&self, tariff: &Tariff, lines: &mut Vec<Line>) -> Result<(), FeeError> {
        let begin = lines.len();
        for rule in &tariff.rules {
            for mut draft in self.drafts(&rule.by)? {
                for factor in tariff.factors.iter().filter(|factor| factor.rules.contains(&rule.id)) {
                    self.multiply(&mut draft, factor);
                }
                lines.push(self.line(rule, draft)?);
            }
        }
        let sum: i128 = lines.iter().skip(begin).map(|line| i128::from(line.amount)).sum();
        self.limit(tariff.limits, sum.into(), lines)
    }

    /// Lowers a line by a factor, before it is rounded: of two rounded amounts, one could fall and their sum rise.
    fn multiply(&self, draft: &mut Draft, factor: &Factor) {
        let month = whole(1);
        let (name, sum, share) = match &factor.by {
            FactorBy::Objective(name) => (name.clone(), self.objective(name), month),
            FactorBy::Accesses(counted) => {
                ("accesses".to_owned(), self.tally.accesses(*counted, |_| true), self.share())
            }
        };
        let Some(class) = classes::find(&factor.classes, &sum.exact(), &share) else { return };
        draft.inputs.push(sum.input(format!("{name} (decides {})", factor.id)));
        draft.inputs.push(given(format!("factor {}", factor.id), class.factor));
        draft.formula.push_str(&format!(" × factor {}", factor.id));
        draft.exact *= class.factor.exact();
    }

    fn objective(&self, name: &str) -> Sum<'_> {
        let mut sum = Sum::default();
        for objective in self.facts.objective.iter().filter(|objective| objective.name == name) {
            sum.add(objective.value, objective.source.as_ref());
        }
        sum
    }

    fn line(&self, rule: &Rule, draft: Draft) -> Result<Line, FeeError> {
        let of = draft.of.map(|of| format!("/{of}")).unwrap_or_default();
        let rule_text = draft.text.map_or_else(|| rule.text.clone(), |text| format!("{}: {text}", rule.text));
        let id = format!("{}{of}", rule.id);
        self.finish(id, rule_text, draft.inputs, draft.formula, &draft.exact, &rule.rounding.apply(&draft.exact))
    }

    fn finish(
        &self,
        rule: String,
        line_text: String,
        inputs: Vec<Input>,
        formula: String,
        exact: &Exact,
        rounded: &BigInt,
    ) -> Result<Line, FeeError> {
        let is_bounded = |amount: &i64| amount.unsigned_abs() <= Minor::MOST;
        let Some(amount) = rounded.to_i64().filter(is_bounded) else {
            return Err(FeeError::OutOfBounds { part: self.part, rule });
        };
        let part = u32::try_from(self.part).unwrap_or(u32::MAX);
        Ok(Line { amount, exact: text(exact), formula, inputs, part, rule, text: line_text })
    }

    /// A line for each correction of an earlier month: no factor and no limit is about it.
    fn adjust(&self, lines: &mut Vec<Line>) -> Result<(), FeeError> {
        let mut adjustments: Vec<&Adjustment> = self.facts.adjustments.iter().collect();
        adjustments.sort_by(|a, b| {
            (&a.month, &a.source, &a.reason, a.amount).cmp(&(&b.month, &b.source, &b.reason, b.amount))
        });
        for Adjustment { month, amount, reason, source } in adjustments {
            let rule = format!("adjustment/{month}");
            let mut input = given(format!("difference of {month}"), amount);
            input.sources.extend(source.clone());
            let (text, formula) = (format!("Adjustment of {month}: {reason}"), "as it was reported".to_owned());
            lines.push(self.finish(rule, text, vec![input], formula, &whole(*amount), &BigInt::from(*amount))?);
        }
        Ok(())
    }

    /// The lines that lift the sum to the minimum and lower it to the maximum.
    fn limit(&self, limits: Option<Limits>, sum: BigInt, lines: &mut Vec<Line>) -> Result<(), FeeError> {
        let bound = |limits: Limits, month: Minor| limits.rounding.apply(&(whole(month.units()) * self.share()));
        let minimum = limits.and_then(|limits| Some((limits, limits.minimum?)));
        let least = minimum.map_or_else(BigInt::zero, |(limits, month)| bound(limits, month));
        let lift = (&least - &sum).max(BigInt::zero());
        let maximum = limits.and_then(|limits| Some((limits, limits.maximum?)));
        let most = maximum.map(|(limits, month)| bound(limits, month));
        let inputs = |name: &str, month: Minor| {
            let mut inputs = vec![given("sum of the lines above", &sum), given(name, month)];
            inputs.extend(self.days());
            inputs
        };
        if minimum.is_some() || lift > BigInt::zero() {
            let inputs = inputs("minimum", minimum.map_or(Minor::ZERO, |(_, month)| month));
            let formula = "what the sum lacks to the minimum × days charged ÷ days of the month, rounded";
            let text = "Minimum".to_owned();
            lines.push(self.finish(
                "minimum".to_owned(),
                text,
                inputs,
                formula.to_owned(),
                &whole(lift.clone()),
                &lift,
            )?);
        }
        if let (Some(most), Some((_, month))) = (most, maximum) {
            let cut = (most - &sum).min(BigInt::zero());
            let formula = "what the sum exceeds the maximum × days charged ÷ days of the month, rounded";
            let (inputs, text) = (inputs("maximum", month), "Maximum".to_owned());
            lines.push(self.finish(
                "maximum".to_owned(),
                text,
                inputs,
                formula.to_owned(),
                &whole(cut.clone()),
                &cut,
            )?);
        }
        Ok(())
    }
}
