//! Exits, and says that all is well.

use taskhost_hostile::*;

struct Deed;

impl Backend for Deed {
    async fn deed(_id: &str) -> Result<(), Error> {
        std::process::exit(0)
    }
}

hostile!(Deed);
