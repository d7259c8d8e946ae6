//! Histories of main and partner sites: an honest one, and one for each rule that breaks it.

use kippu_events::Entity as _;
use kippu_events::partners::access_batches::{self, AccessBatch};
use kippu_events::partners::contracts::{self, Contract};
use kippu_events::partners::fee_reports::{self, FeeReport};
use kippu_events::partners::fee_statements::{self, FeeStatement};

use super::sample::{SampleLog, Tape, event};
use crate::check::Rule;

/// Adds what an honest node of a main site says.
pub(crate) fn honest(sample: &mut SampleLog) {
    let contract = sample.id();
    for its in Contract::samples() {
        sample.commit(vec![event::<Contract>(contract, its)]);
    }
    let statement = sample.id();
    for its in FeeStatement::samples() {
        sample.commit(vec![event::<FeeStatement>(statement, its)]);
    }
    let (batch, other) = (sample.id(), sample.id());
    let mut of_batch = AccessBatch::samples();
    let announced = of_batch.pop();
    for its in of_batch {
        sample.commit(vec![event::<AccessBatch>(batch, its)]);
    }
    if let Some(its) = announced {
        sample.commit(vec![event::<AccessBatch>(other, its)]);
    }
    // Handed over, or refused.
    for left_out in [1, 2] {
        let report = sample.id();
        let mut of_report = FeeReport::samples();
        of_report.remove(left_out);
        for its in of_report {
            sample.commit(vec![event::<FeeReport>(report, its)]);
        }
    }
}

/// A history that breaks `rule`, and where.
pub(super) fn broken(rule: Rule) -> (Tape, (u16, u64)) {
    let mut sample = SampleLog::new(7);
    honest(&mut sample);
    let id = sample.id();
    let forged = match rule {
        // Nobody proposed these.
        Rule::Terms => event::<Contract>(id, contracts::Event::Accepted { number: 1, here: true }),
        Rule::Reported => event::<FeeReport>(id, fee_reports::Event::HandedOver {}),
        Rule::Certified => {
            let access_batches::Event::Certified { mut batch, to, held } = AccessBatch::samples().swap_remove(0) else {
                panic!("the first sample certifies lines")
            };
            batch.text = batch.text.replace("2326", "99999");
            event::<AccessBatch>(id, access_batches::Event::Certified { batch, to, held })
        }
        Rule::Agreed => {
            let (first, mut cosigned) =
                (FeeStatement::samples().swap_remove(0), FeeStatement::samples().swap_remove(5));
            sample.commit(vec![event::<FeeStatement>(id, first)]);
            // The partner site has signed the second statement, and not the first.
            if let fee_statements::Event::Cosigned { said, .. } = &mut cosigned {
                said.number = 1;
            }
            event::<FeeStatement>(id, cosigned)
        }
        other => panic!("{other} is no rule of this area"),
    };
    let place = sample.commit(vec![forged]);
    (sample.tape, place)
}
