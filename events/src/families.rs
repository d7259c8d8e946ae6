//! The list of families: a new one is a line in [`families`]. Everything else that has to know them all follows from it.

/// Gives the list to the macro `$then`: per family its documentation, its name here, the byte that names it in the keys of
/// caches, the plural noun that paths and subjects use, and its state.
#[macro_export]
macro_rules! families {
    ($then:ident) => {
        $then! {
            /// API clients with scoped keys.
            Clients = 1, "clients", $crate::access::clients::Client;
            /// Subscribers with purchase limits.
            Users = 2, "users", $crate::access::users::User;
            /// One-time purchase approvals.
            Approvals = 3, "approvals", $crate::approvals::Approval;
            /// Placements of data replicas.
            Placements = 4, "placements", $crate::placement::placements::Placement;
            /// Other parties, with their keys.
            Peers = 5, "peers", $crate::access::peers::Peer;
            /// Keys that this node signs with.
            SigningKeys = 6, "signing-keys", $crate::access::signing_keys::SigningKeys;
            /// Sessions of end users.
            Sessions = 7, "sessions", $crate::access::sessions::Sessions;
            /// Endpoints of API clients to which events are sent.
            Webhooks = 14, "webhooks", $crate::access::webhooks::Webhook;
            /// Approvals that were presented here, and what became of them.
            Settlements = 10, "settlements", $crate::approvals::settlements::Settlement;
            /// On which terms this node settles.
            SettlerTerms = 18, "settler-terms", $crate::approvals::settler_terms::SettlerTerms;
            /// What a financial reference knows of its customers.
            Credits = 11, "credits", $crate::approvals::credits::Credit;
            /// Purchase information that shops push.
            Purchases = 12, "purchases", $crate::approvals::purchases::Information;
            /// First steps of identifications.
            Challenges = 13, "challenges", $crate::access::challenges::Challenge;
            /// Who was shown whose personal fields.
            Disclosures = 30, "disclosures", $crate::access::disclosures::Disclosure;
            /// What a shop sells.
            Products = 8, "products", $crate::approvals::products::Product;
            /// What a shop would sell to somebody, signed.
            Offers = 9, "offers", $crate::approvals::offers::Offer;
            /// On which terms a shop sells.
            ShopTerms = 17, "shop-terms", $crate::approvals::shop_terms::ShopTerms;
            /// Contracts of main and partner sites.
            Contracts = 19, "contracts", $crate::partners::contracts::Contract;
            /// Lines of access logs, certified.
            AccessBatches = 20, "access-batches", $crate::partners::access_batches::AccessBatch;
            /// What fees depend on and no access log says.
            FeeReports = 23, "fee-reports", $crate::partners::fee_reports::FeeReport;
            /// Statements of fees, signed by both parties.
            FeeStatements = 29, "fee-statements", $crate::partners::fee_statements::FeeStatement;
            /// Pages of a site.
            Pages = 21, "pages", $crate::partners::pages::Page;
            /// Pages that a main site brings to its partners.
            PageDeliveries = 22, "page-deliveries", $crate::partners::page_deliveries::PageDelivery;
            /// Requests of visitors to pages.
            PageRequests = 24, "page-requests", $crate::partners::page_requests::PageRequest;
            /// What a site has of its articles.
            Stocks = 25, "stocks", $crate::partners::stocks::Stock;
            /// What a main site is due of its partners' sales.
            Collections = 26, "collections", $crate::partners::collections::Collection;
            /// Members of sites, who are registered once for all of them.
            Members = 28, "members", $crate::partners::members::Member;
            /// What members do at sites.
            MemberActions = 31, "member-actions", $crate::partners::member_actions::MemberAction;
            /// Members who are signed in at this site.
            MemberVisits = 32, "member-visits", $crate::partners::member_visits::MemberVisit;
            /// What a main site hands to operators of new partner sites.
            Kits = 27, "kits", $crate::partners::kits::Kit;
        }
    };
}
