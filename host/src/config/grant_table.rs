//! Grants as the file has them: `[backends.NAME.grant]`.
//!
//! The words are those of `--allow`. Where certificates are to be believed that the system does not know,
//! an endpoint or a server is a table.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::allow::{self, Allowed};
use super::authority::{Authority, Origin};
use super::grant::{DirGrant, Endpoint, Grants, HttpGrant, Trust};
use super::units::Size;

/// `[backends.NAME.grant]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct GrantTable {
    /// Endpoints it may connect to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tcp: Vec<TcpGrant>,
    /// Names it may look up. Those of its endpoints need no entry.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns: Vec<Word<DnsWord>>,
    /// Servers it may send HTTP requests to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<HttpEntry>,
    /// Secrets it may read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// Environment variables: `"TZ"`, or `"MODE=fast"` for a value of its own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<Word<EnvWord>>,
    /// Directories: `"HOSTPATH:GUESTPATH"`, with `:rw` where it may write.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dirs: Vec<Word<DirGrant>>,
    /// What it may store. Default: `8MiB`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<Size>,
}

impl GrantTable {
    /// What it means.
    pub fn grants(&self) -> Grants {
        let mut grants = Grants::default();
        for grant in &self.tcp {
            grants.add_endpoint(grant.endpoint());
        }
        for Word(DnsWord(name)) in &self.dns {
            grants.add(Allowed::Dns(name.clone()));
        }
        for entry in &self.http {
            grants.add(Allowed::Http(entry.grant()));
        }
        for secret in &self.secrets {
            grants.add(Allowed::Secret(secret.clone()));
        }
        for Word(EnvWord(name, value)) in &self.env {
            grants.add(Allowed::Env(name.clone(), value.clone()));
        }
        for Word(dir) in &self.dirs {
            grants.add(Allowed::Dir(dir.clone()));
        }
        grants.storage = self.storage.map(|size| size.0);
        grants
    }

    /// How it is written.
    pub fn of(grants: &Grants) -> Self {
        let env =
            |(name, value): (&String, &Option<String>)| Word(EnvWord(name.clone(), value.clone()));
        Self {
            tcp: grants.tcp.iter().map(TcpGrant::of).collect(),
            dns: grants.dns.iter().cloned().map(DnsWord).map(Word).collect(),
            http: grants.http.iter().map(HttpEntry::of).collect(),
            secrets: grants.secrets.iter().cloned().collect(),
            env: grants.env.iter().map(env).collect(),
            dirs: grants.dirs.iter().cloned().map(Word).collect(),
            storage: grants.storage.map(Size),
        }
    }

    /// Paths in it are relative to the file that it stands in.
    pub(super) fn relative_to(&mut self, directory: &Path) {
        for grant in &mut self.tcp {
            if let TcpGrant::Trusting(grant) = grant {
                grant.ca = grant.ca.take().map(|ca| directory.join(ca));
            }
        }
        for entry in &mut self.http {
            if let HttpEntry::Table(entry) = entry {
                entry.ca = entry.ca.take().map(|ca| directory.join(ca));
            }
        }
        for Word(grant) in &mut self.dirs {
            let host = directory.join(&grant.host);
            // So that it means the same when it is printed and read from somewhere else.
            grant.host = std::path::absolute(&host).unwrap_or(host);
        }
    }
}

/// One endpoint: `"redis:6379"`, or a table that says which certificates are believed.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum TcpGrant {
    /// `"redis:6379"`
    Plain(Authority),
    /// `{ endpoint = "redis:6379", ca = "ca.pem" }`
    Trusting(TrustingGrant),
}

/// An endpoint with its own rule for certificates.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TrustingGrant {
    /// `HOST:PORT`
    pub endpoint: Authority,
    /// Believe certificates that are signed by one in this PEM file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// Believe any certificate. The traffic is encrypted, and the peer is not known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub insecure: bool,
}

impl TcpGrant {
    /// What it means.
    pub fn endpoint(&self) -> Endpoint {
        let (authority, trust) = match self {
            Self::Plain(authority) => (authority.clone(), Trust::System),
            Self::Trusting(grant) => (
                grant.endpoint.clone(),
                trust(grant.ca.as_ref(), grant.insecure),
            ),
        };
        Endpoint { authority, trust }
    }

    /// How it is written.
    pub fn of(endpoint: &Endpoint) -> Self {
        let Some((ca, insecure)) = distrust(&endpoint.trust) else {
            return Self::Plain(endpoint.authority.clone());
        };
        Self::Trusting(TrustingGrant {
            endpoint: endpoint.authority.clone(),
            ca,
            insecure,
        })
    }
}

fn trust(ca: Option<&PathBuf>, insecure: bool) -> Trust {
    match ca {
        _ if insecure => Trust::Anything,
        Some(ca) => Trust::File(ca.clone()),
        None => Trust::System,
    }
}

/// `ca` and `insecure`, unless they go without saying.
fn distrust(trust: &Trust) -> Option<(Option<PathBuf>, bool)> {
    match trust {
        Trust::System => None,
        Trust::File(ca) => Some((Some(ca.clone()), false)),
        Trust::Anything => Some((None, true)),
    }
}

/// One server: `"POST@https://hooks.example+TOKEN"`, or a table that says the same.
#[derive(Clone, Debug, PartialEq)]
pub enum HttpEntry {
    /// The word of `--allow`.
    Word(HttpGrant),
    /// `{ host = "https://hooks.example", methods = ["POST"], secrets = ["TOKEN"] }`
    Table(HttpTable),
}

/// A server, key by key.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HttpTable {
    /// `https://HOST[:PORT]`
    pub host: Origin,
    /// Methods that may be used; `*` stands for all of them. Default: `GET`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<Word<MethodWord>>,
    /// Secrets that the host puts into headers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// Believe certificates that are signed by one in this PEM file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// Believe any certificate. The traffic is encrypted, and the peer is not known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub insecure: bool,
}

impl HttpEntry {
    /// What it means.
    pub fn grant(&self) -> HttpGrant {
        match self {
            Self::Word(grant) => grant.clone(),
            Self::Table(table) => {
                let mut methods: BTreeSet<_> = table
                    .methods
                    .iter()
                    .map(|Word(MethodWord(name))| name.clone())
                    .collect();
                if methods.is_empty() {
                    methods.insert(HttpGrant::DEFAULT_METHOD.to_owned());
                }
                HttpGrant {
                    origin: table.host.clone(),
                    methods,
                    secrets: table.secrets.iter().cloned().collect(),
                    trust: trust(table.ca.as_ref(), table.insecure),
                }
            }
        }
    }

    /// How it is written.
    pub fn of(grant: &HttpGrant) -> Self {
        let Some((ca, insecure)) = distrust(&grant.trust) else {
            return Self::Word(grant.clone());
        };
        Self::Table(HttpTable {
            host: grant.origin.clone(),
            methods: grant
                .methods
                .iter()
                .cloned()
                .map(MethodWord)
                .map(Word)
                .collect(),
            secrets: grant.secrets.iter().cloned().collect(),
            ca,
            insecure,
        })
    }
}

impl Serialize for HttpEntry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Word(grant) => serializer.serialize_str(&allow::http_word(grant)),
            Self::Table(table) => table.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for HttpEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Not `untagged`, which would say of every mistake only that no form fits.
        match toml::Value::deserialize(deserializer)? {
            toml::Value::String(text) => match format!("http={text}").parse() {
                Ok(Allowed::Http(grant)) => Ok(Self::Word(grant)),
                Ok(_) => Err(D::Error::custom(format!("`{text}` is no server of HTTP"))),
                Err(error) => Err(D::Error::custom(error)),
            },
            value => from_value(value).map(Self::Table),
        }
    }
}

fn from_value<T: DeserializeOwned, E: serde::de::Error>(value: toml::Value) -> Result<T, E> {
    value
        .try_into()
        .map_err(|error: toml::de::Error| E::custom(error.message()))
}

/// Something that is one string in the file, in the form that `--allow` has behind `=`.
#[derive(Clone, Debug, PartialEq)]
pub struct Word<T>(pub T);

/// What a [`Word`] can be.
pub trait Written: Sized {
    /// What `text` means.
    fn read(text: &str) -> Result<Self, String>;
    /// How it is written.
    fn write(&self) -> String;
}

impl<T: Written> Serialize for Word<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.write())
    }
}

impl<'de, T: Written> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        T::read(&text).map(Self).map_err(D::Error::custom)
    }
}

/// A name that may be looked up.
#[derive(Clone, Debug, PartialEq)]
pub struct DnsWord(pub String);

/// An environment variable, with its value where that is not the host's.
#[derive(Clone, Debug, PartialEq)]
pub struct EnvWord(pub String, pub Option<String>);

/// An HTTP method, or `*`.
#[derive(Clone, Debug, PartialEq)]
pub struct MethodWord(pub String);

/// The value of `WHAT=text`, as `--allow` reads it.
fn allowed(what: &str, text: &str) -> Result<Allowed, String> {
    format!("{what}={text}")
        .parse()
        .map_err(|error: allow::AllowError| error.to_string())
}

impl Written for DnsWord {
    fn read(text: &str) -> Result<Self, String> {
        match allowed("dns", text)? {
            Allowed::Dns(name) => Ok(Self(name)),
            _ => Err(format!("`{text}` is no name")),
        }
    }

    fn write(&self) -> String {
        self.0.clone()
    }
}

impl Written for EnvWord {
    fn read(text: &str) -> Result<Self, String> {
        match allowed("env", text)? {
            Allowed::Env(name, value) => Ok(Self(name, value)),
            _ => Err(format!("`{text}` is no variable")),
        }
    }

    fn write(&self) -> String {
        match &self.1 {
            Some(value) => format!("{}={value}", self.0),
            None => self.0.clone(),
        }
    }
}

impl Written for DirGrant {
    fn read(text: &str) -> Result<Self, String> {
        match allowed("dir", text)? {
            Allowed::Dir(grant) => Ok(grant),
            _ => Err(format!("`{text}` is no directory")),
        }
    }

    fn write(&self) -> String {
        allow::dir_word(self)
    }
}

impl Written for MethodWord {
    fn read(text: &str) -> Result<Self, String> {
        allow::method(text)
            .map(Self)
            .ok_or_else(|| format!("`{text}` is no HTTP method"))
    }

    fn write(&self) -> String {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &str = r#"
tcp = ["redis:6379", { endpoint = "tls:6380", ca = "ca.pem" }]
dns = ["redis.internal"]
http = ["POST@https://a.example+TOKEN", { host = "https://b.example", methods = ["get"], secrets = ["KEY"], insecure = true }]
secrets = ["TOKEN"]
env = ["TZ", "MODE=fast"]
dirs = ["in:/in", "/srv/out:/out:rw"]
storage = "1MiB"
"#;

    #[test]
    fn what_is_printed_means_the_same() {
        let table: GrantTable = toml::from_str(ALL).unwrap();
        let grants = table.grants();
        let printed = toml::to_string(&GrantTable::of(&grants)).unwrap();
        let again: GrantTable = toml::from_str(&printed).unwrap();
        assert_eq!(again.grants(), grants, "{printed}");
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let mut table: GrantTable = toml::from_str(ALL).unwrap();
        table.relative_to(Path::new("/etc/taskhost"));
        let grants = table.grants();
        let hosts: Vec<_> = grants.dirs.iter().map(|dir| dir.host.clone()).collect();
        assert_eq!(hosts, ["/etc/taskhost/in", "/srv/out"].map(PathBuf::from));
        assert_eq!(
            grants.tcp.last().unwrap().trust,
            Trust::File("/etc/taskhost/ca.pem".into())
        );
    }

    #[test]
    fn a_mistake_is_said_in_its_own_words() {
        for (text, said) in [
            (
                "http = [\"https://a.example/path\"]",
                "a path is no part of it",
            ),
            (
                "http = [{ host = \"https://a\", method = \"GET\" }]",
                "method",
            ),
            ("dirs = [\"/spool\"]", "HOSTPATH:GUESTPATH"),
            ("dns = [\"*\"]", "is not a name"),
            ("storage = \"lots\"", "no size"),
            ("files = []", "unknown field `files`"),
        ] {
            let error = toml::from_str::<GrantTable>(text).unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
