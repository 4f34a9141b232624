//! `oci://…`: a component in a registry, as an artifact with one layer of Wasm.
//!
//! Layers of the media type `application/wasm` are what the Wasm working group of the CNCF writes
//! (“Wasm OCI Artifact Layout”, 2024); older tools wrote `application/vnd.wasm.content.layer.v1+wasm`.

use std::time::Duration;

use futures::StreamExt as _;
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::manifest::OciImageManifest;
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};

use super::Digest;

/// Media types of a layer that is a component.
const WASM: [&str; 2] = [
    "application/wasm",
    "application/vnd.wasm.content.layer.v1+wasm",
];

/// Media types of manifests that have layers.
const MANIFESTS: [&str; 2] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];

/// See `download`.
const CONNECT: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(30);

/// What was pulled. The manifest names the digest of the component, which has been compared.
pub(super) struct Artifact {
    pub(super) manifest: Vec<u8>,
    pub(super) component: Vec<u8>,
}

/// Pulls the artifact `image`, whose component has at most `largest` bytes. Without credentials.
pub(super) async fn pull(image: &Reference, largest: usize) -> Result<Artifact, String> {
    // The registry's client takes the process's provider of cryptography. That there is one already is fine.
    _ = rustls::crypto::ring::default_provider().install_default();
    let registry = image.resolve_registry().to_owned();
    let client = Client::new(ClientConfig {
        protocol: if is_loopback(&registry) {
            ClientProtocol::Http
        } else {
            ClientProtocol::Https
        },
        connect_timeout: Some(CONNECT),
        read_timeout: Some(SILENCE),
        user_agent: concat!("taskhost/", env!("CARGO_PKG_VERSION")),
        ..ClientConfig::default()
    });
    let (manifest, _) = client
        .pull_manifest_raw(image, &RegistryAuth::Anonymous, &MANIFESTS)
        .await
        .map_err(|error| error.to_string())?;
    let manifest = manifest.to_vec();
    let layer = layer(&manifest)?;
    let size = usize::try_from(layer.size).unwrap_or(usize::MAX);
    if size > largest {
        return Err(format!("it has more than {} MiB", largest >> 20));
    }
    let mut blob = client
        .pull_blob_stream(image, &layer)
        .await
        .map_err(|error| error.to_string())?;
    let mut component = Vec::with_capacity(size);
    while let Some(chunk) = blob.next().await {
        component.extend_from_slice(&chunk.map_err(|error| error.to_string())?);
        if component.len() > size {
            return Err(format!(
                "its layer has more than the {size} bytes of its manifest"
            ));
        }
    }
    let found = Digest::of(&component).to_string();
    if found != layer.digest {
        return Err(format!(
            "its layer is {found}, and should be {}",
            layer.digest
        ));
    }
    Ok(Artifact {
        manifest,
        component,
    })
}

/// The digest of the component that `manifest` names.
pub(super) fn layer_of(manifest: &[u8]) -> Result<Digest, String> {
    layer(manifest)?
        .digest
        .parse()
        .map_err(|error: super::NotADigest| error.to_string())
}

fn layer(manifest: &[u8]) -> Result<oci_client::manifest::OciDescriptor, String> {
    let manifest: OciImageManifest =
        serde_json::from_slice(manifest).map_err(|error| format!("its manifest: {error}"))?;
    let mut wasm = manifest
        .layers
        .into_iter()
        .filter(|layer| WASM.contains(&layer.media_type.as_str()));
    match (wasm.next(), wasm.next()) {
        (Some(layer), None) => Ok(layer),
        (None, _) => Err("it has no layer of the media type application/wasm".to_owned()),
        (Some(_), Some(_)) => Err("it has several layers of Wasm".to_owned()),
    }
}

fn is_loopback(registry: &str) -> bool {
    let host = registry.rsplit_once(':').map_or(registry, |(host, _)| host);
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}
