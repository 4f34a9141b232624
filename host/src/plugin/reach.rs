//! What a component gets: what it asks for and is granted.
//!
//! ```text
//! asked ∩ granted = reach          granted, not asked: given to nobody, and said (a typing error?)
//!                                  asked, not granted: missing, and said with the line that grants it
//! ```
//!
//! **Neither side alone opens anything.** A component without a manifest asks for nothing that is known:
//! for it, what is granted is what it gets. What is missing does not keep a component from starting: its
//! calls are denied, one by one, and it may cope.

use std::collections::BTreeMap;

use serde::Serialize;

use super::ask::{Ask, Settings, What, name_in};
use super::manifest::Manifest;
use crate::config::grant::{Allowed, Endpoint, Grants, HttpGrant};

/// What a component gets, and what came of the rest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reach {
    /// What it gets.
    pub grants: Grants,
    /// What it asks for and does not get.
    pub missing: Vec<Missing>,
    /// What is granted and not asked for: nobody gets it.
    pub unasked: Vec<String>,
}

/// Something that is asked for and not granted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Missing {
    /// What.
    #[serde(flatten)]
    pub ask: Ask,
    /// What would have to be granted; what the operator has to fill in is in capital letters.
    pub grant: String,
}

/// What comes of `granted` for a component with this manifest, which is configured with `settings`.
/// `storage` is what anybody may store to whom nothing else is granted.
pub fn reach(
    manifest: Option<&Manifest>,
    granted: &Grants,
    settings: &Settings,
    storage: u64,
) -> Reach {
    let Some(manifest) = manifest else {
        return Reach {
            grants: Grants {
                storage: granted.storage.or(Some(storage)),
                ..granted.clone()
            },
            ..Reach::default()
        };
    };
    let asks = Asks {
        all: &manifest.asks,
        settings,
        storage,
    };
    let grants = asks.of(granted);
    let missing = manifest
        .asks
        .iter()
        .filter(|ask| ask.what.is_about_something(settings) && !asks.is_met(ask, &grants))
        .map(|ask| Missing {
            grant: ask.what.wish(settings),
            ask: ask.clone(),
        })
        .collect();
    Reach {
        missing,
        unasked: unasked(granted, &grants),
        grants,
    }
}

struct Asks<'a> {
    all: &'a [Ask],
    settings: &'a Settings,
    storage: u64,
}

impl Asks<'_> {
    fn any(&self, covers: impl Fn(&What) -> bool) -> bool {
        self.all.iter().any(|ask| covers(&ask.what))
    }

    /// As much of `granted` as is asked for.
    fn of(&self, granted: &Grants) -> Grants {
        let settings = self.settings;
        let tcp = |endpoint: &&Endpoint| {
            self.any(|what| {
                matches!(what, What::Tcp(place) if place.covers(&endpoint.authority, settings))
            })
        };
        // Whoever may connect to a name may look it up.
        let dns = |name: &&String| {
            self.any(|what| match what {
                What::Dns(place) => place.covers(name, settings),
                What::Tcp(place) => place
                    .known(settings)
                    .is_some_and(|authority| &authority.host == *name),
                _ => false,
            })
        };
        let env = |(name, _): &(&String, &Option<String>)| {
            self.any(|what| matches!(what, What::Env(asked) if asked == *name))
        };
        Grants {
            tcp: granted.tcp.iter().filter(tcp).cloned().collect(),
            dns: granted.dns.iter().filter(dns).cloned().collect(),
            http: granted
                .http
                .iter()
                .filter_map(|grant| self.server(grant))
                .collect(),
            secrets: granted
                .secrets
                .iter()
                .filter(|name| {
                    self.any(|what| match what {
                        What::Secret(asked) => name_in(asked, settings) == Some(name.as_str()),
                        _ => false,
                    })
                })
                .cloned()
                .collect(),
            env: granted
                .env
                .iter()
                .filter(env)
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect::<BTreeMap<_, _>>(),
            dirs: granted
                .dirs
                .iter()
                .filter_map(|grant| {
                    let mut modes = self.all.iter().filter_map(|ask| match &ask.what {
                        What::Dir { path, writable } if *path == grant.guest => Some(*writable),
                        _ => None,
                    });
                    let asked = modes.next()?;
                    let mut grant = grant.clone();
                    grant.writable &= asked || modes.any(|writable| writable);
                    Some(grant)
                })
                .collect(),
            storage: Some(self.storage(granted)),
        }
    }

    /// As much of one server's grant as is asked for of it.
    fn server(&self, granted: &HttpGrant) -> Option<HttpGrant> {
        let mut given = HttpGrant {
            methods: [].into(),
            secrets: [].into(),
            ..granted.clone()
        };
        for ask in self.all {
            let What::Http {
                server,
                methods,
                secrets,
            } = &ask.what
            else {
                continue;
            };
            if !server.covers(&granted.origin, self.settings) {
                continue;
            }
            if granted.methods.contains("*") {
                given.methods.extend(methods.iter().cloned());
            } else if methods.contains("*") {
                given.methods.extend(granted.methods.iter().cloned());
            } else {
                let both = methods.intersection(&granted.methods);
                given.methods.extend(both.cloned());
            }
            given
                .secrets
                .extend(secrets.intersection(&granted.secrets).cloned());
        }
        (!given.methods.is_empty()).then_some(given)
    }

    /// Bytes of storage: nothing without an ask, since what is stored outlives the component.
    fn storage(&self, granted: &Grants) -> u64 {
        let asked = self.all.iter().filter_map(|ask| match ask.what {
            What::Storage(bytes) => Some(bytes),
            _ => None,
        });
        let most = granted.storage.unwrap_or(self.storage);
        asked.max().unwrap_or(0).min(most)
    }

    /// Whether all of `ask` is in `given`.
    fn is_met(&self, ask: &Ask, given: &Grants) -> bool {
        let settings = self.settings;
        match &ask.what {
            What::Tcp(place) => given
                .tcp
                .iter()
                .any(|endpoint| place.covers(&endpoint.authority, settings)),
            What::Dns(place) => {
                let names = given.dns.iter();
                let endpoints = given.tcp.iter().map(|endpoint| &endpoint.authority.host);
                names
                    .chain(endpoints)
                    .any(|name| place.covers(name, settings))
            }
            What::Http {
                server,
                methods,
                secrets,
            } => given.http.iter().any(|grant| {
                server.covers(&grant.origin, settings)
                    && methods
                        .iter()
                        .all(|method| grant.methods.contains(method) || grant.allows(method))
                    && secrets.is_subset(&grant.secrets)
            }),
            What::Secret(name) => {
                name_in(name, settings).is_some_and(|name| given.secrets.contains(name))
            }
            What::Env(name) => given.env.contains_key(name),
            What::Dir { path, writable } => given
                .dirs
                .iter()
                .any(|grant| &grant.guest == path && (grant.writable || !writable)),
            What::Storage(bytes) => given.storage.is_some_and(|most| most >= *bytes),
        }
    }
}

/// What is in `granted` and not in `given`, in the words that made it.
fn unasked(granted: &Grants, given: &Grants) -> Vec<String> {
    let given_words: Vec<_> = given.words();
    let mut left = Vec::new();
    for word in granted.words() {
        let is_left = match &word {
            // How much of them is given is another question: the ask says it.
            Allowed::Dir(grant) => !given.dirs.iter().any(|dir| dir.guest == grant.guest),
            Allowed::Storage(_) => given.storage == Some(0),
            Allowed::Http(grant) => match given.server(&grant.origin) {
                None => true,
                Some(given) => {
                    let mut rest = grant.clone();
                    let all = rest.methods.contains("*");
                    rest.methods
                        .retain(|method| !all && !given.methods.contains(method));
                    rest.secrets
                        .retain(|secret| !given.secrets.contains(secret));
                    if !(rest.methods.is_empty() && rest.secrets.is_empty()) {
                        if rest.methods.is_empty() {
                            // There is no word for a secret without a method.
                            rest.methods.clone_from(&grant.methods);
                        }
                        left.push(Allowed::Http(rest).to_string());
                    }
                    false
                }
            },
            _ => !given_words.contains(&word),
        };
        if is_left {
            left.push(match word {
                // The name says enough, and the value may be nobody's business.
                Allowed::Env(name, _) => Allowed::Env(name, None).to_string(),
                word => word.to_string(),
            });
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The manifest with these asks: `kind value [more keys]`, each behind a reason.
    fn manifest(asks: &[&str]) -> Manifest {
        let mut text =
            "name = \"a\"\nversion = \"1\"\nkind = \"backend\"\nsummary = \"\"\n".to_owned();
        for ask in asks {
            text.push_str("[[asks]]\nreason = \"r\"\n");
            text.push_str(ask);
            text.push('\n');
        }
        Manifest::read(text.as_bytes()).unwrap()
    }

    fn grants(words: &[&str]) -> Grants {
        let mut grants = Grants::default();
        for word in words {
            grants.add(word.parse().unwrap());
        }
        grants
    }

    fn settings() -> Settings {
        let settings = serde_json::json!({
            "broker": "redis://redis.internal/0",
            "password_secret": "S",
        });
        settings.as_object().unwrap().clone()
    }

    fn reach(manifest: Option<&Manifest>, granted: &Grants) -> Reach {
        super::reach(manifest, granted, &settings(), 8 << 20)
    }

    fn words(grants: &Grants) -> Vec<String> {
        grants.words().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn without_a_manifest_a_component_gets_what_it_is_granted() {
        let granted = grants(&["tcp=a:1", "secret=S", "storage=1MiB"]);
        let reach = reach(None, &granted);
        assert_eq!((reach.grants, reach.missing), (granted, Vec::new()));
    }

    #[test]
    fn a_component_gets_what_is_asked_and_granted() {
        for (ask, granted, given) in [
            ("tcp = \"a:1\"", "tcp=a:1", Some("tcp=a:1")),
            ("tcp = \"a:1\"", "tcp=a:2", None),
            ("tcp = \"a:1\"", "tcp=b:1", None),
            ("tcp = \"*:1\"", "tcp=b:1", Some("tcp=b:1")),
            ("tcp = \"*\"", "tcp=b:2", Some("tcp=b:2")),
            (
                "tcp = \"{config.broker}\"",
                "tcp=redis.internal:6379",
                Some("tcp=redis.internal:6379"),
            ),
            ("tcp = \"{config.broker}\"", "tcp=other:6379", None),
            ("dns = \"a\"", "dns=a", Some("dns=a")),
            ("dns = \"a\"", "tcp=a:1", None),
            ("tcp = \"a:1\"", "dns=a", Some("dns=a")),
            (
                "http = \"https://a\"",
                "http=https://a",
                Some("http=https://a"),
            ),
            (
                "http = \"https://a\"",
                "http=*@https://a",
                Some("http=https://a"),
            ),
            ("http = \"https://a\"", "http=POST@https://a", None),
            ("http = \"https://a\"", "http=http://a", None),
            (
                "http = \"*\"\nmethods = [\"*\"]",
                "http=PUT@https://a",
                Some("http=PUT@https://a"),
            ),
            (
                "http = \"https://a\"\nsecrets = [\"S\"]",
                "http=https://a+S,T",
                Some("http=https://a+S"),
            ),
            ("secret = \"S\"", "secret=S", Some("secret=S")),
            ("secret = \"S\"", "secret=T", None),
            (
                "secret = \"{config.password_secret}\"",
                "secret=S",
                Some("secret=S"),
            ),
            ("secret = \"{config.password_secret}\"", "secret=T", None),
            ("secret = \"{config.other_secret}\"", "secret=S", None),
            ("env = \"TZ\"", "env=TZ=UTC", Some("env=TZ=UTC")),
            ("env = \"TZ\"", "env=HOME", None),
            ("dir = \"/d\"", "dir=/x:/d:rw", Some("dir=/x:/d")),
            (
                "dir = \"/d\"\nmode = \"rw\"",
                "dir=/x:/d",
                Some("dir=/x:/d"),
            ),
            ("dir = \"/d\"", "dir=/x:/e", None),
        ] {
            let reach = reach(Some(&manifest(&[ask])), &grants(&[granted]));
            let mut wanted: Vec<_> = given.into_iter().map(str::to_owned).collect();
            wanted.push("storage=0B".to_owned());
            assert_eq!(words(&reach.grants), wanted, "{ask}, {granted}");
        }
    }

    #[test]
    fn what_is_not_configured_is_not_missing() {
        let manifest = manifest(&["tcp = \"{config.results}\"", "secret = \"{config.none}\""]);
        assert!(reach(Some(&manifest), &grants(&[])).missing.is_empty());
    }

    #[test]
    fn storage_is_the_smaller_of_what_is_asked_and_granted() {
        let of = |ask: &[&str], granted: &[&str]| {
            reach(Some(&manifest(ask)), &grants(granted)).grants.storage
        };
        let one = "storage = \"1MiB\"";
        assert_eq!(of(&[one], &[]), Some(1 << 20));
        assert_eq!(of(&["storage = \"9MiB\""], &[]), Some(8 << 20));
        assert_eq!(
            of(&["storage = \"9MiB\""], &["storage=9MiB"]),
            Some(9 << 20)
        );
        assert_eq!(of(&[one], &["storage=2MiB"]), Some(1 << 20));
        assert_eq!(of(&[one], &["storage=1kB"]), Some(1000));
        assert_eq!(of(&[], &["storage=2MiB"]), Some(0));
    }

    #[test]
    fn what_is_missing_comes_with_the_grant_that_would_be_an_answer() {
        let manifest = manifest(&[
            "tcp = \"{config.broker}\"",
            "tcp = \"*:443\"\noptional = true",
            "http = \"https://a\"\nmethods = [\"GET\", \"POST\"]\nsecrets = [\"S\"]",
            "dir = \"/d\"\nmode = \"rw\"",
            "dns = \"redis.internal\"",
            "storage = \"1MiB\"",
        ]);
        let granted = grants(&["http=https://a+S", "dir=/x:/d", "storage=1kB"]);
        let reach = reach(Some(&manifest), &granted);
        let missing: Vec<_> = reach
            .missing
            .iter()
            .map(|missing| missing.grant.as_str())
            .collect();
        assert_eq!(
            missing,
            [
                "tcp=redis.internal:6379",
                "tcp=HOST:443",
                "http=GET,POST@https://a+S",
                "dir=HOSTPATH:/d:rw",
                "dns=redis.internal",
                "storage=1MiB",
            ]
        );
    }

    #[test]
    fn what_nobody_asked_for_is_said_so_that_a_typing_error_is_seen() {
        let manifest = manifest(&[
            "tcp = \"redis:6379\"",
            "http = \"https://a\"",
            "http = \"https://c\"",
            "dir = \"/d\"",
        ]);
        let granted = grants(&[
            "tcp=redis:6379",
            "tcp=reids:6379",
            "http=GET,POST@https://a+S",
            "http=https://c+S",
            "http=*@https://b",
            "secret=S",
            "dir=/x:/d:rw",
            "storage=1MiB",
        ]);
        let reach = reach(Some(&manifest), &granted);
        assert_eq!(
            reach.unasked,
            [
                "tcp=reids:6379",
                "http=POST@https://a+S",
                "http=https://c+S",
                "http=*@https://b",
                "secret=S",
                "storage=1MiB",
            ]
        );
    }
}
