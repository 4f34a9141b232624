//! What the operator allows a component to reach.
//!
//! **Empty means nothing.** An endpoint is a name and a port, compared after lower-casing, and a loopback
//! address is reached only where it is spelled out (`capability/address.rs`). There are no wildcards but
//! for HTTP methods.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Serialize;

pub use super::allow::{Allow, AllowError, Allowed};
pub use super::authority::{Authority, NotAnAuthority, Origin, Scheme};

/// What one component may reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// Endpoints it may connect to.
    pub tcp: Vec<Endpoint>,
    /// Names it may look up, besides those of its endpoints.
    pub dns: BTreeSet<String>,
    /// Servers it may send HTTP requests to.
    pub http: Vec<HttpGrant>,
    /// Secrets it may read.
    pub secrets: BTreeSet<String>,
    /// Environment variables it sees: with this value, or with the host's own.
    pub env: BTreeMap<String, Option<String>>,
    /// Directories it sees.
    pub dirs: Vec<DirGrant>,
    /// Bytes it may store, where that is said.
    pub storage: Option<u64>,
}

impl Grants {
    /// The granted endpoint with this authority.
    pub fn endpoint(&self, authority: &Authority) -> Option<&Endpoint> {
        self.tcp
            .iter()
            .find(|endpoint| &endpoint.authority == authority)
    }

    /// Adds one, unless there is one for the same authority already: what was spelled out wins over
    /// what was derived.
    pub fn add_endpoint(&mut self, endpoint: Endpoint) {
        if self.endpoint(&endpoint.authority).is_none() {
            self.tcp.push(endpoint);
        }
    }

    /// What is granted for this server of HTTP.
    pub fn server(&self, origin: &Origin) -> Option<&HttpGrant> {
        self.http.iter().find(|grant| &grant.origin == origin)
    }

    /// Adds one. Two for the same server are one that allows what either allows.
    pub fn add_server(&mut self, grant: HttpGrant) {
        match self
            .http
            .iter_mut()
            .find(|known| known.origin == grant.origin)
        {
            Some(known) => {
                known.methods.extend(grant.methods);
                known.secrets.extend(grant.secrets);
                if grant.trust != Trust::System {
                    known.trust = grant.trust;
                }
            }
            None => self.http.push(grant),
        }
    }

    /// Whether `host` may be looked up: by its own grant, or by one to connect to it.
    pub fn name(&self, host: &str) -> bool {
        self.dns.contains(host)
            || self
                .tcp
                .iter()
                .any(|endpoint| endpoint.authority.host == host)
    }

    /// All secrets that it may use: those it reads, and those that the host puts into its requests.
    pub fn all_secrets(&self) -> BTreeSet<String> {
        let placed = self.http.iter().flat_map(|grant| &grant.secrets);
        self.secrets.iter().chain(placed).cloned().collect()
    }

    /// Adds what one `--allow` allows. The last one wins where there can be one only.
    pub fn add(&mut self, allowed: Allowed) {
        match allowed {
            Allowed::Tcp(authority) => self.add_endpoint(Endpoint {
                authority,
                trust: Trust::System,
            }),
            Allowed::Dns(name) => {
                self.dns.insert(name);
            }
            Allowed::Http(grant) => self.add_server(grant),
            Allowed::Secret(name) => {
                self.secrets.insert(name);
            }
            Allowed::Env(name, value) => {
                self.env.insert(name, value);
            }
            Allowed::Dir(grant) => {
                self.dirs.retain(|known| known.guest != grant.guest);
                self.dirs.push(grant);
            }
            Allowed::Storage(bytes) => self.storage = Some(bytes),
        }
    }

    /// All of it, each as it would be typed after `--allow NAME:`.
    pub fn words(&self) -> Vec<Allowed> {
        let tcp = self
            .tcp
            .iter()
            .map(|endpoint| Allowed::Tcp(endpoint.authority.clone()));
        let env = self.env.iter();
        tcp.chain(self.dns.iter().cloned().map(Allowed::Dns))
            .chain(self.http.iter().cloned().map(Allowed::Http))
            .chain(self.secrets.iter().cloned().map(Allowed::Secret))
            .chain(env.map(|(name, value)| Allowed::Env(name.clone(), value.clone())))
            .chain(self.dirs.iter().cloned().map(Allowed::Dir))
            .chain(self.storage.map(Allowed::Storage))
            .collect()
    }
}

/// One endpoint, and how its peer is verified where TLS is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Endpoint {
    /// Where.
    pub authority: Authority,
    /// Which certificates are believed.
    pub trust: Trust,
}

/// Which certificates are believed for a TLS endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trust {
    /// Those the system trusts.
    #[default]
    System,
    /// Those signed by a certificate in this PEM file.
    File(PathBuf),
    /// Any. The operator said so; the traffic is encrypted and the peer is not known.
    Anything,
}

/// One server of HTTP, and what may be sent there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HttpGrant {
    /// Where.
    pub origin: Origin,
    /// `GET`, `POST`, …; `*` stands for all of them but `CONNECT`.
    pub methods: BTreeSet<String>,
    /// What the host puts into headers on the way there.
    pub secrets: BTreeSet<String>,
    /// Which certificates are believed.
    pub trust: Trust,
}

impl HttpGrant {
    /// What is allowed where no method is named.
    pub const DEFAULT_METHOD: &str = "GET";

    /// Whether requests with this method may be sent. `CONNECT` would be a way to anywhere.
    pub fn allows(&self, method: &str) -> bool {
        self.methods.contains(method) || (self.methods.contains("*") && method != "CONNECT")
    }
}

/// One directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DirGrant {
    /// Where it is.
    pub host: PathBuf,
    /// What it is called for the guest: absolute, with `/`.
    pub guest: String,
    /// The guest may change what is in it.
    pub writable: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_compared_without_regard_to_case() {
        let mut grants = Grants::default();
        grants.add("tcp=Redis.Internal:6379".parse().unwrap());
        assert!(
            grants
                .endpoint(&"redis.internal:6379".parse().unwrap())
                .is_some()
        );
        assert!(
            grants
                .endpoint(&"redis.internal:6380".parse().unwrap())
                .is_none()
        );
        assert!(grants.name("redis.internal") && !grants.name("internal"));
    }

    #[test]
    fn two_grants_for_one_server_are_one() {
        let mut grants = Grants::default();
        grants.add("http=https://hooks.example+A".parse().unwrap());
        grants.add("http=POST@https://hooks.example:443+B".parse().unwrap());
        let [grant] = grants.http.as_slice() else {
            panic!("{:?}", grants.http);
        };
        assert!(grant.allows("GET") && grant.allows("POST") && !grant.allows("DELETE"));
        assert_eq!(grants.all_secrets(), ["A", "B"].map(String::from).into());
    }

    #[test]
    fn no_grant_allows_a_tunnel() {
        let mut grants = Grants::default();
        grants.add("http=*@https://hooks.example".parse().unwrap());
        let grant = grants.http.first().unwrap();
        assert!(grant.allows("PURGE") && !grant.allows("CONNECT"));
    }

    #[test]
    fn grants_are_said_in_the_words_that_make_them() {
        let mut grants = Grants::default();
        for word in [
            "tcp=redis:6379",
            "dns=redis",
            "http=GET,POST@https://hooks.example+TOKEN",
            "secret=TOKEN",
            "env=MODE=fast",
            "dir=/srv/spool:/spool:rw",
            "storage=1MiB",
        ] {
            grants.add(word.parse().unwrap());
        }
        let mut again = Grants::default();
        for word in grants.words() {
            again.add(word.to_string().parse().unwrap());
        }
        assert_eq!(again, grants);
    }
}
