//! A browser that runs no script: it follows links and forms, keeps cookies by host and path, and sends along with another site's form
//! what browsers send.

use reqwest::Method;

use crate::fixture::first;
use crate::http::{Caller, Lost, Reply};

/// As browsers ask for a page.
const ACCEPT: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
/// More than any form leads on.
const MOST_HOPS: usize = 5;

/// See the module.
pub(crate) struct Browser {
    nobody: Caller,
    cookies: Vec<Cookie>,
    /// Every address that was asked for.
    pub(crate) addresses: Vec<String>,
}

struct Cookie {
    host: String,
    path: String,
    name: String,
    value: String,
}

/// A page, and where it is.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) address: String,
    pub(crate) reply: Reply,
}

/// A form of a page.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    /// The page that it is on.
    on: String,
    is_post: bool,
    /// Where it goes.
    pub(crate) action: String,
    /// What it holds.
    pub(crate) members: Vec<(String, String)>,
}

impl Browser {
    /// One that has been nowhere.
    pub(crate) fn new(anywhere: &Caller) -> Self {
        Self { nobody: anywhere.with_key(""), cookies: Vec::new(), addresses: Vec::new() }
    }

    /// Types an address.
    pub(crate) async fn go(&mut self, address: &str) -> Page {
        self.follow(Method::GET, address.to_owned(), None, "none").await
    }

    /// Sends a form.
    pub(crate) async fn submit(&mut self, form: &Form) -> Page {
        let site = if origin(&form.on) == origin(&form.action) { "same-origin" } else { "cross-site" };
        let encoded = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
        let members: Vec<_> =
            form.members.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
        let (method, address, body) = if form.is_post {
            (Method::POST, form.action.clone(), Some(members.join("&")))
        } else {
            (Method::GET, format!("{}?{}", form.action, members.join("&")), None)
        };
        self.follow(method, address, body, site).await
    }

    async fn follow(&mut self, method: Method, address: String, body: Option<String>, site: &str) -> Page {
        let (mut method, mut address, mut body) = (method, address, body);
        for _ in 0..MOST_HOPS {
            let page = self.ask(&method, &address, body.take(), site).await;
            let Some(to) = page.reply.header("Location").filter(|_| page.reply.status == 303) else { return page };
            (method, address) = (Method::GET, absolute(&page.address, to));
        }
        panic!("{address} leads on and on");
    }

    async fn ask(&mut self, method: &Method, address: &str, body: Option<String>, site: &str) -> Page {
        self.addresses.push(address.to_owned());
        let (origin, path) = (origin(address), &address[origin(address).len()..]);
        let at = self.nobody.at(origin);
        let mut request = at.request(method.clone(), path).header("accept", ACCEPT).header("sec-fetch-site", site);
        if let Some(body) = body {
            let from = if site == "same-origin" { origin } else { "null" };
            request = request.header("origin", from);
            request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        }
        // They are all `SameSite=Lax`: another site's form has none of them, where it asks for more than a page.
        if site != "cross-site" || *method == Method::GET {
            let its = |cookie: &&Cookie| cookie.host == origin && path.starts_with(&cookie.path);
            let line: Vec<_> =
                self.cookies.iter().filter(its).map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
            if !line.is_empty() {
                request = request.header("cookie", line.join("; "));
            }
        }
        // As a page tells a person to that is shown on a busy machine: again, with the same key.
        let again = || request.try_clone().expect("a body of text");
        let now = |reply: &Result<Reply, Lost>| reply.as_ref().is_ok_and(|reply| reply.status != 503);
        let reply = first(async || at.send(again()).await, now).await.expect("it is answered");
        for line in reply.headers.get_all("set-cookie") {
            self.keep(origin, line.to_str().expect("cookies are text"));
        }
        Page { address: address.to_owned(), reply }
    }

    fn keep(&mut self, host: &str, line: &str) {
        assert!(line.contains("; HttpOnly") && line.contains("; SameSite=Lax") && line.contains("; Secure"), "{line}");
        let (name, rest) = line.split_once('=').expect("a cookie has a name");
        let value = rest.split(';').next().unwrap_or_default();
        let path = rest.split_once("; Path=").expect("a path").1.split(';').next().unwrap_or_default();
        self.cookies.retain(|cookie| (cookie.host.as_str(), &*cookie.path, &*cookie.name) != (host, path, name));
        let [host, path, name, value] = [host, path, name, value].map(str::to_owned);
        self.cookies.push(Cookie { host, path, name, value });
    }
}

impl Page {
    /// This, if it was answered with `status` as a page for people; panics otherwise.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.reply.status, status, "{}: {}", self.address, self.reply.text);
        assert_eq!(self.reply.header("Content-Type"), Some("text/html; charset=utf-8"), "{}", self.address);
        assert_eq!(self.reply.header("Cache-Control"), Some("no-store"), "{}", self.address);
        let policy = self.reply.header("Content-Security-Policy").unwrap_or_default();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("script"), "{policy}");
        assert!(matches!(self.reply.header("Referrer-Policy"), Some("no-referrer" | "same-origin")));
        assert!(!self.text().contains("<script") && self.text().contains("<html lang=\"en\">"), "{}", self.text());
        self
    }

    /// This, if it is the problem with this title; panics otherwise.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, title: &str) -> Self {
        let page = self.expect(status);
        assert!(page.text().contains(&format!("<h1>{title}</h1>")), "{}", page.text());
        assert!(page.text().contains("role=\"alert\""), "{}", page.text());
        page
    }

    pub(crate) fn text(&self) -> &str {
        &self.reply.text
    }

    /// The form that goes to an address which ends so; panics where there is none.
    #[track_caller]
    pub(crate) fn form(&self, action: &str) -> Form {
        let found = self.forms().into_iter().find(|form| form.action.ends_with(action));
        let form = found.unwrap_or_else(|| panic!("no form to {action}: {}", self.text()));
        // Browsers send it nowhere else.
        let policy = self.reply.header("Content-Security-Policy").unwrap_or_default();
        let may = policy.split_once("form-action ").map(|(_, may)| may).unwrap_or_default();
        let is_here = origin(&form.action) == origin(&self.address);
        assert!(is_here || may.split(' ').any(|place| place == origin(&form.action)), "{policy}");
        form
    }

    pub(crate) fn forms(&self) -> Vec<Form> {
        let whole = self.text().split("<form ").skip(1).filter_map(|rest| rest.split("</form>").next());
        whole
            .map(|form| {
                let (head, body) = form.split_once('>').expect("a tag ends");
                let members = body.split("<input ").skip(1).filter_map(|input| {
                    let tag = input.split('>').next()?;
                    Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default()))
                });
                Form {
                    on: self.address.clone(),
                    is_post: attribute(head, "method").as_deref() == Some("post"),
                    action: absolute(&self.address, &attribute(head, "action").expect("a form goes somewhere")),
                    members: members.collect(),
                }
            })
            .collect()
    }

    /// Where the link leads whose text is this.
    #[track_caller]
    pub(crate) fn link(&self, text: &str) -> String {
        let links = self.text().split("<a ").skip(1);
        let found = links.filter_map(|rest| rest.split_once('>')).find(|(_, behind)| behind.starts_with(text));
        let (head, _) = found.unwrap_or_else(|| panic!("no link {text}: {}", self.text()));
        absolute(&self.address, &attribute(head, "href").expect("a link leads somewhere"))
    }

    /// Whether it is loaded again by itself.
    pub(crate) fn looks_again(&self) -> bool {
        self.text().contains("http-equiv=\"refresh\"")
    }
}

impl Form {
    /// The same, with this typed into it.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.members.retain(|(its, _)| its != name);
        self.members.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same, on a page of another site.
    pub(crate) fn by_another_site(mut self) -> Self {
        self.on = "https://evil.example/".to_owned();
        self
    }

    /// The value of a member.
    #[track_caller]
    pub(crate) fn get(&self, name: &str) -> &str {
        &self.members.iter().find(|(its, _)| its == name).unwrap_or_else(|| panic!("no {name}: {self:?}")).1
    }
}

fn origin(address: &str) -> &str {
    let host = address.find("://").map_or(0, |at| at + 3);
    let end = address[host..].find('/').map_or(address.len(), |slash| host + slash);
    &address[..end]
}

fn absolute(on: &str, to: &str) -> String {
    if to.contains("://") { to.to_owned() } else { format!("{}{to}", origin(on)) }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!("{name}=\""))?;
    let text = rest.split('"').next()?;
    Some(text.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
}
