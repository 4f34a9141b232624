//! TLS to granted endpoints: which certificates are believed, and which protocols are offered.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::dial::NotConnected;
use crate::config::grant::Trust;

/// Opens TLS on `stream`, to a peer that can show that it is `host`, and offers it these protocols by ALPN; none:
/// the peer does not hear of ALPN.
pub(super) async fn connect(
    trust: &Trust,
    host: &str,
    protocols: &[String],
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, NotConnected> {
    let mut config = client(trust).map_err(NotConnected::Untrusted)?;
    config.alpn_protocols = protocols.iter().map(|name| name.clone().into()).collect();
    let name = ServerName::try_from(host.to_owned())
        .map_err(|error| NotConnected::Untrusted(error.to_string()))?;
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .map_err(
            |error| match error.get_ref().and_then(|error| error.downcast_ref()) {
                Some(rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol)) => {
                    NotConnected::Untrusted(format!("it takes none of {}", protocols.join(", ")))
                }
                _ => NotConnected::Untrusted(error.to_string()),
            },
        )
}

/// What both sides have agreed on by ALPN.
pub(super) fn protocol(stream: &TlsStream<TcpStream>) -> Option<String> {
    let (_, session) = stream.get_ref();
    let name = session.alpn_protocol()?;
    Some(String::from_utf8_lossy(name).into_owned())
}

/// The client side of TLS as `trust` says. The text of an error is for the operator.
pub fn client(trust: &Trust) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(match trust {
        Trust::System => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                return Err(
                    "this system has no trusted certificates; name a CA file in the grant"
                        .to_owned(),
                );
            }
            builder.with_root_certificates(roots).with_no_client_auth()
        }
        Trust::File(path) => builder
            .with_root_certificates(roots_of(path)?)
            .with_no_client_auth(),
        Trust::Anything => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Unverified(provider)))
            .with_no_client_auth(),
    })
}

fn roots_of(path: &Path) -> Result<RootCertStore, String> {
    let unreadable = |error: &dyn std::fmt::Display| {
        format!("cannot read certificates from {}: {error}", path.display())
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unreadable(&error))? {
        let certificate = certificate.map_err(|error| unreadable(&error))?;
        roots.add(certificate).map_err(|error| unreadable(&error))?;
    }
    if roots.is_empty() {
        return Err(unreadable(&"there is no certificate in it"));
    }
    Ok(roots)
}

/// Believes every certificate, and still checks that the peer holds its key.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
