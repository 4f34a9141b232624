//! Opens connections to where it may, and never closes them.

use taskhost_hostile::*;

struct Deed;

impl Backend for Deed {
    async fn deed(_id: &str) -> Result<(), Error> {
        loop {
            let port = port().await?;
            std::mem::forget(net::connect(format!("127.0.0.1:{port}"), false).await?);
        }
    }

    async fn start(request: StartRequest) -> Result<Handle, Error> {
        storage::set("port".into(), Some(request.arguments.clone().into_bytes())).await?;
        Self::deed(&request.id).await?;
        Ok(request.id)
    }
}

/// The digits among the arguments of the task.
async fn port() -> Result<String, Error> {
    let arguments = storage::get("port".into()).await?.unwrap_or_default();
    let digits = arguments.into_iter().filter(u8::is_ascii_digit);
    Ok(digits.map(char::from).collect())
}

hostile!(Deed);
