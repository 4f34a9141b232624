//! Traps while others wait.

use taskhost_hostile::*;

struct Deed;

impl Backend for Deed {
    async fn deed(_id: &str) -> Result<(), Error> {
        panic!("while others wait")
    }
}

hostile!(Deed);
