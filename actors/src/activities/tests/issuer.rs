//! The issuer in the model: an approval, and the answers that it repeats to the same key.

use super::Without;

/// What a settlement asks of an issuer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Ask {
    Redeem,
    Release,
    Settle,
    Refund,
}

impl Ask {
    /// By the last part of the path.
    pub(super) fn of(path: &str) -> Self {
        match path.rsplit('/').next() {
            Some("redeem") => Self::Redeem,
            Some("release") => Self::Release,
            Some("settle") => Self::Settle,
            Some("refund") => Self::Refund,
            other => panic!("an issuer is not asked {other:?}"),
        }
    }
}

/// What an issuer says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Says {
    Done,
    /// What is so of the approval does not allow it.
    No,
    /// It does not listen to this party now.
    Forbidden,
}

/// What the issuer's limit holds for the approval.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Holds {
    /// Issued, and not used.
    Reserved,
    /// Permitted to this settlement server.
    Permitted,
    /// Charged.
    Charged,
    /// Free again, or used up by somebody else.
    Nothing,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Issuer {
    pub(super) holds: Holds,
    /// What was done, by the activity's number, sorted.
    answered: Vec<(u32, Says)>,
    pub(super) permitted: u8,
    pub(super) charged: u8,
    pub(super) freed: u8,
    pub(super) refunded: u8,
}

impl Issuer {
    pub(super) const fn new(holds: Holds) -> Self {
        Self { holds, answered: Vec::new(), permitted: 0, charged: 0, freed: 0, refunded: 0 }
    }

    /// The answer to the activity number `attempt`: the first one again, where it took effect before.
    pub(super) fn reached(&mut self, attempt: u32, ask: Ask, without: Without) -> Says {
        let known = self.answered.iter().find(|(known, _)| *known == attempt);
        if let Some((_, says)) = known.filter(|_| without != Without::Key) {
            return *says;
        }
        let says = self.decide(ask);
        // A refusal leaves no trace.
        if says == Says::Done {
            self.answered.push((attempt, says));
            self.answered.sort_unstable();
        }
        says
    }

    fn decide(&mut self, ask: Ask) -> Says {
        let count = match (ask, self.holds) {
            (Ask::Redeem, Holds::Reserved) => {
                self.holds = Holds::Permitted;
                &mut self.permitted
            }
            (Ask::Settle, Holds::Permitted) => {
                self.holds = Holds::Charged;
                &mut self.charged
            }
            (Ask::Release, Holds::Reserved | Holds::Permitted) => {
                self.holds = Holds::Nothing;
                &mut self.freed
            }
            (Ask::Refund, Holds::Charged) => &mut self.refunded,
            (Ask::Redeem | Ask::Settle | Ask::Release | Ask::Refund, _) => return Says::No,
        };
        *count += 1;
        Says::Done
    }
}
