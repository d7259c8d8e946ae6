//! `members`: who is registered here, for every site. Personal fields stay encrypted unless an operator asks.
//!
//! ```text
//! 0 ‖ id                    the row
//! 1 ‖ site ‖ time ‖ event   that somebody registered, was identified, or was not
//! ```

use std::collections::BTreeSet;

use kippu_events::access::Role;
use kippu_events::partners::members::{Event, Kind, Known, Member, Refusal};
use kippu_events::secrets::EncryptedField;
use kippu_events::{Entity as _, EntityId, Family, NotAnEvent, Recorded, Time};
use serde::{Deserialize, Serialize};

use crate::error::{NotARow, QueryError};
use crate::grants::Grant;
use crate::json::Json;
use crate::row::{Dated, decode, fold_row, revision_with};
use crate::rows::Rows;
use crate::view::{Ask, Decrypt, Filter, Presented, Table, View, entity_of};

/// See the module.
pub struct Members;

/// The names by which a member's personal fields are encrypted.
const LOGIN: &str = "member_login";
const EMAIL: &str = "member_email";
const PROFILE: &str = "member_profile";
const OF_SITE: u8 = 1;
const STATES: [&str; 3] = ["registered", "copied", "forgotten"];
const STATE: &str = "state";
const MARKETING: &str = "marketing";

/// What came of somebody at a site.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Came {
    /// Registered.
    Registered,
    /// Was identified.
    Identified,
    /// Was not.
    Refused(Refusal),
    /// Gave a wrong code.
    WrongCode,
}

/// What is kept of a member.
#[derive(Serialize, Deserialize)]
pub(crate) struct Row {
    state: Member,
    fields: Option<Fields>,
    site: Option<EntityId>,
    sites: BTreeSet<EntityId>,
    agreed: Option<String>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Fields {
    login: EncryptedField,
    email: Option<EncryptedField>,
    profile: EncryptedField,
}

/// Region and preferences, as they were encrypted.
#[derive(Clone, Default, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Profile {
    pub(crate) region: Option<String>,
    #[serde(default)]
    pub(crate) preferences: Vec<String>,
}

/// A member.
#[derive(Serialize, schemars::JsonSchema)]
struct Shown {
    /// The text on the use of data that the member agreed to.
    #[serde(skip_serializing_if = "Option::is_none")]
    agreed: Option<String>,
    changed_at: Time,
    /// The class, on which prices depend.
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<String>,
    /// The e-mail address; as `login`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = None::<String>)]
    email: Option<Option<String>>,
    id: EntityId,
    /// No password is accepted before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    locked_until: Option<Time>,
    /// The login; only where an operator asked for it, and null where the person was forgotten.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = None::<String>)]
    login: Option<Option<String>>,
    /// Whether the member agreed to be written to.
    marketing: bool,
    /// Whether payments are confirmed by one-time codes.
    one_time_codes: bool,
    /// Region and preferences, as JSON; as `login`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = None::<String>)]
    profile: Option<Option<String>>,
    registered_at: Time,
    /// At which site the member registered.
    #[serde(skip_serializing_if = "Option::is_none")]
    site: Option<EntityId>,
    /// At which sites the member registered or was identified.
    sites: BTreeSet<EntityId>,
    /// Whether the member was registered here, may only be identified here for a while, or is forgotten.
    #[schemars(extend("enum" = STATES))]
    state: &'static str,
    version: u64,
}

/// Without what checks the password, which no row needs.
fn without_verifier(event: &Event) -> Event {
    let mut event = event.clone();
    if let Event::Registered { password, .. } | Event::Copied { password, .. } = &mut event {
        password.argon2id.clear();
    }
    event
}

fn came(event: &Event) -> Option<(EntityId, Came)> {
    match event {
        Event::Registered { site, .. } => Some((*site, Came::Registered)),
        Event::Identified { site, .. } => Some((*site, Came::Identified)),
        Event::Refused { site, reason, .. } => Some((*site, Came::Refused(*reason))),
        Event::CodeRefused { site, .. } => Some((*site, Came::WrongCode)),
        Event::ConsentChanged { .. }
        | Event::ClassSet { .. }
        | Event::Confirmed { .. }
        | Event::Copied { .. }
        | Event::Forgotten {} => None,
    }
}

impl Row {
    fn known(&self) -> Option<&Known> {
        self.state.known()
    }

    /// Whether somebody is registered here who agreed to be written to, and was at `site`, where that is asked for.
    pub(crate) fn may_be_written_to(&self, site: Option<EntityId>) -> bool {
        let agrees = self.known().is_some_and(|known| known.marketing && known.kind == Kind::Registered);
        agrees && site.is_none_or(|site| self.sites.contains(&site))
    }

    /// The class.
    pub(crate) fn class(&self) -> Option<&str> {
        self.known().map(|known| &*known.class)
    }

    /// The person's region and preferences; nothing where the person was forgotten.
    pub(crate) fn profile(&self, id: EntityId, by: &dyn Decrypt) -> Result<Option<Profile>, QueryError> {
        let Some(fields) = self.fields.as_ref().filter(|_| self.known().is_some()) else { return Ok(None) };
        let plain = by.decrypt(id, PROFILE, &fields.profile)?;
        Ok(plain.and_then(|plain| serde_json::from_str(&plain).ok()))
    }

    /// The person's e-mail address; nothing where there is none, or the person was forgotten.
    pub(crate) fn email(&self, id: EntityId, by: &dyn Decrypt) -> Result<Option<String>, QueryError> {
        let fields = self.fields.as_ref().filter(|_| self.known().is_some());
        let Some(email) = fields.and_then(|fields| fields.email.as_ref()) else { return Ok(None) };
        Ok(by.decrypt(id, EMAIL, email)?)
    }
}

impl Members {
    /// The row that these bytes are.
    pub(crate) fn read(row: &[u8]) -> Result<Row, NotARow> {
        decode::<Dated<Row>>(row).map(|dated| dated.row)
    }

    /// Where what came of people at `site` lies, of a time on and before another.
    pub(crate) fn at_site(site: EntityId, from: Time, until: Time) -> (Vec<u8>, Vec<u8>) {
        (site_key(site, from), site_key(site, until))
    }

    /// What came of somebody, of such a row.
    pub(crate) fn came(row: &[u8]) -> Result<Came, NotARow> {
        decode(row)
    }
}

fn site_key(site: EntityId, time: Time) -> Vec<u8> {
    let micros = u64::try_from(time.micros()).unwrap_or_default().to_be_bytes();
    [&[OF_SITE], &site.as_bytes()[..], &micros].concat()
}

impl View for Members {
    fn name(&self) -> &'static str {
        "members"
    }

    fn revision(&self) -> u32 {
        revision_with::<Member>(1)
    }

    fn apply(&self, event: &Recorded<'_>, rows: &mut Rows<'_>) -> Result<(), NotAnEvent> {
        if event.entity.family != Member::FAMILY {
            return Ok(());
        }
        let next = |row: &mut Row, decoded: &Event| {
            row.state.evolve(&without_verifier(decoded), event.time);
            match decoded {
                Event::Registered { login, email, profile, site, agreed, .. } => {
                    let (login, email, profile) = (login.clone(), email.clone(), profile.clone());
                    row.fields = Some(Fields { login, email, profile });
                    row.site = Some(*site);
                    row.sites.insert(*site);
                    row.agreed = Some(agreed.clone());
                }
                Event::Identified { site, .. } => {
                    row.sites.insert(*site);
                }
                Event::Refused { .. }
                | Event::ConsentChanged { .. }
                | Event::ClassSet { .. }
                | Event::Confirmed { .. }
                | Event::CodeRefused { .. }
                | Event::Copied { .. }
                | Event::Forgotten {} => {}
            }
        };
        let decoded = event.decode::<Member>()?;
        if let Some((site, came)) = came(decoded) {
            let (number, index) = (event.id.number.to_be_bytes(), event.id.index.to_be_bytes());
            let place = [&event.id.partition.to_be_bytes()[..], &number, &index].concat();
            rows.index(&[site_key(site, event.time), place].concat(), crate::row::encode(&came));
        }
        let first = |decoded: &Event| {
            (event.version == 1).then(|| {
                let (state, sites) = (Member::default(), BTreeSet::new());
                let mut row = Row { state, fields: None, site: None, sites, agreed: None };
                next(&mut row, decoded);
                row
            })
        };
        fold_row::<Member, Row>(event, rows, first, next)
    }

    fn table(&self) -> Option<&dyn Table> {
        Some(self)
    }
}

impl Table for Members {
    fn summary(&self) -> &'static str {
        "Members, who are registered once for all sites."
    }

    fn subject(&self) -> Option<Family> {
        Some(Family::Members)
    }

    fn grants(&self) -> &'static [Grant] {
        const { &[Grant::all(Role::Operator)] }
    }

    fn is_encrypted(&self) -> bool {
        true
    }

    fn filters(&self) -> &'static [Filter] {
        const {
            &[
                Filter::of(STATE, "whether the member was registered here", &STATES),
                Filter::of(MARKETING, "whether the member agreed to be written to", &["true", "false"]),
            ]
        }
    }

    fn schema(&self) -> schemars::Schema {
        schemars::schema_for!(Shown)
    }

    fn present(&self, key: &[u8], row: &[u8], ask: &Ask<'_>) -> Result<Option<Presented>, QueryError> {
        let id = entity_of(key)?;
        let Dated { begun_at, changed_at, version, row }: Dated<Row> = decode(row)?;
        let known = match &row.state {
            Member::Absent => return Ok(None),
            Member::Known(known) => Some(known),
            Member::Forgotten => None,
        };
        let state = match known.map(|known| known.kind) {
            None => "forgotten",
            Some(Kind::Registered) => "registered",
            Some(Kind::Copied { .. }) => "copied",
        };
        let marketing = known.is_some_and(|known| known.marketing);
        if !ask.filters.admits(STATE, state) || !ask.filters.admits(MARKETING, if marketing { "true" } else { "false" })
        {
            return Ok(None);
        }
        // Who is forgotten is so from the event on, whether or not the key is destroyed yet.
        let open = |field: &str, encrypted: Option<&EncryptedField>| match (ask.decrypt, encrypted, known) {
            (None, ..) | (_, None, _) => Ok(None),
            (Some(_), Some(_), None) => Ok(Some(None)),
            (Some(decrypt), Some(encrypted), Some(_)) => decrypt.decrypt(id, field, encrypted).map(Some),
        };
        let fields = row.fields.as_ref();
        let shown = Shown {
            agreed: row.agreed.clone(),
            changed_at,
            class: known.map(|known| known.class.clone()),
            email: open(EMAIL, fields.and_then(|fields| fields.email.as_ref()))?,
            id,
            locked_until: known.and_then(|known| known.passwords.locked_until),
            login: open(LOGIN, fields.map(|fields| &fields.login))?,
            marketing,
            one_time_codes: known.is_some_and(|known| known.factor),
            profile: open(PROFILE, fields.map(|fields| &fields.profile))?,
            registered_at: begun_at,
            site: row.site,
            sites: row.sites.clone(),
            state,
            version,
        };
        Ok(Some(Presented { row: Json::of(&shown)?, version }))
    }
}
