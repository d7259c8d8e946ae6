//! Where pictures and files come from: the one place that knows.

use actix_web::{HttpRequest, HttpResponse};
use kippu_actors::problem::{self, Problem};

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
pub(super) async fn give(_request: &HttpRequest, shown: Shown<'_>) -> Result<HttpResponse, Problem> {
    let Shown { sha256, media_type, file_name } = shown;
    tracing::debug!(sha256, media_type, file_name, "bytes were asked for, and this node keeps none");
    Err(Problem::new(&problem::NOT_FOUND, "this node does not have these bytes"))
}
