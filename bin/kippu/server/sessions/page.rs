//! The page on which end users sign in and out: made here, without a script, and escaped as it is made.

use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderValue};
use maud::{DOCTYPE, Markup, html};

/// Only what this server itself serves, and no script. `Origin` is `null` without a referrer, so this site is told.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const REFERRER: &str = "same-origin";

/// The form that signs in. `next` MUST be a path of this node.
pub(super) fn sign_in(next: &str, key: &str, refused: bool) -> HttpResponse {
    let body = html! {
        @if refused {
            p role="alert" { "Name and PIN were not accepted. After several wrong PINs the right one is not accepted for a while either." }
        }
        form method="post" action="/sign-in" {
            input type="hidden" name="key" value=(key);
            input type="hidden" name="next" value=(next);
            p { label { "Name " input name="login" required autocomplete="username" autofocus; } }
            p { label { "PIN " input name="pin" type="password" required inputmode="numeric" autocomplete="current-password"; } }
            p { button { "Sign in" } }
        }
    };
    page("Sign in", &body)
}

/// The forms that sign out, for the session that `csrf` is of.
pub(super) fn signed_in(csrf: &str) -> HttpResponse {
    let body = html! {
        p { "You are signed in." }
        form method="post" action="/sign-out" {
            (csrf_input(csrf))
            p { button { "Sign out" } }
            p { button name="everywhere" value="yes" { "Sign out everywhere" } }
        }
    };
    page("Signed in", &body)
}

/// What every form of a page for a session holds.
pub(crate) fn csrf_input(csrf: &str) -> Markup {
    html! { input type="hidden" name="csrf" value=(csrf); }
}

/// A page with this heading.
pub(crate) fn page(title: &str, body: &Markup) -> HttpResponse {
    let page = whole(title, body).into_string();
    secured(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page))
}

/// The text of a page with this heading.
pub(crate) fn whole(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { (title) }
                link rel="stylesheet" href="/docs/style.css";
            }
            body { main { h1 { (title) } (body) } }
        }
    }
}

/// `response`, of which a browser runs no script, and which it shows in no frame.
pub(crate) fn secured(mut response: HttpResponse) -> HttpResponse {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static(REFERRER));
    response
}

#[cfg(test)]
mod tests {
    use actix_web::body::MessageBody as _;

    use super::*;

    fn text(response: HttpResponse) -> String {
        String::from_utf8(response.into_body().try_into_bytes().unwrap().to_vec()).unwrap()
    }

    /// Shows F45.
    #[test]
    fn what_goes_into_a_page_is_escaped_and_no_script_runs_there() {
        let response = sign_in("/a?\"><script>alert(1)</script>&b", "key", true);
        let policy = response.headers().get(header::CONTENT_SECURITY_POLICY).unwrap().to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("script-src"));
        let page = text(response);
        assert!(!page.contains("<script") && page.contains("&quot;&gt;&lt;script&gt;"), "{page}");
        assert!(page.contains("role=\"alert\"") && !text(sign_in("/", "key", false)).contains("role=\"alert\""));
        assert!(text(signed_in("c\"")).contains("name=\"csrf\" value=\"c&quot;\""));
    }
}
