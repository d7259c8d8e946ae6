//! `kippu bench access`: what it costs to take in access logs and to compute a fee from them. GoAccess, where it is installed, parses the
//! same file next to it; where it is not, the limit is to read the file and to hash each line.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use kippu_client::Error;
use kippu_events::partners::access_batches::leaf;
use serde_json::{Value, json};

use super::figure::{BenchError, Figure, Goal, median, round};
use super::parties::Party;
use super::{Which, machine};
use crate::node;

/// Of each figure.
const ROUNDS: usize = 3;
const TERMS: &str = include_str!("../../../examples/data/terms.json");
const MONTH: &str = "2026-10";

/// Measures those that are wanted, on a log of so many lines.
pub(super) fn measure(dir: &Path, lines: u64, wanted: &[Which]) -> Result<BTreeMap<Which, Figure>, BenchError> {
    let path = dir.join("access.log");
    let raw = write(&path, lines)?;
    let mut log = Log { dir: dir.to_owned(), path, lines, raw, imported: None };
    let measured = |which: &Which| Ok((*which, log.figure(*which)?));
    wanted.iter().map(measured).collect()
}

/// A log, and what it is compared with.
struct Log {
    dir: PathBuf,
    path: PathBuf,
    lines: u64,
    /// Its bytes.
    raw: u64,
    imported: Option<Imported>,
}

/// What imports came to.
#[derive(Clone)]
struct Imported {
    /// Lines a second, of each.
    rates: Vec<f64>,
    /// The node that the last one left.
    node: PathBuf,
    contract: String,
    /// Bytes of its log more than before.
    stored: u64,
    /// The most that the process had in memory.
    memory: u64,
}

impl Log {
    fn figure(&mut self, which: Which) -> Result<Figure, BenchError> {
        let imported = match &self.imported {
            Some(imported) => imported.clone(),
            None => self.imported.insert(self.import()?).clone(),
        };
        let rate = median(imported.rates.clone());
        let figure = match which {
            Which::P4 => {
                let (limit, by) = self.parsed()?;
                Figure::new(rate, limit, "lines/s, on record ÷ parsed", Goal::AtLeast(1.0, "≥ 1"))
                    .with("compared_with", by)
                    .with("memory_bytes", imported.memory)
            }
            Which::Fee => {
                let took = node::on_a_system(self.fee(&imported))?;
                let ours = machine::per_second(self.lines, took);
                Figure::new(ours, rate, "lines/s, counted for a fee ÷ on record", Goal::AtLeast(0.5, "≥ 0.5"))
                    .with("seconds", round(took.as_secs_f64()))
            }
            Which::LineBytes => {
                #[allow(clippy::cast_precision_loss)] // bytes are far below 2^52
                let per_line = |bytes: u64| bytes as f64 / self.lines as f64;
                let (ours, limit) = (per_line(imported.stored), per_line(self.raw));
                Figure::new(ours, limit, "bytes a line, in the log ÷ in the file", Goal::AtMost(1.3, "≤ 1.3"))
            }
            other => return Err(BenchError::Load(format!("{other:?} is not of access logs"))),
        };
        Ok(figure.with("lines", self.lines))
    }

    fn import(&self) -> Result<Imported, BenchError> {
        let mut rates = Vec::new();
        for round in 0..ROUNDS {
            let dir = self.dir.join(format!("sites-{round}"));
            let (node, contract) = node::on_a_system(sites(&dir))?;
            let store = node.join("log");
            let before = size(&store)?;
            let begun = Instant::now();
            let child = Command::new(std::env::current_exe()?)
                .args([
                    "--json",
                    "access",
                    "import",
                    "--complete",
                    "--contract",
                    &contract,
                    "--source",
                    "www",
                    "--data",
                ])
                .args([&node, &self.path])
                .stdout(Stdio::null())
                .spawn()?;
            let memory = machine::watched(child)?;
            rates.push(machine::per_second(self.lines, begun.elapsed()));
            let stored = size(&store)?.saturating_sub(before);
            if round + 1 == ROUNDS {
                return Ok(Imported { rates, node, contract, stored, memory });
            }
            std::fs::remove_dir_all(&dir)?;
        }
        Err(BenchError::Load("nothing was imported".to_owned()))
    }

    /// Lines a second of what is compared with, and what that is.
    fn parsed(&self) -> Result<(f64, &'static str), BenchError> {
        let out = self.dir.join("goaccess.json");
        let mut rates = Vec::new();
        for _ in 0..ROUNDS {
            let begun = Instant::now();
            let parsed = Command::new("goaccess")
                .args(["--log-format=COMBINED", "--no-progress", "--no-global-config", "-o"])
                .args([&out, &self.path])
                .stdin(Stdio::null())
                .output();
            match parsed {
                Ok(parsed) if parsed.status.success() => rates.push(machine::per_second(self.lines, begun.elapsed())),
                Ok(parsed) => return Err(BenchError::Bare(String::from_utf8_lossy(&parsed.stderr).into_owned())),
                Err(_) => return Ok((self.hashed()?, "reading and hashing: GoAccess is not installed")),
            }
        }
        Ok((median(rates), "GoAccess, to JSON"))
    }

    /// Lines a second, read and hashed.
    fn hashed(&self) -> Result<f64, BenchError> {
        let begun = Instant::now();
        for line in BufReader::new(File::open(&self.path)?).split(b'\n') {
            std::hint::black_box(leaf(&line?));
        }
        Ok(machine::per_second(self.lines, begun.elapsed()))
    }

    /// How long a node takes to compute the fee from the lines that it has.
    async fn fee(&self, imported: &Imported) -> Result<Duration, BenchError> {
        let (dir, name) = (imported.node.parent(), imported.node.file_name().and_then(|name| name.to_str()));
        let (Some(dir), Some(name)) = (dir, name) else { return Err(BenchError::Load("no node".to_owned())) };
        let party = Party::start(dir, name).await?;
        let path = format!("/v1/contracts/{}/fees/{MONTH}", imported.contract);
        let waited = Instant::now();
        let mut took = Vec::new();
        while took.len() < ROUNDS {
            let begun = Instant::now();
            let statement = party.operator.done(party.operator.query(&path, None)).await;
            let took_so = begun.elapsed();
            let lines = |statement: &Value| {
                let stretches = statement["stretches"].as_array().into_iter().flatten();
                stretches.filter_map(|stretch| stretch["lines"].as_u64()).sum::<u64>()
            };
            match statement {
                // Views follow the log by a moment.
                Ok(statement) if lines(&statement) == self.lines => took.push(took_so.as_secs_f64()),
                Ok(_) | Err(Error::Problem(_)) if waited.elapsed() < super::child::PATIENCE => {
                    actix_rt::time::sleep(Duration::from_millis(50)).await;
                }
                Ok(statement) => return Err(BenchError::Load(format!("of {} lines: {statement}", self.lines))),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Duration::from_secs_f64(median(took)))
    }
}

/// A main site and a partner site with a contract, both at rest; the partner's data directory, and the contract.
async fn sites(dir: &Path) -> Result<(PathBuf, String), BenchError> {
    let (mut main, mut partner) = (Party::start(dir, "main").await?, Party::start(dir, "partner").await?);
    main.knows(&partner, &["partner_site"]).await?;
    partner.knows(&main, &["main_site"]).await?;
    let terms: Value = serde_json::from_str(TERMS).map_err(BenchError::load)?;
    let from = "2026-01-01T00:00:00Z";
    let body = json!({ "partner": partner.id, "number": 1, "from": from, "terms": terms });
    let proposed = main.give("/v1/contracts", "terms", &body).await?;
    let contract = proposed["id"].as_str().unwrap_or_default().to_owned();
    let answer = json!({ "number": 1, "sha256": proposed["sha256"] });
    let begun = Instant::now();
    loop {
        match partner.operator.give(&format!("/v1/contracts/{contract}/accept"), "accept", answer.to_string()).await {
            Ok(_) => break,
            // The partner's node is told by a signed call, which may take a moment.
            Err(Error::Problem(_)) if begun.elapsed() < super::child::PATIENCE => {
                actix_rt::time::sleep(Duration::from_millis(20)).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    main.kill()?;
    partner.kill()?;
    Ok((dir.join("partner"), contract))
}

/// Writes a log of so many lines in the combined format; gives its bytes.
fn write(path: &Path, lines: u64) -> Result<u64, BenchError> {
    let mut out = BufWriter::new(File::create(path)?);
    for n in 0..lines {
        // Mixed, and the same in each run.
        let mixed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        let (a, b, c) = (mixed % 223 + 1, mixed / 7 % 256, mixed / 1_793 % 256);
        let (day, second) = (n * 30 / lines + 1, n * 2_592_000 / lines % 86_400);
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        let kind = ["tie-up", "own", "own", "static"][(mixed % 4) as usize];
        let (page, status) = (mixed / 11 % 300, [200, 200, 200, 304, 404][(mixed / 13 % 5) as usize]);
        let bytes = mixed / 17 % 60_000;
        let version = mixed / 19 % 40 + 90;
        writeln!(
            out,
            "{a}.{b}.{c}.7 - - [{day:02}/Oct/2026:{hour:02}:{minute:02}:{second:02} +0000] \"GET /{kind}/page-{page}.html HTTP/1.1\" {status} {bytes} \
             \"https://search.example/?q=page+{page}\" \"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0 Safari/537.36\""
        )?;
    }
    out.flush()?;
    Ok(std::fs::metadata(path)?.len())
}

/// The bytes of all files below `dir`.
fn size(dir: &Path) -> Result<u64, BenchError> {
    let mut sum = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let about = entry.metadata()?;
        sum += if about.is_dir() { size(&entry.path())? } else { about.len() };
    }
    Ok(sum)
}
