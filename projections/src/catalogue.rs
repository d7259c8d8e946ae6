//! The list of views. A new view is a line here.

use std::sync::Arc;

use crate::access::clients::Clients;
use crate::access::dead_letters::DeadLetters;
use crate::access::forgotten::Forgotten;
use crate::access::peers::Peers;
use crate::access::sessions::Sessions;
use crate::access::signing_keys::Keys;
use crate::access::users::Users;
use crate::access::webhooks::Webhooks;
use crate::approvals::Approvals;
use crate::approvals::books::{Entries, Ledger, TrialBalances};
use crate::approvals::credits::Credits;
use crate::approvals::genres::Genres;
use crate::approvals::offers::Offers;
use crate::approvals::products::Products;
use crate::approvals::purchases::Purchases;
use crate::approvals::settlements::Settlements;
use crate::approvals::settler_terms::Terms;
use crate::approvals::shop_terms::TermsOfShop;
use crate::approvals::spending::Spending;
use crate::entity_table::OfEntities;
use crate::history::History;
use crate::partners::access_batches::AccessBatches;
use crate::partners::collections::Collections;
use crate::partners::contracts::Contracts;
use crate::partners::fee_reports::FeeReports;
use crate::partners::fee_statements::FeeStatements;
use crate::partners::kits::Kits;
use crate::partners::member_actions::MemberActions;
use crate::partners::member_visits::MemberVisits;
use crate::partners::members::Members;
use crate::partners::page_amounts::PageAmounts;
use crate::partners::page_deliveries::PageDeliveries;
use crate::partners::page_requests::PageRequests;
use crate::partners::pages::Pages;
use crate::partners::stocks::Stocks;
use crate::placement::placements::Placements;
use crate::view::View;

/// Every view, in the order in which they are shown.
#[must_use]
pub fn views() -> Vec<Arc<dyn View>> {
    vec![
        Arc::new(Users),
        Arc::new(Approvals),
        Arc::new(Spending),
        Arc::new(Clients),
        Arc::new(Sessions),
        Arc::new(OfEntities::<Peers>::new()),
        Arc::new(OfEntities::<Keys>::new()),
        Arc::new(OfEntities::<Webhooks>::new()),
        Arc::new(DeadLetters),
        Arc::new(OfEntities::<Placements>::new()),
        Arc::new(OfEntities::<Settlements>::new()),
        Arc::new(OfEntities::<Terms>::new()),
        Arc::new(OfEntities::<Credits>::new()),
        Arc::new(OfEntities::<Purchases>::new()),
        Arc::new(Products),
        Arc::new(Genres),
        Arc::new(OfEntities::<Offers>::new()),
        Arc::new(OfEntities::<TermsOfShop>::new()),
        Arc::new(Ledger),
        Arc::new(Entries),
        Arc::new(TrialBalances),
        Arc::new(OfEntities::<Contracts>::new()),
        Arc::new(AccessBatches),
        Arc::new(FeeReports),
        Arc::new(OfEntities::<FeeStatements>::new()),
        Arc::new(OfEntities::<Pages>::new()),
        Arc::new(PageAmounts),
        Arc::new(OfEntities::<PageDeliveries>::new()),
        Arc::new(OfEntities::<PageRequests>::new()),
        Arc::new(OfEntities::<Stocks>::new()),
        Arc::new(OfEntities::<Collections>::new()),
        Arc::new(Members),
        Arc::new(MemberActions),
        Arc::new(OfEntities::<MemberVisits>::new()),
        Arc::new(OfEntities::<Kits>::new()),
        Arc::new(Forgotten),
        Arc::new(History),
    ]
}
