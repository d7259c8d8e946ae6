//! What lines are checked for before anything is decided, and how names leave them.

use kippu_events::access::peers::{Peer, PeerKey};
use kippu_events::access::signing_keys::{self, SigningKeys};
use kippu_events::partners::access::{Access, End, Format, Line, Reader, State};
use kippu_events::partners::access_batches::{
    Batch, CERTIFICATE, Certificate, Encoding, KnownName, NAMES, id_of, key_of, leaf, mask, root_in_hex,
};
use kippu_events::partners::contracts::Contract;
use kippu_events::secrets::{Secrets, SigningUse};
use kippu_events::statement::{self, Unverified};
use kippu_events::{EntityId, Time};

use super::refusal::Refused;
use super::request::{Command, MOST_BYTES, MOST_LINES, Open};
use crate::actor::{Call, Preparing};
use crate::problem::{self, Problem};

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
    let count = u32::try_from(leaves.len()).ok().filter(|_| leaves.len() <= MOST_LINES).ok_or(Refused::Lines)?;
    Ok(Certificate {
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
    let to = (writer == own).then(|| if known.main == own { known.partner } else { known.main });
    let batch = masked(open, &bytes, certificate, (writer, signed), with)?;
    Ok(Command::Certify { batch: Box::new(batch), to, key })
}

/// The certificate as text: signed here, or by the other party, whose key is to count when it is decided.
fn signed(
    open: &Open,
    certificate: &Certificate,
    writer: EntityId,
    with: &Preparing<'_>,
) -> Result<(String, Option<PeerKey>), Refused> {
    let Some(text) = &open.certificate else {
        if writer != with.secrets.party {
            return Err(Refused::NoCertificate);
        }
        let keys = with.looked_up::<SigningKeys>(signing_keys::id_of(SigningUse::Statements));
        let number = keys.map_or(0, |(keys, _)| keys.number_at(Time::now()));
        return Ok((statement::sign(with.secrets, number, CERTIFICATE, certificate), None));
    };
    let parsed = Unverified::parse(text.as_str()).map_err(|_| Refused::NotGenuine)?;
    let peer = with.looked_up::<Peer>(parsed.signer).filter(|_| parsed.signer == writer);
    let known = peer.and_then(|(peer, _)| peer.known()).ok_or(Refused::NotGenuine)?;
    let named = |key: &&PeerKey| key.r#use == SigningUse::Statements && key.x.id() == parsed.key;
    let key = known.keys.iter().find(named).ok_or(Refused::NotGenuine)?;
    let content: Certificate = parsed.verify(Some(key.x), CERTIFICATE).map_err(|_| Refused::NotGenuine)?;
    if content != *certificate {
        return Err(Refused::NotGenuine);
    }
    Ok((text.as_str().to_owned(), Some(key.clone())))
}

/// Whom a line names: the client, and the user that it signed in as. Each as the line may have it, escaped or not.
fn names(access: &Access<'_>) -> Vec<String> {
    let named = [Some(&access.client), access.user.as_ref()].into_iter().flatten();
    let texts = named.filter_map(|name| std::str::from_utf8(name).ok()).filter(|name| !matches!(*name, "" | "-"));
    texts
        .flat_map(|name| {
            let escaped = serde_json::to_string(name).unwrap_or_default();
            [name.to_owned(), escaped.trim_matches('"').to_owned()]
        })
        .collect()
}

/// The lines without names.
fn masked(
    open: Open,
    bytes: &[u8],
    certificate: Certificate,
    (writer, signed): (EntityId, String),
    with: &Preparing<'_>,
) -> Result<Batch, Problem> {
    let format: Format = open
        .format
        .as_str()
        .parse()
        .map_err(|error| Problem::new(&problem::INVALID_BODY, format!("the format: {error}")))?;
    let (encoding, text) = Encoding::text(bytes);
    let (mut first, mut names_of) = (None, Vec::new());
    let mut reader = Reader::resume(format, State { offset: open.offset, directives: open.directives.clone() });
    let mut read = |line: &Line<'_>| {
        let Line::Access(access) = line else { return names_of.push(Vec::new()) };
        first.get_or_insert(access.at);
        names_of.push(names(access));
    };
    reader.push(text.as_bytes(), |_, line| read(line));
    reader.finish(End::Complete, |_, line| read(line));
    let mut names_of = names_of.into_iter();
    let masked = mask(&text, || names_of.next().unwrap_or_default());
    let day = first.unwrap_or_else(Time::now).to_string()[..10].to_owned();
    let plain = serde_json::to_string(&masked.names).map_err(|_| Refused::NotEncrypted)?;
    let key = key_of(open.contract, &day);
    let names = with.secrets.encrypt(key, NAMES, &plain).map_err(|_| Refused::NotEncrypted)?;
    let known = |name: &String| KnownName {
        key: with.secrets.visitor(open.contract, name),
        // Of latin-1 each character was a byte.
        bytes: u32::try_from(encoding.bytes(name).map_or(0, |bytes| bytes.len())).unwrap_or(u32::MAX),
    };
    let known_names = masked.names.iter().map(known).collect();
    Ok(Batch {
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
    })
}
