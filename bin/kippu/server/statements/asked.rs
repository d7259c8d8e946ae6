//! Which statement is asked for, and in which form.

use std::collections::BTreeSet;

use actix_web::HttpRequest;
use actix_web::http::header::{ACCEPT, HeaderMap};
use actix_web::web::Query;
use kippu_projections::QueryError;
use kippu_projections::approvals::books::Period;

/// A form of a statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// For programs.
    Json,
    /// For spreadsheets.
    Csv,
    /// For people.
    Html,
    /// For the programs of banks.
    Camt,
}

impl Form {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Json, Self::Csv, Self::Html, Self::Camt];

    /// As `format` names it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Html => "html",
            Self::Camt => "camt.053",
        }
    }

    /// As an answer has it.
    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Html => "text/html; charset=utf-8",
            Self::Camt => "application/xml",
        }
    }

    /// Which of `forms` a request asks for that can ask for nothing else.
    ///
    /// # Errors
    /// Where it asks for something else.
    pub(crate) fn asked(request: &HttpRequest, forms: &[Self]) -> Result<Self, QueryError> {
        let mut form = None;
        for (name, value) in pairs(request)? {
            match name.as_str() {
                "format" if form.is_some() => return Err(QueryError::parameter(&name, "it is given twice")),
                "format" => form = Some(Self::named(&value, forms)?),
                _ => return Err(QueryError::parameter(&name, "there is no such parameter here")),
            }
        }
        Ok(form.unwrap_or_else(|| Self::accepted(request.headers(), forms)))
    }

    fn named(value: &str, forms: &[Self]) -> Result<Self, QueryError> {
        let names = || forms.iter().map(|form| form.name()).collect::<Vec<_>>().join(", ");
        let known = forms.iter().find(|form| form.name() == value).copied();
        known.ok_or_else(|| QueryError::parameter("format", &format!("it is one of {}", names())))
    }

    /// The first that is accepted; JSON where none is named.
    fn accepted(headers: &HeaderMap, forms: &[Self]) -> Self {
        let ranges = headers.get_all(ACCEPT).filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        let named = |range: &str| {
            let essence = range.split(';').next().unwrap_or_default().trim();
            let is =
                |form: &&Self| form.media_type().split(';').next().is_some_and(|own| own.eq_ignore_ascii_case(essence));
            forms.iter().find(is).copied()
        };
        ranges.into_iter().find_map(named).unwrap_or(Self::Json)
    }
}

/// What is asked for.
#[derive(PartialEq, Debug)]
pub(super) struct Asked {
    pub(super) period: Period,
    pub(super) form: Form,
}

impl Asked {
    /// What `request` asks for.
    ///
    /// # Errors
    /// Where a parameter is not known, missing, or given twice.
    pub(super) fn of(request: &HttpRequest) -> Result<Self, QueryError> {
        let (mut names, mut period, mut form) = (BTreeSet::new(), None, None);
        for (name, value) in pairs(request)? {
            if !names.insert(name.clone()) {
                return Err(QueryError::parameter(&name, "it is given twice"));
            }
            match name.as_str() {
                "month" | "day" if period.is_some() => {
                    return Err(QueryError::parameter(&name, "a statement is of a month or of a day"));
                }
                "month" => period = Some(read(&name, &value, Period::month)?),
                "day" => period = Some(read(&name, &value, Period::day)?),
                "format" => form = Some(Form::named(&value, &Form::ALL)?),
                _ => return Err(QueryError::parameter(&name, "there is no such parameter here")),
            }
        }
        let wanted = || QueryError::parameter("month", "a statement is of a month, as 2026-11, or with `day` of a day");
        let form = form.unwrap_or_else(|| Form::accepted(request.headers(), &Form::ALL));
        Ok(Self { period: period.ok_or_else(wanted)?, form })
    }
}

/// The parameters of a request.
fn pairs(request: &HttpRequest) -> Result<Vec<(String, String)>, QueryError> {
    let pairs: Result<Query<Vec<(String, String)>>, _> = Query::from_query(request.query_string());
    Ok(pairs.map_err(|error| QueryError::parameter("query", &error.to_string()))?.into_inner())
}

fn read<E: std::fmt::Display>(
    name: &str,
    value: &str,
    of: impl FnOnce(&str) -> Result<Period, E>,
) -> Result<Period, QueryError> {
    of(value).map_err(|error| QueryError::parameter(name, &error.to_string()))
}
