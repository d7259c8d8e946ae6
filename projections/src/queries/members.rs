//! What is asked of members and what they did, each from one snapshot: by operators, and of its own pages by a partner.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use kippu_events::access::{Caller, Role};
use kippu_events::partners::contracts::{Contract, Known};
use kippu_events::partners::fees::Month;
use kippu_events::partners::member_actions::Kind;
use kippu_events::partners::pages::Page;
use kippu_events::{EntityId, Time};

use super::{Queries, QueryError};
use crate::error::NotARow;
use crate::partners::management::{
    Addressee, Addressees, Counting, Customers, Fee, Management, OnPage, RegionalSales, Security,
};
use crate::partners::member_actions::MemberActions;
use crate::partners::members::{Came, Members};
use crate::partners::statement::FeeStatement;
use crate::row::{Dated, decode};
use crate::view::{Decrypt, MAIN, View as _, entity_of, row_key};
use crate::view_store::Snap;

/// The views of contracts and of pages.
const CONTRACTS: &str = "contracts";
const PAGES: &str = "pages";
/// Rows that one of these answers looks at; what needs more asks for less.
const MOST_ROWS: usize = 200_000;

/// Rows of `view` that one snapshot has.
struct Read<'a> {
    snap: Snap<'a>,
    of_members: u32,
    of_actions: u32,
}

impl Queries {
    fn snapshot_of_members(&self) -> Result<Read<'_>, QueryError> {
        let snap = self.0.store.snapshot();
        let (members, _) = self.table(Members.name(), &Caller::OPERATOR)?;
        let (actions, _) = self.table(MemberActions.name(), &Caller::OPERATOR)?;
        let ((of_members, _), (of_actions, _)) = (self.live(members, &snap)?, self.live(actions, &snap)?);
        Ok(Read { snap, of_members, of_actions })
    }

    /// The contract, where `caller` is an operator, an auditor, or its partner.
    fn contract_for(&self, id: EntityId, caller: &Caller) -> Result<Known, QueryError> {
        let (contracts, _) = self.table(CONTRACTS, &Caller::OPERATOR)?;
        let snap = self.0.store.snapshot();
        let (of_contracts, _) = self.live(contracts, &snap)?;
        let is_operator = caller.is_among(&[Role::Operator, Role::Auditor]);
        let refused = || super::visible::refused(caller, "this is for the parties of the contract");
        let row = snap.row(of_contracts, &row_key(&id))?;
        let row = row.ok_or_else(|| if is_operator { QueryError::NotFound } else { refused() })?;
        let (state, _) = decode::<Dated<(Contract, crate::partners::contracts::Kept)>>(&row)?.row;
        let known = state.known().cloned().ok_or(QueryError::NotFound)?;
        let is_partner = caller.is_peer() && caller.party() == Some(known.partner);
        if is_operator || is_partner { Ok(known) } else { Err(refused()) }
    }

    /// Customers, security and fee of the contract's partner in a month, as the node of `party` computes them. Blocks on reads.
    ///
    /// # Errors
    /// [`QueryError`], as of a statement of fees.
    pub fn management(
        &self,
        party: EntityId,
        contract: EntityId,
        month: &Month,
        caller: &Caller,
    ) -> Result<Management, QueryError> {
        let FeeStatement { conflicting, fee, stretches, partner, .. } =
            self.fee_statement(party, contract, month, caller)?.statement;
        let sum = |of: fn(&crate::partners::statement::ShownStretch) -> u64| stretches.iter().map(of).sum();
        let (from, until) = match (stretches.first(), stretches.last()) {
            (Some(first), Some(last)) => (first.from, last.until),
            (None, _) | (_, None) => return Err(QueryError::NotFound),
        };
        let month = month.to_string();
        let mut customers = Customers {
            contract: Some(contract),
            month: month.clone(),
            visitors: sum(|stretch| stretch.visitors),
            visits: sum(|stretch| stretch.visits),
            ..Customers::default()
        };
        let mut security = Security {
            contract: Some(contract),
            month: month.clone(),
            conflicting_lines: conflicting,
            damaged_pages: self.damages()?,
            ..Security::default()
        };
        for (reason, lines) in stretches.iter().flat_map(|stretch| &stretch.excluded) {
            *security.refused_lines.entry(reason).or_default() += lines;
        }
        let read = self.snapshot_of_members()?;
        let (first, last) = Members::at_site(partner, from, until);
        read.snap.rows::<QueryError>(read.of_members, &first, &last, |_, row| {
            match Members::came(row)? {
                Came::Registered => customers.registered += 1,
                Came::Identified => customers.identified += 1,
                Came::WrongCode => security.wrong_codes += 1,
                Came::Refused(reason) => {
                    let name = serde_json::to_value(reason).ok().and_then(|name| name.as_str().map(str::to_owned));
                    *security.failed_sign_ins.entry(name.unwrap_or_default()).or_default() += 1;
                }
            }
            Ok(true)
        })?;
        let (first, last) = MemberActions::keys(Some(partner));
        read.snap.rows::<QueryError>(read.of_actions, &first, &last, |_, row| {
            let action = MemberActions::read(row)?;
            if action.contract == contract && from <= action.at && action.at < until {
                *customers.actions.entry(action.kind.name()).or_default() += 1;
            }
            Ok(true)
        })?;
        let accesses = sum(|stretch| stretch.tie_up.accesses + stretch.original.accesses);
        Ok(Management { customers, security, fee: Fee { accesses, contract, fee, month } })
    }

    /// How often pages of this node were found to be altered.
    fn damages(&self) -> Result<u64, QueryError> {
        let (pages, _) = self.table(PAGES, &Caller::OPERATOR)?;
        let snap = self.0.store.snapshot();
        let (of_pages, _) = self.live(pages, &snap)?;
        let mut damages = 0;
        snap.rows::<QueryError>(of_pages, &[MAIN], &[MAIN + 1], |_, row| {
            let (_, kept) = decode::<Dated<(Page, crate::partners::pages::Kept)>>(row)?.row;
            damages += u64::from(kept.damages);
            Ok(true)
        })?;
        Ok(damages)
    }

    /// Who may be written to: who agreed to that, and where a contract is named, who was at its partner, if its terms allow it. Every one of
    /// them MUST be on record before anybody is told. Blocks.
    ///
    /// # Errors
    /// [`QueryError`]; `Forbidden` where the terms do not allow it.
    pub fn addressees(&self, wanted: &Addressees, caller: &Caller) -> Result<Vec<Addressee>, QueryError> {
        if !caller.is_among(&[Role::Operator]) {
            return Err(super::visible::refused(caller, "members are written to by operators only"));
        }
        let site = wanted.contract.map(|contract| self.marketing_site(contract, caller)).transpose()?;
        let by = self.decrypt()?;
        let read = self.snapshot_of_members()?;
        let (mut found, mut examined) = (Vec::new(), 0);
        read.snap.rows::<QueryError>(read.of_members, &[MAIN], &[MAIN + 1], |key, row| {
            count(&mut examined)?;
            let id = entity_of(key.get(1..).unwrap_or_default())?;
            let row = Members::read(row)?;
            if !row.may_be_written_to(site) {
                return Ok(true);
            }
            let Some(profile) = row.profile(id, by)? else { return Ok(true) };
            let lives = wanted.region.as_ref().is_none_or(|region| profile.region.as_ref() == Some(region));
            let likes = wanted.preference.as_ref().is_none_or(|wanted| profile.preferences.contains(wanted));
            let Some(email) = (lives && likes).then(|| row.email(id, by)).transpose()?.flatten() else {
                return Ok(true);
            };
            let class = row.class().unwrap_or_default().to_owned();
            found.push(Addressee {
                class,
                email,
                member: id,
                preferences: profile.preferences,
                region: profile.region,
            });
            Ok(true)
        })?;
        Ok(found)
    }

    /// The partner whose members may be written to under this contract now.
    fn marketing_site(&self, contract: EntityId, caller: &Caller) -> Result<EntityId, QueryError> {
        let known = self.contract_for(contract, caller)?;
        let terms = known.at(Time::now()).and_then(|version| version.terms.members.as_ref());
        if terms.is_some_and(|terms| terms.user_data.marketing) {
            return Ok(known.partner);
        }
        Err(QueryError::Forbidden("the terms of the contract do not let its members be written to"))
    }

    /// What was done on a page that the terms of the contract name, and by whom, without anybody's name. Blocks.
    ///
    /// # Errors
    /// [`QueryError`]; `Forbidden` where the terms do not name the page.
    pub fn on_page(&self, contract: EntityId, page: &str, caller: &Caller) -> Result<Vec<OnPage>, QueryError> {
        let known = self.contract_for(contract, caller)?;
        let terms = known.at(Time::now()).and_then(|version| version.terms.members.as_ref());
        if !terms.is_some_and(|terms| terms.user_data.pages.contains(page)) {
            return Err(QueryError::Forbidden("the terms of the contract do not name this page"));
        }
        let read = self.snapshot_of_members()?;
        let (first, last) = MemberActions::keys(Some(known.partner));
        let (mut found, mut examined) = (BTreeMap::<EntityId, (BTreeMap<&'static str, u64>, Time)>::new(), 0);
        read.snap.rows::<QueryError>(read.of_actions, &first, &last, |_, row| {
            count(&mut examined)?;
            let action = MemberActions::read(row)?;
            if action.contract == contract && action.page.as_deref() == Some(page) {
                let (actions, at) = found.entry(action.member).or_insert_with(|| (BTreeMap::new(), action.at));
                *actions.entry(action.kind.name()).or_default() += 1;
                *at = (*at).max(action.at);
            }
            Ok(true)
        })?;
        let shown = |(member, (actions, last_at))| {
            let row = read.snap.row(read.of_members, &row_key(&member))?;
            let row = row.map(|row| Members::read(&row)).transpose()?;
            let class = row.and_then(|row| row.class().map(str::to_owned));
            Ok(OnPage { actions, class, last_at, member })
        };
        found.into_iter().map(shown).collect()
    }

    /// What was bought through each site in a month of UTC, by the regions where buyers live, and nobody's name. Blocks.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn regional_sales(&self, month: &Month, caller: &Caller) -> Result<Vec<RegionalSales>, QueryError> {
        if !caller.is_among(&[Role::Operator, Role::Auditor]) {
            return Err(super::visible::refused(caller, "sales by region are for operators and auditors"));
        }
        let by = self.decrypt()?;
        let read = self.snapshot_of_members()?;
        let (from, until) = month.in_utc().ok_or_else(|| QueryError::parameter("month", "there is no such month"))?;
        let (mut counting, mut examined) = (Counting::default(), 0);
        let mut regions = BTreeMap::<EntityId, Option<String>>::new();
        let (first, last) = MemberActions::keys(None);
        read.snap.rows::<QueryError>(read.of_actions, &first, &last, |_, row| {
            count(&mut examined)?;
            let action = MemberActions::read(row)?;
            let is_sale = action.kind == Kind::Purchase && from <= action.at && action.at < until;
            let Some(paid) = action.amount.zip(action.currency).filter(|_| is_sale) else { return Ok(true) };
            let region = match regions.entry(action.member) {
                Entry::Occupied(known) => known.get().clone(),
                Entry::Vacant(unknown) => {
                    let row = read.snap.row(read.of_members, &row_key(&action.member))?;
                    let row = row.map(|row| Members::read(&row)).transpose()?;
                    let profile = row.map(|row| row.profile(action.member, by)).transpose()?.flatten();
                    unknown.insert(profile.and_then(|profile| profile.region)).clone()
                }
            };
            counting.add(action.site, region, action.member, (paid.0.units(), paid.1));
            Ok(true)
        })?;
        Ok(counting.finish())
    }

    fn decrypt(&self) -> Result<&dyn Decrypt, QueryError> {
        self.0.decrypt.as_deref().ok_or_else(|| NotARow("there is no key store here".to_owned()).into())
    }
}

/// One more row was looked at.
fn count(examined: &mut usize) -> Result<(), QueryError> {
    *examined += 1;
    if *examined > MOST_ROWS { Err(QueryError::Overloaded) } else { Ok(()) }
}
