//! Loops in `start`.

use taskhost_hostile::*;

struct Deed;

impl Backend for Deed {
    async fn deed(_id: &str) -> Result<(), Error> {
        spin()
    }
}

hostile!(Deed);
