//! `kippu kit make|join`: a main site makes a kit for a new partner site, whose node joins by it once.
//!
//! ```text
//! main:     kippu kit make ─▶ file
//! partner:  kippu init --kit file ─▶ kippu serve ─▶ kippu kit join --accept file ─▶ the first page of the main site
//! ```

mod file;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kippu_client::{Client, Error, Method, Roots};
use kippu_events::partners::contracts::Terms;
use kippu_events::partners::pages::PagePath;
use kippu_events::whole::write_whole;
use kippu_events::{Time, text_file};
use serde_json::{Value, json};

use self::file::{Contents, hash};
pub(crate) use self::file::{Kit, NotAKit};
use crate::exit::Exit;
use crate::node;
use crate::output::Output;
use crate::parties::{CARD, Card, SIGNED_CARD};
use crate::peer::Running;
use crate::remote::{self, RemoteError};

/// What every kit holds besides what the main site adds.
const STARTER: [(&str, &str); 4] = [
    ("index.html", include_str!("starter/index.html")),
    ("kippu.toml", include_str!("starter/kippu.toml")),
    ("layout.html", include_str!("starter/layout.html")),
    ("links.md", include_str!("starter/links.md")),
];
/// So long whoever joins waits for the terms, which the main site's node sends by itself.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it looks.
const PACE: Duration = Duration::from_millis(200);

/// Arguments of `make`.
#[derive(clap::Args)]
pub(crate) struct MakeArgs {
    /// For whom it is; no personal data.
    #[arg(long)]
    name: String,
    /// A file with the terms that whoever joins is proposed, in JSON.
    #[arg(long, value_name = "FILE")]
    terms: PathBuf,
    /// From when they count, as 2026-11-01T00:00:00+09:00.
    #[arg(long, value_name = "TIME")]
    from: Time,
    /// For so many days somebody may join.
    #[arg(long, default_value_t = 14)]
    days: u16,
    /// More files for the kit, such as templates; one of the same name takes the place of ours.
    #[arg(long, value_name = "FILE")]
    add: Vec<PathBuf>,
    /// Where the kit goes. Whoever has it may join: hand it over as you would a key.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    node: Running,
}

/// Arguments of `join`.
#[derive(clap::Args)]
pub(crate) struct JoinArgs {
    /// The kit.
    #[arg(value_name = "FILE")]
    kit: PathBuf,
    /// The key that has to have signed the kit, as the main site's operator told it.
    #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
    signed_with: Option<String>,
    /// Accept the terms, where those that are proposed are the ones in the kit.
    #[arg(long)]
    accept: bool,
    #[command(flatten)]
    node: Running,
}

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
enum KitError {
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error(transparent)]
    Call(#[from] Error),
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{}: {reason}", path.display())]
    NoTerms { path: PathBuf, reason: String },
    #[error("{}: a file of a kit has a name of letters, digits, points and hyphens", .0.display())]
    Name(PathBuf),
    #[error("{}: {source}", path.display())]
    NotAKit { path: PathBuf, source: NotAKit },
    #[error("the node answers {0}, which is none of what it answers")]
    Answer(&'static str),
    #[error("the main site has not proposed its terms within {} seconds; the same command goes on", PATIENCE.as_secs())]
    NotProposed,
    #[error(
        "the terms that the main site proposes are not those in the kit, so they were not accepted: look at the contract {0}"
    )]
    OtherTerms(String),
}

impl KitError {
    const fn exit(&self) -> Exit {
        match self {
            Self::Call(Error::Problem(_)) | Self::NotAKit { .. } | Self::OtherTerms(_) => Exit::Found,
            Self::NoTerms { .. } | Self::Name(_) => Exit::Usage,
            Self::Remote(_) | Self::Call(_) | Self::Io { .. } | Self::Answer(_) | Self::NotProposed => {
                Exit::CouldNotRun
            }
        }
    }
}

/// Makes a kit.
pub(crate) fn make(args: &MakeArgs, output: &Output) -> Exit {
    match node::on_a_system(made(args)) {
        Ok(made) => {
            let text = |name: &str| made[name].as_str().unwrap_or_default().to_owned();
            let told = format!(
                "kit {} in {}\nsigned with the key {}: tell the partner by another way than the file",
                text("kit"),
                text("file"),
                text("signed_with")
            );
            output.result(&made, told);
            Exit::Sound
        }
        Err(error) => output.failed(error.exit(), error),
    }
}

/// Joins by a kit.
pub(crate) fn join(args: &JoinArgs, output: &Output) -> Exit {
    match node::on_a_system(joined(args)) {
        Ok(joined) => {
            let contract = joined["contract"].as_str().unwrap_or_default();
            let told = if args.accept { "accepted" } else { "proposed" };
            output.result(&joined, format!("contract {contract}: its terms are {told}"));
            Exit::Sound
        }
        Err(error) => output.failed(error.exit(), error),
    }
}

async fn made(args: &MakeArgs) -> Result<Value, KitError> {
    let node = args.node.node()?;
    let read = |path: &Path| text_file::read(path).map_err(|source| KitError::Io { path: path.to_owned(), source });
    let terms: Terms = text_file::json(&read(&args.terms)?)
        .map_err(|reason| KitError::NoTerms { path: args.terms.clone(), reason })?;
    let card = node.done(node.query(CARD, None)).await?;
    let main: Card = serde_json::from_value(card).map_err(|_| KitError::Answer("a card"))?;
    let mut files = BTreeMap::new();
    for (name, text) in STARTER {
        files.extend(PagePath::try_from(name.to_owned()).ok().map(|name| (name, text.to_owned())));
    }
    for path in &args.add {
        let name = path.file_name().and_then(|name| PagePath::try_from(name.to_str()?.to_owned()).ok());
        files.insert(name.ok_or_else(|| KitError::Name(path.clone()))?, read(path)?);
    }
    let until = Time::now().after(Duration::from_secs(u64::from(args.days) * 86_400));
    let contents = Contents { main, from: args.from, terms, files };
    let rest = serde_json::to_string(&contents).map_err(|_| KitError::Answer("terms"))?;
    let body = json!({
        "name": args.name, "from": args.from, "terms": contents.terms, "until": until, "contents": hash(rest.as_bytes()),
    });
    let kit = node.give("/v1/kits", &remote::random_key()?, body.to_string()).await?;
    let statement = kit["statement"].as_str().ok_or(KitError::Answer("a kit"))?;
    let text = format!("{statement}\n{rest}");
    write_whole(&args.out, text.as_bytes(), 0o600).map_err(|source| KitError::Io { path: args.out.clone(), source })?;
    let kit_of = read_kit(&args.out, None)?;
    Ok(json!({ "kit": kit["id"], "file": args.out.display().to_string(), "signed_with": kit_of.key, "until": until }))
}

fn read_kit(path: &Path, key: Option<&str>) -> Result<Kit, KitError> {
    Kit::read(path, key, Time::now()).map_err(|source| KitError::NotAKit { path: path.to_owned(), source })
}

async fn joined(args: &JoinArgs) -> Result<Value, KitError> {
    let kit = read_kit(&args.kit, args.signed_with.as_deref())?;
    let node = args.node.node()?;
    let signed = node.send(node.request(Method::GET, SIGNED_CARD)).await.map_err(Error::from)?;
    if !signed.status.is_success() {
        return Err(Error::NoNode { told: node.what_answered(&signed), url: signed.url }.into());
    }
    let main = at_main(&kit, args)?;
    // A card joins once: what it hashes to makes every retry the same command.
    let path = format!("/v1/kits/{}/join", kit.signed.kit);
    let body = json!({ "card": signed.text() });
    let joined = main.give(&path, &format!("cli-join-{}", hash(&signed.body)), body.to_string()).await?;
    let contract = joined["contract"].as_str().ok_or(KitError::Answer("a contract"))?.to_owned();
    let row = proposed(&node, &contract).await?;
    let first = &row["terms"][0];
    if !args.accept {
        return Ok(json!({ "contract": contract, "terms": first["sha256"], "accepted": false }));
    }
    let theirs = (first["terms"].clone(), first["from"].clone());
    if theirs != (json!(kit.contents.terms), json!(kit.contents.from)) {
        return Err(KitError::OtherTerms(contract));
    }
    if first["standing"] == json!("proposed") {
        let body = json!({ "number": 1, "sha256": first["sha256"] });
        let path = format!("/v1/contracts/{contract}/accept");
        node.give(&path, &format!("cli-accept-{}", kit.signed.kit), body.to_string()).await?;
    }
    Ok(json!({ "contract": contract, "terms": first["sha256"], "accepted": true }))
}

/// The node of the main site, as whoever has the kit calls it.
fn at_main(kit: &Kit, args: &JoinArgs) -> Result<Client, KitError> {
    let roots: Roots = args.node.roots()?;
    Ok(remote::nobody_at(&kit.contents.main.url, &roots)?.with_key(&kit.signed.capability))
}

/// The contract, once the own node was told its terms.
async fn proposed(node: &Client, contract: &str) -> Result<Value, KitError> {
    let (begun, mut pace) = (Instant::now(), tokio::time::interval(PACE));
    loop {
        pace.tick().await;
        match node.done(node.query(&format!("/v1/contracts/{contract}"), None)).await {
            Ok(row) => return Ok(row),
            Err(Error::Problem(problem)) if problem.slug() == "not-found" => {}
            Err(error) => return Err(error.into()),
        }
        if begun.elapsed() > PATIENCE {
            return Err(KitError::NotProposed);
        }
    }
}
