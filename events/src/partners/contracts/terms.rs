//! The terms of a contract.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::{Certification, Collecting, Delegation, MemberTerms, PageTerms};
use crate::money::Currency;
use crate::partners::access::classify::Classifier;
use crate::partners::access::pages::{Class, Page, Reach};
use crate::partners::access::{Period, Rules};
use crate::partners::fees::{Part, Tariff};
use crate::time::Time;

/// What a main site and a partner site agree on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// The time zone in which days and months are counted, by its IANA name.
    pub time_zone: String,
    /// The parts that the partner inherits from the main site: the type of the partnership.
    pub parts: BTreeSet<Part>,
    /// The optional services that the partner has, as the tariff names them.
    #[serde(default)]
    pub options: BTreeSet<String>,
    /// What they say of pages.
    #[serde(default)]
    pub pages: PageTerms,
    /// Who certifies lines of access logs, and who may check them.
    #[serde(default)]
    pub certification: Certification,
    /// The servers whose lines are handed over as soon as they are certified; of all others the certificate is, and the lines follow on
    /// call. Left out, all lines are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push_sources: Option<BTreeSet<String>>,
    /// What they say of visitors' requests to tie-up pages.
    #[serde(default, skip_serializing_if = "Delegation::is_default")]
    pub delegation: Delegation,
    /// How the main site comes to what it is due of sales; left out, it is due nothing of single sales.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collecting: Option<Collecting>,
    /// What they say of members; left out, there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<MemberTerms>,
    /// Which accesses count, and to which pages.
    pub counting: Rules,
    /// The rules by which the fee follows.
    pub tariff: Tariff,
}

impl Terms {
    /// Terms for samples.
    #[must_use]
    pub fn sample() -> Self {
        let page = |path: &str, class| Page {
            path: path.to_owned(),
            reach: Reach::Prefix,
            host: None,
            class,
            from: None,
            until: None,
        };
        let counting = Rules {
            robots: vec!["crawler".to_owned()],
            people: Vec::new(),
            parts: vec!["css".to_owned(), "png".to_owned()],
            pages: vec![page("/tie-up/", Class::TieUp), page("/", Class::Original)],
            ..Rules::default()
        };
        let tariff = Tariff {
            version: "2026-a".to_owned(),
            currency: Currency::EUR,
            rules: Vec::new(),
            factors: Vec::new(),
            limits: None,
        };
        let parts = BTreeSet::from([Part::Content, Part::Layout]);
        Self {
            time_zone: "Asia/Tokyo".to_owned(),
            parts,
            options: BTreeSet::new(),
            pages: PageTerms::default(),
            certification: Certification::default(),
            push_sources: None,
            delegation: Delegation::default(),
            collecting: None,
            members: None,
            counting,
            tariff,
        }
    }

    /// Whether pages of this part are brought to the partner. Links are not copied, and management is nothing that pages have.
    #[must_use]
    pub fn brings(&self, part: Part) -> bool {
        match part {
            Part::Content | Part::Layout => self.parts.contains(&part),
            Part::Links | Part::Management => false,
        }
    }

    /// Whether lines of this server are handed over as soon as they are certified.
    #[must_use]
    pub fn pushes(&self, source: &str) -> bool {
        self.push_sources.as_ref().is_none_or(|sources| sources.contains(source))
    }

    /// What is wrong with them, each with its place.
    #[must_use]
    pub fn wrong(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        if TimeZone::get(&self.time_zone).is_err() {
            wrong.push(format!("/time_zone: there is no time zone {:?}", self.time_zone));
        }
        let ever = Period { from: Time::from_micros(0), until: Time::from_micros(i64::MAX) };
        if let Err(error) = Classifier::of(&self.counting, ever) {
            wrong.push(format!("/counting: {error}"));
        }
        // What is on record has no addresses in it.
        if !self.counting.origins.is_empty() {
            wrong.push("/counting/origins: lines are counted without the addresses of clients".to_owned());
        }
        wrong.extend(self.tariff.check().into_iter().map(|error| format!("/tariff{error}")));
        wrong.extend(self.certification.wrong().map(|error| format!("/certification: {error}")));
        wrong.extend(self.delegation.wrong().map(|error| format!("/delegation: {error}")));
        wrong.extend(self.collecting.and_then(Collecting::wrong).map(|error| format!("/collecting: {error}")));
        wrong.extend(self.pages.wrong().map(|error| format!("/pages: {error}")));
        wrong.extend(self.members.as_ref().and_then(MemberTerms::wrong).map(|error| format!("/members{error}")));
        wrong
    }
}
