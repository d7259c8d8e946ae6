//! The forms of pages: their bodies, as browsers send them where nothing else is said.

use actix_web::http::header::{CONTENT_TYPE, HeaderMap};
use actix_web::web::{Bytes, Payload, Query};
use kippu_actors::http::{Limits, read_whole};
use kippu_actors::problem::{self, Problem};

/// A form that was sent.
pub(crate) struct Form {
    /// As it came.
    pub(crate) body: Bytes,
    members: Vec<(String, String)>,
}

impl Form {
    /// The form in the body of a request (`application/x-www-form-urlencoded`).
    ///
    /// # Errors
    /// What is wrong with it, or with what the headers say of it.
    pub(crate) async fn read(headers: &HeaderMap, payload: Payload, limits: &Limits) -> Result<Self, Problem> {
        let body = read_whole(headers, payload, limits).await?;
        let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = kind.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            let detail = "this takes a form: send `Content-Type: application/x-www-form-urlencoded`";
            return Err(Problem::new(&problem::UNSUPPORTED_MEDIA_TYPE, detail));
        }
        let no_form = || Problem::new(&problem::INVALID_REQUEST, "the body is not a form's");
        let members = std::str::from_utf8(&body).ok().and_then(members).ok_or_else(no_form)?;
        Ok(Self { body, members })
    }

    /// What a query holds, which is written like a form; nothing where it is not.
    pub(crate) fn of_query(query: &str) -> Self {
        Self { body: Bytes::new(), members: members(query).unwrap_or_default() }
    }

    /// A form whose body is this.
    #[cfg(test)]
    pub(crate) fn of_body(body: &str) -> Self {
        Self { body: Bytes::copy_from_slice(body.as_bytes()), members: members(body).unwrap_or_default() }
    }

    /// The value of a member, where it is there once.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.members.iter().filter(|(its, _)| its == name).map(|(_, value)| value.as_str());
        values.next().filter(|_| values.next().is_none())
    }

    /// With one more member, whose value MUST need no escaping.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.body = [&self.body[..], b"&", name.as_bytes(), b"=", value.as_bytes()].concat().into();
        self.members.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A name that nobody guesses for one filling-in of a form, so that what it asks is done once however often it is sent.
///
/// # Errors
/// Where there is no randomness.
pub(crate) fn fresh_key() -> Result<String, Problem> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|_| Problem::internal("there is no randomness"))?;
    Ok(data_encoding::BASE64URL_NOPAD.encode(&bytes))
}

fn members(text: &str) -> Option<Vec<(String, String)>> {
    Query::<Vec<(String, String)>>::from_query(text).ok().map(Query::into_inner)
}

#[test]
fn a_member_counts_where_it_is_there_once() {
    let form = Form::of_query("a=1&b=%2Fx+y&c&a=2").with("d", "3");
    assert_eq!(["a", "b", "c", "d", "e"].map(|name| form.get(name)), [None, Some("/x y"), Some(""), Some("3"), None]);
}
