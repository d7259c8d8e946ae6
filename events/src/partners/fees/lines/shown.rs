//! The lines for advertisements: the main site's earn the partner, the partner's cost it.

use super::super::compute::Context;
use super::super::fraction::whole;
use super::super::rules::{Shown, ShownBy};
use super::super::tally::advertisements;
use super::super::tariff::Owner;
use super::{Draft, given};

impl Context<'_> {
    pub(super) fn advertisements(&self, shown: &Shown) -> Vec<Draft> {
        let mut drafts = Vec::new();
        let (index, what) = match shown.by {
            ShownBy::Offers => (0, "offers"),
            ShownBy::Impressions => (1, "impressions"),
            ShownBy::Income => (2, "income"),
        };
        if let Some(rate) = shown.main {
            let sums = advertisements(self.facts, Owner::Main);
            let inputs = vec![sums[index].input(what), given("rate", rate)];
            let exact = -(sums[index].exact() * rate.exact());
            drafts.push(Draft::new(inputs, format!("− {what} × rate"), exact).of("main", "of the main site"));
        }
        if let Some(charge) = &shown.partner {
            let sums = advertisements(self.facts, Owner::Partner);
            let [_, _, income] = &sums;
            let mut inputs = vec![sums[index].input(what), given("rate", charge.rate)];
            let mut formula = format!("{what} × rate");
            let mut exact = sums[index].exact() * charge.rate.exact();
            if let Some(share) = charge.at_most_share {
                inputs.extend([income.input("income that bounds it"), given("at most the share", share)]);
                formula.push_str(", at most income × share");
                exact = exact.min(whole(income.count) * share.exact());
            }
            drafts.push(Draft::new(inputs, formula, exact).of("partner", "of the partner site"));
        }
        drafts
    }
}
