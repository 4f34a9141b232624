//! Scripted servers behind `http`.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use serde_json::Value;

use super::{Host, Sleep, World};
use crate::Error;
use crate::http::{Plain, Response, Target};

/// What was said, and what was asked.
#[derive(Default)]
pub(super) struct Script {
    answers: HashMap<String, VecDeque<Answer>>,
    sent: Vec<Sent>,
}

impl Host {
    /// What `GET https://host/path` and its like are answered, with the method in capitals and all of
    /// the URL. Several answers to one request come in their order, and the last one stays.
    #[must_use]
    pub fn http(self, request: &str, status: u16, body: impl Into<Body>) -> Self {
        self.answer(request, Answer::new(status, body))
    }

    /// The same, with headers, later, or as an error.
    #[must_use]
    pub fn answer(self, request: &str, answer: Answer) -> Self {
        World::with(|world| {
            let answers = &mut world.requests.answers;
            answers
                .entry(normal(request))
                .or_default()
                .push_back(answer);
        });
        self
    }

    /// All requests that were sent.
    pub fn requests(&self) -> Vec<Sent> {
        World::with(|world| world.requests.sent.clone())
    }
}

/// What a server answers.
#[derive(Clone, Debug)]
pub struct Answer {
    after: Duration,
    said: Result<Response, Error>,
}

impl Answer {
    /// This, at once.
    pub fn new(status: u16, body: impl Into<Body>) -> Self {
        let body = body.into();
        Self {
            after: Duration::ZERO,
            said: Ok(Response {
                status,
                headers: body.kind.into_iter().collect(),
                body: body.bytes,
            }),
        }
    }

    /// There is no answer.
    pub fn error(error: Error) -> Self {
        Self {
            after: Duration::ZERO,
            said: Err(error),
        }
    }

    /// One more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Ok(response) = &mut self.said {
            response.headers.push((name.into(), value.into()));
        }
        self
    }

    /// Not before this time has passed.
    #[must_use]
    pub fn after(mut self, duration: Duration) -> Self {
        self.after = duration;
        self
    }
}

/// The body of an answer: text, bytes, or JSON.
#[derive(Clone, Debug)]
pub struct Body {
    kind: Option<(String, String)>,
    bytes: Vec<u8>,
}

impl From<&str> for Body {
    fn from(text: &str) -> Self {
        text.as_bytes().to_vec().into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self { kind: None, bytes }
    }
}

impl From<Value> for Body {
    fn from(value: Value) -> Self {
        Self {
            kind: Some(("content-type".into(), "application/json".into())),
            bytes: value.to_string().into_bytes(),
        }
    }
}

/// A request that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// In capitals.
    pub method: String,
    /// All of it.
    pub url: String,
    /// As the component wrote them: placeholders of secrets are what they are.
    pub headers: Vec<(String, String)>,
    /// Empty where there was none.
    pub body: Vec<u8>,
}

impl Sent {
    /// The first header of this name, however it is written.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(one, _)| one.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The body as JSON, `null` where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

pub(super) async fn send(plain: Plain, target: Target, limit: usize) -> Result<Response, Error> {
    let key = format!("{} {}{}", plain.method, target.place(), target.path);
    let answer = World::with(|world| {
        world.requests.sent.push(Sent {
            method: plain.method,
            url: plain.url,
            headers: plain.headers,
            body: plain.body.unwrap_or_default(),
        });
        let answers = world.requests.answers.get_mut(&key)?;
        if answers.len() > 1 {
            answers.pop_front()
        } else {
            answers.front().cloned()
        }
    });
    let Some(answer) = answer else {
        return Err(Error::Denied(format!(
            "nobody answers `{key}`: give the host an answer by `.http(\"{key}\", 200, …)`"
        )));
    };
    Sleep::new(u64::try_from(answer.after.as_millis()).unwrap_or(u64::MAX)).await;
    let response = answer.said?;
    if response.body.len() > limit {
        return Err(Error::internal(format!(
            "the answer of {} has more than {limit} bytes",
            target.place()
        )));
    }
    Ok(response)
}

/// A path is never nothing.
fn normal(request: &str) -> String {
    let after_host = request
        .split_once("://")
        .is_some_and(|(_, rest)| rest.contains('/'));
    if after_host || request.contains('?') {
        request.to_owned()
    } else {
        format!("{request}/")
    }
}
