//! Waits for what never comes, and lets the host run.

use taskhost_hostile::*;

struct Deed;

impl Backend for Deed {
    async fn deed(_id: &str) -> Result<(), Error> {
        std::future::pending().await
    }
}

hostile!(Deed);
