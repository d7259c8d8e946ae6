//! Products: a shop lists them, prices them anew, says something else of them, withdraws them and lists them again.

pub mod text;

use kippu_events::EntityId;
use kippu_events::approvals::products::{self, Details, Event, Kind, Listing, Product};
use kippu_events::blobs::BlobId;
use kippu_events::money::{Currency, Minor};
use kippu_events::secrets::Secrets;
use serde::{Deserialize, Serialize};

use self::text::{MediaType, Sha256Text, Sku};
use crate::actor::{Actor, Answer, Call, CommandSpec, Context, Decision, Neighbours, Preparing};
use crate::problem::{Problem, ProblemType};
use crate::text::{Text, named};

/// As long as the titles that shops have in the field.
pub const MOST_NAME_CHARS: usize = 256;
/// The name of a genre.
pub const MOST_GENRE_CHARS: usize = 64;
/// The name of a file.
pub const MOST_FILE_CHARS: usize = 128;
/// So many files at most come with one product: those of as many products as an offer may have fit into one record.
pub const MOST_CONTENTS: usize = 8;
/// 2^53, exact in every JSON reader.
pub const MOST_SIZE: u64 = 1 << 53;

/// What buyers call a product, or what tells it from others of that name.
pub type Name = Text<MOST_NAME_CHARS>;
/// What products are found under.
pub type Genre = Text<MOST_GENRE_CHARS>;

commands! {
    /// A product is to be for sale.
    Open = "open" New [Operator, Shop] "Lists a product, which is for sale from then on." {
        /// What the shop calls it, for ever. Its id follows from it.
        sku: Sku,
        /// What buyers call it.
        name: Name,
        /// What tells it from others of that name, as an author and a year; no personal data.
        #[serde(default)]
        about: Option<Name>,
        /// How it comes to its buyer.
        #[serde(deserialize_with = "named")]
        kind: Kind,
        /// What it is found under.
        #[serde(default)]
        genre: Option<Genre>,
        /// What one costs, in minor units.
        price: Minor,
        /// In which currency.
        currency: Currency,
        /// Its picture: SHA-256 of the bytes.
        #[serde(default)]
        picture: Option<Sha256Text>,
        /// Bytes that come with it, at most eight times.
        #[serde(default)]
        #[schemars(length(max = MOST_CONTENTS))]
        contents: Vec<Content>,
    }
    /// It costs something else.
    Reprice = "reprice" Id [Operator, Shop] "Gives a product another price. What was offered before is sold as offered." {
        /// What one costs, in minor units of its currency.
        price: Minor,
    }
    /// Something else is said of it.
    Change = "change" Id [Operator, Shop] "Says something else of a product: whatever is left out is not said any more." {
        /// What buyers call it.
        name: Name,
        /// What tells it from others of that name; no personal data.
        #[serde(default)]
        about: Option<Name>,
        /// How it comes to its buyer.
        #[serde(deserialize_with = "named")]
        kind: Kind,
        /// What it is found under.
        #[serde(default)]
        genre: Option<Genre>,
        /// Its picture: SHA-256 of the bytes.
        #[serde(default)]
        picture: Option<Sha256Text>,
        /// Bytes that come with it, at most eight times.
        #[serde(default)]
        #[schemars(length(max = MOST_CONTENTS))]
        contents: Vec<Content>,
    }
    /// It is not for sale any more.
    Withdraw = "withdraw" Id [Operator, Shop] "Withdraws a product: it is offered to nobody any more." {}
    /// It is for sale again.
    ListAgain = "list_again" Id [Operator, Shop] "Lists a withdrawn product again." {}
}

/// Bytes that come with a product.
#[derive(Clone, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// What buyers call it: the name of a file.
    pub name: Text<MOST_FILE_CHARS>,
    /// Its media type, as `audio/ogg`.
    pub media_type: MediaType,
    /// What it hashes to: SHA-256 in hexadecimal digits.
    pub sha256: Sha256Text,
    /// Its bytes.
    #[schemars(range(max = MOST_SIZE))]
    pub size: u64,
}

refusals! {
    shared NOT_FOUND {
        /// This id listed nothing.
        Unknown "there is no product with this id";
    }
    shared ALREADY_EXISTS {
        /// This SKU is taken.
        Exists "a product with this sku was listed before";
    }
    shared FORBIDDEN {
        /// Another shop's node.
        OtherShop "products are listed by this shop's own API clients";
    }
    shared INVALID_BODY {
        /// Too many.
        Contents "a product comes with at most {} files", MOST_CONTENTS;
        /// No number that every reader has.
        Size "the size of a file is at most {} bytes", MOST_SIZE;
    }
    own UNCHANGED = 409 "product-unchanged" "The product is so already" "Nothing needs to be done." {
        /// It is as it was asked to be.
        Unchanged "the product is so already";
    }
    own NOT_LISTED = 409 "product-not-listed" "The product is not for sale" "Use `list_again` to have it for sale again." {
        /// It is withdrawn.
        NotListed "the product is withdrawn already";
    }
    own IS_LISTED = 409 "product-is-listed" "The product is for sale" "Nothing needs to be done." {
        /// It is for sale.
        IsListed "the product is for sale already";
    }
}

/// What an accepted command answers.
#[derive(Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Reply {
    /// The product.
    pub id: EntityId,
    /// What one costs, at its opening and with another price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Minor>,
}

/// A request whose bounds were checked.
pub enum Command {
    /// It is to be for sale.
    Open(Box<Listing>),
    /// It costs something else.
    Reprice(Minor),
    /// Something else is said of it.
    Change(Box<Details>),
    /// It is not for sale any more.
    Withdraw,
    /// It is for sale again.
    ListAgain,
}

fn contents(given: Vec<Content>) -> Result<Vec<products::Content>, Refused> {
    if given.len() > MOST_CONTENTS {
        return Err(Refused::Contents);
    }
    if given.iter().any(|content| content.size > MOST_SIZE) {
        return Err(Refused::Size);
    }
    let checked = given.into_iter().map(|Content { name, media_type, sha256, size }| products::Content {
        name: name.into(),
        media_type: media_type.as_str().to_owned(),
        sha256: sha256.as_str().to_owned(),
        size,
    });
    Ok(checked.collect())
}

impl Actor for Product {
    type Request = Request;
    type Command = Command;
    type Reply = Reply;

    const COMMANDS: &'static [CommandSpec] = COMMANDS;
    const PROBLEMS: &'static [&'static ProblemType] = TYPES;

    fn target(request: &Request, call: &Call, _secrets: &Secrets) -> Result<EntityId, Problem> {
        // Other parties that are shops have the same role here, and lists of their own.
        if call.caller.is_peer() {
            return Err(Refused::OtherShop.into());
        }
        match request {
            Request::Open(Open { sku, .. }) => Ok(products::id_of(sku.as_str())),
            Request::Reprice(_) | Request::Change(_) | Request::Withdraw(_) | Request::ListAgain(_) => call.path_id(),
        }
    }

    fn named_blobs(request: &Request) -> Vec<BlobId> {
        let (picture, contents) = match request {
            Request::Open(Open { picture, contents, .. }) | Request::Change(Change { picture, contents, .. }) => {
                (picture, contents)
            }
            Request::Reprice(_) | Request::Withdraw(_) | Request::ListAgain(_) => return Vec::new(),
        };
        let named = picture.iter().chain(contents.iter().map(|content| &content.sha256));
        named.filter_map(|sha256| sha256.as_str().parse().ok()).collect()
    }

    fn prepare(request: Request, _with: &Preparing<'_>) -> Result<Command, Problem> {
        let hash = |text: Option<Sha256Text>| text.map(|text| text.as_str().to_owned());
        Ok(match request {
            Request::Open(Open { sku, name, about, kind, genre, price, currency, picture, contents: given }) => {
                let (name, about, genre) = (name.into(), about.map(String::from), genre.map(String::from));
                let details = Details { name, about, kind, genre, picture: hash(picture), contents: contents(given)? };
                Command::Open(Box::new(Listing { sku: sku.as_str().to_owned(), details, price, currency }))
            }
            Request::Reprice(Reprice { price }) => Command::Reprice(price),
            Request::Change(Change { name, about, kind, genre, picture, contents: given }) => {
                let (name, about, genre) = (name.into(), about.map(String::from), genre.map(String::from));
                let details = Details { name, about, kind, genre, picture: hash(picture), contents: contents(given)? };
                Command::Change(Box::new(details))
            }
            Request::Withdraw(Withdraw {}) => Command::Withdraw,
            Request::ListAgain(ListAgain {}) => Command::ListAgain,
        })
    }

    fn decide(
        &self,
        command: &Command,
        _neighbours: Neighbours<'_>,
        _context: &Context,
    ) -> Result<Decision<Self>, Problem> {
        let event = match (self, command) {
            (Self::Absent, Command::Open(listing)) => listed((**listing).clone()),
            (Self::Listed(_) | Self::Withdrawn(_), Command::Open(_)) => return Err(Refused::Exists.into()),
            (Self::Absent, _) => return Err(Refused::Unknown.into()),
            (Self::Listed(listing) | Self::Withdrawn(listing), Command::Reprice(price)) => {
                if *price == listing.price {
                    return Err(Refused::Unchanged.into());
                }
                Event::Repriced { price: *price, before: listing.price }
            }
            (Self::Listed(listing) | Self::Withdrawn(listing), Command::Change(details)) => {
                if **details == listing.details {
                    return Err(Refused::Unchanged.into());
                }
                let Details { name, about, kind, genre, picture, contents } = (**details).clone();
                Event::Changed { name, about, kind, genre, picture, contents }
            }
            (Self::Listed(_), Command::Withdraw) => Event::Withdrawn {},
            (Self::Withdrawn(_), Command::Withdraw) => return Err(Refused::NotListed.into()),
            (Self::Withdrawn(_), Command::ListAgain) => Event::ListedAgain {},
            (Self::Listed(_), Command::ListAgain) => return Err(Refused::IsListed.into()),
        };
        Ok(Decision::one(event))
    }

    fn answer(id: EntityId, own: &[Event], _secrets: &Secrets) -> Answer {
        match own.first() {
            Some(Event::Listed { price, .. }) => Answer::created(&Reply { id, price: Some(*price) }),
            Some(Event::Repriced { price, .. }) => Answer::ok(&Reply { id, price: Some(*price) }),
            Some(Event::Changed { .. } | Event::Withdrawn {} | Event::ListedAgain {}) => {
                Answer::ok(&Reply { id, price: None })
            }
            None => Answer::unanswerable(),
        }
    }
}

fn listed(listing: Listing) -> Event {
    let Listing { sku, details, price, currency } = listing;
    let Details { name, about, kind, genre, picture, contents } = details;
    Event::Listed { sku, name, about, kind, genre, price, currency, picture, contents }
}

#[cfg(test)]
mod tests;
