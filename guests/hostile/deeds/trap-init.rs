//! Traps in `init`.

use taskhost_hostile::*;

struct Deed;

impl Backend for Deed {
    async fn init() -> Result<(), Error> {
        panic!("in init")
    }
}

hostile!(Deed);
