//! `GET /v1/pages/{id}/message`: what the manager of a site is asked of a revision that waits, as text; and as speech, where the program
//! espeak-ng is installed, at `GET /v1/pages/{id}/message.wav`.

use std::io::{ErrorKind, Read as _, Write as _};
use std::process::{Command, Stdio};

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use kippu_actors::problem::{self, Problem};
use kippu_events::access::peers::Peer;
use kippu_events::partners::pages::{Offer, Page, Phase, TieUp};
use kippu_events::{EntityId, EntityKey};

use super::{NO_SPEECH, SPEECH_FAILED};
use crate::server::Shared;
use crate::server::seal::for_operators;

/// The program that speaks, with what makes it speak slowly enough to be understood.
const SPEAKS: (&str, [&str; 2]) = ("espeak-ng", ["-s", "140"]);
/// Several minutes of speech: the message has a few sentences.
const MOST_WAV_BYTES: u64 = 32 << 20;
/// The revision that is asked about, as answers name it.
const REVISION: &str = "kippu-revision";
/// What its bytes hash to.
const DIGEST: &str = "kippu-sha256";

/// As text.
pub(in crate::server) async fn text(
    request: HttpRequest,
    shared: Data<Shared>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let (page, message) = asked(&request, &shared, &id).await?;
    Ok(named(&page, HttpResponse::Ok().content_type("text/plain; charset=utf-8")).body(message))
}

/// As speech: the same words, in a WAV file.
pub(in crate::server) async fn speech(
    request: HttpRequest,
    shared: Data<Shared>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let (page, message) = asked(&request, &shared, &id).await?;
    let spoken = tokio::task::spawn_blocking(move || speak(&message)).await;
    let spoken = spoken.map_err(|_| Problem::internal("the program that speaks was not waited for"))?;
    Ok(named(&page, HttpResponse::Ok().content_type("audio/wav")).body(spoken?))
}

/// What an answer is about.
fn named<'a>(
    offer: &Offer,
    response: &'a mut actix_web::HttpResponseBuilder,
) -> &'a mut actix_web::HttpResponseBuilder {
    response
        .insert_header((REVISION, offer.revision.to_string()))
        .insert_header((DIGEST, offer.shows().sha256.to_string()))
        .insert_header(("cache-control", "private, no-store"))
}

/// The revision that waits for an answer, and what is asked of it.
async fn asked(request: &HttpRequest, shared: &Shared, id: &str) -> Result<(Offer, String), Problem> {
    for_operators(request, "the manager of the site is asked")?;
    let absent = || Problem::new(&problem::NOT_FOUND, "no revision of a page with this id waits for an answer");
    let id: EntityId = id.parse().map_err(|_| absent())?;
    let runtime = &shared.node.runtime;
    let found = runtime.peek_now(EntityKey::of::<Page>(id)).await?;
    let Some(Page::TieUp(page)) = found.state.as_any().downcast_ref::<Page>() else { return Err(absent()) };
    let peer = runtime.peek(EntityKey::of::<Peer>(page.main)).await?;
    let main = peer.state.as_any().downcast_ref::<Peer>().and_then(Peer::known).map(|known| known.name.clone());
    let offer = page.offer.clone().ok_or_else(absent)?;
    let message = message(page, &offer, main.as_deref()).ok_or_else(absent)?;
    Ok((offer, message))
}

/// What is asked, in sentences that can be read and heard.
fn message(page: &TieUp, offer: &Offer, main: Option<&str>) -> Option<String> {
    let Phase::Held { until } = offer.phase else { return None };
    let main = main.map_or_else(|| page.main.to_string(), str::to_owned);
    let content = offer.shows();
    let shown = page.shown.as_ref().map_or_else(
        || "Nothing is shown at this path now.".to_owned(),
        |shown| format!("Revision {} is shown now.", shown.revision),
    );
    Some(format!(
        "The main site {main} brings revision {} of the page {}. {shown}\n\
         It is of the type {} and has {} bytes. Its digest is {}.\n\
         Until {until} you may confirm this revision with this digest, or decline it. Nothing is shown without your yes.\n",
        offer.revision, page.path, content.media_type, content.size, content.sha256,
    ))
}

/// The words as a WAV file.
fn speak(words: &str) -> Result<Vec<u8>, Problem> {
    let failed = |error: &dyn std::fmt::Display| {
        tracing::warn!(%error, "the program that speaks did not");
        Problem::new(&SPEECH_FAILED, "the program that speaks has not said the message")
    };
    // Into a file, since only there the program can say in the header how long it is.
    let file = tempfile::NamedTempFile::new().map_err(|error| failed(&error))?;
    let (program, pace) = SPEAKS;
    let started = Command::new(program)
        .args(pace)
        .arg("-w")
        .arg(file.path())
        .arg("--stdin")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut started = match started {
        Ok(started) => started,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(Problem::new(&NO_SPEECH, "the program espeak-ng is not installed here"));
        }
        Err(error) => return Err(failed(&error)),
    };
    // Dropped with the call, which is the end of what it is to say.
    let said = started.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(words.as_bytes()));
    let ended = started.wait().map_err(|error| failed(&error))?;
    said.map_err(|error| failed(&error))?;
    let mut spoken = Vec::new();
    let read = file.reopen().and_then(|file| file.take(MOST_WAV_BYTES).read_to_end(&mut spoken));
    read.map_err(|error| failed(&error))?;
    if !ended.success() || !spoken.starts_with(b"RIFF") {
        return Err(failed(&ended));
    }
    Ok(spoken)
}
