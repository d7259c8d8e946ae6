//! What a version of kippu makes of a history: of each entity its version and a digest of its state, of each view how many rows
//! and their digest, of each rule how often it is broken. Written as JSON beside the history, it is what a later version is
//! compared with.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use kippu_events::EntityKey;
use kippu_events::log::{Cut, LogId, ReadLog as _};
use kippu_projections::Moment;
use kippu_projections::catalogue;
use kippu_projections::past::PastView;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::fold::{Entity, entities};
use crate::check::check;
use crate::history::{Ends, Folding, NotTold, Past, UpTo, ends};
use crate::partitions;
use crate::verify::Options;

/// The only format that this code writes.
const FORMAT: u32 = 1;

/// See the module.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Made {
    format: u32,
    /// The log.
    pub log: LogId,
    /// As of this cut.
    pub cut: String,
    /// How often each rule is broken.
    pub rules: BTreeMap<String, u64>,
    /// By the name of the view.
    pub views: BTreeMap<String, ViewMade>,
    /// By the name of the family.
    pub families: BTreeMap<String, FamilyMade>,
}

/// A family of entities.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FamilyMade {
    /// Of its states: those of another one are laid out or folded otherwise.
    pub revision: u32,
    /// By id.
    pub entities: BTreeMap<String, EntityMade>,
}

/// An entity.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntityMade {
    /// How many events it has had.
    pub version: u64,
    /// Of the state in the form of caches.
    pub sha256: String,
}

/// The rows of a view.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ViewMade {
    /// Rows of another one are laid out or filled otherwise.
    pub revision: u32,
    /// How many there are, entries of indexes included.
    pub rows: u64,
    /// Of all of them.
    pub digest: String,
}

/// Why nothing was made of a history, or of what was made of it before.
#[derive(Debug, thiserror::Error)]
pub enum NotMade {
    /// The history is not told.
    #[error(transparent)]
    NotTold(#[from] NotTold),
    /// The file is none that a version of kippu wrote.
    #[error("it is not what `kippu replay gate --write` writes: {0}")]
    Malformed(String),
    /// It says what was made of another history.
    #[error("it is of the log {expected}, and this is the log {found}")]
    OtherLog {
        /// The log that it is of.
        expected: LogId,
        /// The log that there is.
        found: LogId,
    },
    /// There is no directory for rows.
    #[error("no directory for rows: {0}")]
    Dir(#[from] std::io::Error),
}

/// Something that this version makes otherwise.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Difference {
    /// An entity, a view or a rule.
    pub what: String,
    /// What was made of it before; nothing where it was not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What is made of it now; nothing where it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
}

/// What came of a comparison.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize)]
pub struct Compared {
    /// So many things were compared: entities, views and rules.
    pub compared: u64,
    /// What is not the same.
    pub differences: Vec<Difference>,
    /// What could not be compared, and why: this version has declared that it makes it otherwise.
    pub declared: Vec<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let none = "nothing".to_owned();
        let (expected, found) = (self.expected.as_ref().unwrap_or(&none), self.found.as_ref().unwrap_or(&none));
        write!(f, "DIFFERS {}: was {expected}, is {found}", self.what)
    }
}

impl EntityMade {
    /// What was made of `entity`.
    #[must_use]
    pub fn of(entity: &Entity) -> Self {
        Self::of_state(entity.version, &entity.state.encode())
    }

    /// The same of a state in the form of caches.
    #[must_use]
    pub fn of_state(version: u64, state: &[u8]) -> Self {
        Self { version, sha256: HEXLOWER.encode(&Sha256::digest(state)) }
    }
}

impl fmt::Display for EntityMade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{} {:.16}", self.version, self.sha256)
    }
}

impl fmt::Display for ViewMade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows {:.16}", self.rows, self.digest)
    }
}

impl Made {
    /// What this version makes of a history at `cut`; as it is now, without one. `folding` has an empty directory.
    ///
    /// # Errors
    /// [`NotMade`].
    pub fn of(past: &Past<'_>, folding: &Folding<'_>, cut: Option<&Cut>, threads: usize) -> Result<Self, NotMade> {
        let moment = cut.map(|cut| Moment::Cut(cut.clone()));
        let Ends { offsets, cut } = ends(past, moment.as_ref())?;
        let log = Arc::new(UpTo::new(Arc::clone(&folding.log), &offsets));
        let options = Options { embedded: past.embedded, threads, most_breaches: 0, ..Options::default() };
        let rules = check(&*log, &options).rules.into_iter().map(|held| (held.rule.to_string(), held.broken)).collect();
        let mut families = BTreeMap::<String, FamilyMade>::new();
        let threads = partitions::threads(threads, log.partitions());
        let folded = partitions::each(log.partitions(), threads, |partition| -> Result<Vec<_>, NotTold> {
            let folded = entities(&*log, partition, None, &|_| {})?;
            Ok(folded.iter().map(|(key, entity)| (*key, EntityMade::of(entity))).collect())
        });
        for folded in folded {
            for (EntityKey { family, id }, made) in folded? {
                let of_family = || FamilyMade { revision: family.revision(), entities: BTreeMap::new() };
                let of_family = families.entry(family.name().to_owned()).or_insert_with(of_family);
                of_family.entities.insert(id.to_string(), made);
            }
        }
        let mut views = BTreeMap::new();
        for view in catalogue::views() {
            let dir = folding.dir.join(view.name());
            std::fs::create_dir(&dir)?;
            let folded = PastView::fold(log.clone(), &dir, Arc::clone(&view), folding.progress);
            let (rows, digest) = folded.map_err(NotTold::from)?.store().rows().digest().map_err(NotTold::from)?;
            let made = ViewMade { revision: view.revision(), rows, digest: digest.to_string() };
            views.insert(view.name().to_owned(), made);
        }
        Ok(Self { format: FORMAT, log: folding.log.id(), cut: cut.to_string(), rules, views, families })
    }

    /// What `text` says.
    ///
    /// # Errors
    /// Where it is not what [`Made::to_text`] has written.
    pub fn read(text: &str) -> Result<Self, NotMade> {
        let malformed = |reason: String| NotMade::Malformed(reason);
        let made: Self = serde_json::from_str(text).map_err(|error| malformed(error.to_string()))?;
        if made.format != FORMAT {
            return Err(malformed(format!("format {} is not known here", made.format)));
        }
        Ok(made)
    }

    /// As it is kept.
    #[must_use]
    pub fn to_text(&self) -> String {
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        text + "\n"
    }

    /// The cut that it is of.
    ///
    /// # Errors
    /// Where it says none.
    pub fn cut(&self) -> Result<Cut, NotMade> {
        match self.cut.parse::<Moment>() {
            Ok(Moment::Cut(cut)) => Ok(cut),
            Ok(Moment::Position(_) | Moment::Time(_)) | Err(_) => {
                Err(NotMade::Malformed(format!("{:?} is no cut", self.cut)))
            }
        }
    }

    /// How many entities there are.
    #[must_use]
    pub fn entities(&self) -> u64 {
        self.families.values().map(|family| family.entities.len() as u64).sum()
    }

    /// Where this is not what was `expected`.
    ///
    /// # Errors
    /// Where that is of another history.
    pub fn compare(&self, expected: &Self) -> Result<Compared, NotMade> {
        if self.log != expected.log {
            return Err(NotMade::OtherLog { expected: expected.log, found: self.log });
        }
        let mut compared = Compared::default();
        // A rule that was not there before is held by `check`, and nothing to compare.
        for (rule, before) in &expected.rules {
            let now = self.rules.get(rule).map(ToString::to_string);
            compared.one(
                || format!("rule {rule}"),
                Some(format!("{before} times broken")),
                now.map(|now| now + " times broken"),
            );
        }
        for (name, before, now) in both(&expected.views, &self.views) {
            match (before, now) {
                (Some(before), Some(now)) if before.revision != now.revision => {
                    let (before, now) = (before.revision, now.revision);
                    compared
                        .declared
                        .push(format!("view {name}: its rows are of revision {now}, and were of {before}"));
                }
                // A view that was not there before shows nothing that there was.
                (None, Some(_)) => compared.declared.push(format!("view {name}: it is new")),
                (before, now) => {
                    compared.one(
                        || format!("view {name}"),
                        before.map(ToString::to_string),
                        now.map(ToString::to_string),
                    );
                }
            }
        }
        let none = FamilyMade { revision: 0, entities: BTreeMap::new() };
        for (name, before, now) in both(&expected.families, &self.families) {
            let is_same = before.zip(now).is_none_or(|(before, now)| before.revision == now.revision);
            if !is_same {
                let reason = "its states are of another revision: versions alone are compared";
                compared.declared.push(format!("family {name}: {reason}"));
            }
            let tell = |made: &EntityMade| if is_same { made.to_string() } else { format!("v{}", made.version) };
            let (before, now) = (before.unwrap_or(&none), now.unwrap_or(&none));
            for (id, before, now) in both(&before.entities, &now.entities) {
                compared.one(|| format!("entity {name}/{id}"), before.map(tell), now.map(tell));
            }
        }
        Ok(compared)
    }
}

impl Compared {
    /// One thing more, which was `expected`.
    pub fn one(&mut self, what: impl FnOnce() -> String, expected: Option<String>, found: Option<String>) {
        self.compared += 1;
        if expected != found {
            self.differences.push(Difference { what: what(), expected, found });
        }
    }
}

/// Each name of both, with what lies under it.
fn both<'a, T>(
    one: &'a BTreeMap<String, T>,
    other: &'a BTreeMap<String, T>,
) -> impl Iterator<Item = (&'a String, Option<&'a T>, Option<&'a T>)> {
    let more = other.iter().filter(|(name, _)| !one.contains_key(*name)).map(|(name, it)| (name, None, Some(it)));
    one.iter().map(|(name, it)| (name, Some(it), other.get(name))).chain(more)
}
