//! `GET /v1/access-batches/{id}/leaves`: what each line of a batch hashes to, as its certificate has it: who has the log compares it line
//! by line. It is for whoever may compute the fee: who has all of a line but its names can try names until the hash is the same.

use std::sync::Arc;

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use kippu_events::EntityId;
use kippu_events::partners::access_batches::{NAMES, key_of, leaf, unmask};
use kippu_events::secrets::Secrets;
use kippu_projections::http::{await_position, caller};
use kippu_projections::partners::access_batches::{Lines, NamesOf};
use kippu_projections::{Queries, QueryError};
use serde::Serialize;

use super::Shared;
use super::fees::VIEW;

/// The lines of a batch, each by its hash.
#[derive(Serialize, schemars::JsonSchema)]
pub(crate) struct Leaves {
    /// The batch.
    id: EntityId,
    /// What each line hashes to, in hexadecimal digits: the leaves of the tree whose root is certified.
    leaves: Vec<String>,
    /// Where the first line begins in its segment.
    offset: u64,
}

/// See the module.
///
/// # Errors
/// Where there is no such batch for this caller, or its names cannot be decrypted any more.
pub(super) async fn of_batch(
    request: HttpRequest,
    path: Path<String>,
    shared: Data<Shared>,
    queries: Data<Queries>,
) -> Result<HttpResponse, QueryError> {
    let caller = caller(&request)?;
    let id: EntityId = path.parse().map_err(|_| QueryError::NotFound)?;
    await_position(&queries, VIEW, &caller, request.headers()).await?;
    let its = queries.get_ref().clone();
    let (secrets, party) = (Arc::clone(&shared.node.secrets), shared.node.identity.party());
    let read = move || {
        let (lines, names) = its.access_lines(party, id, &caller)?;
        let leaves = leaves(&secrets, &lines, &names).ok_or(QueryError::NotFound)?;
        Ok(Leaves { id, leaves, offset: lines.offset })
    };
    Ok(HttpResponse::Ok().json(queries.in_turn(caller.party(), read).await?))
}

/// Nothing where the key of the names is gone.
fn leaves(secrets: &Secrets, lines: &Lines, names: &NamesOf) -> Option<Vec<String>> {
    let key = key_of(names.contract, &names.day);
    let names = secrets.decrypt(key, NAMES, &names.names).ok()?;
    let names: Vec<String> = serde_json::from_str(&names).ok()?;
    let text = unmask(&lines.text, &names).ok()?;
    let bytes = lines.encoding.bytes(&text).ok()?;
    let hash = |line: &[u8]| {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        data_encoding::HEXLOWER.encode(&leaf(line.strip_suffix(b"\r").unwrap_or(line)))
    };
    Some(bytes.split_inclusive(|byte| *byte == b'\n').map(hash).collect())
}
