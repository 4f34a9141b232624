//! One call of gRPC over one stream of HTTP/2.

use std::time::Duration;

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use h2::client::SendRequest;
use http::{HeaderMap, Request};
use prost::Message;

use super::status::Code;

/// All that an answer may have: the largest document of the host, and what is around it.
const LARGEST: usize = 24 << 20;

/// The length of a message, and whether it is compressed, which none of ours is.
const PREFIX: usize = 5;

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failed {
    /// The server says so.
    Said(Code, String),
    /// The connection is of no more use.
    Broken(String),
}

impl From<h2::Error> for Failed {
    fn from(error: h2::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

/// What goes with every call.
#[derive(Debug)]
pub(super) struct Envelope<'a> {
    pub(super) scheme: &'static str,
    pub(super) authority: &'a str,
    pub(super) taskhub: &'a str,
    pub(super) token: Option<&'a str>,
    pub(super) deadline: Duration,
}

/// All messages that `method` answers with.
pub(super) async fn call<A: Message + Default>(
    client: SendRequest<Bytes>,
    envelope: &Envelope<'_>,
    method: &str,
    question: &impl Message,
) -> Result<Vec<A>, Failed> {
    let request = request(envelope, method)
        .map_err(|error| Failed::Said(Code::InvalidArgument, error.to_string()))?;
    let mut client = client.ready().await?;
    let (answer, mut body) = client.send_request(request, false)?;
    body.send_data(framed(question), true)?;
    let answer = answer.await?;
    let (head, mut body) = answer.into_parts();
    let mut bytes = BytesMut::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk?;
        body.flow_control().release_capacity(chunk.len())?;
        if bytes.len() + chunk.len() > LARGEST {
            let words = format!("the answer is larger than {LARGEST} bytes");
            return Err(Failed::Said(Code::ResourceExhausted, words));
        }
        bytes.extend_from_slice(&chunk);
    }
    let trailers = body.trailers().await?;
    // An error without a body has its status in the headers.
    let status = trailers.as_ref().unwrap_or(&head.headers);
    match status_of(status) {
        Some((0, _)) => unframed(bytes),
        Some((number, words)) => Err(Failed::Said(number.into(), words)),
        None => {
            let words = format!("HTTP {} without a `grpc-status`", head.status);
            Err(Failed::Said(Code::Unimplemented, words))
        }
    }
}

fn request(envelope: &Envelope<'_>, method: &str) -> http::Result<Request<()>> {
    let Envelope {
        scheme,
        authority,
        taskhub,
        token,
        deadline,
    } = envelope;
    let mut request = Request::post(format!(
        "{scheme}://{authority}/TaskHubSidecarService/{method}"
    ))
    .header("content-type", "application/grpc")
    .header("te", "trailers")
    .header("grpc-timeout", format!("{}m", deadline.as_millis()))
    .header("user-agent", USER_AGENT)
    .header("x-user-agent", USER_AGENT)
    .header("taskhub", *taskhub);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    request.body(())
}

const USER_AGENT: &str = concat!("taskhost-durabletask/", env!("CARGO_PKG_VERSION"));

fn framed(message: &impl Message) -> Bytes {
    let length = message.encoded_len();
    let mut frame = BytesMut::with_capacity(PREFIX + length);
    frame.put_u8(0);
    // Documents of the host are far below four gibibytes.
    frame.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    frame.put(message.encode_to_vec().as_slice());
    frame.freeze()
}

fn unframed<A: Message + Default>(mut bytes: BytesMut) -> Result<Vec<A>, Failed> {
    let broken = |words: String| Failed::Broken(format!("an answer is no gRPC: {words}"));
    let mut answers = Vec::new();
    while bytes.len() >= PREFIX {
        let compressed = bytes.get_u8();
        let length = usize::try_from(bytes.get_u32()).unwrap_or(usize::MAX);
        if compressed != 0 || length > bytes.len() {
            return Err(broken("it is compressed, or ends too early".into()));
        }
        let message = bytes.split_to(length).freeze();
        answers.push(A::decode(message).map_err(|error| broken(error.to_string()))?);
    }
    Ok(answers)
}

fn status_of(headers: &HeaderMap) -> Option<(u16, String)> {
    let number = headers.get("grpc-status")?.to_str().ok()?.parse().ok()?;
    let words = headers
        .get("grpc-message")
        .map(|words| decoded(words.as_bytes()))
        .filter(|words| !words.is_empty())
        .unwrap_or_else(|| format!("code {number} of gRPC"));
    Some((number, words))
}

/// Without its percent encoding.
fn decoded(text: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        let pair = tail
            .get(..2)
            .and_then(|pair| std::str::from_utf8(pair).ok());
        let code = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok());
        if let Some(code) = code.filter(|_| *first == b'%') {
            bytes.push(code);
            rest = tail.get(2..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::Text;

    #[test]
    fn a_stream_of_messages_is_read_as_it_was_written() {
        let texts = ["a", "", "long".repeat(100).as_str()].map(|text| Text::from(text.to_owned()));
        let bytes: Vec<u8> = texts.iter().flat_map(framed).collect();
        let read: Vec<Text> = unframed(bytes.as_slice().into()).unwrap();
        assert_eq!(read, texts);
    }

    #[test]
    fn an_answer_that_ends_too_early_is_broken() {
        let whole = framed(&Text::from("whole".to_owned()));
        let part = BytesMut::from(whole.get(..7).unwrap());
        assert!(matches!(unframed::<Text>(part), Err(Failed::Broken(_))));
    }

    #[test]
    fn a_status_is_a_number_and_words_without_encoding() {
        let mut headers = HeaderMap::new();
        assert_eq!(status_of(&headers), None);
        headers.insert("grpc-status", "6".parse().unwrap());
        headers.insert("grpc-message", "Zu%20sp%C3%A4t: 100%".parse().unwrap());
        assert_eq!(status_of(&headers), Some((6, "Zu spät: 100%".into())));
    }
}
