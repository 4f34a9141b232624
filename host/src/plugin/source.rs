//! Where a component comes from.
//!
//! ```text
//! celery                                  built in
//! ./mine.wasm                             a file
//! https://host/mine.wasm#sha256:…         a download, of exactly these bytes
//! oci://host/name:tag@sha256:…            an artifact in a registry, exactly this one
//! ```
//!
//! **What comes over a network is named by its digest**, in the reference or in the lock file: whoever
//! holds the server, or stands before it, cannot put another component in its place. What was downloaded
//! is kept on a [`Shelf`] by that digest, so a second start needs no network.

mod download;
mod registry;
pub mod shelf;

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::embedded::{self, Embedded};
use crate::engine::component::digest;
use crate::error::{Code, Explain, nearest};
use shelf::Shelf;

/// What an operator calls a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference(pub String);

/// SHA-256 of some bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Digest(String);

/// A component's bytes, and how they came.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The component.
    pub bytes: Cow<'static, [u8]>,
    /// It came over a network, now or earlier.
    pub remote: bool,
}

/// Which bytes a reference without a digest means.
#[derive(Clone, Copy, Debug)]
pub enum Pin<'a> {
    /// Nothing says so: it is refused.
    Unsaid,
    /// Those with this digest, by the lock file.
    Locked(&'a Digest),
    /// Those that are there now, which are then locked.
    Whatever,
}

/// Why there is no component.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Neither a file nor the name of an embedded component.
    #[error("there is no component `{0}`")]
    Missing(String),
    /// The file cannot be read.
    #[error("cannot read {}", .path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not a way to get a component.
    #[error("components are not loaded from `{0}`")]
    Scheme(String),
    /// The reference has another form than its scheme wants.
    #[error("`{reference}` is no reference to a component: {why}")]
    Form {
        /// What was typed.
        reference: String,
        /// Why.
        why: String,
    },
    /// Nothing says which bytes are meant.
    #[error("`{reference}` comes over a network and does not say which component is meant")]
    Unpinned {
        /// What was typed.
        reference: String,
        /// The same with the digest of what is there now.
        pinned: String,
    },
    /// Other bytes are there than were meant.
    #[error(
        "`{reference}` is not the component that was meant: it is {found}, wanted was {wanted}"
    )]
    Digest {
        /// What was typed.
        reference: String,
        /// What was meant.
        wanted: Digest,
        /// What is there.
        found: Digest,
    },
    /// It cannot be had.
    #[error("cannot get `{reference}`: {why}")]
    Unavailable {
        /// What was typed.
        reference: String,
        /// Why.
        why: String,
    },
}

/// The most bytes that a component may have: several times what a Python interpreter needs.
const LARGEST: usize = 128 << 20;

enum Place {
    Embedded(&'static Embedded),
    File(PathBuf),
    Url {
        url: url::Url,
        pin: Option<Digest>,
    },
    Registry {
        image: oci_client::Reference,
        pin: Option<Digest>,
    },
}

impl Reference {
    /// Whether it came with taskhost.
    pub fn is_embedded(&self) -> bool {
        embedded::find(&self.0).is_some()
    }

    /// The file that it names, where it names one: not an embedded component, and nothing far away.
    pub fn file(&self) -> Option<PathBuf> {
        let is_elsewhere = self.is_embedded() || self.0.contains("://");
        (!is_elsewhere).then(|| PathBuf::from(&self.0))
    }

    /// The place of what lies beside it under the same name and `ending`. An artifact of a registry has
    /// nothing beside it.
    pub fn beside(&self, ending: &str) -> Option<String> {
        match self.place().ok()? {
            Place::File(path) => Some(format!("{}{ending}", path.display())),
            Place::Url { mut url, .. } => {
                let path = format!("{}{ending}", url.path());
                url.set_path(&path);
                Some(url.into())
            }
            Place::Embedded(_) | Place::Registry { .. } => None,
        }
    }

    /// The bytes of the component. What the reference itself says of them comes before `pin`.
    ///
    /// A name means an embedded component, whatever files lie about; `./name` means the file. A download is
    /// asked for only where the shelf has nothing; it is given up when its server cannot be reached for ten
    /// seconds, or is silent for thirty, and nothing of it is kept then.
    pub async fn read(
        &self,
        downloads: Option<&Shelf>,
        pin: Pin<'_>,
    ) -> Result<Fetched, SourceError> {
        match self.place()? {
            Place::Embedded(embedded) => Ok(Fetched {
                bytes: Cow::Borrowed(embedded.bytes),
                remote: false,
            }),
            Place::File(path) => self.on_disk(path),
            Place::Url { url, pin: own } => {
                let wanted = own.as_ref().or(pin.digest());
                if let Some(bytes) = wanted.and_then(|wanted| downloads?.get(wanted)) {
                    return Ok(remote(bytes));
                }
                let bytes = download::download(url, LARGEST)
                    .await
                    .map_err(|why| self.unavailable(why))?;
                let found = Digest::of(&bytes);
                match wanted {
                    Some(wanted) if *wanted != found => Err(self.other(wanted, found)),
                    None if !matches!(pin, Pin::Whatever) => Err(SourceError::Unpinned {
                        reference: self.0.clone(),
                        pinned: format!("{}#{found}", self.0),
                    }),
                    _ => Ok(remote(kept(downloads, bytes))),
                }
            }
            Place::Registry { image, pin: own } => {
                self.in_registry(&image, own.as_ref(), downloads, pin).await
            }
        }
    }

    fn on_disk(&self, path: PathBuf) -> Result<Fetched, SourceError> {
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Fetched {
                bytes: Cow::Owned(bytes),
                remote: false,
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(SourceError::Missing(self.0.clone()))
            }
            Err(source) => Err(SourceError::Unreadable { path, source }),
        }
    }

    /// In a reference, the digest is that of the artifact's manifest; in a lock file, that of the component.
    async fn in_registry(
        &self,
        image: &oci_client::Reference,
        own: Option<&Digest>,
        downloads: Option<&Shelf>,
        pin: Pin<'_>,
    ) -> Result<Fetched, SourceError> {
        let known = match own {
            Some(manifest) => downloads
                .and_then(|shelf| shelf.get(manifest))
                .and_then(|manifest| registry::layer_of(&manifest).ok()),
            None => pin.digest().cloned(),
        };
        if let Some(bytes) = known.and_then(|layer| downloads?.get(&layer)) {
            return Ok(remote(bytes));
        }
        let artifact = registry::pull(image, LARGEST)
            .await
            .map_err(|why| self.unavailable(why))?;
        let found = Digest::of(&artifact.manifest);
        match (own, pin) {
            (Some(wanted), _) if *wanted != found => return Err(self.other(wanted, found)),
            (Some(_), _) | (None, Pin::Whatever) => {}
            (None, Pin::Locked(wanted)) => {
                let found = Digest::of(&artifact.component);
                if *wanted != found {
                    return Err(self.other(wanted, found));
                }
            }
            (None, Pin::Unsaid) => {
                return Err(SourceError::Unpinned {
                    reference: self.0.clone(),
                    pinned: format!("{}@{found}", self.0),
                });
            }
        }
        kept(downloads, artifact.manifest);
        Ok(remote(kept(downloads, artifact.component)))
    }

    fn place(&self) -> Result<Place, SourceError> {
        if let Some(embedded) = embedded::find(&self.0) {
            return Ok(Place::Embedded(embedded));
        }
        let Some((scheme, rest)) = self.0.split_once("://") else {
            return Ok(Place::File(PathBuf::from(&self.0)));
        };
        let form = |why: String| SourceError::Form {
            reference: self.0.clone(),
            why,
        };
        match scheme {
            "https" | "http" => {
                let mut url = url::Url::parse(&self.0).map_err(|error| form(error.to_string()))?;
                let pin = url
                    .fragment()
                    .map(str::parse)
                    .transpose()
                    .map_err(|error: NotADigest| form(error.to_string()))?;
                url.set_fragment(None);
                if scheme == "http" && !is_loopback(&url) {
                    return Err(form("use https, or the loopback address".to_owned()));
                }
                Ok(Place::Url { url, pin })
            }
            "oci" => {
                let image: oci_client::Reference = rest
                    .parse()
                    .map_err(|error: oci_client::ParseError| form(error.to_string()))?;
                let pin = image
                    .digest()
                    .map(str::parse)
                    .transpose()
                    .map_err(|error: NotADigest| form(error.to_string()))?;
                Ok(Place::Registry { image, pin })
            }
            _ => Err(SourceError::Scheme(self.0.clone())),
        }
    }

    fn unavailable(&self, why: String) -> SourceError {
        SourceError::Unavailable {
            reference: self.0.clone(),
            why,
        }
    }

    fn other(&self, wanted: &Digest, found: Digest) -> SourceError {
        SourceError::Digest {
            reference: self.0.clone(),
            wanted: wanted.clone(),
            found,
        }
    }
}

/// What lies beside a component: a file, or behind an https URL, of at most `largest` bytes.
pub async fn read_beside(place: &str, largest: usize) -> Result<Vec<u8>, String> {
    match Reference(place.to_owned()).place() {
        Ok(Place::Url { url, .. }) => download::download(url, largest).await,
        Ok(Place::File(path)) => {
            let size = std::fs::metadata(&path)
                .map_err(|error| error.to_string())?
                .len();
            if size > largest as u64 {
                return Err(format!("it has {size} bytes, {largest} at most"));
            }
            std::fs::read(&path).map_err(|error| error.to_string())
        }
        Ok(_) => Err("it is neither a file nor an https URL".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

impl<'a> Pin<'a> {
    fn digest(self) -> Option<&'a Digest> {
        match self {
            Self::Locked(digest) => Some(digest),
            Self::Unsaid | Self::Whatever => None,
        }
    }
}

fn is_loopback(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn remote(bytes: Vec<u8>) -> Fetched {
    Fetched {
        bytes: Cow::Owned(bytes),
        remote: true,
    }
}

/// Puts `bytes` on the shelf, where there is one: without it they are fetched again next time.
fn kept(downloads: Option<&Shelf>, bytes: Vec<u8>) -> Vec<u8> {
    if let Some(shelf) = downloads {
        shelf.put(&bytes);
    }
    bytes
}

impl Digest {
    /// That of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(digest(bytes))
    }

    /// 64 lower-case hexadecimal digits.
    pub fn hex(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.0)
    }
}

/// The text is not `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not sha256: and 64 hexadecimal digits")]
pub struct NotADigest(String);

impl FromStr for Digest {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, NotADigest> {
        let hex = text
            .strip_prefix("sha256:")
            .map(str::to_ascii_lowercase)
            .filter(|hex| hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
        hex.map(Self).ok_or_else(|| NotADigest(text.to_owned()))
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl Explain for SourceError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Missing(_) => 201,
            Self::Unreadable { .. } => 202,
            Self::Scheme(_) => 203,
            Self::Form { .. } => 204,
            Self::Unpinned { .. } => 205,
            Self::Digest { .. } => 206,
            Self::Unavailable { .. } => 207,
        })
    }

    fn help(&self) -> Vec<String> {
        match self {
            Self::Missing(name) => {
                let names = embedded::all().iter().map(|embedded| embedded.name);
                let mut help = Vec::new();
                if let Some(near) = nearest(name, names.clone()) {
                    help.push(format!("did you mean `{near}`?"));
                }
                let names: Vec<_> = names.collect();
                help.push(format!(
                    "name a file (./component.wasm) or one that is built in: {}",
                    names.join(", ")
                ));
                help
            }
            Self::Unreadable { path, .. } => vec![format!("look at it: ls -l {}", path.display())],
            Self::Scheme(_) | Self::Form { .. } => vec![
                "for example: ./mine.wasm".to_owned(),
                "or https://example.com/mine.wasm#sha256:DIGEST".to_owned(),
                "or oci://registry.example/mine:1.0@sha256:DIGEST".to_owned(),
            ],
            Self::Unpinned { pinned, .. } => vec![
                format!("if you trust what is there now, name exactly that: {pinned}"),
                "or write it into the lock file: taskhost lock --config taskhost.toml".to_owned(),
            ],
            Self::Digest { .. } => vec![
                "nothing of it was run; ask its author which digest is right".to_owned(),
                "if it is a new version that you want, change the digest in the reference, or run: \
                 taskhost lock"
                    .to_owned(),
            ],
            Self::Unavailable { .. } => {
                vec!["try again, or download the component yourself and name the file".to_owned()]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_missing_component_names_the_one_that_was_meant() {
        let error = Reference("celry".into())
            .read(None, Pin::Unsaid)
            .await
            .unwrap_err();
        assert!(error.help().iter().any(|help| help.contains("`celery`")));
    }

    #[test]
    fn only_the_loopback_address_is_trusted_without_tls() {
        let place = |text: &str| Reference(text.into()).place();
        assert!(matches!(
            place("http://example.com/a.wasm"),
            Err(SourceError::Form { .. })
        ));
        assert!(place("http://127.0.0.1:1/a.wasm").is_ok());
        assert!(matches!(
            place("ftp://example.com/a.wasm"),
            Err(SourceError::Scheme(_))
        ));
    }

    #[test]
    fn a_digest_is_sha256_and_64_digits() {
        let digest = Digest::of(b"x").to_string();
        assert_eq!(digest.parse(), Ok(Digest::of(b"x")));
        for wrong in ["sha256:12", "md5:12", &digest[7..]] {
            wrong.parse::<Digest>().unwrap_err();
        }
    }
}
