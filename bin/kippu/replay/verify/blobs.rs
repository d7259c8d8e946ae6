//! `--blobs`: reads every blob that the history names.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use kippu_replay::Report;
use kippu_replay::verify::Blobs;

use crate::config::Config;
use crate::node::blobs::{self, BlobsError};
use crate::node::{DataDir, on_a_system};
use crate::output::Output;

/// So many blobs are read at once: enough to keep disk and cores busy.
const AT_ONCE: usize = 8;

/// Adds to `report` what became of the blobs that it names.
///
/// # Errors
/// Where it cannot be told of one.
pub(super) fn look_at(report: Report, config: &Config, dir: &DataDir, output: &Output) -> Result<Report, BlobsError> {
    let store = blobs::open(config, dir, report.log)?;
    let named = report.named_blobs();
    let bar = output.progress(named.len() as u64, "blobs");
    let found = on_a_system(async {
        let checks = named.into_iter().map(|(id, event)| {
            let store = store.clone();
            async move { store.check(id).await.map(|checked| (id, event, checked)) }
        });
        let mut checks = stream::iter(checks).buffered(AT_ONCE);
        let mut found = Blobs::default();
        while let Some((id, event, checked)) = checks.try_next().await? {
            found.add(id, event, checked);
            bar.inc(1);
        }
        Ok::<_, BlobsError>(found)
    });
    bar.finish_and_clear();
    Ok(report.with_blobs(found?))
}
