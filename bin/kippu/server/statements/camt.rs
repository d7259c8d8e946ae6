//! A statement for the programs of banks: ISO 20022 `BankToCustomerStatement`, camt.053.001.08. The node is the servicer of the
//! account, its owner the one who is owed what stands on the credit side.

use kippu_events::money::{Currency, decimal};
use kippu_events::{EntityId, Time};
use kippu_projections::approvals::books::{Found, Line, OwnerKind, Side, What};
use maud::{Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

const DECLARATION: PreEscaped<&str> = PreEscaped("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
const NAMESPACE: &str = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08";
/// Who says what the codes of entries mean.
const ISSUER: &str = "kippu";
/// A day as its dates have it: the first characters of a time.
const DATE_CHARS: usize = 10;

/// The document, made at `now`. Where the period is not over, its last balance is an interim one.
pub(super) fn written(found: &Found, servicer: EntityId, now: Time) -> String {
    let statement = &found.statement;
    let (currency, id) = (statement.currency, id_of(found));
    let closes = if now < found.period.until() { "ITBD" } else { "CLBD" };
    // The last microsecond of the period.
    let last = Time::from_micros(found.period.until().micros() - 1);
    let document = html! {
        (DECLARATION)
        Document xmlns=(NAMESPACE) {
            BkToCstmrStmt {
                GrpHdr { MsgId { (id) } CreDtTm { (now) } }
                Stmt {
                    Id { (id) }
                    CreDtTm { (now) }
                    FrToDt { FrDtTm { (found.period.from()) } ToDtTm { (last) } }
                    Acct {
                        Id { Othr { Id { (found.account.number()) } } }
                        Ccy { (currency) }
                        Nm { (statement.account) }
                        @if let Some(owner) = statement.owner { (owned_by(owner, statement.owner_kind)) }
                        Svcr { FinInstnId { Othr { Id { (servicer) } } } }
                    }
                    (balance("OPBD", statement.opening, currency, found.period.from()))
                    (balance(closes, statement.closing, currency, last))
                    TxsSummry {
                        TtlCdtNtries { (total(&statement.lines, Side::Credit, statement.credit, currency)) }
                        TtlDbtNtries { (total(&statement.lines, Side::Debit, statement.debit, currency)) }
                    }
                    @for line in &statement.lines { (entry(line, currency)) }
                }
            }
        }
    };
    document.into_string()
}

/// Another one for each statement that says something else: of account, period and what is reflected.
fn id_of(found: &Found) -> String {
    let statement = &found.statement;
    let whole = format!("{}\n{}\n{}", statement.account, statement.period, found.cut);
    let digest = Sha256::digest(whole.as_bytes());
    data_encoding::HEXLOWER.encode(&digest[..16])
}

fn owned_by(owner: EntityId, kind: OwnerKind) -> Markup {
    let other = html! { Othr { Id { (owner) } } };
    html! {
        Ownr {
            Id {
                @match kind {
                    OwnerKind::Subscriber => PrvtId { (other) },
                    OwnerKind::House | OwnerKind::Settler | OwnerKind::Shop | OwnerKind::Issuer => OrgId { (other) },
                }
            }
        }
    }
}

fn amount(units: u64, currency: Currency) -> Markup {
    html! { Amt Ccy=(currency) { (decimal(units, currency)) } }
}

fn balance(code: &str, balance: i64, currency: Currency, at: Time) -> Markup {
    html! {
        Bal {
            Tp { CdOrPrtry { Cd { (code) } } }
            (amount(balance.unsigned_abs(), currency))
            CdtDbtInd { (if balance > 0 { "DBIT" } else { "CRDT" }) }
            Dt { Dt { (date(at)) } }
        }
    }
}

fn date(at: Time) -> String {
    at.to_string().chars().take(DATE_CHARS).collect()
}

fn total(lines: &[Line], side: Side, sum: u64, currency: Currency) -> Markup {
    let number = lines.iter().filter(|line| line.side == side).count();
    html! { NbOfNtries { (number) } Sum { (decimal(sum, currency)) } }
}

fn entry(line: &Line, currency: Currency) -> Markup {
    let (_family, id) = line.cause.split_once('/').unwrap_or_default();
    html! {
        Ntry {
            NtryRef { (line.entry) }
            (amount(line.amount.units(), currency))
            CdtDbtInd { (match line.side { Side::Debit => "DBIT", Side::Credit => "CRDT" }) }
            @if line.what == What::Refund { RvslInd { "true" } }
            Sts { Cd { "BOOK" } }
            BookgDt { DtTm { (line.at) } }
            ValDt { Dt { (date(line.at)) } }
            AcctSvcrRef { (line.entry) }
            BkTxCd { Prtry { Cd { (line.what.name()) } Issr { (ISSUER) } } }
            NtryDtls { TxDtls { Refs { EndToEndId { (id) } } } }
            @if let Some(note) = &line.note { AddtlNtryInf { (in_xml(note)) } }
        }
    }
}

/// `text` as XML can have it: two characters are in no document at all.
fn in_xml(text: &str) -> String {
    text.replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}
