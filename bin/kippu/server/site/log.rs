//! The access log of a site: a line for each request, in Combined Log Format, in a file for each day of UTC. The line is there before
//! the answer leaves, so that who was answered is on record.
//!
//! ```text
//! 192.0.2.7 - - [01/Dec/2026:12:22:05 +0000] "GET /site/offers/a.html HTTP/1.1" 200 5120 "-" "Mozilla/5.0"
//! ```
//!
//! What callers send is escaped as Apache httpd does: no request writes a line of its own, or a quote that ends a field.

use std::fmt::Write as _;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::body::{BodySize, MessageBody};
use actix_web::http::header::{self, HeaderName};
use actix_web::{HttpRequest, HttpResponse};
use jiff::Timestamp;

/// See the module.
#[derive(Clone)]
pub(crate) struct SiteLog(Arc<Inner>);

struct Inner {
    dir: PathBuf,
    open: Mutex<Option<Day>>,
}

/// The file of a day.
struct Day {
    name: String,
    file: File,
    /// Whether it may end within a line.
    is_torn: bool,
}

impl SiteLog {
    /// The log in `dir`, which is made with the first line.
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self(Arc::new(Inner { dir, open: Mutex::new(None) }))
    }

    /// Has it on record that `request` is answered with `response`.
    ///
    /// # Errors
    /// Where the line cannot be written.
    pub(super) async fn record(&self, request: &HttpRequest, response: &HttpResponse) -> io::Result<()> {
        let now = Timestamp::now();
        let (day, line) = (now.strftime("%Y-%m-%d").to_string(), line(request, response, now));
        let inner = Arc::clone(&self.0);
        let written = tokio::task::spawn_blocking(move || inner.append(&day, line.as_bytes()));
        written.await.map_err(io::Error::other)?
    }
}

impl Inner {
    /// Appends a whole line to the file of `day`.
    fn append(&self, day: &str, line: &[u8]) -> io::Result<()> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let mut its = match open.take().filter(|open| open.name == day) {
            Some(open) => open,
            None => Day::open(&self.dir, day)?,
        };
        let written = its.append(line);
        *open = Some(its);
        written
    }
}

impl Day {
    fn open(dir: &Path, day: &str) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let path = dir.join(format!("{day}.log"));
        let mut file = OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(path)?;
        // A line that a crash has cut off stays one of its own.
        let mut last = [b'\n'];
        if file.seek(SeekFrom::End(0))? > 0 {
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
        }
        Ok(Self { name: day.to_owned(), file, is_torn: last != [b'\n'] })
    }

    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        let whole = if self.is_torn { [b"\n", line].concat() } else { line.to_vec() };
        self.is_torn = true;
        self.file.write_all(&whole)?;
        self.is_torn = false;
        Ok(())
    }
}

/// The line of a request and its answer.
fn line(request: &HttpRequest, response: &HttpResponse, now: Timestamp) -> String {
    let host = request.peer_addr().map_or_else(|| "-".to_owned(), |address| address.ip().to_string());
    let at = now.strftime("%d/%b/%Y:%H:%M:%S +0000");
    let mut line = format!("{host} - - [{at}] \"");
    escape(request.method().as_str().as_bytes(), &mut line);
    line.push(' ');
    escape(request.uri().to_string().as_bytes(), &mut line);
    let bytes = match response.body().size() {
        // A HEAD is answered with how many bytes a GET would be.
        BodySize::Sized(size) if size > 0 && request.method() != actix_web::http::Method::HEAD => size.to_string(),
        BodySize::Sized(_) | BodySize::None | BodySize::Stream => "-".to_owned(),
    };
    // Writing to a string cannot fail.
    let _ok = write!(line, " {:?}\" {} {bytes} \"", request.version(), response.status().as_u16());
    field(request, &header::REFERER, &mut line);
    line.push_str("\" \"");
    field(request, &header::USER_AGENT, &mut line);
    line.push_str("\"\n");
    line
}

fn field(request: &HttpRequest, name: &HeaderName, line: &mut String) {
    match request.headers().get(name).map(|value| value.as_bytes()).filter(|value| !value.is_empty()) {
        Some(value) => escape(value, line),
        None => line.push('-'),
    }
}

/// Printable characters of ASCII as they are, all others by their bytes.
fn escape(bytes: &[u8], line: &mut String) {
    for byte in bytes {
        match byte {
            b'"' => line.push_str("\\\""),
            b'\\' => line.push_str("\\\\"),
            b' '..=b'~' => line.push(char::from(*byte)),
            // Writing to a string cannot fail.
            _ => {
                let _ok = write!(line, "\\x{byte:02x}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::Method;
    use actix_web::http::header::HeaderValue;
    use actix_web::test::TestRequest;

    use super::*;

    const AT: &str = "2026-12-01T12:22:05Z";

    fn at() -> Timestamp {
        AT.parse().unwrap()
    }

    #[test]
    fn a_request_is_one_line_in_combined_log_format() {
        let request = TestRequest::get()
            .uri("/site/offers/a.html?n=1")
            .peer_addr("192.0.2.7:4711".parse().unwrap())
            .insert_header((header::USER_AGENT, "Mozilla/5.0"))
            .to_http_request();
        let response = HttpResponse::Ok().body("12345");
        assert_eq!(
            line(&request, &response, at()),
            "192.0.2.7 - - [01/Dec/2026:12:22:05 +0000] \"GET /site/offers/a.html?n=1 HTTP/1.1\" 200 5 \"-\" \"Mozilla/5.0\"\n"
        );
        let request = TestRequest::with_uri("/site/a").method(Method::HEAD).to_http_request();
        assert!(line(&request, &response, at()).contains("\"HEAD /site/a HTTP/1.1\" 200 - \"-\" \"-\"\n"));
    }

    #[test]
    fn nothing_that_a_caller_sends_ends_a_field_or_a_line() {
        let hostile = HeaderValue::from_bytes(b"a\" 200 \\ \t\xc3\xa9").unwrap();
        let request = TestRequest::get().uri("/site/a").insert_header((header::USER_AGENT, hostile)).to_http_request();
        let line = line(&request, &HttpResponse::Ok().finish(), at());
        assert!(line.ends_with("\"a\\\" 200 \\\\ \\x09\\xc3\\xa9\"\n"), "{line}");
        let mut escaped = String::new();
        escape(b"a\r\n192.0.2.1 \x1b[31m\x7f", &mut escaped);
        assert_eq!(escaped, "a\\x0d\\x0a192.0.2.1 \\x1b[31m\\x7f");
    }

    #[test]
    fn a_line_that_a_crash_has_cut_off_swallows_none_of_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let log = SiteLog::new(dir.path().join("access"));
        log.0.append("2026-12-01", b"one\n").unwrap();
        let file = dir.path().join("access/2026-12-01.log");
        OpenOptions::new().append(true).open(&file).unwrap().write_all(b"tw").unwrap();
        let again = SiteLog::new(dir.path().join("access"));
        again.0.append("2026-12-01", b"three\n").unwrap();
        again.0.append("2026-12-02", b"four\n").unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "one\ntw\nthree\n");
        assert_eq!(std::fs::read_to_string(dir.path().join("access/2026-12-02.log")).unwrap(), "four\n");
    }
}
