//! Where an approval is in its life, as a row keeps it.

use kippu_events::approvals::{Event, RequestRefusal};
use kippu_events::money::Minor;
use kippu_events::{EntityId, Time};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) enum Phase {
    Refused { reason: RequestRefusal },
    Issued,
    Redeemed { by: EntityId, at: Time },
    Settled { by: EntityId, redeemed_at: Time, amount: Minor, refunded: Minor, at: Time },
    Expired { at: Time },
    Revoked { redeemed: Option<(EntityId, Time)>, at: Time },
    Pending { until: Time },
    Released { by: EntityId, redeemed: Option<(EntityId, Time)>, at: Time },
}

/// Of an index too, so that a new one stands behind those before it.
pub(crate) const STATES: [&str; 8] =
    ["refused", "issued", "redeemed", "settled", "expired", "revoked", "pending", "released"];

impl Phase {
    /// Its place in [`STATES`].
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Refused { .. } => 0,
            Self::Issued => 1,
            Self::Redeemed { .. } => 2,
            Self::Settled { .. } => 3,
            Self::Expired { .. } => 4,
            Self::Revoked { .. } => 5,
            Self::Pending { .. } => 6,
            Self::Released { .. } => 7,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        STATES[self.code() as usize]
    }

    /// Who redeemed it, and when.
    pub(super) const fn redeemed(self) -> Option<(EntityId, Time)> {
        match self {
            Self::Redeemed { by, at } | Self::Settled { by, redeemed_at: at, .. } => Some((by, at)),
            Self::Revoked { redeemed, .. } | Self::Released { redeemed, .. } => redeemed,
            Self::Refused { .. } | Self::Issued | Self::Expired { .. } | Self::Pending { .. } => None,
        }
    }

    /// The settler to which it belongs: who redeemed it, or let go of it before.
    pub(super) const fn settler(self) -> Option<EntityId> {
        match self {
            Self::Redeemed { by, .. } | Self::Settled { by, .. } | Self::Released { by, .. } => Some(by),
            Self::Revoked { redeemed: Some((by, _)), .. } => Some(by),
            Self::Revoked { redeemed: None, .. }
            | Self::Refused { .. }
            | Self::Issued
            | Self::Expired { .. }
            | Self::Pending { .. } => None,
        }
    }

    /// What `event` at `time` makes of it; an event that means nothing to this phase leaves it.
    pub(super) fn after(self, event: &Event, time: Time) -> Self {
        match (self, event) {
            (Self::Pending { .. }, Event::Issued { .. }) => Self::Issued,
            (Self::Pending { .. }, Event::Refused { reason, .. }) => Self::Refused { reason: *reason },
            (Self::Issued, Event::Redeemed { settler, .. }) => Self::Redeemed { by: *settler, at: time },
            (Self::Redeemed { by, at }, Event::Settled { amount, .. }) => {
                Self::Settled { by, redeemed_at: at, amount: *amount, refunded: Minor::ZERO, at: time }
            }
            (Self::Settled { by, redeemed_at, amount, at, .. }, Event::Refunded { total, .. }) => {
                Self::Settled { by, redeemed_at, amount, refunded: *total, at }
            }
            (Self::Issued, Event::Expired {}) => Self::Expired { at: time },
            (Self::Pending { .. } | Self::Issued | Self::Redeemed { .. }, Event::Revoked {}) => {
                Self::Revoked { redeemed: self.redeemed(), at: time }
            }
            (Self::Issued | Self::Redeemed { .. }, Event::Released { settler }) => {
                Self::Released { by: *settler, redeemed: self.redeemed(), at: time }
            }
            (
                Self::Refused { .. }
                | Self::Issued
                | Self::Redeemed { .. }
                | Self::Settled { .. }
                | Self::Expired { .. }
                | Self::Revoked { .. }
                | Self::Pending { .. }
                | Self::Released { .. },
                Event::Pending { .. }
                | Event::Issued { .. }
                | Event::Refused { .. }
                | Event::Collected { .. }
                | Event::Redeemed { .. }
                | Event::RedeemRefused { .. }
                | Event::Settled { .. }
                | Event::Refunded { .. }
                | Event::Expired {}
                | Event::Revoked {}
                | Event::Released { .. },
            ) => self,
        }
    }
}
