//! `https://…`: one file, bounded in size and in time.

use std::time::Duration;

use crate::capability::tls;
use crate::config::grant::Trust;

/// How long a server may take to be reached.
const CONNECT: Duration = Duration::from_secs(10);

/// How long it may be silent. A slow line is no error, a dead one is.
const SILENCE: Duration = Duration::from_secs(30);

/// Redirects that are followed, as browsers and registries need for a mirror or two.
const REDIRECTS: usize = 5;

/// The body behind `url`, of at most `largest` bytes.
pub(super) async fn download(url: url::Url, largest: usize) -> Result<Vec<u8>, String> {
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls::client(&Trust::System)?)
        .https_only(url.scheme() == "https")
        .redirect(reqwest::redirect::Policy::limited(REDIRECTS))
        .connect_timeout(CONNECT)
        .read_timeout(SILENCE)
        .user_agent(concat!("taskhost/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| chain(&error))?;
    let mut response = client
        .get(url)
        .send()
        .await
        .and_then(reqwest::Response::error_for_status)
        .map_err(|error| chain(&error))?;
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| chain(&error))? {
        if bytes.len() + chunk.len() > largest {
            return Err(format!("it has more than {} MiB", largest >> 20));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// An error with its causes: the outermost of reqwest's says only that it did not work.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
