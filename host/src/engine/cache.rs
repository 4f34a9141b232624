//! Compiled code on disk, so that a second start compiles nothing.
//!
//! An entry is named by the digest of the component and by everything about this engine that its
//! machine code depends on, so a stale one is never found. Loading machine code is trusting it: the
//! directory is used only if it belongs to this user and nobody else can write there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use wasmtime::component::Component;

use super::Engine;

/// A directory of compiled components.
#[derive(Clone, Debug)]
pub struct Cache {
    directory: PathBuf,
}

impl Cache {
    /// Uses `directory`, creating it for this user alone. An error says why it cannot be trusted; the
    /// host then compiles each time.
    pub fn open(directory: &Path) -> io::Result<Self> {
        use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
        let metadata = fs::metadata(directory)?;
        // Whoever owns a file just made here is this user: the standard library has no `geteuid`.
        let probe = directory.join(format!(".probe-{}", std::process::id()));
        fs::write(&probe, [])?;
        let owner = fs::metadata(&probe).map(|probe| probe.uid());
        fs::remove_file(&probe)?;
        if metadata.uid() != owner? {
            return Err(io::Error::other("it belongs to another user"));
        }
        if metadata.permissions().mode() & 0o022 != 0 {
            return Err(io::Error::other("others may write to it"));
        }
        Ok(Self {
            directory: directory.to_owned(),
        })
    }

    /// Machine code for the component with this digest, if it is here.
    pub(super) fn load(&self, engine: &Engine, digest: &str) -> Option<Component> {
        let path = self.path(engine, digest);
        if !path.exists() {
            return None;
        }
        #[expect(
            unsafe_code,
            reason = "the file was written by `store` into a directory that only this user can write to"
        )]
        // SAFETY: see the head of this file.
        let loaded = unsafe { Component::deserialize_file(engine.wasmtime(), &path) };
        match loaded {
            Ok(component) => Some(component),
            Err(error) => {
                tracing::warn!(path = %path.display(), "compiled code cannot be used and is made again: {error}");
                _ = fs::remove_file(&path);
                None
            }
        }
    }

    /// Keeps machine code. A failure costs the next start a compilation and is only logged.
    pub(super) fn store(&self, engine: &Engine, digest: &str, component: &Component) {
        let path = self.path(engine, digest);
        let partial = path.with_extension(format!("{}.partial", std::process::id()));
        let written = component
            .serialize()
            .map_err(|error| io::Error::other(error.to_string()))
            .and_then(|code| fs::write(&partial, code))
            .and_then(|()| fs::rename(&partial, &path));
        if let Err(error) = written {
            _ = fs::remove_file(&partial);
            tracing::warn!(path = %path.display(), "compiled code was not kept: {error}");
        }
    }

    fn path(&self, engine: &Engine, digest: &str) -> PathBuf {
        use std::hash::Hash as _;
        let mut hasher = KeyHasher(Sha256::new());
        engine
            .wasmtime()
            .precompile_compatibility_hash()
            .hash(&mut hasher);
        let engine = data_encoding::HEXLOWER.encode(hasher.finalize().get(..8).unwrap_or_default());
        self.directory.join(format!("{digest}-{engine}.cwasm"))
    }
}

/// Hashes what wasmtime wants hashed, with a hash that is the same in every build of this program.
struct KeyHasher(Sha256);

impl KeyHasher {
    fn finalize(&self) -> Vec<u8> {
        self.0.clone().finalize().to_vec()
    }
}

impl std::hash::Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}
