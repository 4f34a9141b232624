//! Connects to addresses that it was not granted.

use taskhost_hostile::reach::{net_connect, refused, std_connect};
use taskhost_hostile::*;

struct Deed;

impl Backend for Deed {
    async fn deed(_id: &str) -> Result<(), Error> {
        refused(&[
            net_connect("127.0.0.1:6379").await,
            std_connect("127.0.0.1:6379"),
            net_connect("169.254.169.254:80").await,
            std_connect("169.254.169.254:80"),
        ])
    }
}

hostile!(Deed);
