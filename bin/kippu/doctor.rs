//! `kippu doctor`: looks for trouble with a data directory, the machine under it and the node on it. Changes nothing
//! but a probe file that it removes again.

mod checks;
mod history;
mod nodes;
mod tls;

use std::fmt;
use std::path::PathBuf;

use kippu_client::Roots;
use kippu_events::log::lock::Lock;
use kippu_events::log::rocks::RocksLog;
use serde::Serialize;

use crate::config::{Config, Flags};
use crate::exit::Exit;
use crate::limits::{self, Need};
use crate::node::{self, DataDir};
use crate::output::Output;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Configuration file.
    #[arg(long, env = "KIPPU_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
}

/// What one check found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    /// As it should be.
    Good,
    /// For the operator to know; not counted as trouble.
    Note,
    /// Trouble.
    Bad,
    /// Could not be looked at.
    Unknown,
}

/// One line of the report.
#[derive(Clone, PartialEq, Debug, Serialize)]
struct Finding {
    check: &'static str,
    verdict: Verdict,
    detail: String,
}

impl Finding {
    fn new(check: &'static str, verdict: Verdict, detail: impl Into<String>) -> Self {
        Self { check, verdict, detail: detail.into() }
    }
}

/// The report.
#[derive(Serialize)]
struct Report {
    sound: bool,
    findings: Vec<Finding>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            let mark = match finding.verdict {
                Verdict::Good => "ok  ",
                Verdict::Note => "note",
                Verdict::Bad => "BAD ",
                Verdict::Unknown => "?   ",
            };
            writeln!(f, "{mark}  {:12}  {}", finding.check, finding.detail)?;
        }
        f.write_str(if self.sound {
            "doctor: sound (of the records themselves, ask `kippu replay verify`)"
        } else {
            "doctor: something was found"
        })
    }
}

/// Looks.
pub(crate) fn run(args: &Args, output: &Output) -> Exit {
    let config = match Config::load(args.config.as_deref(), &args.flags) {
        Ok(config) => config,
        Err(error) => return output.failed(error.exit(), error),
    };
    let Some(data) = &config.data else { return output.failed(Exit::Usage, node::NodeError::NoDir) };
    if !data.is_dir() {
        return output.failed(Exit::CouldNotRun, format_args!("{} is no directory", data.display()));
    }
    if let Err(too_low) = limits::check(&Need::reading(1)) {
        return output.failed(Exit::CouldNotRun, too_low);
    }
    let dir = DataDir::new(data);
    // Where the log is not there, or not to be read, that is what is found.
    if let Err(error) = RocksLog::can_be_read(&dir.log())
        && limits::remark(&error.to_string()).is_some()
    {
        return output.failed(Exit::CouldNotRun, error);
    }
    let report = look(&config, &dir);
    output.result(&report, &report);
    if report.sound { Exit::Sound } else { Exit::Found }
}

fn look(config: &Config, dir: &DataDir) -> Report {
    let mut findings = vec![checks::layout(dir)];
    findings.extend(checks::permissions(dir));
    findings.extend(tls::certificate(config));
    let roots = match tls::roots(config) {
        Ok(roots) => roots,
        Err(finding) => {
            findings.push(finding);
            Roots::default()
        }
    };
    let holder = Lock::holder(dir.path());
    findings.push(checks::lock(&holder));
    findings.push(checks::space(dir, config.ready.least_free_bytes));
    findings.push(checks::sync(dir));
    let history = history::look(config, dir);
    findings.extend(history.findings);
    // Nodes of a shared log are looked for wherever they are; what is embedded, only the node here can serve.
    if matches!(holder, Ok(Some(_))) || history.is_shared {
        findings.extend(nodes::look(history.id, &history.owners, &roots));
    }
    let sound = findings.iter().all(|finding| matches!(finding.verdict, Verdict::Good | Verdict::Note));
    Report { sound, findings }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::config::{Files, ServerTls};

    fn made() -> (tempfile::TempDir, Config) {
        crate::keep_to_the_owner();
        let dir = tempfile::tempdir().unwrap();
        let flags = Flags { data: Some(dir.path().join("node")), partitions: Some(2), ..Flags::default() };
        let mut config = Config::default();
        flags.apply(&mut config);
        node::on_a_system(async { node::Node::init(&config, false).await.unwrap().stop().await });
        (dir, config)
    }

    fn bad(config: &Config) -> Vec<&'static str> {
        let report = look(config, &DataDir::new(config.data.as_deref().unwrap()));
        report.findings.iter().filter(|f| f.verdict == Verdict::Bad).map(|f| f.check).collect()
    }

    /// Shows F33.
    #[test]
    fn a_fresh_directory_is_sound_and_a_readable_key_is_found() {
        let (_dir, mut config) = made();
        config.ready.least_free_bytes = 1;
        let data = DataDir::new(config.data.as_deref().unwrap());
        assert_eq!(bad(&config), Vec::<&str>::new());
        for (open, mode) in [(data.operator_key(), 0o644), (data.keys(), 0o755)] {
            let before = std::fs::metadata(&open).unwrap().permissions();
            std::fs::set_permissions(&open, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(bad(&config), ["permissions"], "{}", open.display());
            std::fs::set_permissions(&open, before).unwrap();
        }
    }

    #[test]
    fn a_keyring_that_cannot_be_read_and_a_history_without_keys_are_found() {
        let (_dir, mut config) = made();
        config.ready.least_free_bytes = 1;
        let data = DataDir::new(config.data.as_deref().unwrap());
        let keyring = data.keys().join("keyring.json");
        let whole = std::fs::read_to_string(&keyring).unwrap();
        std::fs::write(&keyring, &whole[..whole.len() / 2]).unwrap();
        assert_eq!(bad(&config), ["layout"]);
        std::fs::remove_dir_all(data.keys()).unwrap();
        assert_eq!(bad(&config), ["layout"]);
    }

    /// Shows F33.
    #[test]
    fn a_certificate_that_is_missing_or_refused_by_callers_is_found() {
        let (dir, mut config) = made();
        config.ready.least_free_bytes = 1;
        let made = crate::certificate::tests::Made::new();
        let Files { certificate, key } = made.files.clone();
        config.http.tls = ServerTls { certificate: Some(certificate), key: Some(key) };
        assert_eq!(bad(&config), Vec::<&str>::new());
        let mut over = rcgen::CertificateParams::new(vec!["n1.example".to_owned()]).unwrap();
        over.not_after = rcgen::date_time_ymd(2020, 1, 1);
        made.exchange(over);
        assert_eq!(bad(&config), ["certificate"]);
        std::fs::remove_file(&made.files.key).unwrap();
        assert_eq!(bad(&config), ["certificate"]);
        config.http.tls = ServerTls::default();
        config.tls.roots = Some(dir.path().join("roots.pem"));
        assert_eq!(bad(&config), ["authorities"]);
    }

    #[test]
    fn too_little_space_is_found() {
        let (_dir, mut config) = made();
        config.ready.least_free_bytes = u64::MAX;
        assert_eq!(bad(&config), ["space"]);
    }
}
