//! Asks twice for a name that it was granted, and that leads elsewhere than its owner meant; connects to what
//! it was at either time, and by the name.

use taskhost_hostile::reach::{net_connect, refused, std_connect};
use taskhost_hostile::*;

struct Deed;

impl Backend for Deed {
    async fn deed(_id: &str) -> Result<(), Error> {
        let mut said = Vec::new();
        for _ in 0..2 {
            let found = std::net::ToSocketAddrs::to_socket_addrs(&("127.1", 6379));
            match found {
                Ok(addresses) => {
                    for address in addresses {
                        said.push(std_connect(&address.to_string()));
                    }
                }
                Err(error) => said.push(Err(error.to_string())),
            }
            said.push(net_connect("127.1:6379").await);
        }
        refused(&said)
    }
}

hostile!(Deed);
