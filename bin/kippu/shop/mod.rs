//! `kippu shop import`: lists the products of a catalogue, a CSV file with a head line or a JSON array of objects, and brings
//! those that are listed up to date.
//!
//! ```text
//! file ─▶ table ─▶ (join) ─▶ mapping ─▶ product ─▶ compared with what is listed ─▶ open | change | reprice
//! ```
//!
//! Nothing is sent where a row is wrong. What is listed already and the same is left alone, so a second import of a file changes
//! nothing; keys follow from what is asked, so one that was interrupted is gone on with by running it again.

mod join;
mod mapping;
mod product;
mod upsert;

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use kippu_events::approvals::products::Kind;
use kippu_events::money::Currency;
use serde::Serialize;

use crate::exit::Exit;
use crate::import::{ImportError, Target};
use crate::node;
use crate::output::Output;
use crate::table::{Table, Wrong};
use crate::which::{Named, Unnamed, Which};
use mapping::{Given, Mapping};
use product::Wanted;
use upsert::{Counts, Upsert};

/// Of rows that are wrong, so many are told.
const MOST_TOLD: usize = 20;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The catalogue: CSV with a head line, or a JSON array of objects. Catalogues with the columns of the Amazon bestsellers and of
    /// Chinook's tracks (with Album, Artist and Genre next to it) are known.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Which column is what: FIELD=COLUMN, or FIELD=COLUMN+COLUMN for more of them, separated by commas. Fields are sku, name, about,
    /// kind, genre, price, currency, picture and contents. An sku of several columns is a hash of them.
    #[arg(long = "map", value_name = "FIELD=COLUMN", value_delimiter = ',', value_parser = mapping::given)]
    map: Vec<Given>,
    /// How the products come to their buyers, where no column says so.
    #[arg(long, value_name = "digital|goods|service", value_parser = mapping::kind)]
    kind: Option<Kind>,
    /// The currency of prices, where no column says so.
    #[arg(long, value_name = "CODE")]
    currency: Option<Currency>,
    /// What each sku begins with.
    #[arg(long, value_name = "TEXT")]
    sku_prefix: Option<String>,
    /// Read and check the file, and send nothing. No node is needed.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    which: Which,
    /// Products under way at once.
    #[arg(long, value_name = "N", default_value = "64")]
    in_flight: NonZeroUsize,
    /// How long one product is tried while the node does not take commands.
    #[arg(long, value_name = "SECONDS", default_value = "60")]
    deadline_secs: NonZeroU64,
}

/// Why an import did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShopError {
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    /// The rows themselves have been told.
    #[error("{count} rows are wrong; nothing was sent")]
    Wrong { count: usize },
    #[error("{0}")]
    Mapping(String),
    #[error(transparent)]
    Unnamed(#[from] Unnamed),
    #[error(transparent)]
    Target(#[from] ImportError),
    #[error("what is listed cannot be read: {0}")]
    Listed(String),
    #[error("line {line}: {reason}; nothing is lost: run the same import again to go on")]
    Stopped { line: u64, reason: String },
}

impl ShopError {
    const fn exit(&self) -> Exit {
        match self {
            Self::Wrong { .. } => Exit::Found,
            Self::Mapping(_) | Self::Unnamed(_) => Exit::Usage,
            Self::Io { .. } | Self::Target(_) | Self::Listed(_) | Self::Stopped { .. } => Exit::CouldNotRun,
        }
    }
}

/// What was found in a file that is not sent.
#[derive(Serialize)]
struct Checked {
    products: usize,
}

/// Imports.
pub(crate) fn run(args: &Args, output: &Output) -> Exit {
    let done = products(args, output).and_then(|wanted| {
        if args.dry_run {
            let products = wanted.len();
            output.result(&Checked { products }, format_args!("shop import: {products} products are well-formed"));
            return Ok(Exit::Sound);
        }
        let counts = node::on_a_system(import(args, output, &wanted))?;
        output.result(&counts, counts);
        Ok(if counts.is_clean() { Exit::Sound } else { Exit::Found })
    });
    done.unwrap_or_else(|error| output.failed(error.exit(), &error))
}

/// The products that the file holds.
fn products(args: &Args, output: &Output) -> Result<Vec<Wanted>, ShopError> {
    let read = Table::read(&args.file).map_err(|source| ShopError::Io { path: args.file.clone(), source })?;
    let table = read.map_err(|wrong| tell(&wrong, output))?;
    let table = join::joined(table, &args.file)?;
    let mapping = Mapping::new(&table, args).map_err(ShopError::Mapping)?;
    product::wanted(&table, &mapping).map_err(|wrong| tell(&wrong, output))
}

/// Says what is wrong with rows.
fn tell(wrong: &[Wrong], output: &Output) -> ShopError {
    for wrong in wrong.iter().take(MOST_TOLD) {
        if output.is_json() {
            output.result(wrong, "");
        } else {
            output.note(wrong);
        }
    }
    ShopError::Wrong { count: wrong.len() }
}

async fn import(args: &Args, output: &Output, wanted: &[Wanted]) -> Result<Counts, ShopError> {
    let target = match args.which.named()? {
        Named::Running { url, key_file, roots } => Target::server(&url, &key_file, roots.as_deref()).await?,
        Named::Stopped(data) => Target::local(&data).await?,
    };
    let bar = output.progress(wanted.len() as u64, "shop import");
    let deadline = Duration::from_secs(args.deadline_secs.get());
    let upsert = Upsert { target: &target, output, bar: &bar, in_flight: args.in_flight.get(), deadline };
    let imported = upsert.run(wanted).await;
    bar.finish_and_clear();
    target.close().await;
    imported
}

#[cfg(test)]
mod tests;
