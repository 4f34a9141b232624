//! Who comes in: the bearers of the configured tokens, or anybody.
//!
//! Each request says it anew with `Authorization: Bearer` (RFC 6750), and is passed on with the
//! [`Principal`] it comes from and without the token: nothing behind this door can lose it.
//!
//! A session belongs to whoever opened it. Anybody else who names it names one that never was.
//!
//! Nothing is limited here: a token cannot be guessed however often somebody tries. Who is turned away is
//! logged at the target `audit`, with the address and never with what was shown.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::sessions::Sessions;
use crate::error::{Code, Explain, Report};
use crate::task::Principal;
use crate::token::TokenHash;

/// Who may come in.
#[derive(Clone, Debug, Default)]
pub enum Admission {
    /// Everybody who reaches the address. They are nobody in particular.
    #[default]
    Anybody,
    /// Who has one of these tokens.
    Bearers(Vec<(TokenHash, Principal)>),
}

/// Why somebody is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum TurnedAway {
    /// No token came with the request.
    #[error("this server wants to know who asks, and the request has no token")]
    NoToken,
    /// It is nobody's.
    #[error("the token of the request is not one that this server knows")]
    WrongToken,
}

impl Explain for TurnedAway {
    fn code(&self) -> Code {
        Code(match self {
            Self::NoToken => 753,
            Self::WrongToken => 754,
        })
    }

    fn help(&self) -> Vec<String> {
        let header = "send it with each request, as a header: Authorization: Bearer taskhost_…";
        let operator = "get one from the operator, who makes it with: taskhost token NAME --config taskhost.toml";
        match self {
            Self::NoToken => vec![header.to_owned(), operator.to_owned()],
            Self::WrongToken => vec![
                "look whether it is complete: `taskhost_` and 52 letters and digits".to_owned(),
                operator.to_owned(),
                "the host reads its configuration when it starts: start it again after a change"
                    .to_owned(),
            ],
        }
    }
}

impl TurnedAway {
    /// As RFC 6750 wants it: who showed nothing is not told of an error.
    fn challenge(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::NoToken => "Bearer realm=\"taskhost\"",
            Self::WrongToken => {
                "Bearer realm=\"taskhost\", error=\"invalid_token\", \
                 error_description=\"the token is not one that this server knows\""
            }
        })
    }
}

impl Admission {
    /// Whether callers are asked who they are.
    pub fn asks(&self) -> bool {
        matches!(self, Self::Bearers(_))
    }

    /// Who makes a request with these headers.
    fn admit(&self, headers: &HeaderMap) -> Result<Principal, TurnedAway> {
        let known = match self {
            Self::Anybody => return Ok(Principal::nobody()),
            Self::Bearers(known) => known,
        };
        let shown = TokenHash::of(shown(headers)?);
        // All are compared, so that the time does not say which it was.
        known
            .iter()
            .fold(None, |found, (hash, principal)| {
                if *hash == shown {
                    Some(principal)
                } else {
                    found
                }
            })
            .cloned()
            .ok_or(TurnedAway::WrongToken)
    }
}

/// The token in `headers`, whatever it is.
fn shown(headers: &HeaderMap) -> Result<&[u8], TurnedAway> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let (value, None) = (all.next().ok_or(TurnedAway::NoToken)?, all.next()) else {
        return Err(TurnedAway::WrongToken);
    };
    let value = value.as_bytes();
    let scheme = value
        .iter()
        .position(|byte| *byte == b' ')
        .unwrap_or(value.len());
    let (scheme, token) = value.split_at(scheme);
    if scheme.eq_ignore_ascii_case(b"bearer") {
        Ok(token.trim_ascii())
    } else {
        Err(TurnedAway::NoToken)
    }
}

/// What the door knows.
pub(super) struct Door {
    pub(super) admission: Admission,
    pub(super) sessions: Arc<Sessions>,
}

/// Where a connection comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) SocketAddr);

const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
/// The name of no session: those that rmcp makes have no spaces.
const NO_SESSION: HeaderValue = HeaderValue::from_static("no session");

/// Lets a request in as who it comes from, or turns it away.
pub(super) async fn ask_who(
    State(door): State<Arc<Door>>,
    mut request: Request,
    next: Next,
) -> Response {
    // A browser that asks whether a page may ask: it sends no token, and gets nothing.
    if request.method() == Method::OPTIONS {
        return next.run(request).await;
    }
    let principal = match door.admission.admit(request.headers()) {
        Ok(principal) => principal,
        Err(why) => return turn_away(why, request, next).await,
    };
    let headers = request.headers_mut();
    headers.remove(AUTHORIZATION);
    if let Some(Ok(session)) = headers.get(SESSION).map(HeaderValue::to_str)
        && !door.sessions.belongs(session, &principal)
    {
        headers.insert(SESSION, NO_SESSION);
    }
    request.extensions_mut().insert(principal.clone());
    let response = next.run(request).await;
    if let Some(Ok(session)) = response.headers().get(SESSION).map(HeaderValue::to_str) {
        door.sessions.opened(session, principal);
    }
    response
}

/// The answer to a request that may not come in. One under a wrong name or from a page that is not
/// listed does not even learn what is missing; about that rmcp decides, which is asked as a browser would.
async fn turn_away(why: TurnedAway, request: Request, next: Next) -> Response {
    let (mut parts, _) = request.into_parts();
    let report = Report::from(&why);
    tracing::warn!(
        target: "audit",
        peer = parts.extensions.get::<Peer>().map(|peer| tracing::field::display(peer.0)),
        via = %parts.method,
        act = "come in",
        verdict = "refused",
        code = %report.code,
        "audit"
    );
    parts.method = Method::OPTIONS;
    let verdict = next.run(Request::from_parts(parts, Body::empty())).await;
    if verdict.status() == StatusCode::FORBIDDEN {
        return verdict;
    }
    let body = serde_json::to_string(&report).unwrap_or_default();
    let headers = [
        (WWW_AUTHENTICATE, why.challenge()),
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
    ];
    (StatusCode::UNAUTHORIZED, headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::Token;

    #[test]
    fn the_bearer_of_a_token_is_who_it_belongs_to_and_nobody_else_is_anybody() {
        let (old, new, other) = (token(), token(), token());
        let admission = Admission::Bearers(vec![
            (old.hash(), named("alice")),
            (new.hash(), named("alice")),
            (other.hash(), named("bob")),
        ]);
        for (header, who) in [
            (format!("Bearer {}", old.text()), Ok("alice")),
            (format!("Bearer {}", new.text()), Ok("alice")),
            (format!("bearer   {} ", other.text()), Ok("bob")),
            (
                format!("Bearer {}", token().text()),
                Err(TurnedAway::WrongToken),
            ),
            (
                format!("Bearer {}", old.hash()),
                Err(TurnedAway::WrongToken),
            ),
            (
                format!("Bearer {}x", old.text()),
                Err(TurnedAway::WrongToken),
            ),
            ("Bearer ".to_owned(), Err(TurnedAway::WrongToken)),
            ("Bearer".to_owned(), Err(TurnedAway::WrongToken)),
            (old.text().to_owned(), Err(TurnedAway::NoToken)),
            (format!("Basic {}", old.text()), Err(TurnedAway::NoToken)),
        ] {
            let admitted = admission.admit(&headers(&[&header]));
            let admitted = admitted.as_ref().map(Principal::name).map_err(|why| *why);
            assert_eq!(admitted, who, "{header}");
        }
        assert_eq!(admission.admit(&headers(&[])), Err(TurnedAway::NoToken));
        let good = format!("Bearer {}", old.text());
        assert_eq!(
            admission.admit(&headers(&[&good, &good])),
            Err(TurnedAway::WrongToken)
        );
    }

    #[test]
    fn where_nobody_is_asked_everybody_is_nobody() {
        let admitted = Admission::Anybody.admit(&headers(&["Bearer whatever"]));
        assert_eq!(admitted, Ok(Principal::nobody()));
    }

    fn headers(authorizations: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for text in authorizations {
            headers.append(AUTHORIZATION, text.parse().unwrap());
        }
        headers
    }

    fn token() -> Token {
        Token::fresh().unwrap()
    }

    fn named(name: &str) -> Principal {
        Principal::named(name).unwrap()
    }
}
