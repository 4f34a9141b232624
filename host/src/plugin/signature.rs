//! Who signed a component, checked in this process before anything is made of its bytes.
//!
//! Two ways: a **public key** that the operator has, with a plain signature or a sigstore bundle; or an
//! **identity**, with a sigstore bundle whose certificate, log entry and times are checked against a trusted
//! root. Nothing is asked of a network but the signature itself, where it lies beside a download.

use std::fs;
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use sigstore_verify::crypto::VerificationKey;
use sigstore_verify::trust_root::{SIGSTORE_PRODUCTION_TRUSTED_ROOT, TrustedRoot};
use sigstore_verify::types::{Bundle, DerPublicKey, SignatureBytes};
use sigstore_verify::{PublicKeyVerificationPolicy, VerificationPolicy, verify};

use super::source::{self, Fetched, Reference};
use crate::config::signature::{Required, SignatureTable};
use crate::error::{Code, Explain};

/// Why a component is not believed to be who it says it is from.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// It must be signed, and nothing says by whom.
    #[error("`{name}` must be signed, and its table does not say by whom")]
    Unsaid {
        /// The component.
        name: String,
    },
    /// The table asks for nothing that can be checked.
    #[error("`signature` of `{name}` names neither a key nor an identity with its issuer")]
    Table {
        /// The component.
        name: String,
    },
    /// The signature, the key or the root cannot be had.
    #[error("the {what} of `{name}` cannot be read: {why}")]
    Unreadable {
        /// The component.
        name: String,
        /// Which of them.
        what: &'static str,
        /// Why.
        why: String,
    },
    /// It was not signed, or not by them.
    #[error("`{name}` was not signed by {signer}: {why}")]
    Wrong {
        /// The component.
        name: String,
        /// Who should have signed it.
        signer: String,
        /// Why.
        why: String,
    },
}

/// The largest signature or bundle: a bundle has a few certificates and log entries, some KiB each.
const LARGEST: usize = 1 << 20;

/// Checks what the operator wants checked. The signer, where there is one.
pub async fn check(
    name: &str,
    reference: &Reference,
    fetched: &Fetched,
    table: Option<&SignatureTable>,
    required: Required,
) -> Result<Option<String>, SignatureError> {
    let Some(table) = table else {
        let own = reference.is_embedded();
        let wanted = match required {
            Required::Optional => false,
            Required::Remote => fetched.remote,
            Required::All => !own,
        };
        return if wanted {
            Err(SignatureError::Unsaid {
                name: name.to_owned(),
            })
        } else {
            Ok(None)
        };
    };
    let claim = Claim::of(name, table)?;
    let signature = claim.signature(name, reference, table).await?;
    let signer = claim.signer();
    claim
        .verify(name, table, &fetched.bytes, &signature)?
        .map_err(|why| SignatureError::Wrong {
            name: name.to_owned(),
            signer: signer.clone(),
            why,
        })?;
    Ok(Some(signer))
}

/// What a table asks for.
enum Claim<'a> {
    Key(&'a Path),
    Identity { identity: &'a str, issuer: &'a str },
}

impl<'a> Claim<'a> {
    fn of(name: &str, table: &'a SignatureTable) -> Result<Self, SignatureError> {
        match (&table.key, &table.identity, &table.issuer) {
            (Some(key), None, None) => Ok(Self::Key(key)),
            (None, Some(identity), Some(issuer)) => Ok(Self::Identity { identity, issuer }),
            _ => Err(SignatureError::Table {
                name: name.to_owned(),
            }),
        }
    }

    fn signer(&self) -> String {
        match self {
            Self::Key(key) => format!("the key {}", key.display()),
            Self::Identity { identity, issuer } => format!("{identity} (by {issuer})"),
        }
    }

    /// The signature or the bundle.
    async fn signature(
        &self,
        name: &str,
        reference: &Reference,
        table: &SignatureTable,
    ) -> Result<Vec<u8>, SignatureError> {
        let unreadable = |why: String| SignatureError::Unreadable {
            name: name.to_owned(),
            what: "signature",
            why,
        };
        let ending = match self {
            Self::Key(_) => ".sig",
            Self::Identity { .. } => ".sigstore.json",
        };
        let place = match &table.file {
            Some(file) => file.clone(),
            None => reference
                .beside(ending)
                .ok_or_else(|| unreadable("say where it is: file = \"…\"".to_owned()))?,
        };
        source::read_beside(&place, LARGEST)
            .await
            .map_err(|why| unreadable(format!("{place}: {why}")))
    }

    /// The inner result is the verdict.
    fn verify(
        &self,
        name: &str,
        table: &SignatureTable,
        bytes: &[u8],
        signature: &[u8],
    ) -> Result<Result<(), String>, SignatureError> {
        let read = |what, path: &PathBuf| {
            fs::read_to_string(path).map_err(|error| SignatureError::Unreadable {
                name: name.to_owned(),
                what,
                why: format!("{}: {error}", path.display()),
            })
        };
        let root = match &table.trusted_root {
            Some(path) => read("trusted root", path)?,
            None => SIGSTORE_PRODUCTION_TRUSTED_ROOT.to_owned(),
        };
        Ok(match self {
            Self::Key(key) => {
                let pem = read("key", &key.to_path_buf())?;
                by_key(&pem, &root, bytes, signature)
            }
            Self::Identity { identity, issuer } => by_bundle(
                signature,
                &root,
                bytes,
                &VerificationPolicy::new(*identity, *issuer),
            ),
        })
    }
}

/// A plain signature, or a bundle that was made with the key.
fn by_key(pem: &str, root: &str, bytes: &[u8], signature: &[u8]) -> Result<(), String> {
    let key = DerPublicKey::from_pem(pem).map_err(|error| format!("the key: {error}"))?;
    if signature.trim_ascii_start().starts_with(b"{") {
        return by_bundle(
            signature,
            root,
            bytes,
            &PublicKeyVerificationPolicy::new(key),
        );
    }
    let key = VerificationKey::from_spki(&key).map_err(|error| format!("the key: {error}"))?;
    // Base64 is what cosign writes, raw bytes are what openssl writes. No raw signature is base64 throughout.
    let raw = BASE64
        .decode(signature.trim_ascii())
        .unwrap_or_else(|_| signature.to_vec());
    key.verify(bytes, &SignatureBytes::new(raw))
        .map_err(|error| error.to_string())
}

fn by_bundle(
    bundle: &[u8],
    root: &str,
    bytes: &[u8],
    policy: &impl sigstore_verify::Policy,
) -> Result<(), String> {
    let text = std::str::from_utf8(bundle).map_err(|error| format!("the bundle: {error}"))?;
    let bundle = Bundle::from_json(text).map_err(|error| format!("the bundle: {error}"))?;
    let root =
        TrustedRoot::from_json(root).map_err(|error| format!("the trusted root: {error}"))?;
    verify(bytes, &bundle, policy, &root)
        .map(drop)
        .map_err(|error| error.to_string())
}

impl Explain for SignatureError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Unsaid { .. } => 220,
            Self::Table { .. } => 221,
            Self::Unreadable { .. } => 222,
            Self::Wrong { .. } => 223,
        })
    }

    fn help(&self) -> Vec<String> {
        match self {
            Self::Unsaid { .. } | Self::Table { .. } => vec![
                "for example: signature = { key = \"release.pub\" }".to_owned(),
                "or: signature = { identity = \"release@example.com\", issuer = \
                 \"https://accounts.example.com\" }"
                    .to_owned(),
            ],
            Self::Unreadable { .. } => vec![
                "say where the signature is: signature = { …, file = \"./mine.wasm.sig\" }"
                    .to_owned(),
            ],
            Self::Wrong { .. } => vec![
                "nothing of it was run; get the component and its signature from its author again"
                    .to_owned(),
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use sigstore_verify::crypto::KeyPair;

    use super::*;

    /// A component, its signature by a fresh key, and a table that wants that key.
    fn signed(directory: &Path) -> (Reference, Fetched, SignatureTable) {
        let keys = KeyPair::generate_ecdsa_p256().unwrap();
        let component = directory.join("mine.wasm");
        let signature = keys.sign(b"component").unwrap();
        let key = directory.join("release.pub");
        fs::write(&key, keys.public_key_der().unwrap().to_pem()).unwrap();
        fs::write(
            directory.join("mine.wasm.sig"),
            BASE64.encode(signature.as_bytes()),
        )
        .unwrap();
        let fetched = Fetched {
            bytes: b"component".to_vec().into(),
            remote: false,
        };
        let table = SignatureTable {
            key: Some(key),
            ..SignatureTable::default()
        };
        (Reference(component.display().to_string()), fetched, table)
    }

    #[tokio::test]
    async fn what_the_key_signed_is_believed_and_one_changed_byte_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let (reference, mut fetched, table) = signed(directory.path());
        let signer = check("mine", &reference, &fetched, Some(&table), Required::All).await;
        assert!(signer.unwrap().unwrap().contains("release.pub"));
        fetched.bytes = b"Component".to_vec().into();
        let error = check("mine", &reference, &fetched, Some(&table), Required::All)
            .await
            .unwrap_err();
        assert_eq!(error.code(), Code(223));
    }

    #[tokio::test]
    async fn another_key_signed_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let (reference, fetched, table) = signed(directory.path());
        let other = KeyPair::generate_ecdsa_p256().unwrap();
        let pem = other.public_key_der().unwrap().to_pem();
        fs::write(table.key.as_ref().unwrap(), pem).unwrap();
        let error = check("mine", &reference, &fetched, Some(&table), Required::All)
            .await
            .unwrap_err();
        assert_eq!(error.code(), Code(223));
    }

    #[tokio::test]
    async fn where_signatures_are_required_silence_is_refused() {
        let reference = Reference("./mine.wasm".into());
        let fetched = |remote| Fetched {
            bytes: b"component".to_vec().into(),
            remote,
        };
        let check = async |remote, required| {
            check("mine", &reference, &fetched(remote), None, required)
                .await
                .map_err(|error| error.code())
        };
        assert_eq!(check(true, Required::Optional).await, Ok(None));
        assert_eq!(check(false, Required::Remote).await, Ok(None));
        assert_eq!(check(true, Required::Remote).await, Err(Code(220)));
        assert_eq!(check(false, Required::All).await, Err(Code(220)));
    }

    /// A bundle that sigstore's public service made, its artifact, and who signed it.
    #[tokio::test]
    async fn a_bundle_of_sigstore_is_believed_for_its_identity_and_no_other() {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/sigstore");
        let reference = Reference(fixtures.join("artifact.txt").display().to_string());
        let fetched = Fetched {
            bytes: fs::read(&reference.0).unwrap().into(),
            remote: false,
        };
        let table = |identity: &str| SignatureTable {
            identity: Some(identity.to_owned()),
            issuer: Some(ISSUER.to_owned()),
            file: Some(fixtures.join("bundle.sigstore.json").display().to_string()),
            ..SignatureTable::default()
        };
        let check = async |identity| {
            let table = table(identity);
            check("mine", &reference, &fetched, Some(&table), Required::All)
                .await
                .map_err(|error| error.code())
        };
        assert!(check(IDENTITY).await.unwrap().is_some());
        assert_eq!(check("mallory@example.com").await, Err(Code(223)));
    }

    /// Whose the bundle is, as its certificate says.
    const IDENTITY: &str = "w.vollprecht@gmail.com";
    const ISSUER: &str = "https://github.com/login/oauth";
}
