//! The books: double entry over everything that moves money. Each event that does is one entry, whose debits and credits are
//! equal; an account is a row of `ledger`, an entry a row of `ledger-entries`, all accounts in a currency a row of
//! `trial-balances`, and a statement is what an account has of a period.
//!
//! ```text
//! authentication server                          debit                   credit
//! an amount is reserved                          subscriber reserved     house reservations
//! it is free again                               house reservations      subscriber reserved
//! a subscriber is charged for a purchase         subscriber purchases    house clearing
//! … and gets it back                             house clearing          subscriber purchases
//! … is charged for the line, or a fee            subscriber line, fees   house line, fees
//! … and gets it back                             the same the other way round
//! a settlement server has settled                house clearing          settler settlements
//!   for a shop: for information                  house purchases         shop purchases
//! … and gave it back                             the same the other way round
//! a deposit is paid in                           house cash              subscriber deposits
//! points are granted                             house points            subscriber points
//!
//! settlement server
//! a price is settled                             issuer settlements      shop sales
//! … and given back                               the same the other way round
//!
//! shop
//! an offer is delivered                          settler deliveries      house sales
//! … and a part of its price given back           the same the other way round
//! ```
//!
//! Where a node has charged no more and no less than settlement servers have settled, `house clearing` is zero. What an
//! authentication server has under `settler settlements`, the settlement server has under `issuer settlements`, on the other side.
//! So it is with `settler deliveries` of a shop and `shop sales` of that settlement server, but for what was delivered and never
//! settled, of which a shop is not told. Names of persons are in no account: only the authentication server has a subscriber's id.

mod account;
mod entries;
mod entry;
mod ledger;
mod lines;
mod period;
mod statement;
mod trial;

pub use self::account::{Account, NotAnAccount, OwnerKind};
pub use self::entries::Entries;
pub use self::entry::{Side, What};
pub use self::ledger::Ledger;
pub(crate) use self::ledger::before;
pub(crate) use self::lines::{Lines, day};
pub use self::period::{NotAPeriod, Period};
pub use self::statement::{Found, Line, Statement, TooMany};
pub use self::trial::TrialBalances;
