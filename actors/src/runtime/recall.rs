//! The answer to a command that was done before: read from its record, as its first caller was told.

use kippu_events::EntityKey;
use kippu_events::event::{Recorded, read_body};
use kippu_events::log::{Content, Log, Position, Record};

use super::Outcome;
use super::loaded_entity::Done;
use super::release::Reply;
use super::serving::Environment;
use crate::catalogue;
use crate::problem::{self, Problem};

/// Answers with what the record of a command says. Blocks.
pub fn recall(log: &dyn Log, env: &Environment, key: EntityKey, done: Done, reply: Reply) {
    let answer = reread(log, env, key, done).map_err(|reason| {
        tracing::error!(entity = %key, number = done.number, %reason, "an earlier answer cannot be read");
        Problem::later(&problem::UNAVAILABLE, "the earlier answer cannot be read")
    });
    // A caller that has gone away needs no answer.
    drop(reply.send(answer));
}

fn reread(log: &dyn Log, env: &Environment, key: EntityKey, done: Done) -> Result<Outcome, String> {
    let offset = log.offset_of(env.partition, done.number).map_err(|e| e.to_string())?;
    let entry = log.entry(env.partition, offset).map_err(|e| e.to_string())?.ok_or("the record is gone")?;
    let record = Record::decode(&entry.stored).map_err(|e| e.to_string())?;
    let Content::Commit(commit) = &record.content else { return Err("the record has no events".to_owned()) };
    let events = read_body(commit.body).map_err(|e| e.to_string())?;
    let own: Vec<&Recorded<'_>> =
        events.iter().filter(|event| event.entity == key && event.cause.command == done.command).collect();
    let version = own.last().ok_or("the record is of another command")?.version;
    let answer = catalogue::actor(key.family).answer(key.id, &own, &env.secrets).map_err(|e| e.to_string())?;
    let position = Position::new(env.partition, commit.number, &record.digest);
    Ok(Outcome { answer, entity: key, version, position, replayed: true })
}
