//! Connects to an address that it was not granted, written as another kind of address.

use taskhost_hostile::reach::{net_connect, refused, std_connect};
use taskhost_hostile::*;

struct Deed;

impl Backend for Deed {
    async fn deed(_id: &str) -> Result<(), Error> {
        refused(&[
            net_connect("[::ffff:127.0.0.1]:6379").await,
            std_connect("[::ffff:127.0.0.1]:6379"),
            net_connect("[::ffff:a9fe:a9fe]:80").await,
            std_connect("[::ffff:a9fe:a9fe]:80"),
        ])
    }
}

hostile!(Deed);
