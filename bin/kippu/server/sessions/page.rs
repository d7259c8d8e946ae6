//! The page on which end users sign in and out: made here, without a script, and escaped as it is made.

use actix_web::HttpResponse;
use maud::{Markup, html};

use super::super::layout::{Page, hidden};

/// The form that signs in. `next` MUST be a path of this node.
pub(super) fn sign_in(site: &str, next: &str, key: &str, refused: bool) -> HttpResponse {
    let body = html! {
        @if refused {
            p role="alert" { "Name and PIN were not accepted. After several wrong PINs the right one is not accepted for a while either." }
        }
        form method="post" action="/sign-in" {
            (hidden("key", key))
            (hidden("next", next))
            p { label { "Name " input name="login" required autocomplete="username" autofocus; } }
            p { label { "PIN " input name="pin" type="password" required inputmode="numeric" autocomplete="current-password"; } }
            p { button { "Sign in" } }
        }
    };
    Page::new("Sign in", body).of(site).acts_here().show()
}

/// The forms that sign out, for the session that `csrf` is of.
pub(super) fn signed_in(site: &str, csrf: &str) -> HttpResponse {
    let body = html! {
        p { "You are signed in." }
        form method="post" action="/sign-out" {
            (csrf_input(csrf))
            p { button { "Sign out" } }
            p { button.second name="everywhere" value="yes" { "Sign out everywhere" } }
        }
    };
    Page::new("Signed in", body).of(site).acts_here().show()
}

/// What every form of a page for a session holds.
pub(crate) fn csrf_input(csrf: &str) -> Markup {
    hidden("csrf", csrf)
}

#[cfg(test)]
mod tests {
    use actix_web::body::MessageBody as _;
    use actix_web::http::header;

    use super::*;

    fn text(response: HttpResponse) -> String {
        String::from_utf8(response.into_body().try_into_bytes().unwrap().to_vec()).unwrap()
    }

    /// Shows F45.
    #[test]
    fn what_goes_into_a_page_is_escaped_and_no_script_runs_there() {
        let response = sign_in("<b>", "/a?\"><script>alert(1)</script>&b", "key", true);
        let policy = response.headers().get(header::CONTENT_SECURITY_POLICY).unwrap().to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("script-src"));
        let page = text(response);
        assert!(
            !page.contains("<b>") && !page.contains("<script") && page.contains("&quot;&gt;&lt;script&gt;"),
            "{page}"
        );
        assert!(page.contains("role=\"alert\"") && !text(sign_in("a", "/", "key", false)).contains("role=\"alert\""));
        assert!(text(signed_in("a", "c\"")).contains("name=\"csrf\" value=\"c&quot;\""));
    }
}
