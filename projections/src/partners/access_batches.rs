//! `access-batches`: lines of access logs that are on record. A party's node hands them to the other's; each shows its own.
//!
//! ```text
//! 0 ‖ id               the row
//! 1 ‖ contract ‖ id    the lines, for statements of fees
//! 2 ‖ id               where the lines are, and their names, encrypted
//! ```

use kippu_events::access::Role;
use kippu_events::partners::access::Directives;
use kippu_events::partners::access_batches::{AccessBatch, Batch, Call, Certificate, Encoding, Event, KnownName};
use kippu_events::secrets::EncryptedField;
use kippu_events::{Entity as _, EntityId, NotAnEvent, Recorded, Time};
use serde::{Deserialize, Serialize};

use crate::entity_table::{EntityTable, OfEntities, Row};
use crate::error::NotARow;
use crate::grants::Grant;
use crate::row::{decode, encode, revision_with};
use crate::rows::Rows;
use crate::view::{Filter, Filters, Table, View};

/// See the module.
pub struct AccessBatches;

const ROWS: OfEntities<OfBatches> = OfEntities::new();
const LINES: u8 = 1;
const NAMES: u8 = 2;

/// Lines as statements read them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lines {
    /// Which batch.
    pub id: EntityId,
    /// The party that certified them.
    pub writer: EntityId,
    /// The server whose log it is.
    pub source: String,
    /// The part of that log.
    pub segment: String,
    /// Where the first line begins in it.
    pub offset: u64,
    /// The format of the lines.
    pub format: String,
    /// What directives before them say of how they are read.
    pub directives: Directives,
    /// How bytes became text.
    pub encoding: Encoding,
    /// The lines, with numbers in place of names.
    pub text: String,
    /// What is known of each name.
    pub known_names: Vec<KnownName>,
}

impl Lines {
    fn of(id: EntityId, batch: &Batch) -> Self {
        let Batch { writer, certificate, format, directives, encoding, text, known_names, .. } = batch.clone();
        let Certificate { source, segment, offset, .. } = certificate;
        Self { id, writer, source, segment, offset, format, directives, encoding, text, known_names }
    }

    /// The lines that a row of a contract's part holds.
    ///
    /// # Errors
    /// Where the bytes are none of this view's.
    pub(crate) fn read(row: &[u8]) -> Result<Self, NotARow> {
        decode(row)
    }

    /// Where the lines of a batch lie.
    pub(crate) fn key(contract: EntityId, id: EntityId) -> Vec<u8> {
        [&[LINES], &contract.as_bytes()[..], &id.as_bytes()[..]].concat()
    }

    /// Where the lines under `contract` lie: from a key on, and before another.
    pub(crate) fn keys(contract: EntityId) -> (Vec<u8>, Vec<u8>) {
        let of = |last: &[u8]| [&[LINES], &contract.as_bytes()[..], last].concat();
        (of(&[]), of(&[0xff; EntityId::BYTES + 1]))
    }
}

/// Under which contract the lines of a batch are, and their names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NamesOf {
    /// The contract.
    pub contract: EntityId,
    /// The day whose key encrypts the names.
    pub day: String,
    /// The names.
    pub names: EncryptedField,
}

impl NamesOf {
    /// Where those of a batch lie.
    pub(crate) fn key(id: EntityId) -> Vec<u8> {
        [&[NAMES], &id.as_bytes()[..]].concat()
    }
}

/// The rows alone.
struct OfBatches;

/// What the state forgets.
#[derive(Default, Serialize, Deserialize)]
pub struct Kept {
    certified: Option<(EntityId, EntityId, Certificate)>,
}

const STATES: [&str; 6] = ["kept", "owed", "refused", "held", "announced", "called"];
const STATE: &str = "state";
const CONTRACT: &str = "contract";
const SOURCE: &str = "source";
const SEGMENT: &str = "segment";

/// Some lines of an access log.
#[derive(Serialize, schemars::JsonSchema)]
pub struct Shown {
    /// How many bytes they are.
    bytes: u64,
    certified_at: Time,
    changed_at: Time,
    /// Under which contract.
    contract: EntityId,
    id: EntityId,
    /// How many lines.
    lines: u32,
    /// Where the first line begins in its segment.
    offset: u64,
    /// Why the other party does not take them, where it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<String>,
    /// The root of the tree over them.
    root: String,
    /// The part of the server's log.
    segment: String,
    /// The server whose log it is.
    source: String,
    /// Whether the other party is still to be given them, or gets them on call; or keeps them itself, and was called for them.
    #[schemars(extend("enum" = STATES))]
    state: &'static str,
    version: u64,
    /// The party that certified them.
    writer: EntityId,
}

impl EntityTable for OfBatches {
    type Entity = AccessBatch;
    type Kept = Kept;
    type Shown = Shown;

    const NAME: &'static str = "access-batches";
    const REVISION: u32 = 1;
    const SUMMARY: &'static str =
        "Lines of access logs that are on record, and whether the other party of the contract has them.";
    const GRANTS: &'static [Grant] = &[Grant::all(Role::Operator)];
    const FILTERS: &'static [Filter] = &[
        Filter::of(STATE, "whether the other party is still to be given them", &STATES),
        Filter::any(CONTRACT, "under which contract"),
        Filter::any(SOURCE, "the server whose log it is"),
        Filter::any(SEGMENT, "the part of that log"),
    ];

    fn keep(kept: &mut Kept, event: &Event) {
        match event {
            Event::Certified { batch, .. } => {
                kept.certified = Some((batch.contract, batch.writer, batch.certificate.clone()));
            }
            Event::Announced { writer, certificate, .. } => {
                kept.certified = Some((certificate.contract, *writer, certificate.clone()));
            }
            Event::Called { .. } | Event::HandedOver {} | Event::Refused { .. } => {}
        }
    }

    fn show(id: EntityId, row: Row<AccessBatch, Kept>) -> Option<Shown> {
        let Row { state, kept: Kept { certified }, begun_at: certified_at, changed_at, version } = row;
        let (contract, writer, certificate) = certified?;
        let (state, refusal) = match state {
            AccessBatch::Absent => return None,
            AccessBatch::Owed { .. } => ("owed", None),
            AccessBatch::Held { .. } => ("held", None),
            AccessBatch::Announced { call: Call::Not, .. } => ("announced", None),
            AccessBatch::Announced { .. } => ("called", None),
            AccessBatch::Kept { refused: None } => ("kept", None),
            AccessBatch::Kept { refused } => ("refused", refused),
        };
        let Certificate { source, segment, offset, bytes, lines, root, .. } = certificate;
        Some(Shown {
            bytes,
            certified_at,
            changed_at,
            contract,
            id,
            lines,
            offset,
            refusal,
            root,
            segment,
            source,
            state,
            version,
            writer,
        })
    }

    fn admits(shown: &Shown, filters: &Filters) -> bool {
        filters.admits(STATE, shown.state)
            && filters.admits(CONTRACT, &shown.contract.to_string())
            && filters.admits(SOURCE, &shown.source)
            && filters.admits(SEGMENT, &shown.segment)
    }
}

impl View for AccessBatches {
    fn name(&self) -> &'static str {
        OfBatches::NAME
    }

    fn revision(&self) -> u32 {
        revision_with::<AccessBatch>(1)
    }

    fn apply(&self, event: &Recorded<'_>, rows: &mut Rows<'_>) -> Result<(), NotAnEvent> {
        if event.entity.family != AccessBatch::FAMILY {
            return Ok(());
        }
        if let Event::Certified { batch, .. } = event.decode::<AccessBatch>()? {
            let key = Lines::key(batch.contract, event.entity.id);
            rows.index(&key, encode(&Lines::of(event.entity.id, batch)));
            let Batch { contract, day, names, .. } = (**batch).clone();
            rows.index(&NamesOf::key(event.entity.id), encode(&NamesOf { contract, day, names }));
        }
        ROWS.apply(event, rows)
    }

    fn table(&self) -> Option<&dyn Table> {
        const { &ROWS }.table()
    }
}
