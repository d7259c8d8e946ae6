//! What lines are checked for before anything is decided, and how names leave them.

use kippu_events::partners::access::{Format, Reader, State};
use kippu_events::partners::access_batches::{
    Batch, CERTIFICATE, Certificate, Encoding, KnownName, NAMES, id_of, key_of, leaf, mask, root_in_hex,
};
use kippu_events::partners::contracts::Contract;
use kippu_events::secrets::Secrets;
use kippu_events::statement::Unverified;
use kippu_events::{EntityId, Time};

use super::refusal::Refused;
use super::request::{Announce, Command, MOST_BYTES, MOST_LINES, MOST_OFFSET, Name, Open};
use crate::actor::{Call, Preparing};
use crate::partners::signed;
use crate::problem::{self, Problem};
use crate::text::Text;

/// Who certifies: the calling party, or this node's.
pub(super) fn writer(call: &Call, secrets: &Secrets) -> Result<EntityId, Refused> {
    if call.caller.is_peer() { call.caller.party().ok_or(Refused::NotYours) } else { Ok(secrets.party) }
}

/// The batch that these lines are.
pub(super) fn id(open: &Open, writer: EntityId) -> Result<EntityId, Refused> {
    let bytes = bytes(open)?;
    Ok(id_of(open.contract, writer, &certificate(open, &bytes)?))
}

fn bytes(open: &Open) -> Result<Vec<u8>, Refused> {
    // A character of latin-1 is one byte there and up to two here.
    if open.text.is_empty() || open.text.len() > 2 * MOST_BYTES {
        return Err(Refused::Lines);
    }
    let bytes = open.encoding.bytes(&open.text).map_err(|_| Refused::NotEncoded)?;
    if bytes.len() > MOST_BYTES { Err(Refused::Lines) } else { Ok(bytes) }
}

/// The lines of `bytes`, without their ends.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    lines.map(|line| {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        line.strip_suffix(b"\r").unwrap_or(line)
    })
}

fn certificate(open: &Open, bytes: &[u8]) -> Result<Certificate, Refused> {
    let leaves: Vec<[u8; 32]> = lines(bytes).map(leaf).collect();
    let ends = open.offset.checked_add(bytes.len() as u64).filter(|ends| *ends <= MOST_OFFSET);
    ends.ok_or(Refused::Offset)?;
    let count = u32::try_from(leaves.len()).ok().filter(|_| leaves.len() <= MOST_LINES).ok_or(Refused::Lines)?;
    Ok(Certificate {
        contract: open.contract,
        source: open.source.as_str().to_owned(),
        segment: open.segment.as_str().to_owned(),
        offset: open.offset,
        bytes: bytes.len() as u64,
        lines: count,
        root: root_in_hex(&leaves),
    })
}

/// The command to keep these lines.
pub(super) fn certified(open: Open, with: &Preparing<'_>) -> Result<Command, Problem> {
    let own = with.secrets.party;
    let writer = writer(with.call, with.secrets)?;
    let known = with.looked_up::<Contract>(open.contract).and_then(|(contract, _)| contract.known());
    let known = known.ok_or(Refused::NoContract)?;
    if known.side(writer).is_none() || known.side(own).is_none() {
        return Err(Refused::NotYours.into());
    }
    let bytes = bytes(&open)?;
    let certificate = certificate(&open, &bytes)?;
    let (signed, key) = signed(&open, &certificate, writer, with)?;
    let side = known.side(writer);
    let to = (writer == own).then(|| if known.main == own { known.partner } else { known.main });
    let (batch, first) = masked(open, &bytes, certificate, (writer, signed), with)?;
    // Lines of a time without terms count nowhere.
    let terms = known.at(first).or_else(|| known.accepted().next_back());
    let held = to.is_some() && terms.is_some_and(|terms| !terms.terms.pushes(&batch.certificate.source));
    let is_writer =
        terms.is_some_and(|terms| side.is_some_and(|side| terms.terms.certification.writers.contains(&side)));
    if !is_writer {
        return Err(Refused::NotAWriter.into());
    }
    Ok(Command::Certify { batch: Box::new(batch), to, key, held })
}

/// What a certificate says, whether or not its party has signed it.
pub(super) fn claimed(signed: &str) -> Result<(EntityId, Certificate), Refused> {
    let parsed = Unverified::parse(signed).map_err(|_| Refused::NotGenuine)?;
    Ok((parsed.signer, parsed.claimed().ok_or(Refused::NotGenuine)?))
}

/// The command to keep that the other party has lines.
pub(super) fn announced(announce: &Announce, with: &Preparing<'_>) -> Result<Command, Refused> {
    let text = announce.certificate.as_str();
    let writer = with.call.caller.party().ok_or(Refused::NotYours)?;
    let (_, certificate) = claimed(text)?;
    let known = with.looked_up::<Contract>(certificate.contract).and_then(|(contract, _)| contract.known());
    let known = known.ok_or(Refused::NoContract)?;
    if known.side(writer).is_none() || known.side(with.secrets.party).is_none() {
        return Err(Refused::NotYours);
    }
    // Lines that it may not certify, or that no batch has, would never come.
    let newest = known.accepted().next_back();
    let writers = newest.map(|version| &version.terms.certification.writers);
    if !writers.is_some_and(|writers| known.side(writer).is_some_and(|side| writers.contains(&side))) {
        return Err(Refused::NotAWriter);
    }
    let Certificate { source, segment, offset, bytes, lines, .. } = &certificate;
    let ends = offset.checked_add(*bytes).filter(|ends| *ends <= MOST_OFFSET);
    let is_named = |name: &String| Name::try_from(name.clone()).is_ok();
    if ends.is_none() || !(1..=MOST_LINES).contains(&(*lines as usize)) || *bytes > MOST_BYTES as u64 {
        return Err(Refused::Lines);
    }
    if !is_named(source) || !is_named(segment) {
        return Err(Refused::NotGenuine);
    }
    let signed = signed::statement(Some(text), CERTIFICATE, &certificate, writer, with);
    let (signed, key) = signed.ok_or(Refused::NotGenuine)?;
    Ok(Command::Announce { writer, certificate: Box::new(certificate), signed, key })
}

/// The certificate as text: signed here, or by the other party.
fn signed(
    open: &Open,
    certificate: &Certificate,
    writer: EntityId,
    with: &Preparing<'_>,
) -> Result<signed::Signed, Refused> {
    let given = open.certificate.as_ref().map(Text::as_str);
    if given.is_none() && writer != with.secrets.party {
        return Err(Refused::NoCertificate);
    }
    signed::statement(given, CERTIFICATE, certificate, writer, with).ok_or(Refused::NotGenuine)
}

/// The lines without names, and when the first request was made that they tell of.
fn masked(
    open: Open,
    bytes: &[u8],
    certificate: Certificate,
    (writer, signed): (EntityId, String),
    with: &Preparing<'_>,
) -> Result<(Batch, Time), Problem> {
    let format: Format = open
        .format
        .as_str()
        .parse()
        .map_err(|error| Problem::new(&problem::INVALID_BODY, format!("the format: {error}")))?;
    let (encoding, text) = Encoding::text(bytes);
    let mut reader = Reader::resume(format, State { offset: open.offset, directives: open.directives.clone() });
    let masked = mask(&text, open.offset, &mut reader);
    let first = masked.first.unwrap_or_else(Time::now);
    let day = first.to_string()[..10].to_owned();
    let plain = serde_json::to_string(&masked.names).map_err(|_| Refused::NotEncrypted)?;
    let key = key_of(open.contract, &day);
    let names = with.secrets.encrypt(key, NAMES, &plain).map_err(|_| Refused::NotEncrypted)?;
    let known = |name: &String| KnownName {
        key: with.secrets.visitor(open.contract, name),
        // Of latin-1 each character was a byte.
        bytes: u32::try_from(encoding.bytes(name).map_or(0, |bytes| bytes.len())).unwrap_or(u32::MAX),
    };
    let known_names = masked.names.iter().map(known).collect();
    let batch = Batch {
        contract: open.contract,
        writer,
        certificate,
        signed,
        format: String::from(open.format),
        directives: open.directives,
        encoding,
        text: masked.text,
        day,
        names,
        known_names,
    };
    Ok((batch, first))
}
