//! Forgetting a person, once the history says so: the node destroys the key of everybody who was forgotten, whatever it was
//! interrupted at, replaces the wrapping key once a day where that makes it final, and gives a receipt.

use std::sync::Arc;
use std::time::Duration;

use kippu_actors::Problem;
use kippu_actors::problem;
use kippu_events::secrets::{Destroyed, Secrets, SecretsError, SigningUse};
use kippu_events::{EntityId, Time, statement};
use kippu_projections::access::users::Forgotten;
use kippu_projections::queries::Told;
use kippu_projections::{Queries, QueryError};
use serde::Serialize;
use tokio::time::{Instant, sleep, sleep_until};

use super::Node;

/// The least time between two looks, however fast views move.
const LOOK: Duration = Duration::from_millis(250);
/// Keys that could not be destroyed are tried again after this.
const AGAIN: Duration = Duration::from_secs(2);
/// A wrapping key that still opens what is left of a destroyed key is replaced once it is as old as this.
const REPLACED_AFTER: Duration = Duration::from_hours(24);
/// How often its age is looked at.
const LOOK_AT_AGE: Duration = Duration::from_hours(1);
/// What a receipt is, in its header.
const RECEIPT: &str = "kippu-forgotten";

/// What a receipt says.
#[derive(Serialize)]
struct Content {
    /// Who was forgotten.
    person: EntityId,
    /// When.
    forgotten_at: Time,
    /// The event that says so: partition, record and index.
    event: String,
    /// The wrapping key that opens what is left of the person's, until it is replaced.
    wrapping_key: u32,
    /// Whether it was replaced.
    r#final: bool,
}

/// That somebody was forgotten, and a statement that says the same, signed.
#[derive(Serialize)]
pub(crate) struct Receipt {
    #[serde(flatten)]
    content: Content,
    statement: String,
}

/// Destroys the key of everybody who was forgotten, from the first on, and goes on as others are. Replaces the wrapping key where that
/// is due. Ends when it is not polled any more.
pub(crate) async fn go_on(queries: Queries, secrets: Arc<Secrets>) {
    let (mut moves, mut told, mut aged) = (queries.moves(), Told::default(), Instant::now());
    loop {
        let (its, of) = (Arc::clone(&secrets), queries.clone());
        let round = tokio::task::spawn_blocking(move || {
            let destroyed = destroy(&of, &its, &mut told);
            (told, destroyed)
        });
        let Ok((next, destroyed)) = round.await else { return };
        told = next;
        if Instant::now() >= aged {
            aged = Instant::now() + LOOK_AT_AGE;
            let its = Arc::clone(&secrets);
            let replaced = tokio::task::spawn_blocking(move || replace_if_wanted(&its));
            if let Ok(Err(error)) = replaced.await {
                tracing::error!(%error, "the key that persons' keys are wrapped under is not replaced");
            }
        }
        if let Err(reason) = destroyed {
            tracing::warn!(%reason, "keys of persons who were forgotten are not destroyed yet; it is tried again");
            sleep(AGAIN).await;
            continue;
        }
        sleep(LOOK).await;
        tokio::select! {
            moved = moves.next() => if !moved { return },
            () = sleep_until(aged) => {}
        }
    }
}

/// Destroys the keys of those of whom this was not told yet. While the view is filled, nobody is.
fn destroy(queries: &Queries, secrets: &Secrets, told: &mut Told) -> Result<(), String> {
    let mut next = told.clone();
    let persons = match queries.forgotten(&mut next) {
        Err(QueryError::Filling(_)) => return Ok(()),
        persons => persons.map_err(|error| error.to_string())?,
    };
    for person in persons {
        secrets.forget(person).map_err(|error| error.to_string())?;
    }
    *told = next;
    Ok(())
}

fn replace_if_wanted(secrets: &Secrets) -> Result<(), SecretsError> {
    if secrets.wants_replacement(REPLACED_AFTER)? {
        let number = secrets.replace_wrapping_key()?;
        tracing::info!(number, "persons' keys are wrapped under a new key");
    }
    Ok(())
}

/// The receipt of `person`, who MUST have been forgotten; the key is destroyed when this returns.
///
/// # Errors
/// `not-found` where the person was not forgotten, as far as the views know; others where something does not answer now.
pub(crate) async fn receipt(node: &Node, person: EntityId) -> Result<Receipt, Problem> {
    let unavailable = |reason: String| Problem::later(&problem::UNAVAILABLE, reason);
    let found = node.queries.when_forgotten(person).map_err(|error| unavailable(error.to_string()))?;
    let Forgotten { at: forgotten_at, event } =
        found.ok_or_else(|| Problem::new(&problem::NOT_FOUND, "no user with this id was forgotten"))?;
    let secrets = Arc::clone(&node.secrets);
    let destroyed = tokio::task::spawn_blocking(move || secrets.forget(person)).await;
    let destroyed = destroyed.map_err(|_| Problem::internal("destroying the key failed"))?;
    let Destroyed { wrapping_key, is_final } = destroyed.map_err(|error| unavailable(error.to_string()))?;
    let number = node.identity.number(SigningUse::Statements).await?;
    let content = Content { person, forgotten_at, event, wrapping_key, r#final: is_final };
    let statement = statement::sign(&node.secrets, number, RECEIPT, &content);
    Ok(Receipt { content, statement })
}

/// Replaces the wrapping key; the number of the new one.
///
/// # Errors
/// `wrapping-key-shared` where nodes share it; others where the key store does not take it.
pub(crate) async fn replace(secrets: &Arc<Secrets>) -> Result<u32, Problem> {
    let its = Arc::clone(secrets);
    let replaced = tokio::task::spawn_blocking(move || its.replace_wrapping_key()).await;
    match replaced.map_err(|_| Problem::internal("replacing the wrapping key failed"))? {
        Ok(number) => Ok(number),
        Err(error @ SecretsError::NotReplaced) => Err(Problem::new(&problem::WRAPPING_KEY_SHARED, error.to_string())),
        Err(error) => {
            tracing::error!(%error, "the wrapping key is not replaced");
            Err(Problem::later(&problem::UNAVAILABLE, "the key store does not take writes"))
        }
    }
}
