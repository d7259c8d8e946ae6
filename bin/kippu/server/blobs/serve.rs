//! Giving a blob out: whole, or a part of it, as RFC 9110 has ranges and conditions. Whatever it holds was made by others: a
//! browser is told to run nothing of it.

use actix_web::body::{BoxBody, MessageBody as _, SizedStream};
use actix_web::http::header::{
    self, ByteRangeSpec, ContentDisposition, DispositionParam, DispositionType, EntityTag, ExtendedValue, Header as _,
    HeaderValue, IfNoneMatch, Range,
};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError as _};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use kippu_actors::problem::{self, Problem};
use kippu_events::blobs::{BlobError, BlobId, BlobStore};

use super::{RANGE_NOT_SATISFIABLE, told};

/// What a blob is given out as.
#[derive(Clone, Copy)]
pub(crate) struct Shown<'a> {
    /// Its media type, as whoever uploaded it says.
    pub(crate) media_type: &'a str,
    /// The name of the file that it is saved as, where it is to be saved.
    pub(crate) file_name: Option<&'a str>,
}

impl Shown<'static> {
    /// Bytes, of which nothing is known.
    pub(crate) const BYTES: Self = Self { media_type: "application/octet-stream", file_name: None };
}

/// The answer to a GET or HEAD `request` for the blob `id` of `store`, whose caller may have it.
///
/// # Errors
/// 404 where it is not there, 503 where the store does not say.
pub(crate) async fn serve_blob(
    store: &BlobStore,
    id: BlobId,
    request: &HttpRequest,
    shown: Shown<'_>,
) -> Result<HttpResponse, Problem> {
    let content = store.open(id).await.map_err(|error| told(&error))?;
    let content = content.ok_or_else(no_such_blob)?;
    let size = content.size();
    let (mut response, part) = match begun(request, id, size) {
        Begun::Done(response) => return Ok(response),
        Begun::Part(response, part) => (response, part),
    };
    response
        // Its name may be a capability's secret, and who may read it may end: it is asked for each time.
        .insert_header((header::CACHE_CONTROL, "private, no-cache"))
        .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"))
        .insert_header((header::CONTENT_TYPE, media_type(shown.media_type)));
    if let Some(name) = shown.file_name {
        response.insert_header(saved_as(name));
    }
    let length = part.end - part.start;
    let body: BoxBody = if request.method() == Method::HEAD {
        nothing_of(length)
    } else {
        let mut bytes = Box::pin(content.bytes(part));
        // Read before the answer begins: a blob that was deleted meanwhile is not there.
        let first = match bytes.try_next().await {
            Err(BlobError::Cut(_)) => return Err(no_such_blob()),
            Err(error) => return Err(told(&error)),
            Ok(first) => stream::iter(first.map(Ok)),
        };
        let rest = bytes.inspect_err(|error| tracing::warn!(%error, "a blob could not be read to its end"));
        SizedStream::new(length, Box::pin(first.chain(rest))).boxed()
    };
    Ok(response.body(body))
}

fn no_such_blob() -> Problem {
    Problem::new(&problem::NOT_FOUND, "there is no such blob")
}

/// The answer to a GET or HEAD `request` for a page, which is these `bytes` and hashes to `id`.
pub(crate) fn serve_page(bytes: Bytes, id: BlobId, request: &HttpRequest, of_type: &str) -> HttpResponse {
    let (mut response, part) = match begun(request, id, bytes.len() as u64) {
        Begun::Done(response) => return response,
        Begun::Part(response, part) => (response, part),
    };
    response
        // Whoever keeps it asks each time whether it is still that.
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        // Pages may be another party's: they are shown as those of no origin, and so their scripts have no part in sessions here.
        .insert_header((header::CONTENT_SECURITY_POLICY, "sandbox allow-forms allow-popups allow-scripts"))
        .insert_header((header::CONTENT_TYPE, media_type(of_type)));
    if request.method() == Method::HEAD {
        return response.body(nothing_of(part.end - part.start));
    }
    let [from, to] = [part.start, part.end].map(|at| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len()));
    response.body(bytes.slice(from..to))
}

/// An answer so far.
enum Begun {
    /// There is nothing to be added.
    Done(HttpResponse),
    /// These bytes are to be added.
    Part(HttpResponseBuilder, std::ops::Range<u64>),
}

/// What is answered to a `request` for `size` bytes that hash to `id`, whatever they are.
fn begun(request: &HttpRequest, id: BlobId, size: u64) -> Begun {
    let tag = EntityTag::new_strong(id.to_string());
    if is_known(request, &tag) {
        return Begun::Done(HttpResponse::NotModified().insert_header((header::ETAG, tag.to_string())).finish());
    }
    let (status, part) = match wanted(request, &tag, size) {
        Wanted::Whole => (StatusCode::OK, 0..size),
        Wanted::Part(part) => (StatusCode::PARTIAL_CONTENT, part),
        Wanted::Nothing => return Begun::Done(no_such_part(size)),
    };
    let mut response = HttpResponse::build(status);
    response.insert_header((header::ETAG, tag.to_string())).insert_header((header::ACCEPT_RANGES, "bytes"));
    if status == StatusCode::PARTIAL_CONTENT {
        let last = part.end.saturating_sub(1);
        response.insert_header((header::CONTENT_RANGE, format!("bytes {}-{last}/{size}", part.start)));
    }
    Begun::Part(response, part)
}

/// What a HEAD is answered with, for so many bytes.
fn nothing_of(length: u64) -> BoxBody {
    SizedStream::new(length, stream::empty::<Result<Bytes, BlobError>>()).boxed()
}

/// What a request asks for.
enum Wanted {
    Whole,
    Part(std::ops::Range<u64>),
    /// Bytes behind the end.
    Nothing,
}

/// One part is given out; several, or a range in other units, are answered with the whole, as RFC 9110 lets a server do.
fn wanted(request: &HttpRequest, tag: &EntityTag, size: u64) -> Wanted {
    let if_range = request.headers().get(header::IF_RANGE);
    let is_still_it = if_range.is_none_or(|value| value.as_bytes() == tag.to_string().as_bytes());
    if request.method() != Method::GET || !request.headers().contains_key(header::RANGE) || !is_still_it {
        return Wanted::Whole;
    }
    let ranges = match Range::parse(request) {
        Ok(Range::Bytes(ranges)) => ranges,
        Ok(Range::Unregistered(..)) | Err(_) => return Wanted::Whole,
    };
    let [range] = ranges.as_slice() else { return Wanted::Whole };
    match ByteRangeSpec::to_satisfiable_range(range, size) {
        Some((first, last)) => Wanted::Part(first..last + 1),
        None => Wanted::Nothing,
    }
}

fn no_such_part(size: u64) -> HttpResponse {
    let mut response = Problem::new(&RANGE_NOT_SATISFIABLE, format!("the blob has {size} bytes")).error_response();
    if let Ok(value) = HeaderValue::from_str(&format!("bytes */{size}")) {
        response.headers_mut().insert(header::CONTENT_RANGE, value);
    }
    response
}

/// Whether the caller has it already.
fn is_known(request: &HttpRequest, tag: &EntityTag) -> bool {
    if !request.headers().contains_key(header::IF_NONE_MATCH) {
        return false;
    }
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(tag)),
        Err(_) => false,
    }
}

/// What cannot be written in a header is no media type.
fn media_type(said: &str) -> HeaderValue {
    HeaderValue::from_str(said).unwrap_or(HeaderValue::from_static(Shown::BYTES.media_type))
}

/// For programs that know only ASCII, and for all others.
fn saved_as(name: &str) -> ContentDisposition {
    let plain: String =
        name.chars().map(|c| if c.is_ascii_graphic() && !"\"\\/%".contains(c) || c == ' ' { c } else { '_' }).collect();
    let mut parameters = vec![DispositionParam::Filename(plain.clone())];
    if plain != name {
        let value = name.replace(['/', '\\'], "_").into_bytes();
        let charset = header::Charset::Ext("UTF-8".to_owned());
        parameters.push(DispositionParam::FilenameExt(ExtendedValue { charset, language_tag: None, value }));
    }
    ContentDisposition { disposition: DispositionType::Attachment, parameters }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    /// Status, headers and bytes of what is answered to a request with these headers for a blob of ten digits.
    async fn answered(method: Method, headers: &[(header::HeaderName, &str)]) -> (u16, HttpResponse<BoxBody>, Bytes) {
        let folder = tempfile::tempdir().unwrap();
        let store = BlobStore::in_folder(folder.path(), 0);
        let mut upload = store.begin(None).await.unwrap();
        upload.write(b"0123456789").await.unwrap();
        let id = upload.finish(None).await.unwrap().id;
        let mut request = TestRequest::default().method(method);
        for (name, value) in headers {
            request = request.insert_header((name.clone(), *value));
        }
        let shown = Shown { media_type: "video/mp4", file_name: Some("naïve \"a/b\".mp4") };
        let response = serve_blob(&store, id, &request.to_http_request(), shown).await.unwrap();
        let (response, body) = response.into_parts();
        let bytes = actix_web::body::to_bytes(body).await.unwrap_or_default();
        (response.status().as_u16(), response.set_body(BoxBody::new(())), bytes)
    }

    fn of(response: &HttpResponse, name: header::HeaderName) -> &str {
        response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Shows F46.
    #[actix_web::test]
    async fn one_part_is_given_out_and_whatever_else_is_asked_for_gets_the_whole_or_416() {
        for (range, status, bytes, told) in [
            ("bytes=2-4", 206, "234", "bytes 2-4/10"),
            ("bytes=7-", 206, "789", "bytes 7-9/10"),
            ("bytes=-2", 206, "89", "bytes 8-9/10"),
            ("bytes=8-99", 206, "89", "bytes 8-9/10"),
            ("bytes=0-0", 206, "0", "bytes 0-0/10"),
            ("bytes=-99", 206, "0123456789", "bytes 0-9/10"),
            ("bytes=0-1,4-5", 200, "0123456789", ""),
            ("lines=1-2", 200, "0123456789", ""),
            ("bytes=x", 200, "0123456789", ""),
        ] {
            let (given, response, body) = answered(Method::GET, &[(header::RANGE, range)]).await;
            assert_eq!((given, &body[..]), (status, bytes.as_bytes()), "{range}");
            assert_eq!(of(&response, header::CONTENT_RANGE), told, "{range}");
        }
        for range in ["bytes=10-", "bytes=99-100", "bytes=-0"] {
            let (given, response, _) = answered(Method::GET, &[(header::RANGE, range)]).await;
            assert_eq!((given, of(&response, header::CONTENT_RANGE)), (416, "bytes */10"), "{range}");
        }
    }

    #[actix_web::test]
    async fn conditions_are_compared_with_the_hash() {
        let (_, response, _) = answered(Method::GET, &[]).await;
        let tag = of(&response, header::ETAG).to_owned();
        assert_eq!(tag, format!("\"{}\"", BlobId::of(b"0123456789")));
        assert_eq!(answered(Method::GET, &[(header::IF_NONE_MATCH, &tag)]).await.0, 304);
        assert_eq!(answered(Method::GET, &[(header::IF_NONE_MATCH, "\"other\"")]).await.0, 200);
        let part = (header::RANGE, "bytes=0-1");
        assert_eq!(answered(Method::GET, &[part.clone(), (header::IF_RANGE, &tag)]).await.0, 206);
        assert_eq!(answered(Method::GET, &[part, (header::IF_RANGE, "\"other\"")]).await.0, 200);
    }

    #[actix_web::test]
    async fn a_head_says_what_there_is_and_a_browser_runs_nothing() {
        let (status, response, body) = answered(Method::HEAD, &[]).await;
        assert_eq!((status, body.len(), of(&response, header::ACCEPT_RANGES)), (200, 0, "bytes"));
        assert_eq!(of(&response, header::CONTENT_TYPE), "video/mp4");
        assert!(of(&response, header::CONTENT_SECURITY_POLICY).contains("sandbox"));
        let disposition = of(&response, header::CONTENT_DISPOSITION);
        assert!(
            disposition.starts_with("attachment; filename=\"na_ve _a_b_.mp4\"; filename*=UTF-8''na%C3%AFve"),
            "{disposition}"
        );
        assert!(!disposition.contains("a/b"), "{disposition}");
    }

    #[actix_web::test]
    async fn a_page_is_given_out_as_a_blob_is_and_shown_by_browsers_without_an_origin() {
        let bytes = Bytes::from_static(b"0123456789");
        let (id, tag) = (BlobId::of(&bytes), format!("\"{}\"", BlobId::of(&bytes)));
        let answered = async |method: Method, headers: &[(header::HeaderName, &str)]| {
            let mut request = TestRequest::default().method(method);
            for (name, value) in headers {
                request = request.insert_header((name.clone(), *value));
            }
            let response = serve_page(bytes.clone(), id, &request.to_http_request(), "text/html");
            let (response, body) = response.into_parts();
            (response.status().as_u16(), response, actix_web::body::to_bytes(body).await.unwrap_or_default())
        };
        let (status, response, body) = answered(Method::GET, &[]).await;
        assert_eq!((status, &body[..]), (200, &b"0123456789"[..]));
        assert_eq!(response.headers().get(header::ETAG).unwrap(), &*tag);
        let policy = response.headers().get(header::CONTENT_SECURITY_POLICY).unwrap().to_str().unwrap();
        assert!(policy.contains("sandbox") && !policy.contains("allow-same-origin"), "{policy}");
        let (status, _, body) = answered(Method::GET, &[(header::RANGE, "bytes=2-4")]).await;
        assert_eq!((status, &body[..]), (206, &b"234"[..]));
        assert_eq!(answered(Method::GET, &[(header::IF_NONE_MATCH, &tag)]).await.0, 304);
        assert_eq!(answered(Method::GET, &[(header::RANGE, "bytes=10-")]).await.0, 416);
        let (status, _, body) = answered(Method::HEAD, &[]).await;
        assert_eq!((status, body.len()), (200, 0));
    }

    #[test]
    fn what_is_no_header_is_no_media_type() {
        assert_eq!(media_type("text/plain\r\nx: y"), "application/octet-stream");
    }
}
