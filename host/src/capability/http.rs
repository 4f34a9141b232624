//! `wasi:http` behind grants: requests to granted servers, sent by the host.
//!
//! ```text
//! guest's request ─▶ server and method granted? ─▶ secrets put in ─▶ dial ─▶ TLS ─▶ one request
//! ```
//!
//! * The server is the request's own scheme, host and port, which is also its `Host` header: a guest cannot
//!   set that one. There is no tunnel (`CONNECT`) and no proxy.
//! * A guest writes `${secret.NAME}` into the value of a header, and the host puts the secret there on the
//!   way to a server that is granted with it. So the guest never has it, and cannot send it elsewhere.
//! * A redirect is an answer like any other: following it is a new request, and asks for its own grant.
//! * One connection for each request, as many at a time as `limits.connections`. Finding and connecting take
//!   ten seconds at most, the first byte and each pause after it [`exchange::PAUSE`]; a guest may ask
//!   for less.

mod exchange;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use http::Request;
use http::header::HeaderValue;
use tokio::sync::Semaphore;
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

use super::denials::{Denials, Denied, Kind};
use super::dial::{self, NotConnected};
use super::{Guest, Ports};
use crate::config::grant::{Allowed, Grants, HttpGrant, Origin, Scheme, Trust};
use exchange::{Answered, Driver, Limits, connect, exchange, refusal};

/// How one instance's requests are sent.
pub(super) struct Outgoing {
    component: Arc<str>,
    grants: Arc<Grants>,
    secrets: Arc<BTreeMap<String, String>>,
    denials: Arc<Denials>,
    rehearsal: bool,
    room: Arc<Semaphore>,
}

impl Outgoing {
    pub(super) fn new(component: Arc<str>, ports: &Ports) -> Self {
        Self {
            component,
            grants: ports.grants.clone(),
            secrets: ports.secrets.clone(),
            denials: ports.denials.clone(),
            rehearsal: ports.rehearsal,
            room: Arc::new(Semaphore::new(ports.limits.connections)),
        }
    }

    /// The grant that `request` goes by.
    fn granted(&self, request: &Request<WasiBody>) -> Result<HttpGrant, Error> {
        if self.rehearsal {
            return Err(Error::HttpRequestDenied);
        }
        let origin = origin_of(request.uri()).ok_or(Error::HttpRequestUriInvalid)?;
        let method = request.method().as_str();
        match self.grants.server(&origin) {
            Some(grant) if grant.allows(method) => Ok(grant.clone()),
            known => Err(self.deny(
                format!("{method} {origin}"),
                None,
                // Nothing allows a tunnel.
                (method != "CONNECT").then(|| wanted(origin, known, method, [].into())),
            )),
        }
    }

    fn deny(&self, target: String, why: Option<String>, grant: Option<HttpGrant>) -> Error {
        self.denials.deny(
            &self.component,
            Denied {
                kind: Kind::Http,
                target,
                why,
                grant: grant.map(|grant| Allowed::Http(grant).to_string()),
            },
        );
        Error::HttpRequestDenied
    }

    /// Puts secrets where `request` has their names.
    fn fill(&self, request: &mut Request<WasiBody>, grant: &HttpGrant) -> Result<(), Error> {
        let method = request.method().as_str().to_owned();
        for value in request.headers_mut().values_mut() {
            let Ok(text) = value.to_str() else { continue };
            if !text.contains(OPENING) {
                continue;
            }
            let filled = fill(text, |name| {
                let secret = grant.secrets.contains(name).then(|| self.secrets.get(name));
                secret.flatten().map(String::as_str)
            })
            .map_err(|name| {
                let origin = grant.origin.clone();
                let secrets = [name.to_owned()].into();
                self.deny(
                    format!("{origin} with the secret {name}"),
                    None,
                    Some(wanted(origin, Some(grant), &method, secrets)),
                )
            })?;
            *value = HeaderValue::from_str(&filled).map_err(|_| {
                Error::InternalError(Some("a secret does not fit into a header".to_owned()))
            })?;
            value.set_sensitive(true);
        }
        Ok(())
    }
}

/// The grant that would allow what `known` does not.
fn wanted(
    origin: Origin,
    known: Option<&HttpGrant>,
    method: &str,
    secrets: BTreeSet<String>,
) -> HttpGrant {
    let mut grant = HttpGrant {
        origin,
        methods: [method.to_owned()].into(),
        secrets,
        trust: Trust::System,
    };
    if let Some(known) = known {
        grant.methods.extend(known.methods.iter().cloned());
        grant.secrets.extend(known.secrets.iter().cloned());
    }
    grant
}

/// Where a request goes. Nothing that could be read in two ways goes anywhere.
fn origin_of(uri: &http::Uri) -> Option<Origin> {
    let scheme = match uri.scheme_str()? {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        _ => return None,
    };
    Origin::new(scheme, uri.authority()?.as_str())
}

/// How the name of a secret begins in a header.
const OPENING: &str = "${secret.";

/// What stands for the secret called `name` until it is on its way.
pub(super) fn placeholder(name: &str) -> String {
    format!("{OPENING}{name}}}")
}

/// `text` with secrets in the place of their names, or the name that has none.
fn fill<'a, 'b>(
    text: &'a str,
    secret: impl Fn(&str) -> Option<&'b str>,
) -> Result<String, &'a str> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once(OPENING) {
        let Some((name, after)) = behind.split_once('}') else {
            break;
        };
        filled.push_str(before);
        filled.push_str(secret(name).ok_or(name)?);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

impl WasiHttpHooks for Outgoing {
    fn send_request(
        &mut self,
        mut request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _processed: Driver,
    ) -> Box<dyn Future<Output = Answered> + Send> {
        let checked = self.granted(&request).and_then(|grant| {
            self.fill(&mut request, &grant)?;
            let room = self.room.clone().try_acquire_owned();
            let room = room.map_err(|_| Error::ConnectionLimitReached)?;
            Ok((grant, room))
        });
        let (component, grants, denials) = (
            self.component.clone(),
            self.grants.clone(),
            self.denials.clone(),
        );
        Box::new(async move {
            let (grant, room) = checked?;
            let limits = Limits::of(options);
            let stream = connect(&grant, &grants, limits.connect)
                .await
                .map_err(|error| {
                    if let NotConnected::Refused(address, why) = &error {
                        let target = grant.origin.to_string();
                        let denied = dial::misled(Kind::Http, target, *address, *why);
                        denials.deny(&component, denied);
                    }
                    tracing::debug!(%component, origin = %grant.origin, "no connection: {error:?}");
                    refusal(&error)
                })?;
            exchange(stream, request, &limits, room).await
        })
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.outgoing,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    fn outgoing(words: &[&str]) -> Outgoing {
        let mut grants = Grants::default();
        for word in words {
            grants.add(word.parse().unwrap());
        }
        Outgoing {
            component: "mine".into(),
            grants: Arc::new(grants),
            secrets: Arc::new([("TOKEN".to_owned(), "s3cret".to_owned())].into()),
            denials: Arc::default(),
            rehearsal: false,
            room: Arc::new(Semaphore::new(1)),
        }
    }

    fn request(method: &str, uri: &str, header: &str) -> Request<WasiBody> {
        let body = http_body_util::Empty::new().map_err(|never| match never {});
        Request::builder()
            .method(method)
            .uri(uri)
            .header("authorization", header)
            .body(body.boxed_unsync())
            .unwrap()
    }

    #[test]
    fn a_request_needs_a_grant_for_its_server_and_its_method() {
        let outgoing = outgoing(&[
            "http=GET,POST@https://api.example",
            "http=*@http://any.example:8080",
        ]);
        for (method, uri, granted) in [
            ("GET", "https://api.example/a?b", true),
            ("POST", "https://API.example:443/", true),
            ("DELETE", "https://api.example/", false),
            ("GET", "http://api.example/", false),
            ("GET", "https://api.example:8443/", false),
            ("GET", "https://api.example.evil/", false),
            ("GET", "https://evil.example/?https://api.example", false),
            ("GET", "https://me@api.example/", false),
            ("GET", "https://api.example@evil.example/", false),
            ("PURGE", "http://any.example:8080/", true),
            ("CONNECT", "http://any.example:8080/", false),
        ] {
            let result = outgoing.granted(&request(method, uri, ""));
            assert_eq!(result.is_ok(), granted, "{method} {uri}");
        }
        let denials = outgoing.denials.snapshot();
        let delete = denials
            .iter()
            .find(|denial| denial.target.starts_with("DELETE"))
            .unwrap();
        assert_eq!(
            delete.grant.as_deref(),
            Some("http=DELETE,GET,POST@https://api.example")
        );
        assert!(denials.iter().any(|denial| denial.grant.is_none()));
    }

    #[test]
    fn a_secret_goes_to_the_server_that_is_granted_with_it_and_to_no_other() {
        let outgoing = outgoing(&[
            "http=https://api.example+TOKEN",
            "http=https://other.example",
        ]);
        let fill = |uri: &str, header: &str| {
            let mut request = request("GET", uri, header);
            let grant = outgoing.granted(&request).unwrap();
            let filled = outgoing.fill(&mut request, &grant);
            let value = request.headers().get("authorization").unwrap();
            filled.map(|()| value.to_str().unwrap().to_owned())
        };
        assert_eq!(
            fill("https://api.example/", "Bearer ${secret.TOKEN}").unwrap(),
            "Bearer s3cret"
        );
        assert_eq!(fill("https://api.example/", "plain").unwrap(), "plain");
        assert!(fill("https://other.example/", "${secret.TOKEN}").is_err());
        assert!(fill("https://api.example/", "${secret.OTHER}").is_err());
        let denials = outgoing.denials.snapshot();
        let grants: Vec<_> = denials
            .iter()
            .filter_map(|denial| denial.grant.as_deref())
            .collect();
        assert_eq!(
            grants,
            [
                "http=https://api.example+OTHER,TOKEN",
                "http=https://other.example+TOKEN"
            ]
        );
    }

    #[test]
    fn what_a_secret_contains_is_not_read_again() {
        let secret = |name: &str| (name == "A").then_some("${secret.B}");
        assert_eq!(
            fill("<${secret.A}${secret.A}>", secret),
            Ok("<${secret.B}${secret.B}>".into())
        );
        assert_eq!(fill("${secret.B}", secret), Err("B"));
        assert_eq!(fill("${secret.A", secret), Ok("${secret.A".into()));
    }

    #[test]
    fn a_rehearsal_sends_nothing() {
        let outgoing = Outgoing {
            rehearsal: true,
            ..outgoing(&["http=https://api.example"])
        };
        assert!(
            outgoing
                .granted(&request("GET", "https://api.example/", ""))
                .is_err()
        );
        assert_eq!(outgoing.denials.snapshot(), []);
    }
}
