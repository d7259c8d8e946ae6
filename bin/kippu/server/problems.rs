//! `/problems`: the page behind every problem's `type`, made from the lists of problem types.

use actix_web::http::header;
use actix_web::{HttpResponse, ResponseError as _, web};
use kippu_actors::catalogue;
use kippu_actors::problem::{self, GENERAL, Problem, ProblemType};
use kippu_events::Family;

/// A problem type as its page shows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    slug: &'static str,
    status: u16,
    title: &'static str,
    advice: &'static str,
    /// What can answer with it.
    of: &'static str,
}

/// Every problem type once: the general ones, those of queries and of blobs, then family by family.
pub(crate) fn all() -> Vec<Entry> {
    let of = |of, kind: &ProblemType| Entry {
        slug: kind.slug,
        status: kind.status,
        title: kind.title,
        advice: kind.advice,
        of,
    };
    let general = GENERAL.iter().map(|kind| of("every operation", kind));
    let queries = kippu_projections::queries::KINDS.iter().map(|kind| Entry {
        slug: kind.slug,
        status: kind.status,
        title: kind.title,
        advice: kind.advice,
        of: "queries",
    });
    let blobs = super::blobs::KINDS.iter().map(|kind| of("blobs", kind));
    let site = super::site::KINDS.iter().map(|kind| of("pages of the site", kind));
    let families = Family::ALL
        .into_iter()
        .flat_map(|family| catalogue::actor(family).problems().iter().map(move |kind| of(family.name(), kind)));
    let mut all: Vec<Entry> = Vec::new();
    for entry in general.chain(queries).chain(blobs).chain(site).chain(families) {
        if !all.iter().any(|known| known.slug == entry.slug) {
            all.push(entry);
        }
    }
    all
}

/// The list.
pub(crate) async fn index() -> HttpResponse {
    let mut body = String::from(
        "<p>Every error answer is an RFC 9457 problem; its <code>type</code> is one of these.</p><table><tr><th>Status<th>Type<th>Title<th>Of</tr>",
    );
    for kind in all() {
        let of = kind.of;
        body.push_str(&format!(
            "<tr><td>{}<td><a href=\"/problems/{slug}\">{slug}</a><td>{}<td>{of}</tr>",
            kind.status,
            escaped(kind.title),
            slug = kind.slug,
        ));
    }
    body.push_str("</table>");
    page("Problems", &body)
}

/// The page of one type.
pub(crate) async fn one(slug: web::Path<String>) -> HttpResponse {
    let Some(kind) = all().into_iter().find(|kind| kind.slug == *slug) else {
        return Problem::new(&problem::NOT_FOUND, "there is no such problem type").error_response();
    };
    let of = kind.of;
    let body = format!(
        "<p>Status <b>{}</b>, <code>/problems/{}</code>, of {of}.</p><h2>What to do</h2><p>{}</p><p><a href=\"/problems\">All problems</a></p>",
        kind.status,
        kind.slug,
        escaped(kind.advice),
    );
    page(kind.title, &body)
}

fn page(title: &str, body: &str) -> HttpResponse {
    let title = escaped(title);
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title><link rel=\"stylesheet\" href=\"/docs/style.css\"><body><main><h1>{title}</h1>{body}</main></html>"
    );
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'self'"))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(html)
}

/// Text as HTML; an advice in backquotes becomes code.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    let mut in_code = false;
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '`' => {
                html.push_str(if in_code { "</code>" } else { "<code>" });
                in_code = !in_code;
            }
            other => html.push(other),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_on_a_page_is_escaped() {
        assert_eq!(escaped("a <b> & `c`"), "a &lt;b&gt; &amp; <code>c</code>");
    }

    #[test]
    fn the_guide_for_callers_says_of_every_problem_what_its_page_says() {
        let guide = include_str!("../../../docs/http.md");
        // Those of families are in the reference, which is made of them.
        let of_families: Vec<_> = Family::ALL.iter().flat_map(|family| catalogue::actor(*family).problems()).collect();
        let general = all().into_iter().filter(|kind| !of_families.iter().any(|its| its.slug == kind.slug));
        let rows = general.map(|kind| format!("| {} | `{}` | {} |", kind.status, kind.slug, kind.advice));
        let missing: Vec<_> = rows.filter(|row| !guide.contains(row)).collect();
        assert!(missing.is_empty(), "docs/http.md lacks\n{}", missing.join("\n"));
    }
}
