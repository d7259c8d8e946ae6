//! What the random test does, step by step.

use proptest::prelude::*;

/// One step; `which` counts the approvals from the first, cyclically.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Open {
        amount: u64,
        secs: u32,
    },
    /// The financial reference answers.
    Answer {
        which: usize,
        good: bool,
    },
    Redeem {
        which: usize,
        by: u8,
    },
    Settle {
        which: usize,
        by: u8,
        amount: u64,
    },
    Refund {
        which: usize,
        by: u8,
        amount: u64,
    },
    Release {
        which: usize,
        by: u8,
    },
    Revoke {
        which: usize,
        by: u8,
    },
    MoveLimit {
        amount: u64,
    },
    Suspend {
        suspended: bool,
    },
    Wait {
        secs: u64,
    },
    Deadlines,
}

/// Longer than every month.
const MONTH_SECS: u64 = 32 * 86_400;

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let which = || 0..6_usize;
    let settler = || 6..8_u8;
    let step = prop_oneof![
        6 => (0..60_u64, 1..40_u32).prop_map(|(amount, secs)| Step::Open { amount, secs }),
        4 => (which(), prop::bool::weighted(0.8)).prop_map(|(which, good)| Step::Answer { which, good }),
        4 => (which(), settler()).prop_map(|(which, by)| Step::Redeem { which, by }),
        4 => (which(), settler(), 0..70_u64).prop_map(|(which, by, amount)| Step::Settle { which, by, amount }),
        3 => (which(), settler(), 0..30_u64).prop_map(|(which, by, amount)| Step::Refund { which, by, amount }),
        1 => (which(), settler()).prop_map(|(which, by)| Step::Release { which, by }),
        // The terminal and two settlers.
        2 => (which(), 5..8_u8).prop_map(|(which, by)| Step::Revoke { which, by }),
        1 => (0..150_u64).prop_map(|amount| Step::MoveLimit { amount }),
        1 => any::<bool>().prop_map(|suspended| Step::Suspend { suspended }),
        2 => prop_oneof![6 => 0..20_u64, 1 => Just(MONTH_SECS)].prop_map(|secs| Step::Wait { secs }),
        1 => Just(Step::Deadlines),
    ];
    proptest::collection::vec(step, 1..60)
}
