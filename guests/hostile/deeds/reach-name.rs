//! Connects to a name that it was not granted.

use taskhost_hostile::reach::{net_connect, refused, std_connect};
use taskhost_hostile::*;

struct Deed;

impl Backend for Deed {
    async fn deed(_id: &str) -> Result<(), Error> {
        refused(&[
            net_connect("localhost:6379").await,
            std_connect("localhost:6379"),
        ])
    }
}

hostile!(Deed);
