//! How an invocation has ended, from what the ingress says of its output.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;
use serde_json::value::RawValue;
use taskhost_sdk::http::Response;
use taskhost_sdk::{Error, Failure, Observation, Outcome};

use crate::mark::Mark;
use crate::server::{Server, Trouble};

/// What Restate's own failure of work that was stopped says, in the words of its server and its SDKs.
const STOPPED: [&str; 2] = ["cancelled", "killed"];

/// What the ingress says of an invocation.
#[derive(Debug, PartialEq)]
pub(crate) enum Said {
    Over(Outcome),
    NotOver,
    Missing,
}

/// Asks for the result, which the host has not stored yet.
pub(crate) async fn ask(
    server: &Server,
    invocation: &str,
    mark: Option<&Mark>,
) -> Result<Said, Error> {
    match server.output(invocation).await {
        Ok(response) => read(&response, mark),
        // No later try would have it smaller.
        Err(Error::Internal(words)) => Ok(Said::Over(
            Failure::new("result-too-large", words).system().into(),
        )),
        Err(error) => Err(error),
    }
}

fn read(response: &Response, mark: Option<&Mark>) -> Result<Said, Error> {
    if (200..300).contains(&response.status) {
        return Ok(Said::Over(Outcome::Completed(result(response))));
    }
    let trouble = Trouble::of(response);
    if trouble.source != "invocation" {
        return match response.status {
            470 => Ok(Said::NotOver),
            // 400: no invocation could have this id.
            400 | 404 => Ok(Said::Missing),
            _ => Err(Error::unavailable(format!(
                "Restate's ingress has answered {}: {}",
                response.status, trouble.message
            ))),
        };
    }
    Ok(Said::Over(failure(response.status, trouble, mark)))
}

/// As it came where it is JSON, else as a text, else in base64.
fn result(response: &Response) -> String {
    let kind = response.header("content-type").unwrap_or_default();
    let is_json = kind.is_empty() || kind.contains("json");
    if response.body.is_empty() {
        return "null".to_owned();
    }
    match str::from_utf8(&response.body) {
        Ok(text) if is_json && serde_json::from_str::<&RawValue>(text).is_ok() => text.to_owned(),
        Ok(text) => json!(text).to_string(),
        Err(_) => {
            let bytes = BASE64_STANDARD.encode(&response.body);
            json!({ "content_type": kind, "base64": bytes }).to_string()
        }
    }
}

fn failure(status: u16, trouble: Trouble, mark: Option<&Mark>) -> Outcome {
    if let Some(words) = mark.and_then(|mark| mark.mismatch.as_deref()) {
        return mismatch(words).into();
    }
    let wish = mark.filter(|mark| mark.cancel_ms.is_some());
    let is_stopped = |words: &str| STOPPED.contains(&words.to_ascii_lowercase().as_str());
    if status == 409 && (wish.is_some() || is_stopped(&trouble.message)) {
        return Outcome::Cancelled(wish.and_then(|mark| mark.reason.clone()));
    }
    let failure = Failure::new(status.to_string(), trouble.message);
    match trouble.metadata {
        Some(metadata) => failure.with_detail(&json!({ "metadata": metadata })),
        None => failure,
    }
    .into()
}

/// The end of work whose code is another one than that which wrote its journal.
pub(crate) fn mismatch(words: &str) -> Failure {
    Failure::new(
        "journal-mismatch",
        format!(
            "the handler does not do what it did before, so Restate cannot go on with it; it was \
             stopped: {words}"
        ),
    )
    .system()
}

/// Over, without anything that Restate could say of it.
pub(crate) fn missing(mark: Option<&Mark>) -> Observation {
    match mark {
        Some(mark) if mark.not_begun => Observation::cancelled(mark.reason.clone()),
        Some(Mark {
            mismatch: Some(words),
            ..
        }) => mismatch(words).into(),
        _ => Observation::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: u16, kind: &str, body: &[u8], mark: Option<&Mark>) -> Said {
        let response = Response {
            status,
            headers: vec![("content-type".into(), kind.into())],
            body: body.to_vec(),
        };
        read(&response, mark).unwrap()
    }

    fn over(status: u16, message: &str, source: &str, mark: Option<&Mark>) -> Said {
        let body = json!({ "code": status, "message": message, "source": source });
        said(
            status,
            "application/json",
            body.to_string().as_bytes(),
            mark,
        )
    }

    #[test]
    fn a_result_passes_as_it_is() {
        let result = |kind, body: &[u8]| match said(200, kind, body, None) {
            Said::Over(Outcome::Completed(result)) => result,
            other => panic!("{other:?}"),
        };
        assert_eq!(result("application/json", b"{\"a\": 1.0}"), "{\"a\": 1.0}");
        assert_eq!(result("", b""), "null");
        assert_eq!(result("text/plain", b"1"), "\"1\"");
        assert_eq!(
            result("image/png", b"\xff"),
            r#"{"content_type":"image/png","base64":"/w=="}"#
        );
    }

    #[test]
    fn what_the_ingress_says_is_no_verdict_of_the_work() {
        assert_eq!(over(470, "not yet", "ingress", None), Said::NotOver);
        assert_eq!(
            over(404, "invocation not found", "ingress", None),
            Said::Missing
        );
        let Said::Over(Outcome::Failed(failure)) = over(404, "no such film", "invocation", None)
        else {
            panic!("it has not failed");
        };
        assert_eq!(
            (failure.code.as_str(), failure.message.as_str()),
            ("404", "no such film")
        );
        let response = Response {
            status: 503,
            headers: Vec::new(),
            body: b"away".to_vec(),
        };
        assert!(matches!(read(&response, None), Err(Error::Unavailable(_))));
    }

    #[test]
    fn stopped_work_is_cancelled_unless_it_was_stopped_for_its_journal() {
        let cancelled =
            |reason: Option<&str>| Said::Over(Outcome::Cancelled(reason.map(str::to_owned)));
        assert_eq!(over(409, "Cancelled", "invocation", None), cancelled(None));
        let wish = Mark {
            cancel_ms: Some(1),
            reason: Some("enough".into()),
            ..Mark::default()
        };
        assert_eq!(
            over(409, "killed", "invocation", Some(&wish)),
            cancelled(Some("enough"))
        );
        let own = over(409, "the seat is taken", "invocation", None);
        assert!(matches!(own, Said::Over(Outcome::Failed(_))));
        let mark = Mark {
            mismatch: Some("s-1 != s-2".into()),
            ..Mark::default()
        };
        let Said::Over(Outcome::Failed(failure)) = over(409, "killed", "invocation", Some(&mark))
        else {
            panic!("it has not failed");
        };
        assert_eq!(failure.code, "journal-mismatch");
        assert!(failure.system);
    }
}
