//! What settlements are asked, before and after the secrets are dealt with, and what they answer.

use kippu_events::access::peers::PeerKey;
use kippu_events::approvals::settlements::{Content, Item, Offer, Versions};
use kippu_events::approvals::settler_terms::Policy;
use kippu_events::money::{Currency, Minor};
use kippu_events::secrets::{EncryptedField, TokenHash};
use kippu_events::{EntityId, Time, statement};
use serde::{Deserialize, Serialize};

use crate::activity::Outcome;
use crate::text::Text;

/// Several times the longest token.
pub const MOST_TOKEN_CHARS: usize = 512;
/// A long till receipt. With their names, so many lines fit into a record.
pub const MOST_LINES: usize = 64;
/// Pieces in one line.
pub const MOST_PIECES: u32 = 1_000_000;

/// An approval's token, as its issuer named it.
pub type Token = Text<MOST_TOKEN_CHARS>;
/// A signed offer, as the shop named it.
pub type Statement = Text<{ statement::MOST_CHARS }>;

commands! {
    /// A terminal presents an approval, and what it is to pay for.
    Open = "open" New [Guest, Terminal] "Presents an approval and what it is to pay for, and answers what shows and opens the settlement." {
        /// The authentication server that issued the approval: a party.
        issuer: EntityId,
        /// As the approval's answer named it.
        #[schemars(schema_with = "token_schema")]
        token: Token,
        /// The shop's offer. Either that or `purchase`.
        #[serde(default)]
        offer: Option<Statement>,
        /// Purchase information that the terminal made. The shop compares it with its catalogue before anything is delivered.
        #[serde(default)]
        purchase: Option<Purchase>,
    }
    /// The buyer has got what was bought.
    Received = "received" Id [Guest, Terminal] "Says that contents, or all that was bought, have come. They are not to be had again." {
        /// Numbers of the contents that have come; all of them where it is left out.
        #[serde(default)]
        contents: Option<Vec<u32>>,
    }
    /// The buyer is to be told what opens the contents at the shop.
    Collect = "collect" Id [Guest, Terminal] "Answers what opens the contents at the shop, where the shop itself delivers them." {}
    /// It is called off.
    Cancel = "cancel" Id [Operator, Guest, Terminal] "Calls a settlement off before the price is settled: nothing is charged, nothing stays reserved." {}
    /// A part of the price is given back.
    Refund = "refund" Id [Operator] "Gives back a part of the settled price, or all of it." {
        /// How much: at least 1, and with what was given back before at most what was settled.
        #[schemars(extend("minimum" = 1))]
        amount: Minor,
    }
}

/// Purchase information that the terminal made itself.
#[derive(Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Purchase {
    /// The shop: a party.
    pub shop: EntityId,
    /// The currency of every price.
    pub currency: Currency,
    /// What is bought.
    #[schemars(length(min = 1, max = MOST_LINES))]
    pub items: Vec<PurchaseItem>,
}

/// One line of what is bought.
#[derive(Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PurchaseItem {
    /// Which product of the shop.
    pub product: EntityId,
    /// How many pieces.
    #[schemars(range(min = 1, max = MOST_PIECES))]
    pub quantity: u32,
    /// What one piece costs, as the terminal takes it.
    pub price: Minor,
}

fn token_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let pattern = "^kpa_[A-Za-z0-9_-]+$";
    schemars::json_schema!({ "type": "string", "maxLength": MOST_TOKEN_CHARS, "pattern": pattern, "writeOnly": true })
}

/// A request without its secrets, an outcome, or a deadline.
pub enum Command {
    /// An approval is presented.
    Open(Box<Presented>),
    /// Contents, or all that was bought, have come to the buyer.
    Received(Option<Vec<u32>>),
    /// The buyer asks what opens the contents at the shop.
    Collect,
    /// It is called off.
    Cancel,
    /// So much is to be given back.
    Refund(Minor),
    /// What came of an activity.
    CameOf(Came),
    /// A time has passed.
    TimeUp,
}

/// An approval that is presented.
pub struct Presented {
    /// The authentication server that issued the approval.
    pub issuer: EntityId,
    /// The shop.
    pub shop: EntityId,
    /// Where the shop's node answers.
    pub shop_url: String,
    /// The shop's offer, and what has to hold of it; nothing where the terminal made the purchase information.
    pub offer: Option<Signed>,
    /// What is bought.
    pub items: Vec<Item>,
    /// What all of it costs.
    pub total: Minor,
    /// In which currency.
    pub currency: Currency,
    /// The approval's token.
    pub token: EncryptedField,
    /// What the capability would hash to.
    pub capability: TokenHash,
    /// On which terms.
    pub policy: Policy,
    /// Of what was looked up.
    pub versions: Versions,
}

/// A genuine offer.
pub struct Signed {
    /// Which.
    pub offer: Offer,
    /// The key that signed it, which has to count still.
    pub key: PeerKey,
    /// From when it does not count any more.
    pub expires_at: Time,
}

/// What came of an activity.
pub struct Came {
    /// Its number.
    pub attempt: u32,
    /// The answer, without the capability in it.
    pub outcome: Outcome,
    /// The capability in the answer.
    pub capability: Option<EncryptedField>,
}

/// What an accepted command answers.
#[derive(Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Reply {
    /// The settlement.
    pub id: EntityId,
    /// Where it is in its life, where the command brought it there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// What shows and opens the settlement, at its opening. Absent too once the root key that it was made with is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capability: Option<String>,
    /// What opens the contents at the shop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shop_capability: Option<String>,
    /// The contents there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contents: Option<Vec<Located>>,
    /// Numbers of the contents that have come now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<Vec<u32>>,
    /// How much was settled, or is to be given back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Minor>,
    /// In which currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
}

impl Reply {
    /// An answer that says no more than the state.
    #[must_use]
    pub const fn plain(id: EntityId, state: Option<State>) -> Self {
        Self {
            id,
            state,
            capability: None,
            shop_capability: None,
            contents: None,
            received: None,
            amount: None,
            currency: None,
        }
    }
}

/// A content, and where it is.
#[derive(Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Located {
    #[serde(flatten)]
    pub(super) content: Content,
    /// Where it is fetched.
    pub url: String,
}

/// Where a settlement is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The issuer is asked whether the payment is permitted.
    Presented,
    /// Paid.
    Settled,
    /// Called off.
    Cancelled,
}
