//! `kippu-user terminal buy`: from the offer to the files, with the approval handed over at once.

use std::path::PathBuf;

use super::directory::{Directory, Held};
use super::error::Error;
use super::hand_over::How;
use super::parties::Parties;
use super::person::Person;
use super::purchase::{FORM, Keys, Manner, Purchase, Stage, Wanted};
use super::{approval, confirm, offer};
use crate::exit::Exit;
use crate::output::Output;

/// What is to be bought.
#[derive(clap::Args)]
pub(crate) struct What {
    /// Where the shop answers.
    #[arg(long, value_name = "URL")]
    shop: String,
    /// A product, by its id at the shop; may be given several times.
    #[arg(long = "product", value_name = "ID", required = true)]
    products: Vec<String>,
    /// How many of it: for the first product, the second, and so on; 1 where it is left out.
    #[arg(long = "quantity", value_name = "N")]
    quantities: Vec<u32>,
    /// Names this purchase: the same name goes on with the same purchase, and never begins another one.
    #[arg(long, value_name = "NAME")]
    purchase: Option<String>,
    /// Agree to what the shop offers without being asked.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    person: Person,
}

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    what: What,
    #[command(flatten)]
    how: How,
}

/// Buys.
pub(crate) async fn run(args: &Args, output: &Output) -> Result<Exit, Error> {
    let (directory, settings, parties) = args.how.which.open(&args.how.patience)?;
    let mut held = args.what.begun(Manner::AtOnce, None, args.how.out()?, &directory, output)?;
    args.what.approved(&mut held, &directory, &parties, output).await?;
    args.how.settle(&mut held, (&directory, &settings, &parties), output).await
}

impl What {
    /// The purchase that this is about: the one of that name, or one of the same that was begun and has not ended, or a new one.
    pub(super) fn begun(
        &self,
        manner: Manner,
        expires_in_secs: Option<u32>,
        out: Option<PathBuf>,
        directory: &Directory,
        output: &Output,
    ) -> Result<Held, Error> {
        if self.quantities.len() > self.products.len() {
            return Err(Error::Usage("there are more quantities than products".to_owned()));
        }
        let quantities = self.quantities.iter().copied().chain(std::iter::repeat(1));
        let wanted: Vec<Wanted> = self
            .products
            .iter()
            .zip(quantities)
            .map(|(product, quantity)| Wanted { product: product.clone(), quantity })
            .collect();
        let is_same =
            |purchase: &Purchase| (purchase.manner, &purchase.shop, &purchase.wanted) == (manner, &self.shop, &wanted);
        // An approval that waits to be handed over is no purchase that was broken off.
        let goes_on = |purchase: &Purchase| {
            let waits = manner == Manner::Later && matches!(purchase.stage, Stage::Approved(_));
            is_same(purchase) && !purchase.stage.is_ended() && !waits
        };
        let found = match &self.purchase {
            Some(name) => directory.find(name)?,
            None => directory.first(goes_on)?,
        };
        if let Some(held) = found {
            if !is_same(&held.purchase) {
                return Err(Error::Usage(format!("purchase {} is of something else", held.id)));
            }
            output.note(format_args!("purchase {} goes on: it is {}", held.id, held.purchase.stage.name()));
            return Ok(held);
        }
        let (shop, keys) = (self.shop.clone(), Keys::random()?);
        let purchase = Purchase { form: FORM, manner, shop, wanted, out, expires_in_secs, keys, stage: Stage::Asked };
        directory.begin(self.purchase.as_deref(), purchase)
    }

    /// Brings it to where the approval is here.
    pub(super) async fn approved(
        &self,
        held: &mut Held,
        directory: &Directory,
        parties: &Parties,
        output: &Output,
    ) -> Result<(), Error> {
        if let Some(said) = held.said_before() {
            return Err(said);
        }
        offer::asked(held, parties).await?;
        confirm::confirmed(held, self.yes, output)?;
        approval::approved(held, &self.person, directory, parties).await
    }
}
