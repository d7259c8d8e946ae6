//! The one list of rules: a stable name for each, and what holds where it is kept.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

macro_rules! rules {
    ($($name:literal $rule:ident $holds:literal)+) => {
        /// What a history must keep to.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Rule {
            $(#[doc = $holds] $rule,)+
        }

        impl Rule {
            /// Every rule.
            pub const ALL: &[Self] = &[$(Self::$rule),+];

            /// Its name, which stays.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$rule => $name,)+ }
            }

            /// What holds where it is kept.
            #[must_use]
            pub const fn holds(self) -> &'static str {
                match self { $(Self::$rule => $holds,)+ }
            }
        }
    };
}

rules! {
    // Every record and every event.
    "body" Body "A record has events."
    "id" Id "An event names its own place."
    "source" Source "An event names its own log."
    "time" Time "Times never go back, and are one within a record."
    "command" Command "All events of a record name one command."
    "version" Version "The versions of an entity are dense."
    "slot" Slot "An entity lies in the partition of its slot."
    "principal" Principal "What only one party, or only the node, can have done was done by it."
    // What happens once.
    "command-once" CommandOnce "A command takes effect in one record of a partition."
    "register-first" RegisterFirst "Nothing happens to a user before the registration."
    "register-once" RegisterOnce "A user is registered once."
    "client" Client "A client is opened once, its keys are counted without gaps, and nothing follows its revocation."
    "challenge" Challenge "A challenge is opened once, and used at most once, before its end."
    "member" Member "A member is registered once, tickets are counted without gaps, a code counts once, and nothing is taken while it is locked or over."
    "visit" Visit "A visit is opened once, its orders are counted without gaps, and each is paid at most once, before the visit ends."
    "issue-once" IssueOnce "An approval is asked for, and given or refused, once."
    "redeem-once" RedeemOnce "An approval is redeemed at most once, after it was given and before it is over."
    "settle-once" SettleOnce "What is settled is settled once, after it was redeemed or delivered."
    "over-once" OverOnce "What is over is over once."
    "collect" Collect "A token is collected while it is good, for what was approved."
    "offer-once" OfferOnce "An offer is made once."
    "present-once" PresentOnce "A settlement is presented once."
    "permit-once" PermitOnce "A settlement is permitted once, while it is open."
    "deliver-once" DeliverOnce "An offer is delivered once, and a settlement is once it was permitted."
    "notice-once" NoticeOnce "A settlement is noticed once, after it was settled."
    // Money.
    "user" User "An approval is of a registered user."
    "inputs" Inputs "An approval was decided on the limit, and the use of it, that there was."
    "limit" Limit "Reserved and charged stay within the limit, and a limit moves as its source allows."
    "money" Money "Each step of an approval moves the money of its user in the same record, and nothing else does: a charge has its approval."
    "reservation" Reservation "What an approval reserves is charged or released by the time that it is over."
    "sums" Sums "No more is charged, released or given back than there was."
    "amount" Amount "What is permitted, delivered and settled is what was approved or offered, and no more."
    "currency" Currency "Every amount of a user is in one currency."
    "period" Period "A period begins when the one before has ended, ends with its month, and no money moves between them."
    "refund" Refund "No more is given back than was settled, and nothing that was not to be."
    "postings" Postings "The postings of an event add up to zero, and a collection is in the books once, and leaves them once."
    // Stocks.
    "stock" StockKept "No more is reserved, sold or removed than there is."
    "stock-once" StockOnce "What is reserved for a request is sold or released once, all of it."
    // Who, when, and why not.
    "expiry" Expiry "What has an end happens before it, and what waits for an end after it."
    "settler" Settler "Only a settler that the approval or the offer admits redeems, settles or lets go of it."
    "suspended" Suspended "Nothing is approved or permitted while a user is suspended."
    "forgotten" Forgotten "Who was forgotten does nothing new: what is reserved ends, and what was charged is put right."
    "policy" Policy "A financial reference is asked exactly where the user's policy wants it."
    "inquiry" Inquiry "A decision after an inquiry is what the reference told."
    "pin-lock" PinLock "No PIN is accepted while it is locked."
    "refusal" Refusal "What was refused, at a request, a redemption or a sign-in, could not have been permitted."
    // Settlements between parties.
    "items" Items "What is delivered was offered, each item once."
    "attempt" Attempt "Outcomes of activities come in the order of their numbers, each once."
    "wait" Wait "A permission that comes too late does not count."
    "permission" Permission "What is settled was permitted."
    "held" Held "Contents are held, in order, before they may be fetched or are settled."
    "received" Received "Contents are received once, and only while they can be fetched."
    "order" Order "Where delivery comes first, nothing is settled before it can be fetched."
    "release" Release "What was permitted and is not settled is released, and nothing else is."
    // Main and partner sites.
    "terms" Terms "The terms of a contract are numbered without gaps, answered once, and nothing is agreed once its end was told."
    "certified" Certified "Lines are certified once, by a certificate that names them, and given to the other party once."
    "reported" Reported "A report is made once, and given to the partner site once."
    "agreed" Agreed "The statements of a month are signed in order by the main site and answered by the partner site, and nothing follows what both have signed."
}

/// Text that names no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no rule {0:?}: --list names them all")]
pub struct NotARule(String);

impl FromStr for Rule {
    type Err = NotARule;

    fn from_str(text: &str) -> Result<Self, NotARule> {
        let named = Self::ALL.iter().find(|rule| rule.name() == text);
        named.copied().ok_or_else(|| NotARule(text.to_owned()))
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A choice of rules.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules(u64);

const _: () = assert!(Rule::ALL.len() <= 64, "a choice has a bit for each");

impl Rules {
    /// Every rule.
    pub const ALL: Self = Self(u64::MAX);
    /// No rule.
    pub const NONE: Self = Self(0);

    /// Whether `rule` is chosen.
    #[must_use]
    pub const fn has(self, rule: Rule) -> bool {
        self.0 >> rule as u32 & 1 == 1
    }

    /// Those that are chosen, in the order of the list.
    pub fn iter(self) -> impl Iterator<Item = Rule> {
        Rule::ALL.iter().copied().filter(move |rule| self.has(*rule))
    }
}

impl FromIterator<Rule> for Rules {
    fn from_iter<T: IntoIterator<Item = Rule>>(rules: T) -> Self {
        Self(rules.into_iter().fold(0, |chosen, rule| chosen | 1 << rule as u32))
    }
}
