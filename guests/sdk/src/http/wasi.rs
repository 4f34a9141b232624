//! The same over `wasi:http` 0.3: streams and futures of the component model.

use std::time::Duration;

use crate::Error;
use crate::bindings::http::wasi::http::client;
use crate::bindings::http::wasi::http::types::{
    ErrorCode, Fields, HeaderError, Method, Request, RequestOptions, Response as Incoming, Scheme,
};
use crate::bindings::http::{wit_future, wit_stream};
use crate::http::{Plain, Response, Target};
use crate::spawn;

/// What one turn reads.
const CHUNK: usize = 64 * 1024;

/// Sends `plain` to `target`, and reads the answer to its end, but not more than `limit` bytes.
pub(super) async fn send(
    plain: Plain,
    target: Target,
    timeout: Duration,
    limit: usize,
) -> Result<Response, Error> {
    let request = request(plain, &target, timeout)?;
    let incoming = client::send(request)
        .await
        .map_err(|code| error(&target, code))?;
    let status = incoming.get_status_code();
    let headers = incoming.get_headers().copy_all();
    let body = body(incoming, &target, limit).await?;
    Ok(Response {
        status,
        headers: headers
            .into_iter()
            .map(|(name, value)| (name, String::from_utf8_lossy(&value).into_owned()))
            .collect(),
        body,
    })
}

fn request(plain: Plain, target: &Target, timeout: Duration) -> Result<Request, Error> {
    let mut headers: Vec<_> = plain
        .headers
        .into_iter()
        .map(|(name, value)| (name, value.into_bytes()))
        .collect();
    if let Some(body) = &plain.body {
        let length = body.len().to_string().into_bytes();
        headers.push(("content-length".into(), length));
    }
    let headers = Fields::from_list(&headers).map_err(unfit)?;
    let options = RequestOptions::new();
    let nanoseconds = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
    // A host that cannot do this still has the time-out around all of it.
    _ = options.set_connect_timeout(Some(nanoseconds));
    _ = options.set_first_byte_timeout(Some(nanoseconds));
    let (trailers, no_trailers) = wit_future::new(|| Ok(None));
    let body = plain.body.map(|bytes| {
        let (mut writer, reader) = wit_stream::new::<u8>();
        spawn(async move {
            // Bytes that are left were not wanted; the answer says why.
            _ = writer.write_all(bytes).await;
            drop(writer);
            _ = trailers.write(Ok(None)).await;
        });
        reader
    });
    // The second one says that the body was sent, which the answer says too.
    let (request, _) = Request::new(headers, body, no_trailers, Some(options));
    let wrong = |what: &str| Error::invalid(format!("this is no {what} of a request"));
    request
        .set_method(&method(&plain.method))
        .map_err(|()| wrong("method"))?;
    let scheme = if target.tls {
        Scheme::Https
    } else {
        Scheme::Http
    };
    request
        .set_scheme(Some(&scheme))
        .map_err(|()| wrong("scheme"))?;
    request
        .set_authority(Some(&target.authority))
        .map_err(|()| wrong("host"))?;
    request
        .set_path_with_query(Some(&target.path))
        .map_err(|()| wrong("path"))?;
    Ok(request)
}

async fn body(incoming: Incoming, target: &Target, limit: usize) -> Result<Vec<u8>, Error> {
    let (done, result) = wit_future::new(|| Ok(()));
    let (mut stream, trailers) = Incoming::consume_body(incoming, result);
    let mut bytes = Vec::new();
    loop {
        let (state, chunk) = stream.read(Vec::with_capacity(CHUNK)).await;
        bytes.extend_from_slice(&chunk);
        if bytes.len() > limit {
            return Err(Error::internal(format!(
                "the answer of {} has more than {limit} bytes",
                target.place()
            )));
        }
        if !matches!(state, wit_bindgen::StreamResult::Complete(_)) {
            break;
        }
    }
    drop(stream);
    trailers.await.map_err(|code| error(target, code))?;
    drop(done);
    Ok(bytes)
}

fn method(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "OPTIONS" => Method::Options,
        "PATCH" => Method::Patch,
        other => Method::Other(other.to_owned()),
    }
}

fn unfit(error: HeaderError) -> Error {
    Error::invalid(match error {
        HeaderError::InvalidSyntax => "a header of the request is no header".to_owned(),
        HeaderError::Forbidden => "a header of the request is the host's to set".to_owned(),
        HeaderError::SizeExceeded => "the headers of the request are too large".to_owned(),
        other => format!("the headers of the request: {other:?}"),
    })
}

fn error(target: &Target, code: ErrorCode) -> Error {
    let place = target.place();
    match code {
        ErrorCode::HttpRequestDenied => Error::Denied(format!(
            "requests to {place} are not granted, or not by this method; the host's log has the line \
             that grants them"
        )),
        ErrorCode::DestinationIpProhibited => {
            Error::Denied(format!("{place} has an address that is not granted"))
        }
        ErrorCode::InternalError(Some(words)) => Error::unavailable(format!("{place}: {words}")),
        other => Error::unavailable(format!("{place}: {}", words(&other))),
    }
}

/// `connection refused` of `ErrorCode::ConnectionRefused`.
fn words(code: &ErrorCode) -> String {
    let name = format!("{code:?}");
    let end = name.find(['(', ' ']).unwrap_or(name.len());
    let name = name.get(..end).and_then(|name| name.rsplit("::").next());
    let mut words = String::new();
    for letter in name.unwrap_or_default().chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}
