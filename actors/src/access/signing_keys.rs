//! Signing keys: rotated by an operator. The next key is published with the rotation and signs later, so that other parties
//! can learn it before they meet it.

use std::time::Duration;

use kippu_events::access::signing_keys::{Event, SigningKeys, id_of};
use kippu_events::secrets::{PublicKey, Secrets, SigningUse};
use kippu_events::{EntityId, Time};
use serde::{Deserialize, Serialize};

use crate::actor::{Actor, Answer, Call, CommandSpec, Context, Decision, Neighbours, Preparing};
use crate::problem::{Problem, ProblemType};

/// A day: long enough for every other party to ask for the keys.
pub const DEFAULT_AFTER_SECS: u32 = 86_400;
/// A quarter of a year.
pub const MOST_AFTER_SECS: u32 = 7_776_000;

commands! {
    /// Another key is to sign.
    Rotate = "rotate" Token [Operator] "Publishes another signing key, which signs after some time." {
        /// What for.
        r#use: SigningUse,
        /// After how many seconds it signs: 0 to 7,776,000, and 86,400 where it is left out.
        #[serde(default = "default_after_secs")]
        #[schemars(range(max = MOST_AFTER_SECS))]
        after_secs: u32,
    }
}

const fn default_after_secs() -> u32 {
    DEFAULT_AFTER_SECS
}

refusals! {
    shared INVALID_BODY {
        /// Too late to be meant.
        After "after_secs is 0 to {}", MOST_AFTER_SECS;
    }
    own ROTATION_PENDING = 409 "rotation-pending" "The last key does not sign yet" "Wait until it does." {
        /// The one before has not begun.
        Pending "the key that was published last does not sign yet";
    }
}

/// What an accepted command answers.
#[derive(Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Reply {
    /// The keys of this use.
    pub id: EntityId,
    /// The thumbprint of the new key's JWK.
    pub key: String,
    /// The public key, as the `x` of its JWK.
    pub x: PublicKey,
    /// From when it signs.
    pub from: Time,
}

/// A request, with the public keys that it may publish.
pub struct Command {
    of: SigningUse,
    after: Duration,
}

impl Actor for SigningKeys {
    type Request = Request;
    type Command = Command;
    type Reply = Reply;

    const COMMANDS: &'static [CommandSpec] = COMMANDS;
    const PROBLEMS: &'static [&'static ProblemType] = TYPES;

    fn target(request: &Request, _call: &Call, _secrets: &Secrets) -> Result<EntityId, Problem> {
        let Request::Rotate(Rotate { r#use, .. }) = request;
        Ok(id_of(*r#use))
    }

    fn prepare(request: Request, _with: &Preparing<'_>) -> Result<Command, Problem> {
        let Request::Rotate(Rotate { r#use: of, after_secs }) = request;
        if after_secs > MOST_AFTER_SECS {
            return Err(Refused::After.into());
        }
        Ok(Command { of, after: Duration::from_secs(after_secs.into()) })
    }

    fn decide(
        &self,
        command: &Command,
        _neighbours: Neighbours<'_>,
        context: &Context,
    ) -> Result<Decision<Self>, Problem> {
        if self.number_at(context.now) != self.newest() {
            return Err(Refused::Pending.into());
        }
        let (number, from) = (self.newest() + 1, context.now.after(command.after));
        // The key itself is put in by `complete`, which has the key store.
        Ok(Decision::one(Event::Rotated { r#use: command.of, number, x: PublicKey::UNKNOWN, from }))
    }

    fn complete(_id: EntityId, own: &mut [Event], secrets: &Secrets) {
        for Event::Rotated { r#use, number, x, .. } in own {
            *x = secrets.public_key(*r#use, *number);
        }
    }

    fn answer(id: EntityId, own: &[Event], _secrets: &Secrets) -> Answer {
        match own.first() {
            Some(Event::Rotated { x, from, .. }) => Answer::ok(&Reply { id, key: x.id(), x: *x, from: *from }),
            None => Answer::unanswerable(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::given::{NOW, given, id};

    #[test]
    fn the_next_key_signs_after_some_time_and_no_other_follows_before() {
        let rotate = |secs| Command { of: SigningUse::Http, after: Duration::from_secs(secs) };
        let rotated = |number, from| Event::Rotated { r#use: SigningUse::Http, number, x: PublicKey::UNKNOWN, from };
        // What has become history holds a key that is one.
        let x = Secrets::ephemeral(1, kippu_events::log::LogId([1; 16])).public_key(SigningUse::Http, 1);
        let before = |number, from| Event::Rotated { r#use: SigningUse::Http, number, x, from };
        let soon = NOW.after(Duration::from_secs(60));
        given::<SigningKeys>(&[]).when(&rotate(60)).becomes(&[rotated(1, soon)]);
        given::<SigningKeys>(&[before(1, soon)]).when(&rotate(60)).refused(&ROTATION_PENDING);
        given::<SigningKeys>(&[before(1, NOW)]).when(&rotate(0)).becomes(&[rotated(2, NOW)]);
        let (mut own, secrets) = ([rotated(1, soon)], Secrets::ephemeral(1, kippu_events::log::LogId([1; 16])));
        SigningKeys::complete(id(1), &mut own, &secrets);
        assert_ne!(own, [rotated(1, soon)]);
    }
}
