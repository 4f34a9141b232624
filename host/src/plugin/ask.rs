//! What a component asks for, and whether a grant is an answer to it.
//!
//! An ask says less than a grant: its author cannot know the operator's names. So it may leave the place
//! open (`*`, `*:443`), or say where the operator has written it (`{config.broker}`).

use std::collections::BTreeSet;
use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::load::endpoint_of;
use crate::config::grant::{Allowed, Authority, DirGrant, HttpGrant, Origin, Trust};

/// One thing that a component asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// What.
    pub what: What,
    /// What for, in the author's words.
    pub reason: String,
    /// It copes without.
    pub optional: bool,
}

/// What can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Connections.
    Tcp(Place<Authority>),
    /// Looking up a name.
    Dns(Place<String>),
    /// HTTP requests.
    Http {
        /// Where to.
        server: Place<Origin>,
        /// With these methods.
        methods: BTreeSet<String>,
        /// With these secrets put in by the host.
        secrets: BTreeSet<String>,
    },
    /// A secret, to be read: its name, or the key of the configuration that has it.
    Secret(String),
    /// An environment variable.
    Env(String),
    /// A directory.
    Dir {
        /// As the guest sees it.
        path: String,
        /// To be written too.
        writable: bool,
    },
    /// Bytes of storage.
    Storage(u64),
}

/// Where something is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place<T> {
    /// There.
    At(T),
    /// Where this key of the configuration says.
    Configured(String),
    /// Wherever the operator says.
    Any,
    /// At this port, wherever the operator says.
    AnyAt(u16),
}

/// The component's configuration: what places refer to.
pub type Settings = Map<String, Value>;

/// The text at `key`, whose parts are separated by dots.
fn setting<'a>(settings: &'a Settings, key: &str) -> Option<&'a str> {
    let mut parts = key.split('.');
    let mut value = settings.get(parts.next()?)?;
    for part in parts {
        value = value.get(part)?;
    }
    value.as_str()
}

/// The name that `text` is, or that this key of the configuration holds: `{config.password_secret}`.
/// `None`: nothing is configured there.
pub fn name_in<'a>(text: &'a str, settings: &'a Settings) -> Option<&'a str> {
    let key = text.strip_prefix("{config.");
    match key.and_then(|key| key.strip_suffix('}')) {
        Some(key) => setting(settings, key),
        None => Some(text),
    }
}

impl Place<Authority> {
    /// Whether a grant for `authority` is an answer to it.
    pub fn covers(&self, authority: &Authority, settings: &Settings) -> bool {
        match self {
            Self::At(at) => at == authority,
            Self::Configured(_) => self.known(settings).as_ref() == Some(authority),
            Self::Any => true,
            Self::AnyAt(port) => *port == authority.port,
        }
    }

    /// The one place that it means, where there is one.
    pub fn known(&self, settings: &Settings) -> Option<Authority> {
        match self {
            Self::At(at) => Some(at.clone()),
            Self::Configured(key) => {
                let text = setting(settings, key)?;
                if let Ok(authority) = text.parse() {
                    return Some(authority);
                }
                let scheme = text.split_once("://")?.0;
                Some(endpoint_of(text, usual_port(scheme)?)?.authority)
            }
            Self::Any | Self::AnyAt(_) => None,
        }
    }
}

/// The port where a URL names none, for the schemes that components are configured with.
fn usual_port(scheme: &str) -> Option<u16> {
    Some(match scheme.to_ascii_lowercase().as_str() {
        "http" | "ws" => 80,
        "https" | "wss" => 443,
        "redis" | "rediss" | "valkey" | "valkeys" => 6379,
        "amqp" => 5672,
        "amqps" => 5671,
        "postgres" | "postgresql" => 5432,
        "mysql" => 3306,
        "nats" => 4222,
        "mqtt" => 1883,
        "mqtts" => 8883,
        "mongodb" => 27017,
        _ => return None,
    })
}

impl Place<String> {
    /// Whether a grant for `name` is an answer to it.
    pub fn covers(&self, name: &str, settings: &Settings) -> bool {
        match self {
            Self::Any => true,
            _ => self.known(settings).as_deref() == Some(name),
        }
    }

    /// The one name that it means, where there is one.
    pub fn known(&self, settings: &Settings) -> Option<String> {
        match self {
            Self::At(name) => Some(name.clone()),
            Self::Configured(key) => {
                let text = setting(settings, key)?;
                let endpoint = Place::<Authority>::Configured(key.clone()).known(settings);
                endpoint
                    .map(|authority| authority.host)
                    .or_else(|| crate::config::authority::host_in(text))
            }
            Self::Any | Self::AnyAt(_) => None,
        }
    }
}

impl Place<Origin> {
    /// Whether a grant for `origin` is an answer to it.
    pub fn covers(&self, origin: &Origin, settings: &Settings) -> bool {
        match self {
            Self::Any => true,
            Self::AnyAt(port) => *port == origin.authority.port,
            Self::At(_) | Self::Configured(_) => self.known(settings).as_ref() == Some(origin),
        }
    }

    /// The one server that it means, where there is one.
    pub fn known(&self, settings: &Settings) -> Option<Origin> {
        match self {
            Self::At(origin) => Some(origin.clone()),
            Self::Configured(key) => {
                let url = url::Url::parse(setting(settings, key)?).ok()?;
                url.origin().ascii_serialization().parse().ok()
            }
            Self::Any | Self::AnyAt(_) => None,
        }
    }
}

impl<T: fmt::Display> fmt::Display for Place<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(at) => at.fmt(f),
            Self::Configured(key) => write!(f, "{{config.{key}}}"),
            Self::Any => f.write_str("*"),
            Self::AnyAt(port) => write!(f, "*:{port}"),
        }
    }
}

impl What {
    /// False: it is about what the configuration names, and that names nothing. Then it asks for nothing.
    pub fn is_about_something(&self, settings: &Settings) -> bool {
        let is_set = |key: &str| setting(settings, key).is_some();
        match self {
            Self::Tcp(Place::Configured(key))
            | Self::Dns(Place::Configured(key))
            | Self::Http {
                server: Place::Configured(key),
                ..
            } => is_set(key),
            Self::Secret(name) => name_in(name, settings).is_some(),
            _ => true,
        }
    }

    /// What it is called in a manifest and behind `--allow NAME:`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Tcp(_) => "tcp",
            Self::Dns(_) => "dns",
            Self::Http { .. } => "http",
            Self::Secret(_) => "secret",
            Self::Env(_) => "env",
            Self::Dir { .. } => "dir",
            Self::Storage(_) => "storage",
        }
    }

    /// The grant that would be an answer to it, as far as the author can know. What the operator has to
    /// fill in is in capital letters.
    pub fn wish(&self, settings: &Settings) -> String {
        match self {
            Self::Tcp(place) => match (place, place.known(settings)) {
                (_, Some(authority)) => Allowed::Tcp(authority).to_string(),
                (Place::AnyAt(port), None) => format!("tcp=HOST:{port}"),
                (_, None) => "tcp=HOST:PORT".to_owned(),
            },
            Self::Dns(place) => match place.known(settings) {
                Some(name) => Allowed::Dns(name).to_string(),
                None => "dns=NAME".to_owned(),
            },
            Self::Http {
                server,
                methods,
                secrets,
            } => {
                let placeholder = "https://host.invalid".parse();
                let known = server.known(settings);
                let Some(origin) = known.clone().or(placeholder.ok()) else {
                    return "http=https://HOST".to_owned();
                };
                let word = Allowed::Http(HttpGrant {
                    origin,
                    methods: methods.clone(),
                    secrets: secrets.clone(),
                    trust: Trust::System,
                })
                .to_string();
                match known {
                    Some(_) => word,
                    None => word.replace("host.invalid", "HOST"),
                }
            }
            Self::Secret(name) => {
                let name = name_in(name, settings).unwrap_or("NAME");
                Allowed::Secret(name.to_owned()).to_string()
            }
            Self::Env(name) => Allowed::Env(name.clone(), None).to_string(),
            Self::Dir { path, writable } => Allowed::Dir(DirGrant {
                host: "HOSTPATH".into(),
                guest: path.clone(),
                writable: *writable,
            })
            .to_string(),
            Self::Storage(bytes) => Allowed::Storage(*bytes).to_string(),
        }
    }
}

/// For people: what it is, without the word for its kind.
impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |names: &BTreeSet<String>| {
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            names.join(", ")
        };
        match self {
            Self::Tcp(place) => place.fmt(f),
            Self::Dns(place) => place.fmt(f),
            Self::Http {
                server,
                methods,
                secrets,
            } => {
                write!(f, "{server} ({})", list(methods))?;
                if !secrets.is_empty() {
                    write!(f, " with {} put in by the host", list(secrets))?;
                }
                Ok(())
            }
            Self::Secret(name) | Self::Env(name) => f.write_str(name),
            Self::Dir { path, writable } => {
                write!(f, "{path} ({})", if *writable { "rw" } else { "ro" })
            }
            Self::Storage(bytes) => crate::config::units::Size(*bytes).fmt(f),
        }
    }
}

impl Serialize for Ask {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap as _;
        let mut map = serializer.serialize_map(None)?;
        match &self.what {
            What::Tcp(place) => map.serialize_entry("tcp", &place.to_string())?,
            What::Dns(place) => map.serialize_entry("dns", &place.to_string())?,
            What::Http {
                server,
                methods,
                secrets,
            } => {
                map.serialize_entry("http", &server.to_string())?;
                map.serialize_entry("methods", methods)?;
                map.serialize_entry("secrets", secrets)?;
            }
            What::Secret(name) => map.serialize_entry("secret", name)?,
            What::Env(name) => map.serialize_entry("env", name)?,
            What::Dir { path, writable } => {
                map.serialize_entry("dir", path)?;
                map.serialize_entry("mode", if *writable { "rw" } else { "ro" })?;
            }
            What::Storage(bytes) => {
                map.serialize_entry("storage", &crate::config::units::Size(*bytes))?;
            }
        }
        map.serialize_entry("reason", &self.reason)?;
        map.serialize_entry("optional", &self.optional)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        serde_json::json!({
            "broker": "redis://user@Redis.Internal/0",
            "plain": "db:5432",
            "api": {"url": "https://api.example/v1"},
        })
        .as_object()
        .unwrap()
        .clone()
    }

    #[test]
    fn a_key_of_the_configuration_stands_for_the_endpoint_in_it() {
        let place = |key: &str| Place::<Authority>::Configured(key.to_owned());
        for (key, meant) in [
            ("broker", "redis.internal:6379"),
            ("plain", "db:5432"),
            ("api.url", "api.example:443"),
        ] {
            let known = place(key).known(&settings()).unwrap();
            assert_eq!(known.to_string(), meant);
            assert!(place(key).covers(&meant.parse().unwrap(), &settings()));
        }
        assert_eq!(place("missing").known(&settings()), None);
        assert!(!place("missing").covers(&"db:5432".parse().unwrap(), &settings()));
        let server = Place::<Origin>::Configured("api.url".into());
        assert!(server.covers(&"https://api.example".parse().unwrap(), &settings()));
        let name = Place::<String>::Configured("broker".into());
        assert!(name.covers("redis.internal", &settings()));
    }

    #[test]
    fn an_open_place_is_answered_by_any_grant_of_its_form() {
        let any = Place::<Authority>::AnyAt(443);
        assert!(any.covers(&"a.example:443".parse().unwrap(), &settings()));
        assert!(!any.covers(&"a.example:80".parse().unwrap(), &settings()));
        assert_eq!(What::Tcp(any).wish(&settings()), "tcp=HOST:443");
    }

    #[test]
    fn a_wish_is_a_grant_where_the_place_is_known() {
        let what = What::Http {
            server: Place::Configured("api.url".into()),
            methods: ["POST".to_owned()].into(),
            secrets: ["TOKEN".to_owned()].into(),
        };
        assert_eq!(
            what.wish(&settings()),
            "http=POST@https://api.example+TOKEN"
        );
        assert_eq!(what.wish(&Settings::new()), "http=POST@https://HOST+TOKEN");
    }
}
