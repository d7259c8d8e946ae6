//! What an approval's event calls for, and which movements of its user's money that is.

use kippu_events::Time;
use kippu_events::access::users::{Charging, LimitSource};
use kippu_events::money::Currency;

use super::movements::{Account, Movement};

/// What an approval's event calls for. In minor units.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::rules) enum Call {
    /// Pending, having found this limit and this much used of it.
    Ask { reserved: u64, currency: Currency, limit: u64, used: u64 },
    /// Issued, having found this limit and this much used of it by others; so much was reserved before.
    Issue { amount: u64, reserved: u64, currency: Currency, limit: u64, used: u64, asked: bool, told: Option<u64> },
    /// Refused or taken back while it was pending.
    Withdraw { reserved: u64, told: Option<u64> },
    /// Redeemed.
    Permit { amount: u64 },
    /// Settled with `amount` of what was approved, and perhaps charged when it was permitted.
    Settle { approved: u64, amount: u64, permitted_at: Time },
    /// Over before it was redeemed.
    Drop { approved: u64 },
    /// Taken back after it was redeemed.
    Undo { approved: u64, permitted_at: Time },
    /// A part of what was settled and not given back before.
    GiveBack { amount: u64, left: u64, permitted_at: Time, settled_at: Time },
    /// Refused because its user is suspended.
    Suspended,
}

/// A movement that is called for. In minor units.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::rules) enum Wanted {
    Exactly(Movement),
    /// So many points, as far as there is room.
    Gathered(u64),
    /// So many points, as far as they are not used.
    TakenBack(u64),
    /// The limit that was told, and no less than is used.
    Followed(u64),
}

impl Wanted {
    pub(super) fn fits(self, made: Movement) -> bool {
        match (self, made) {
            (Self::Exactly(wanted), made) => wanted == made,
            (Self::Gathered(points), Movement::Gathered { amount, room })
            | (Self::TakenBack(points), Movement::TakenBack { amount, room }) => amount == points.min(room),
            (Self::Followed(told), Movement::Followed { limit, used }) => limit == told.max(used),
            (Self::Gathered(_) | Self::TakenBack(_) | Self::Followed(_), _) => false,
        }
    }
}

impl Call {
    /// The movements, of which there are two at most.
    pub(super) fn wanted(self, account: &Account) -> [Option<Wanted>; 2] {
        let exactly = |movement| Some(Wanted::Exactly(movement));
        let at_permission = account.charging == Charging::AtPermission;
        let earlier = |charged_at: Time| account.period_began.is_some_and(|began| charged_at < began);
        let points = |settled: u64| {
            let rate = if account.source == LimitSource::Points { account.points_rate_bp } else { 0 };
            u64::try_from(u128::from(settled) * u128::from(rate) / 10_000).unwrap_or(u64::MAX)
        };
        let followed =
            |told: Option<u64>| told.filter(|_| account.source == LimitSource::Solvency).map(Wanted::Followed);
        match self {
            Self::Ask { reserved, .. } => [exactly(Movement::Reserved(reserved)), None],
            Self::Issue { amount, reserved, told, .. } => {
                [exactly(Movement::Reserved(amount.saturating_sub(reserved))), followed(told)]
            }
            Self::Withdraw { reserved, told } => [exactly(Movement::Released(reserved)), followed(told)],
            Self::Permit { amount } if at_permission => [exactly(Movement::Charged { reserved: amount, amount }), None],
            Self::Permit { .. } | Self::Suspended => [None, None],
            Self::Settle { approved, amount, permitted_at } => {
                let movement = if at_permission {
                    let rest = approved.saturating_sub(amount);
                    Movement::Refunded { amount: rest, earlier: rest > 0 && earlier(permitted_at) }
                } else {
                    Movement::Charged { reserved: approved, amount }
                };
                [exactly(movement), Some(Wanted::Gathered(points(amount)))]
            }
            Self::Undo { approved, permitted_at } if at_permission => {
                [exactly(Movement::Refunded { amount: approved, earlier: earlier(permitted_at) }), None]
            }
            Self::Drop { approved } | Self::Undo { approved, .. } => [exactly(Movement::Released(approved)), None],
            Self::GiveBack { amount, left, permitted_at, settled_at } => {
                let charged_at = if at_permission { permitted_at } else { settled_at };
                let points = points(left).saturating_sub(points(left.saturating_sub(amount)));
                let movement = Movement::Refunded { amount, earlier: earlier(charged_at) };
                [exactly(movement), Some(Wanted::TakenBack(points))]
            }
        }
    }
}
