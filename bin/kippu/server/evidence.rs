//! The folder of evidence, as `kippu replay checkpoint` has written it: for everybody, since it holds hashes and sizes alone.

use std::io::ErrorKind;

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{Data, Path};
use kippu_actors::problem::{self, Problem};

use super::Shared;

/// The newest checkpoint, and keys: there is another one soon.
const IS_NEW: (&str, &str) = ("text/plain; charset=utf-8", "no-cache");
/// A tile is the same for ever.
const STAYS: (&str, &str) = ("application/octet-stream", "public, max-age=31536000, immutable");

/// A file of it.
pub(crate) async fn file(shared: Data<Shared>, path: Path<String>) -> Result<HttpResponse, Problem> {
    let nothing = || Problem::new(&problem::NOT_FOUND, "there is no such file of evidence");
    let dir = shared.config.http.evidence_dir.as_ref().ok_or_else(nothing)?;
    let (media_type, may_be_kept) = kind_of(&path).ok_or_else(nothing)?;
    let file = dir.join(path.as_str());
    let read = tokio::task::spawn_blocking(move || std::fs::read(file)).await;
    match read.map_err(std::io::Error::other).flatten() {
        Ok(bytes) => Ok(HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, media_type))
            .insert_header((header::CACHE_CONTROL, may_be_kept))
            .body(bytes)),
        Err(error)
            if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::IsADirectory | ErrorKind::NotADirectory) =>
        {
            Err(nothing())
        }
        Err(error) => Err(Problem::new(&problem::NOT_READY, format!("the evidence cannot be read: {error}"))),
    }
}

/// How the file at `path` is given out; nothing where it is none that others need, as the lock, or leads elsewhere.
fn kind_of(path: &str) -> Option<(&'static str, &'static str)> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let segments: Vec<&str> = path.split('/').collect();
    let tile = match segments.as_slice() {
        ["checkpoint" | "keys"] => return Some(IS_NEW),
        ["tile", tile @ ..] => tile,
        ["partitions", partition, "tile", tile @ ..] if is_number(partition) => tile,
        _other => return None,
    };
    // `0/x001/234.p/17`, and `entries` in place of a level.
    let is_part = |part: &&str| {
        let part = part.strip_suffix(".p").unwrap_or(part);
        part == "entries" || is_number(part.strip_prefix('x').unwrap_or(part))
    };
    (!tile.is_empty() && tile.iter().all(is_part)).then_some(STAYS)
}

#[test]
fn a_path_of_evidence_is_a_checkpoint_keys_or_a_tile() {
    for path in ["checkpoint", "keys", "tile/0/000", "tile/entries/x001/234.p/17", "partitions/3/tile/0/000.p/1"] {
        assert!(kind_of(path).is_some(), "{path}");
    }
    for path in [
        "",
        "LOCK",
        "tile",
        "tile/",
        "tile/0/17.new",
        "tile/../checkpoint",
        "tile//etc",
        "partitions/..",
        "partitions/x/tile/0",
    ] {
        assert!(kind_of(path).is_none(), "{path}");
    }
}
