//! Hands out a text of forty megabytes, which it has.

use taskhost_hostile::*;

struct Deed;

impl Backend for Deed {
    async fn deed(id: &str) -> Result<(), Error> {
        events::output(id, &"x".repeat(40 << 20));
        Ok(())
    }
}

hostile!(Deed);
