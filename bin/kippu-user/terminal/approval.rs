//! The authentication server approves what the user agreed to, at once or after it has asked a financial reference.

use serde::Deserialize;
use serde_json::{Value, json};

use super::directory::{Directory, Held};
use super::error::Error;
use super::offer;
use super::parties::{Parties, Party, Who};
use super::person::Person;
use super::purchase::{Approval, Purchase, Stage};

/// What the authentication server answers.
#[derive(Deserialize)]
struct Given {
    id: String,
    state: String,
    issuer: Option<String>,
    amount: Option<u64>,
    currency: Option<String>,
    token: Option<String>,
    expires_at: Option<String>,
}

#[derive(Deserialize)]
struct Row {
    state: String,
    reason: Option<String>,
}

/// The authentication server of this terminal.
pub(super) fn authenticator(directory: &Directory, parties: &Parties) -> Result<Party, Error> {
    let none = || Error::Usage("this terminal has no authentication server: `terminal init` sets one".to_owned());
    let url = directory.settings()?.authenticator.ok_or_else(none)?;
    parties.at(Who::Authenticator, &url, &directory.key()?)
}

/// Gets the approval, unless it is here.
pub(super) async fn approved(
    held: &mut Held,
    person: &Person,
    directory: &Directory,
    parties: &Parties,
) -> Result<(), Error> {
    if let Stage::Confirmed { statement } = &held.purchase.stage {
        let server = authenticator(directory, parties)?;
        let body = request(&held.purchase, statement, person.identification()?);
        let statement = statement.clone();
        match server.give("/v1/approvals", &held.purchase.keys.approval, &body).await {
            Ok(given) => took(held, &server, statement, given)?,
            Err(error) => return Err(held.over(error)?),
        }
    }
    if let Stage::Pending { statement, approval } = &held.purchase.stage {
        let (statement, approval) = (statement.clone(), approval.clone());
        collected(held, &authenticator(directory, parties)?, parties, statement, &approval).await?;
    }
    Ok(())
}

fn request(purchase: &Purchase, statement: &str, person: Option<Value>) -> Value {
    let mut body = json!({ "offer": statement });
    if let Some(body) = body.as_object_mut() {
        body.extend(person.map(|person| ("identification".to_owned(), person)));
        body.extend(purchase.expires_in_secs.map(|secs| ("expires_in_secs".to_owned(), secs.into())));
    }
    body
}

/// Keeps what was given. Another amount than the user agreed to is not handed over.
fn took(held: &mut Held, server: &Party, statement: String, given: Given) -> Result<(), Error> {
    let Given { id, state, issuer, amount, currency, token, expires_at } = given;
    if state == "pending" {
        held.purchase.stage = Stage::Pending { statement, approval: id };
        return held.save();
    }
    let offer = offer::read(&statement)?;
    if amount != Some(offer.total) || currency.as_ref() != Some(&offer.currency) {
        return Err(server.odd("it approves another amount than was asked for"));
    }
    let (Some(issuer), Some(token)) = (issuer, token) else {
        return Err(server.odd(format!("its answer has no token, and the approval is {state}")));
    };
    held.purchase.stage =
        Stage::Approved(Approval { id: Some(id), issuer, token, statement, settler: None, expires_at });
    held.save()
}

/// Waits until the reference was asked, and collects the token.
async fn collected(
    held: &mut Held,
    server: &Party,
    parties: &Parties,
    statement: String,
    approval: &str,
) -> Result<(), Error> {
    let mut wait = parties.wait();
    let path = format!("/v1/approvals/{approval}");
    loop {
        match server.ask::<Row>(&path).await {
            Ok(Row { state, reason }) if state == "refused" => {
                let reason = reason.unwrap_or(state).replace('_', "-");
                held.purchase.stage = Stage::Over { who: Who::Authenticator.to_string(), reason };
                held.save()?;
                return Err(held.said_before().unwrap_or(Error::NotConfirmed));
            }
            Ok(Row { state, .. }) if state != "pending" => break,
            Ok(_) => {}
            // The row comes a moment after the answer.
            Err(Error::Refused { problem, .. }) if problem.status == 404 => {}
            Err(error) => return Err(error),
        }
        if !wait.again().await {
            return Err(Error::UnderWay("the authentication server still asks a reference".to_owned()));
        }
    }
    match server.give(&format!("{path}/collect"), &held.purchase.keys.collect, &json!({})).await {
        Ok(given) => took(held, server, statement, given),
        Err(error) => Err(held.over(error)?),
    }
}
