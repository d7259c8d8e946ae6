//! What a presentation is checked for before anything is decided: who has signed the offer, and who the parties are.

use kippu_events::access::Role;
use kippu_events::access::peers::{Known, Peer};
use kippu_events::approvals::offer_content::{OFFER, OfferContent};
use kippu_events::approvals::settlements::{Item, Offer, Settlement, Versions};
use kippu_events::approvals::settler_terms::{self, SettlerTerms};
use kippu_events::money::{Currency, Minor};
use kippu_events::secrets::SigningUse;
use kippu_events::statement::{Unverified, sha256};
use kippu_events::{EntityId, EntityKey, Time};

use super::owing::TOKEN;
use super::refusal::Refused;
use super::request::{MOST_LINES, MOST_PIECES, Open, Presented, Purchase, Signed};
use crate::actor::Preparing;

/// The number of a settlement's only capability.
pub(super) const CAPABILITY: u8 = 0;

/// What is looked up for a presentation: both parties, and the terms.
pub(super) fn lookups(open: &Open) -> Vec<EntityKey> {
    let signer = |text: &str| Unverified::parse(text).ok().map(|offer| offer.signer);
    let shop = match (&open.offer, &open.purchase) {
        (Some(offer), _) => signer(offer.as_str()),
        (None, Some(purchase)) => Some(purchase.shop),
        (None, None) => None,
    };
    let mut keys = vec![EntityKey::of::<SettlerTerms>(settler_terms::id_of()), EntityKey::of::<Peer>(open.issuer)];
    keys.extend(shop.filter(|shop| *shop != open.issuer).map(EntityKey::of::<Peer>));
    keys
}

/// A presentation without its secrets.
pub(super) fn open(asked: Open, with: &Preparing<'_>) -> Result<Presented, Refused> {
    let Open { issuer, token, offer, purchase } = asked;
    let (_, issuer_version) = known(with, issuer, Role::Authenticator).ok_or(Refused::IssuerNotKnown)?;
    let bought = match (offer, purchase) {
        (Some(offer), None) => signed(offer.as_str(), with)?,
        (None, Some(purchase)) => made(purchase, with)?,
        (Some(_), Some(_)) | (None, None) => return Err(Refused::OfferOrPurchase),
    };
    let Bought { shop, shop_url, shop_version, offer, items, total, currency } = bought;
    let (terms, terms_version) = with
        .looked_up::<SettlerTerms>(settler_terms::id_of())
        .map_or_else(|| (SettlerTerms::default(), 0), |(terms, version)| (terms.clone(), version));
    let key = EntityKey::of::<Settlement>(with.id);
    let token = with.secrets.encrypt_here(key, TOKEN, token.as_str()).map_err(|_| Refused::NotEncrypted)?;
    Ok(Presented {
        issuer,
        shop,
        shop_url,
        offer,
        items,
        total,
        currency,
        token,
        capability: with.secrets.capability_hash(EntityKey::of::<Settlement>(with.id), CAPABILITY),
        policy: terms.policy,
        versions: Versions { issuer: issuer_version, shop: shop_version, terms: terms_version },
    })
}

struct Bought {
    shop: EntityId,
    shop_url: String,
    shop_version: u64,
    offer: Option<Signed>,
    items: Vec<Item>,
    total: Minor,
    currency: Currency,
}

/// The peer `id`, where it has this role.
fn known<'a>(with: &'a Preparing<'_>, id: EntityId, role: Role) -> Option<(&'a Known, u64)> {
    let (peer, version) = with.looked_up::<Peer>(id)?;
    peer.known().filter(|known| known.roles().has(role)).map(|known| (known, version))
}

/// What a shop has signed, and is settled here.
fn signed(text: &str, with: &Preparing<'_>) -> Result<Bought, Refused> {
    let parsed = Unverified::parse(text).map_err(|_| Refused::OfferNotValid)?;
    let (shop, shop_version) = known(with, parsed.signer, Role::Shop).ok_or(Refused::ShopNotKnown)?;
    // Whether the key counts still is decided with the time of the record.
    let key = shop.keys.iter().find(|key| key.r#use == SigningUse::Statements && key.x.id() == parsed.key);
    let key = key.ok_or(Refused::OfferNotValid)?;
    let content: OfferContent = parsed.verify(Some(key.x), OFFER).map_err(|_| Refused::OfferNotValid)?;
    if content.iss != parsed.signer {
        return Err(Refused::OfferNotValid);
    }
    if !content.settlers.contains(&with.secrets.party) {
        return Err(Refused::OtherSettler);
    }
    check_lines(content.items.iter().map(|item| item.quantity))?;
    let items = content.items.into_iter().map(|item| Item {
        product: item.product,
        name: Some(item.name),
        quantity: item.quantity,
        price: item.price,
    });
    let signed = Signed {
        offer: Offer { id: content.id, sha256: sha256(text) },
        key: key.clone(),
        expires_at: Time::from_micros(content.exp.saturating_mul(1_000_000)),
    };
    Ok(Bought {
        shop: parsed.signer,
        shop_url: shop.url.clone(),
        shop_version,
        offer: Some(signed),
        items: items.collect(),
        total: content.total,
        currency: content.currency,
    })
}

/// What the terminal takes to be the shop's prices.
fn made(Purchase { shop: id, currency, items }: Purchase, with: &Preparing<'_>) -> Result<Bought, Refused> {
    let (shop, shop_version) = known(with, id, Role::Shop).ok_or(Refused::ShopNotKnown)?;
    check_lines(items.iter().map(|item| item.quantity))?;
    let total = items
        .iter()
        .try_fold(0_u64, |sum, item| sum.checked_add(item.price.units().checked_mul(u64::from(item.quantity))?));
    let items = items.into_iter().map(|item| Item {
        product: item.product,
        name: None,
        quantity: item.quantity,
        price: item.price,
    });
    Ok(Bought {
        shop: id,
        shop_url: shop.url.clone(),
        shop_version,
        offer: None,
        items: items.collect(),
        total: total.and_then(Minor::new).ok_or(Refused::TooMuch)?,
        currency,
    })
}

fn check_lines(quantities: impl ExactSizeIterator<Item = u32>) -> Result<(), Refused> {
    let count = quantities.len();
    let are_pieces = quantities.into_iter().all(|pieces| (1..=MOST_PIECES).contains(&pieces));
    if are_pieces && (1..=MOST_LINES).contains(&count) { Ok(()) } else { Err(Refused::Lines) }
}
