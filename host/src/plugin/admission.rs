//! Which bytes are let in as a component: those that were meant, signed as they must be, as they were locked.

use std::borrow::Cow;

use super::embedded;
use super::flows;
use super::lock::{LockError, LockFile, Locked};
use super::manifest::Manifest;
use super::signature::{self, SignatureError};
use super::source::shelf::Shelf;
use super::source::{Digest, Pin, Reference, SourceError};
use crate::config::signature::Required;
use crate::config::{ComponentConfig, Config, env};
use crate::engine::component::Kind;
use crate::error::{Code, Explain};

/// What decides which bytes are let in.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Where downloads are kept. `None`: nowhere.
    pub shelf: Option<Shelf>,
    /// The lock file, where there is one.
    pub lock: Option<LockFile>,
    /// What it is for.
    pub locking: Locking,
    /// Which components must be signed.
    pub signatures: Required,
}

/// What a lock file is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Locking {
    /// It says which bytes a reference means that has no digest.
    #[default]
    Pins,
    /// Nothing is let in but what it has.
    Binds,
    /// It is being written: what there is now is what is meant.
    Writes,
}

/// The bytes of a component, as they were let in.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// The file.
    pub bytes: Cow<'static, [u8]>,
    /// Its digest.
    pub digest: Digest,
    /// It came with taskhost.
    pub first_party: bool,
    /// Who signed it, where that was checked.
    pub signer: Option<String>,
}

/// Why a component is not let in. Nothing of it has run.
#[derive(Debug, thiserror::Error)]
pub enum AdmissionError {
    /// There is none, or another one than was meant.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// It is not signed as it should be.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// It is not what was locked.
    #[error(transparent)]
    Lock(#[from] LockError),
}

impl Sources {
    /// What `config` says, with the lock file as it is now.
    pub fn of(config: &Config) -> Result<Self, LockError> {
        Ok(Self {
            shelf: env::downloads_dir().map(|directory| Shelf::new(&directory)),
            lock: LockFile::read(&config.lock)?,
            locking: if config.locked {
                Locking::Binds
            } else {
                Locking::Pins
            },
            signatures: config.trust.signatures,
        })
    }

    /// The bytes that `config` names, with their signature checked. Called at each start, at each attempt to
    /// reload, and by `check`, `inspect` and `lock`. It reads the whole file and computes its digest. What
    /// differs from the lock file is found later, by [`Sources::locked`].
    pub async fn admit(&self, config: &ComponentConfig) -> Result<Admitted, AdmissionError> {
        let reference = Reference(config.reference.clone());
        let fetched = reference
            .read(self.shelf.as_ref(), self.pin(config))
            .await?;
        let digest = Digest::of(&fetched.bytes);
        // An engine that came with taskhost is signed by nobody: the table is about what it runs.
        let is_about_other = reference.is_embedded() && flows::are_named(config);
        let table = config.signature.as_ref().filter(|_| !is_about_other);
        let signer =
            signature::check(&config.name, &reference, &fetched, table, self.signatures).await?;
        Ok(Admitted {
            first_party: embedded::is_first_party(digest.hex()),
            bytes: fetched.bytes,
            digest,
            signer,
        })
    }

    /// What a lock file has to say of a component, if that is what it says. Called when the manifest has been
    /// read, since the wishes in it are part of what is locked; by then the component is compiled, and nothing
    /// of it has run.
    pub fn locked(
        &self,
        config: &ComponentConfig,
        kind: Kind,
        admitted: &Admitted,
        manifest: Option<&Manifest>,
    ) -> Result<Locked, LockError> {
        let asks = manifest.map_or_else(Vec::new, |manifest| {
            let asks = manifest.asks.iter();
            asks.map(|ask| ask.what.to_string()).collect()
        });
        let locked = Locked {
            reference: config.reference.clone(),
            digest: admitted.digest.clone(),
            size: admitted.bytes.len() as u64,
            kind,
            signer: admitted.signer.clone(),
            asks,
        };
        if self.locking == Locking::Binds && !admitted.first_party {
            let nothing = LockFile::default();
            let lock = self.lock.as_ref().unwrap_or(&nothing);
            lock.check(&config.name, &locked)?;
        }
        Ok(locked)
    }

    fn pin(&self, config: &ComponentConfig) -> Pin<'_> {
        let locked = self.lock.as_ref();
        match locked.and_then(|lock| lock.pin(&config.name, &config.reference)) {
            _ if self.locking == Locking::Writes => Pin::Whatever,
            Some(digest) => Pin::Locked(digest),
            None => Pin::Unsaid,
        }
    }
}

impl Explain for AdmissionError {
    fn code(&self) -> Code {
        match self {
            Self::Source(error) => error.code(),
            Self::Signature(error) => error.code(),
            Self::Lock(error) => error.code(),
        }
    }

    fn help(&self) -> Vec<String> {
        match self {
            Self::Source(error) => error.help(),
            Self::Signature(error) => error.help(),
            Self::Lock(error) => error.help(),
        }
    }
}
