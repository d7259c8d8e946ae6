//! For tests: the nodes of a main site and of its partner.

use kippu_events::access::{Caller, Role, Roles};
use kippu_events::partners::contracts::{Terms, id_of};
use kippu_events::secrets::{PublicKey, SigningUse};
use kippu_events::{EntityId, Family, Time};
use serde_json::json;

use crate::world::World;

/// A main site and a partner, each in a world of its own, whose contract is in force.
pub(crate) struct Sites {
    pub(crate) main: World,
    pub(crate) partner: World,
    pub(crate) contract: EntityId,
}

impl Sites {
    pub(crate) fn new() -> Self {
        Self::with(&Terms::sample())
    }

    /// Two, whose contract has these terms.
    pub(crate) fn with(terms: &Terms) -> Self {
        let (mut main, mut partner) = (World::of(1), World::of(2));
        let [of_main, of_partner] = [&main, &partner].map(|world| world.secrets.party);
        let contract = id_of(of_main, of_partner);
        knows(&mut main, &partner, "partner_site");
        knows(&mut partner, &main, "main_site");
        let terms = serde_json::to_value(terms).unwrap();
        let from = Time::from_micros(0);
        let body = json!({"partner": of_partner, "number": 1, "from": from, "terms": terms});
        let proposed = main.ask(Caller::OPERATOR, (Family::Contracts, "open", None), &body).unwrap().1;
        partner.ask(peer(of_main, Role::MainSite), (Family::Contracts, "open", None), &body).unwrap();
        let answer = json!({"number": 1, "sha256": proposed["sha256"]});
        let accept = (Family::Contracts, "accept", Some(contract));
        partner.ask(Caller::OPERATOR, accept, &answer).unwrap();
        main.ask(peer(of_partner, Role::PartnerSite), accept, &answer).unwrap();
        Self { main, partner, contract }
    }

    pub(crate) fn by_partner(&self) -> Caller {
        peer(self.partner.secrets.party, Role::PartnerSite)
    }

    pub(crate) fn by_main(&self) -> Caller {
        peer(self.main.secrets.party, Role::MainSite)
    }
}

pub(crate) fn peer(party: EntityId, role: Role) -> Caller {
    Caller::of_peer(party, Roles::one(role))
}

fn knows(world: &mut World, other: &World, role: &str) {
    let x: PublicKey = other.secrets.public_key(SigningUse::Statements, 0);
    let keys = json!([{"use": "statements", "x": x}]);
    let party = other.secrets.party;
    let body = json!({"party": party, "name": "other", "url": "http://other", "roles": [role], "keys": keys});
    world.ask(Caller::OPERATOR, (Family::Peers, "open", None), &body).unwrap();
}
