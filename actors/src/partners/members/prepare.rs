//! What a request comes to once its secrets are dealt with.

use kippu_events::Time;
use kippu_events::access::Role;
use kippu_events::partners::contracts::Contract;
use kippu_events::partners::members::{ALLOWANCE, Allowance, TICKET, Ticket};
use kippu_events::secrets::Secrets;
use kippu_events::{EntityId, secrets::SecretsError};
use serde_json::json;

use super::refusal::Refused;
use super::request::{
    Command, Confirm, Confirming, Consent, Copy, MOST_PREFERENCES, Open, Registering, Request, SetClass, SignIn,
    SigningIn,
};
use super::{EMAIL_FIELD, LOGIN_FIELD, PROFILE_FIELD, genuine};
use crate::actor::Preparing;
use crate::problem::Problem;

/// See the module.
pub(super) fn command(request: Request, with: &Preparing<'_>) -> Result<Command, Problem> {
    match request {
        Request::Open(open) => open_one(open, with),
        Request::SignIn(SignIn { login: _, password, site, contract }) => {
            let by = by(site, with)?;
            // Whether or not there is such a member, so that the time it takes tells nothing.
            let password = with.secrets.pin_verifier(with.id, password.as_str());
            let copies = contract.map(|contract| site == with.secrets.party && copy_secs(contract, with).is_some());
            let key = genuine::own_key(with);
            Ok(Command::SignIn(SigningIn { password, site, by_node: by.is_some(), copies, key }))
        }
        Request::Confirm(Confirm { ticket, code, visit, order, amount, currency }) => {
            let ticket = own_ticket(ticket.as_str(), with)?;
            by(ticket.site, with)?;
            let step = with.secrets.factor_step(with.id, code.as_str(), Time::now());
            let (site, until, key) = (ticket.site, ticket.expires_at, genuine::own_key(with));
            Ok(Command::Confirm(Confirming { site, until, step, visit, order, amount, currency, key }))
        }
        Request::Consent(Consent { ticket, marketing }) => {
            let ticket = own_ticket(ticket.as_str(), with)?;
            by(ticket.site, with)?;
            Ok(Command::Consent { until: ticket.expires_at, marketing })
        }
        Request::Copy(copy) => Ok(copied(&copy, with)?),
        Request::SetClass(SetClass { class }) => Ok(Command::SetClass(class.into())),
        Request::Forget(_) => Ok(Command::Forget),
    }
}

/// The party that hands on what its member says: nobody else's, where it is a partner site.
fn by(site: EntityId, with: &Preparing<'_>) -> Result<Option<EntityId>, Refused> {
    let caller = &with.call.caller;
    let Some(party) = caller.party().filter(|_| caller.is_peer()) else { return Ok(None) };
    if party == site || caller.roles.has(Role::MainSite) { Ok(Some(party)) } else { Err(Refused::NotYours) }
}

/// A ticket that this node has signed.
fn own_ticket(text: &str, with: &Preparing<'_>) -> Result<Ticket, Refused> {
    let ticket: Ticket = genuine::read(text, TICKET, with.secrets.party, with).map_err(|_| Refused::NotIdentified)?;
    if ticket.member == with.id { Ok(ticket) } else { Err(Refused::NotIdentified) }
}

/// How long this node may identify members under `contract`, where it may now.
fn copy_secs(contract: EntityId, with: &Preparing<'_>) -> Option<u32> {
    let (contract, _) = with.looked_up::<Contract>(contract)?;
    contract.known()?.at(Time::now())?.terms.members.as_ref()?.copy_secs
}

fn copied(copy: &Copy, with: &Preparing<'_>) -> Result<Command, Refused> {
    let (contract, _) = with.looked_up::<Contract>(copy.contract).ok_or(Refused::NoContract)?;
    let known = contract.known().ok_or(Refused::NoContract)?;
    let terms = known.at(Time::now()).and_then(|version| version.terms.members.as_ref()).ok_or(Refused::NoCopy)?;
    let (secs, central) = (terms.copy_secs.ok_or(Refused::NoCopy)?, known.central(terms));
    let allowance: Allowance =
        genuine::read(copy.allowance.as_str(), ALLOWANCE, central, with).map_err(|_| Refused::NoCopy)?;
    if allowance.site != with.secrets.party || central == with.secrets.party {
        return Err(Refused::NoCopy);
    }
    let password = with.secrets.pin_verifier(with.id, copy.password.as_str());
    let Allowance { member, class, expires_at: until, .. } = allowance;
    Ok(Command::Copy { member, password, class, until, secs })
}

fn open_one(open: Open, with: &Preparing<'_>) -> Result<Command, Problem> {
    let Open { login, password, email, region, preferences, agreed, marketing, one_time_codes: factor, site } = open;
    let by = by(site, with)?;
    if preferences.len() > MOST_PREFERENCES {
        return Err(Refused::Preferences.into());
    }
    let (id, secrets): (EntityId, &Secrets) = (with.id, with.secrets);
    let encrypt = |field, plain: &str| {
        secrets.encrypt(id, field, plain).map_err(|error| match error {
            // Only who was registered is forgotten, and the registration is still there.
            SecretsError::Forgotten(_) => Refused::Exists,
            error => {
                tracing::error!(%error, "a personal field was not encrypted");
                Refused::NotEncrypted
            }
        })
    };
    let preferences: Vec<&str> = preferences.iter().map(|word| word.as_str()).collect();
    let profile = json!({ "region": region.as_ref().map(|word| word.as_str()), "preferences": preferences });
    Ok(Command::Open(Box::new(Registering {
        login: encrypt(LOGIN_FIELD, login.as_str())?,
        email: email.map(|email| encrypt(EMAIL_FIELD, email.as_str())).transpose()?,
        profile: encrypt(PROFILE_FIELD, &profile.to_string())?,
        password: secrets.pin_verifier(id, password.as_str()),
        agreed: agreed.into(),
        marketing,
        factor,
        site,
        by,
    })))
}
