//! Who must have signed a component.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// `[trust]`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct TrustTable {
    /// Which components must say who signed them. Default: `optional`.
    pub signatures: Required,
}

/// Which components must be signed. One that says by whom is checked in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Required {
    /// None: what comes over a network is pinned by its digest, and files are the operator's own.
    #[default]
    Optional,
    /// Those that come over a network.
    Remote,
    /// All that did not come with taskhost.
    All,
}

/// `signature = { … }` of a component: a key, or an identity and who vouches for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct SignatureTable {
    /// A public key, as a PEM file. The signature is over the component's bytes, raw or in base64
    /// (`cosign sign-blob --key`, `openssl dgst -sha256 -sign`), or a sigstore bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// Who signed it, by a certificate of sigstore: an address or a URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Who vouched for that identity: the URL of an `OpenID` provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The signature or the bundle: a path, or an https URL. Default: the component's place with `.sig`,
    /// and `.sigstore.json` for an identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Whose certificates and logs count, as a `trusted_root.json`. Default: those of sigstore's public
    /// service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trusted_root: Option<PathBuf>,
}

impl SignatureTable {
    /// What has the look of a path is relative to the file that names it.
    pub(super) fn relative_to(&mut self, directory: &Path) {
        self.key = self.key.take().map(|key| directory.join(key));
        self.trusted_root = self.trusted_root.take().map(|root| directory.join(root));
        if let Some(file) = &mut self.file
            && !file.contains("://")
        {
            *file = directory.join(&*file).display().to_string();
        }
    }
}
