//! `kippu replay rebuild`: folds a view from the log beside the rows that a node keeps, and says whether both are the same. A
//! node does the same with all of its views, and lets the new rows answer, where it is started with `--rebuild-views`.

use std::fmt;

use kippu_replay::history::{Rebuilt, RowDifference, rebuild};

use super::past::{Plain, Reading, Untold, view_of};
use crate::exit::Exit;
use crate::output::Output;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The view.
    view: String,
    /// Rows that are told in full.
    #[arg(long, value_name = "N", default_value_t = 20)]
    differences: u64,
    #[command(flatten)]
    reading: Reading,
}

/// Rebuilds and compares.
pub(crate) fn run(args: &Args, output: &Output) -> Exit {
    args.reading.tell(output, |opened| {
        let stored = opened.views.as_ref().ok_or(Untold::NoViews)?;
        let bar = output.progress(opened.entries(), "fold");
        let mut left = args.differences;
        let found = rebuild(&opened.folding(&|read| bar.inc(read)), stored, view_of(&args.view)?, &mut |row| {
            if left > 0 {
                left -= 1;
                output.result(&row, Differs(&row));
            }
            Ok(())
        });
        bar.finish_and_clear();
        let rebuilt = found?;
        output.result(&rebuilt, Compared(&rebuilt));
        Ok(if rebuilt.differences == 0 { Exit::Sound } else { Exit::Found })
    })
}

struct Differs<'a>(&'a RowDifference);

impl fmt::Display for Differs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RowDifference { key, stored, rebuilt } = self.0;
        f.write_str(key)?;
        for (which, value) in [("kept", stored), ("rebuilt", rebuilt)] {
            match value {
                Some(value) => write!(f, "\n  {which}: {}", Plain(value))?,
                None => write!(f, "\n  {which}: none")?,
            }
        }
        Ok(())
    }
}

struct Compared<'a>(&'a Rebuilt);

impl fmt::Display for Compared<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rebuilt { view, cut, rows, stored, rebuilt, differences } = self.0;
        if *differences == 0 {
            return write!(f, "{view}: {rows} rows and index entries are the same at the cut {cut}, digest {rebuilt}");
        }
        write!(
            f,
            "{view}: {differences} rows and index entries DIFFER at the cut {cut}: kept {stored}, rebuilt {rebuilt}"
        )
    }
}
