//! Preparing a request for an approval: who buys, what, and what its token would hash to.

use std::time::Duration;

use kippu_events::access::Role;
use kippu_events::access::challenges::Challenge;
use kippu_events::access::peers::Peer;
use kippu_events::access::peers::PeerKey;
use kippu_events::access::users::User;
use kippu_events::approvals::purchases::{Information, Pushed, id_of};
use kippu_events::approvals::{Offered, Purchase};
use kippu_events::id::Slot;
use kippu_events::money::{Currency, Minor};
use kippu_events::secrets::{Bearer, Purpose, Secrets};
use kippu_events::{EntityId, EntityKey};

use super::redeem::TOKEN;
use super::refusal::Refused;
use super::request::{Asked, Command, Identification, MOST_DESCRIPTION_CHARS, MOST_EXPIRES_IN_SECS, Open, PushedOffer};
use crate::access::users;
use crate::actor::{Call, Preparing};
use crate::approvals::offer::{self, Genuine};
use crate::text::Text;

/// What a genuine token says.
pub(super) fn bearer_of(token: &str, secrets: &Secrets) -> Result<Bearer, Refused> {
    secrets.verify(Purpose::Approval, token).map_err(|_| Refused::TokenNotValid)
}

/// By what the request names its user.
enum Buyer {
    /// Stored in the terminal, or found by the login.
    Known(EntityId),
    /// By a challenge, which lies in the slot of its user.
    Challenged(EntityId),
}

/// Whose limit is asked for: the caller's own user, or the one who is identified.
fn buyer_of(open: &Open, call: &Call, secrets: &Secrets) -> Result<Buyer, Refused> {
    match (call.caller.user, &open.identification) {
        (Some(user), None) => Ok(Buyer::Known(user)),
        (Some(_), Some(_)) => Err(Refused::IdentificationStored),
        (None, None) => Err(Refused::IdentificationMissing),
        (None, Some(Identification { realm, login: Some(login), challenge: None, .. })) => {
            Ok(Buyer::Known(users::id_of(realm.as_ref(), login, secrets)))
        }
        (None, Some(Identification { realm: None, login: None, challenge: Some(challenge), .. })) => {
            Ok(Buyer::Challenged(*challenge))
        }
        (None, Some(_)) => Err(Refused::Named),
    }
}

/// The slot of the user whose limit is asked for.
pub(super) fn slot_of(open: &Open, call: &Call, secrets: &Secrets) -> Result<Slot, Refused> {
    Ok(match buyer_of(open, call, secrets)? {
        Buyer::Known(id) | Buyer::Challenged(id) => id.slot(),
    })
}

/// What is to be looked up first.
pub(super) fn lookups(open: &Open) -> Vec<EntityKey> {
    let challenge = open.identification.as_ref().and_then(|typed| typed.challenge);
    let signer = open.offer.as_ref().and_then(offer::lookup);
    let pushed = open.pushed.iter().flat_map(|PushedOffer { shop, offer }| {
        [EntityKey::of::<Peer>(*shop), EntityKey::of::<Information>(id_of(*shop, *offer))]
    });
    challenge.map(EntityKey::of::<Challenge>).into_iter().chain(signer).chain(pushed).collect()
}

pub(super) fn open(open: Open, with: &Preparing<'_>) -> Result<Command, Refused> {
    let Preparing { id, call, secrets, .. } = *with;
    let (user, challenge) = match buyer_of(&open, call, secrets)? {
        Buyer::Known(user) => (user, None),
        Buyer::Challenged(id) => match with.looked_up::<Challenge>(id) {
            Some((Challenge::Open(open), _)) => (open.user, Some(id)),
            Some((Challenge::Absent | Challenge::Used, _)) | None => return Err(Refused::ChallengeNotValid),
        },
    };
    if !(1..=MOST_EXPIRES_IN_SECS).contains(&open.expires_in_secs) {
        return Err(Refused::Expiry);
    }
    let Bought { amount, currency, purchase, offer, signed_with } = bought(&open, user, with)?;
    // Whether or not there is such a user, so that the time it takes tells nothing.
    let pin = open.identification.map(|typed| secrets.pin_verifier(user, typed.pin.as_str()));
    let token = secrets.token_hash(Purpose::Approval, id, TOKEN);
    let expires_in = Duration::from_secs(open.expires_in_secs.into());
    let channel = open.answer;
    let asked =
        Asked { user, pin, challenge, amount, currency, purchase, offer, signed_with, channel, expires_in, token };
    Ok(Command::Open(Box::new(asked)))
}

/// What is bought, as the request says it or the offer that it names.
struct Bought {
    amount: Minor,
    currency: Currency,
    purchase: Purchase,
    offer: Option<Box<Offered>>,
    signed_with: Option<PeerKey>,
}

fn bought(open: &Open, user: EntityId, with: &Preparing<'_>) -> Result<Bought, Refused> {
    match open {
        Open { amount: Some(amount), currency: Some(currency), offer: None, pushed: None, purchase, .. } => {
            let purchase = checked(purchase.clone().unwrap_or_default())?;
            Ok(Bought { amount: *amount, currency: *currency, purchase, offer: None, signed_with: None })
        }
        Open { amount: None, currency: None, purchase: None, offer: Some(text), pushed: None, .. } => {
            let Genuine { content, sha256, shop_version, key } = offer::check(text, with)?;
            let (expires_at, shop) = (content.expires_at(), content.iss);
            let pushed = Pushed {
                shop,
                shop_version,
                offer: content.id,
                sha256,
                expires_at,
                total: content.total,
                currency: content.currency,
                settlers: content.settlers,
                items: content.items,
            };
            Ok(of_shop(pushed, Some(key), user, with))
        }
        Open { amount: None, currency: None, purchase: None, offer: None, pushed: Some(named), .. } => {
            let shop = with.looked_up::<Peer>(named.shop).and_then(|(peer, _)| peer.known());
            let information = with.looked_up::<Information>(id_of(named.shop, named.offer));
            match (shop, information) {
                (Some(shop), Some((Information::Pushed(pushed), _))) if shop.roles().has(Role::Shop) => {
                    Ok(of_shop((**pushed).clone(), None, user, with))
                }
                (Some(_) | None, Some((Information::Pushed(_) | Information::Absent, _)) | None) => {
                    Err(Refused::NotPushed)
                }
            }
        }
        _ => Err(Refused::What),
    }
}

/// What is bought by an offer. The shop and its settlers know the user by a name that is for this shop alone.
fn of_shop(pushed: Pushed, signed_with: Option<PeerKey>, user: EntityId, with: &Preparing<'_>) -> Bought {
    let Pushed { shop, shop_version, offer, sha256, expires_at, total, currency, settlers, items } = pushed;
    let buyer = with.secrets.pseudonym(EntityKey::of::<User>(user), shop);
    let offer = Offered { shop, shop_version, buyer, id: offer, sha256, expires_at, settlers, items };
    let purchase = Purchase::default();
    Bought { amount: total, currency, purchase, offer: Some(Box::new(offer)), signed_with }
}

fn checked(purchase: Purchase) -> Result<Purchase, Refused> {
    match purchase.description.map(Text::<MOST_DESCRIPTION_CHARS>::try_from).transpose() {
        Ok(description) => Ok(Purchase { description: description.map(String::from), ..purchase }),
        Err(_) => Err(Refused::Description),
    }
}
