//! Loops in `init`.

use taskhost_hostile::*;

struct Deed;

impl Backend for Deed {
    async fn init() -> Result<(), Error> {
        spin()
    }
}

hostile!(Deed);
