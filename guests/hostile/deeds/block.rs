//! Blocks in a wait of its language's own.

use taskhost_hostile::*;

struct Deed;

impl Backend for Deed {
    async fn deed(_id: &str) -> Result<(), Error> {
        std::thread::sleep(std::time::Duration::from_secs(3600));
        Ok(())
    }
}

hostile!(Deed);
