//! Where pictures and files come from: the blobs of this node.

use actix_web::{HttpRequest, HttpResponse};
use kippu_actors::problem::{self, Problem};

use crate::server::Shared;
use crate::server::blobs::{self, serve_blob};

/// What some bytes are given out as.
pub(super) struct Shown<'a> {
    /// What they hash to.
    pub(super) sha256: &'a str,
    /// Their media type, where that is known.
    pub(super) media_type: Option<&'a str>,
    /// The name of the file that they are saved as, where they are to be saved.
    pub(super) file_name: Option<&'a str>,
}

/// Gives the bytes out to who may have them.
///
/// # Errors
/// Where the node has them not.
pub(super) async fn give(request: &HttpRequest, shared: &Shared, shown: Shown<'_>) -> Result<HttpResponse, Problem> {
    let Shown { sha256, media_type, file_name } = shown;
    let id = sha256.parse().map_err(|_| Problem::new(&problem::NOT_FOUND, "this node does not have these bytes"))?;
    let plain = blobs::Shown::BYTES.media_type;
    let shown = blobs::Shown { media_type: media_type.unwrap_or(plain), file_name };
    serve_blob(&shared.node.blobs, id, request, shown).await
}
