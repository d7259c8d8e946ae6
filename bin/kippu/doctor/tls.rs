//! Checks of the certificate that a node shows, and of the authorities that it trusts.

use kippu_client::Roots;
use kippu_events::Time;

use super::{Finding, Verdict};
use crate::certificate::Certificate;
use crate::config::Config;
use crate::remote;

/// Whether callers will take the certificate, where the node has one.
pub(super) fn certificate(config: &Config) -> Vec<Finding> {
    let Some(files) = config.http.tls.files() else { return Vec::new() };
    let found = |verdict, detail| Finding::new("certificate", verdict, detail);
    let certificate = match Certificate::read(&files) {
        Ok(certificate) => certificate,
        Err(error) => return vec![found(Verdict::Bad, error.to_string())],
    };
    let now = Time::now();
    let refused = certificate.refused(now).into_iter().map(|reason| found(Verdict::Bad, reason));
    let remarks = certificate.remarks(now, config.node.url.as_deref()).into_iter();
    let mut findings: Vec<_> = refused.chain(remarks.map(|remark| found(Verdict::Note, remark))).collect();
    if findings.is_empty() {
        findings.push(found(Verdict::Good, format!("it fits its key and counts until {}", certificate.ends())));
    }
    findings
}

/// The authorities that are trusted besides those that browsers trust.
///
/// # Errors
/// What to report where they cannot be read.
pub(super) fn roots(config: &Config) -> Result<Roots, Finding> {
    let roots = remote::trusted(config.tls.roots.as_deref());
    roots.map_err(|error| Finding::new("authorities", Verdict::Bad, error.to_string()))
}
