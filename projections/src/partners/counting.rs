//! Which lines of a contract's logs count, and as what. A line is known by where it lies: what came twice counts once, and what came
//! with another content is named.

use std::collections::{BTreeMap, HashSet};

use jiff::tz::TimeZone;
use kippu_events::partners::access::gather::Gather;
use kippu_events::partners::access::lines::LONGEST;
use kippu_events::partners::access::reader::State;
use kippu_events::partners::access::visits::{Place, Visitor};
use kippu_events::partners::access::{Access, Classifier, Format, Line, Period, Reader, Report, Rules};
use kippu_events::partners::access_batches::{Encoding, Part, parts};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::access_batches::Lines;
use crate::error::NotARow;

/// Of lines that came with several contents, and of bytes that are missing, so many are named.
const MOST_NAMED: usize = 100;

/// A line that came with several contents. The one in the batch with the lowest id counts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, schemars::JsonSchema)]
pub struct Conflict {
    /// The server whose log it is.
    pub source: String,
    /// The part of that log.
    pub segment: String,
    /// Where it begins there.
    pub offset: u64,
}

/// Bytes of a part of a log that nobody has certified, between others that somebody has.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, schemars::JsonSchema)]
pub struct Gap {
    /// The server whose log it is.
    pub source: String,
    /// The part of that log.
    pub segment: String,
    /// The first byte.
    pub from: u64,
    /// The first one that is there again.
    pub until: u64,
}

/// What is counted by the same rules.
pub(super) struct Stretch {
    classifier: Classifier,
    rules: Rules,
    gather: Gather,
}

impl Stretch {
    /// Nothing counted yet, in `period` and by `rules`.
    pub(super) fn new(rules: &Rules, period: Period) -> Result<Self, NotARow> {
        let classifier = Classifier::of(rules, period).map_err(|error| NotARow(error.to_string()))?;
        Ok(Self { classifier, rules: rules.clone(), gather: Gather::default() })
    }

    /// The numbers.
    pub(super) fn finish(self, zone: TimeZone) -> Report {
        self.gather.finish(&self.rules, zone)
    }
}

/// Where a line lies: numbers of its source and of its segment, and where it begins.
pub(crate) type Lies = (u64, u64, u64);

/// Takes batches in the order of source, segment, offset and id.
#[derive(Default)]
pub(super) struct Counting {
    /// Lines that do not count here, since they came with several contents.
    left_out: HashSet<Lies>,
    /// Those that did come so.
    contested: HashSet<Lies>,
    /// The part of a log that is being read.
    part: Option<(String, String)>,
    /// Up to where it was read.
    end: u64,
    /// What the lines of it hash to that were read, by where they begin.
    seen: BTreeMap<u64, u64>,
    pub(super) conflicts: Vec<Conflict>,
    pub(super) conflicting: u64,
    pub(super) gaps: Vec<Gap>,
    pub(super) missing: u64,
}

impl Counting {
    /// One in which the lines that lie there do not count.
    pub(super) fn without(left_out: HashSet<Lies>) -> Self {
        Self { left_out, ..Self::default() }
    }

    /// The lines that came with several contents.
    pub(super) fn contested(&mut self) -> HashSet<Lies> {
        std::mem::take(&mut self.contested)
    }

    /// Takes the lines of a batch that were not read before, into every stretch.
    pub(super) fn take(&mut self, lines: &Lines, stretches: &mut [Stretch]) -> Result<(), NotARow> {
        let part = (lines.source.clone(), lines.segment.clone());
        if self.part.as_ref() != Some(&part) {
            (self.end, self.part) = (0, Some(part));
            self.seen.clear();
        }
        if lines.offset > self.end {
            self.missing = self.missing.saturating_add(lines.offset - self.end);
            if self.gaps.len() < MOST_NAMED {
                let (source, segment) = (lines.source.clone(), lines.segment.clone());
                self.gaps.push(Gap { source, segment, from: self.end, until: lines.offset });
            }
        }
        let wrong = |reason: &dyn std::fmt::Display| NotARow(format!("batch {}: {reason}", lines.id));
        let format: Format = lines.format.parse().map_err(|error| wrong(&error))?;
        let state = State { offset: lines.offset, directives: lines.directives.clone() };
        let mut reader = Reader::resume(format, state);
        let (source, segment) = (number(&lines.source), number(&lines.segment));
        let mut offset = lines.offset;
        for text in lines.text.split_inclusive('\n') {
            let (bytes, hash) = self.whole(lines, text).map_err(|error| wrong(&error))?;
            let begins = offset;
            // Where a batch says that it begins is its writer's word.
            offset = offset.saturating_add(bytes);
            let place = Place { source, segment, offset: begins };
            match self.seen.get(&begins) {
                Some(before) if *before == hash => continue,
                Some(_) => {
                    self.conflict(lines, (source, segment, begins));
                    continue;
                }
                // It begins inside of a line that was read: both cannot be.
                None if begins < self.end => {
                    let read = self.seen.range(..begins).next_back().map_or(begins, |(read, _)| *read);
                    self.contested.insert((source, segment, read));
                    self.conflict(lines, (source, segment, begins));
                    continue;
                }
                None => {}
            }
            self.seen.insert(begins, hash);
            self.end = offset;
            if self.left_out.contains(&(source, segment, begins)) {
                continue;
            }
            let written = lines.encoding.bytes(text).map_err(|error| wrong(&error))?;
            let line = written.strip_suffix(b"\n").unwrap_or(&written);
            // A name may stand for more bytes than its number.
            let line = if bytes > LONGEST as u64 + 1 { Line::TooLong } else { reader.parse_at(begins, line) };
            for stretch in &mut *stretches {
                stretch.gather.take(&stretch.classifier, place, &line, |access| visitor(lines, access));
            }
        }
        Ok(())
    }

    fn conflict(&mut self, lines: &Lines, lies: Lies) {
        let (.., offset) = lies;
        self.contested.insert(lies);
        self.conflicting += 1;
        if self.conflicts.len() < MOST_NAMED {
            let (source, segment) = (lines.source.clone(), lines.segment.clone());
            self.conflicts.push(Conflict { source, segment, offset });
        }
    }

    /// How many bytes a line was, and what it says, with what each name is known by.
    fn whole(&self, lines: &Lines, text: &str) -> Result<(u64, u64), NotARow> {
        let (mut bytes, mut hash) = (0, Sha256::new());
        for part in parts(text) {
            match part.map_err(|error| NotARow(error.to_string()))? {
                Part::Text(text) => {
                    bytes += match lines.encoding {
                        Encoding::Utf8 => text.len(),
                        Encoding::Latin1 => text.chars().count(),
                    } as u64;
                    hash.update(text);
                }
                Part::Name(number) => {
                    let name = lines.known_names.get(number);
                    let name = name.ok_or_else(|| NotARow(format!("there is no name {number}")))?;
                    bytes += u64::from(name.bytes);
                    hash.update(&name.key);
                }
            }
        }
        Ok((bytes, first_eight(&hash.finalize())))
    }
}

fn first_eight(hash: &[u8]) -> u64 {
    hash.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}

/// A number for the name of a server or of a part of its log, the same at every node.
fn number(name: &str) -> u64 {
    first_eight(&Sha256::digest(name))
}

/// Who asked, as far as a log can tell: the client, and what it says that it is.
fn visitor(lines: &Lines, access: &Access<'_>) -> Visitor {
    let mut hash = Sha256::new();
    say(&access.client, lines, &mut hash);
    hash.update([0]);
    say(access.agent.as_deref().unwrap_or_default(), lines, &mut hash);
    let hash = hash.finalize();
    Visitor(hash.first_chunk().copied().unwrap_or_default())
}

/// A name has another number in each batch, and the same key in all.
fn say(written: &[u8], lines: &Lines, hash: &mut Sha256) {
    let Ok(text) = std::str::from_utf8(written) else { return hash.update(written) };
    for part in parts(text).flatten() {
        match part {
            Part::Text(text) => hash.update(text),
            Part::Name(number) => hash.update(lines.known_names.get(number).map_or("", |name| &name.key)),
        }
    }
}

#[cfg(test)]
mod tests;
