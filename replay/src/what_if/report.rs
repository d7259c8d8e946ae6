//! What would have been decided, next to what was: for each user, and in sum.

use std::collections::BTreeMap;
use std::fmt;

use kippu_events::EntityId;
use kippu_events::log::LogId;
use kippu_events::money::{Currency, decimal};
use serde::Serialize;

use super::decisions::Walked;
use super::set::Setting;

/// What is not known, whatever is on record.
const NOT_KNOWN: [&str; 3] = [
    "what people would have done: who was refused may have bought less, elsewhere or later, and who is permitted more may buy more",
    "what would have become of a purchase that was refused: it counts in full, as if it had been settled at once",
    "what a financial reference would have told of a purchase about which it was not asked: not known is neither permitted nor refused",
];

/// What a decision comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    Permitted,
    Refused,
    /// A financial reference would have been asked, and was not.
    NotKnown,
}

/// So many, and what they come to together in minor units.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize)]
pub struct Sum {
    /// How many.
    pub count: u64,
    /// How much.
    pub amount: u64,
}

/// What was decided, or would have been.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize)]
pub struct Decided {
    /// Given.
    pub permitted: Sum,
    /// Not given, for whatever reason.
    pub refused: Sum,
    /// A financial reference would have been asked, and was not.
    pub not_known: Sum,
}

/// Decisions that would have been the opposite.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize)]
pub struct Turned {
    /// Refused, and would have been permitted.
    pub permitted: Sum,
    /// Permitted, and would have been refused.
    pub refused: Sum,
}

/// So many more, and so much more; less is negative.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize)]
pub struct Signed {
    /// How many.
    pub count: i128,
    /// How much.
    pub amount: i128,
}

/// What would have been more, or less.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize)]
pub struct Change {
    /// Given.
    pub permitted: Signed,
    /// Not given.
    pub refused: Signed,
}

/// Of one user, in one currency.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct UserReport {
    /// Whose.
    pub user: EntityId,
    /// In which currency it was asked for.
    pub currency: Currency,
    /// As it was.
    pub before: Decided,
    /// As it would have been.
    pub after: Decided,
    /// What turned.
    pub turned: Turned,
    /// The difference.
    pub change: Change,
}

/// Of all users, in one currency.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize)]
pub struct Total {
    /// Who asked for something.
    pub users: u64,
    /// To whom something would have been decided otherwise.
    pub otherwise: u64,
    /// As it was.
    pub before: Decided,
    /// As it would have been.
    pub after: Decided,
    /// What turned.
    pub turned: Turned,
    /// The difference.
    pub change: Change,
}

/// What came of it. The same history gives the same, wherever it lies.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The log.
    pub log: LogId,
    /// What was set.
    pub set: Vec<Setting>,
    /// Of all users.
    pub sums: BTreeMap<Currency, Total>,
    /// Users who were to have another limit and kept theirs, because it is not the operator's to set: it is prepaid, in points, or
    /// what a reference vouches for.
    pub kept: u64,
    /// Of each user who asked for something.
    pub users: Vec<UserReport>,
    /// What cannot be known.
    pub not_known: [&'static str; 3],
}

impl Sum {
    pub(super) fn add(&mut self, other: Self) {
        self.count += other.count;
        self.amount = self.amount.saturating_add(other.amount);
    }

    fn less(self, other: Self) -> Signed {
        let difference = |a: u64, b: u64| i128::from(a) - i128::from(b);
        Signed { count: difference(self.count, other.count), amount: difference(self.amount, other.amount) }
    }
}

impl Decided {
    fn add(&mut self, other: &Self) {
        self.permitted.add(other.permitted);
        self.refused.add(other.refused);
        self.not_known.add(other.not_known);
    }

    const fn of(&mut self, outcome: Outcome) -> &mut Sum {
        match outcome {
            Outcome::Permitted => &mut self.permitted,
            Outcome::Refused => &mut self.refused,
            Outcome::NotKnown => &mut self.not_known,
        }
    }
}

impl Change {
    fn between(before: &Decided, after: &Decided) -> Self {
        Self { permitted: after.permitted.less(before.permitted), refused: after.refused.less(before.refused) }
    }
}

impl UserReport {
    pub(super) fn new(user: EntityId, currency: Currency) -> Self {
        let (before, after) = (Decided::default(), Decided::default());
        Self { user, currency, before, after, turned: Turned::default(), change: Change::default() }
    }

    /// One more decision.
    pub(super) fn count(&mut self, amount: u64, before: Outcome, after: Outcome) {
        let one = Sum { count: 1, amount };
        self.before.of(before).add(one);
        self.after.of(after).add(one);
        match (before, after) {
            (Outcome::Refused, Outcome::Permitted) => self.turned.permitted.add(one),
            (Outcome::Permitted, Outcome::Refused) => self.turned.refused.add(one),
            (Outcome::Permitted | Outcome::Refused | Outcome::NotKnown, _) => {}
        }
        self.change = Change::between(&self.before, &self.after);
    }

    const fn is_otherwise(&self) -> bool {
        self.turned.permitted.count > 0 || self.turned.refused.count > 0 || self.after.not_known.count > 0
    }
}

impl Report {
    pub(super) fn new(log: LogId, set: &[Setting], walked: Vec<Walked>) -> Self {
        let kept = walked.iter().map(|walked| walked.left).sum();
        let mut users: Vec<_> = walked.into_iter().flat_map(|walked| walked.users).collect();
        users.sort_unstable_by_key(|user| (user.user, user.currency));
        let mut sums = BTreeMap::<Currency, Total>::new();
        for user in &users {
            let total = sums.entry(user.currency).or_default();
            total.users += 1;
            total.otherwise += u64::from(user.is_otherwise());
            total.before.add(&user.before);
            total.after.add(&user.after);
            total.turned.permitted.add(user.turned.permitted);
            total.turned.refused.add(user.turned.refused);
            total.change = Change::between(&total.before, &total.after);
        }
        Self { log, set: set.to_vec(), sums, kept, users, not_known: NOT_KNOWN }
    }

    /// In words, with the `most` users to whom most would have been decided otherwise.
    #[must_use]
    pub fn text(&self, most: usize) -> impl fmt::Display + '_ {
        Text { report: self, most }
    }
}

struct Text<'a> {
    report: &'a Report,
    most: usize,
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { set, sums, kept, users, not_known, .. } = self.report;
        for setting in set {
            writeln!(f, "what if {setting}")?;
        }
        for (currency, total) in sums {
            let Total { users, otherwise, before, after, turned, change } = total;
            writeln!(f, "\n{currency}    {:>35} {:>26}", "permitted", "refused")?;
            for (name, decided) in [("as it was", before), ("what if", after)] {
                let Decided { permitted, refused, .. } = decided;
                writeln!(f, "{name:<10} {} {}", sum(*permitted, *currency), sum(*refused, *currency))?;
            }
            let Change { permitted, refused } = change;
            writeln!(f, "{:<10} {} {}", "difference", signed(*permitted, *currency), signed(*refused, *currency))?;
            let Turned { permitted, refused } = turned;
            writeln!(
                f,
                "{} refusals turn into permissions, {} permissions into refusals",
                permitted.count, refused.count
            )?;
            if after.not_known.count > 0 {
                writeln!(
                    f,
                    "{} are not known: {}",
                    after.not_known.count,
                    sum(after.not_known, *currency).trim_start()
                )?;
            }
            writeln!(f, "{otherwise} of {users} users would have been decided about otherwise")?;
        }
        let mut otherwise: Vec<_> = users.iter().filter(|user| user.is_otherwise()).collect();
        if !otherwise.is_empty() {
            writeln!(f, "\nthose with the greatest differences:")?;
        }
        otherwise.sort_by_key(|user| std::cmp::Reverse(user.change.permitted.amount.unsigned_abs()));
        for UserReport { user, currency, change: Change { permitted, refused }, .. } in otherwise.iter().take(self.most)
        {
            writeln!(f, "users/{user} {currency} {} {}", signed(*permitted, *currency), signed(*refused, *currency))?;
        }
        if otherwise.len() > self.most {
            writeln!(f, "and {} more users", otherwise.len() - self.most)?;
        }
        if *kept > 0 {
            writeln!(
                f,
                "{kept} users kept their limits, which are prepaid, in points, or what a reference vouches for"
            )?;
        }
        writeln!(f, "\nNot known:")?;
        let last = not_known.len() - 1;
        for (index, what) in not_known.iter().enumerate() {
            write!(f, "  {what}{}", if index == last { "" } else { "\n" })?;
        }
        Ok(())
    }
}

fn sum(Sum { count, amount }: Sum, currency: Currency) -> String {
    format!("{count:>10} {:>15}", decimal(amount, currency))
}

fn signed(Signed { count, amount }: Signed, currency: Currency) -> String {
    let units = u64::try_from(amount.unsigned_abs()).unwrap_or(u64::MAX);
    let amount = format!("{}{}", if amount < 0 { '-' } else { '+' }, decimal(units, currency));
    format!("{count:>+10} {amount:>15}")
}
