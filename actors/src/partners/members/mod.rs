//! Members: registered and identified at the central node, for every site. Sites are told by signed tickets. Every refusal of a sign-in
//! reads the same and is on record.

mod decide;
pub(super) mod genuine;
pub mod hidden;
mod prepare;
pub mod refusal;
pub mod request;
#[cfg(test)]
mod tests;

use kippu_events::access::peers::Peer;
use kippu_events::partners::contracts::Contract;
use kippu_events::partners::members::{
    ALLOWANCE, Allowance, CONFIRMATION, Confirmation, Event, Member, TICKET, Ticket, realm, realm_of_copies,
};
use kippu_events::secrets::Secrets;
use kippu_events::{EntityId, EntityKey, statement};

use self::refusal::Refused;
use self::request::{Command, Copy, Open, Reply, Request, SignIn};
use crate::actor::{Actor, Answer, Call, CommandSpec, Context, Decision, Neighbours, Preparing};
use crate::problem::{Problem, ProblemType};

/// The names of a member's encrypted fields.
pub const LOGIN_FIELD: &str = "member_login";
/// See [`LOGIN_FIELD`].
pub const EMAIL_FIELD: &str = "member_email";
/// See [`LOGIN_FIELD`]. Region and preferences, as JSON.
pub const PROFILE_FIELD: &str = "member_profile";

impl Actor for Member {
    type Request = Request;
    type Command = Command;
    type Reply = Reply;

    const COMMANDS: &'static [CommandSpec] = request::COMMANDS;
    const PROBLEMS: &'static [&'static ProblemType] = refusal::TYPES;

    fn is_slow(request: &Request) -> bool {
        match request {
            // A password is hashed slowly on purpose.
            Request::Open(_) | Request::SignIn(_) | Request::Copy(_) => true,
            Request::Confirm(_) | Request::Consent(_) | Request::SetClass(_) | Request::Forget(_) => false,
        }
    }

    fn lookups(request: &Request) -> Vec<EntityKey> {
        match request {
            Request::SignIn(SignIn { contract, .. }) => {
                let contract = contract.map(EntityKey::of::<Contract>);
                contract.into_iter().chain([genuine::own_keys()]).collect()
            }
            Request::Copy(Copy { contract, allowance, .. }) => {
                let signer = genuine::signer(allowance.as_str()).map(EntityKey::of::<Peer>);
                signer.into_iter().chain([EntityKey::of::<Contract>(*contract)]).collect()
            }
            Request::Confirm(_) | Request::Consent(_) => vec![genuine::own_keys()],
            Request::Open(_) | Request::SetClass(_) | Request::Forget(_) => Vec::new(),
        }
    }

    fn target(request: &Request, call: &Call, secrets: &Secrets) -> Result<EntityId, Problem> {
        // Whom a ticket names is checked later: the ticket counts only at the node that has signed it.
        let named = |ticket: &str| genuine::claimed(ticket).map(|ticket: Ticket| ticket.member);
        match request {
            Request::Open(Open { login, .. }) => Ok(secrets.login_id(&realm(), login.as_str())),
            Request::SignIn(SignIn { login, contract, .. }) => {
                Ok(secrets.login_id(&contract.map_or_else(realm, realm_of_copies), login.as_str()))
            }
            Request::Copy(Copy { login, contract, .. }) => {
                Ok(secrets.login_id(&realm_of_copies(*contract), login.as_str()))
            }
            Request::Confirm(confirm) => Ok(named(confirm.ticket.as_str()).ok_or(Refused::NotIdentified)?),
            Request::Consent(consent) => Ok(named(consent.ticket.as_str()).ok_or(Refused::NotIdentified)?),
            Request::SetClass(_) | Request::Forget(_) => call.path_id(),
        }
    }

    fn prepare(request: Request, with: &Preparing<'_>) -> Result<Command, Problem> {
        prepare::command(request, with)
    }

    fn decide(
        &self,
        command: &Command,
        _neighbours: Neighbours<'_>,
        context: &Context,
    ) -> Result<Decision<Self>, Problem> {
        Ok(Decision::one(decide::event(self, command, context)?))
    }

    fn answer(id: EntityId, own: &[Event], secrets: &Secrets) -> Answer {
        let Some(event) = own.first() else { return Answer::unanswerable() };
        match event {
            Event::Registered { factor, marketing, .. } => {
                let one_time_secret = factor.then(|| secrets.factor(id));
                Answer::created(&Reply { one_time_secret, marketing: Some(*marketing), ..Reply::plain(id) })
            }
            Event::Identified { site, ticket, member, class, key, expires_at, copied } => {
                let (member, site, number, expires_at) = (member.unwrap_or(id), *site, *ticket, *expires_at);
                let ticket = Ticket { member, site, number, class: class.clone(), expires_at };
                let allowance = Allowance { member, site, class: class.clone(), expires_at };
                let allowance = copied.then(|| statement::sign(secrets, *key, ALLOWANCE, &allowance));
                Answer::ok(&Reply {
                    allowance,
                    class: Some(class.clone()),
                    expires_at: Some(expires_at),
                    ticket: Some(statement::sign(secrets, *key, TICKET, &ticket)),
                    ..Reply::plain(member)
                })
            }
            // Told apart from nothing else: an attacker learns neither who is registered nor whose password is locked.
            Event::Refused { .. } | Event::CodeRefused { .. } => Answer::Refused(Refused::NotIdentified.into()),
            Event::Confirmed { site, visit, order, amount, currency, key, expires_at, .. } => {
                let (member, site, visit, order, amount) = (id, *site, *visit, *order, *amount);
                let (currency, expires_at) = (*currency, *expires_at);
                let said = Confirmation { member, site, visit, order, amount, currency, expires_at };
                let confirmation = Some(statement::sign(secrets, *key, CONFIRMATION, &said));
                Answer::ok(&Reply { confirmation, expires_at: Some(expires_at), ..Reply::plain(id) })
            }
            Event::ConsentChanged { marketing } => {
                Answer::ok(&Reply { marketing: Some(*marketing), ..Reply::plain(id) })
            }
            Event::ClassSet { class } => Answer::ok(&Reply { class: Some(class.clone()), ..Reply::plain(id) }),
            Event::Copied { member, until, .. } => {
                Answer::ok(&Reply { expires_at: Some(*until), ..Reply::plain(*member) })
            }
            Event::Forgotten {} => Answer::ok(&Reply::plain(id)),
        }
    }
}
