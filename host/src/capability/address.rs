//! Which addresses a component may be connected to, once a name has become an address.
//!
//! A grant names a host, and whoever runs the DNS of that host says which address it is. So that nobody
//! can turn the name of a public service into the way to this machine, or to the credentials that a cloud
//! hands out beside it, these are refused unless the grant spells the very address out:
//!
//! ```text
//! this machine      127/8, ::1, 0/8, ::           (`localhost` spells out loopback)
//! this link         169.254/16, fe80::/10
//! metadata          169.254.169.254, fd00:ec2::254, 100.100.100.200
//! everybody         multicast, broadcast
//! the same inside   ::ffff:a.b.c.d, ::a.b.c.d, 64:ff9b::a.b.c.d, 64:ff9b:1::/48, 2002:ab:cd::/48
//! ```
//!
//! Private networks (`10/8`, `172.16/12`, `192.168/16`, `fc00::/7`) are not refused: that is where brokers live.
//! So the other addresses of this machine are not either. Pure: no clock, no resolver, no socket.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is this machine.
    Loopback,
    /// It is no address of anything.
    Unspecified,
    /// It is on this link.
    LinkLocal,
    /// It hands out credentials.
    Metadata,
    /// It is many machines.
    Multicast,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loopback => "a loopback address",
            Self::Unspecified => "an unspecified address",
            Self::LinkLocal => "a link-local address",
            Self::Metadata => "the address of a metadata service",
            Self::Multicast => "a multicast or broadcast address",
        })
    }
}

/// Whether `address` may be connected to by a grant for the host called `named`.
pub fn verdict(address: IpAddr, named: &str) -> Result<(), Refused> {
    let Some(why) = special(address) else {
        return Ok(());
    };
    let spelled_out = named
        .parse::<IpAddr>()
        .is_ok_and(|named| named.to_canonical() == address.to_canonical());
    // Loopback itself, that is, and not a form of it that some other machine would have to unpack.
    let is_localhost = named == "localhost" && address.is_loopback();
    if spelled_out || is_localhost {
        Ok(())
    } else {
        Err(why)
    }
}

/// What is special about `address`, if anything.
fn special(address: IpAddr) -> Option<Refused> {
    match address.to_canonical() {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) => special_v6(address),
    }
}

fn special_v4(address: Ipv4Addr) -> Option<Refused> {
    let [first, ..] = address.octets();
    if METADATA_V4.contains(&address) {
        Some(Refused::Metadata)
    } else if address.is_loopback() {
        Some(Refused::Loopback)
    } else if first == 0 {
        Some(Refused::Unspecified)
    } else if address.is_link_local() {
        Some(Refused::LinkLocal)
    } else if address.is_multicast() || address.is_broadcast() {
        Some(Refused::Multicast)
    } else {
        None
    }
}

fn special_v6(address: Ipv6Addr) -> Option<Refused> {
    if address == METADATA_V6 {
        Some(Refused::Metadata)
    } else if address.is_loopback() {
        Some(Refused::Loopback)
    } else if address.is_unspecified() {
        Some(Refused::Unspecified)
    } else if address.is_unicast_link_local() {
        Some(Refused::LinkLocal)
    } else if address.is_multicast() {
        Some(Refused::Multicast)
    } else {
        embedded(address).and_then(special_v4)
    }
}

/// The IPv4 address that a gateway, or an old system, would make of `address`.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Some(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        // Compatible (deprecated), NAT64, and NAT64 of one's own, whose last form is /96.
        [0, 0, 0, 0, 0, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x64, 0xff9b, 1, _, _, _, high, low]
        // 6to4.
        | [0x2002, high, low, ..] => v4(high, low),
        _ => None,
    }
}

/// Of the large clouds.
const METADATA_V4: [Ipv4Addr; 2] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(100, 100, 100, 200),
];

const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

#[cfg(test)]
mod tests {
    use super::*;

    fn of(address: &str, named: &str) -> Result<(), Refused> {
        verdict(address.parse().unwrap(), named)
    }

    #[test]
    fn a_name_does_not_lead_to_this_machine_its_link_or_its_cloud() {
        for (address, why) in [
            ("127.0.0.1", Refused::Loopback),
            ("127.255.255.254", Refused::Loopback),
            ("::1", Refused::Loopback),
            ("0.0.0.0", Refused::Unspecified),
            ("0.1.2.3", Refused::Unspecified),
            ("::", Refused::Unspecified),
            ("169.254.0.1", Refused::LinkLocal),
            ("fe80::1", Refused::LinkLocal),
            ("febf::1", Refused::LinkLocal),
            ("169.254.169.254", Refused::Metadata),
            ("100.100.100.200", Refused::Metadata),
            ("fd00:ec2::254", Refused::Metadata),
            ("224.0.0.1", Refused::Multicast),
            ("255.255.255.255", Refused::Multicast),
            ("ff02::1", Refused::Multicast),
        ] {
            assert_eq!(of(address, "service.example"), Err(why), "{address}");
            assert_eq!(of(address, address), Ok(()), "{address} spelled out");
        }
    }

    #[test]
    fn an_address_inside_an_address_is_the_same_address() {
        for address in [
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "::169.254.169.254",
            "64:ff9b::127.0.0.1",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::127.0.0.1",
            "64:ff9b:1:2:3:4:169.254.169.254",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
            "::ffff:0.0.0.0",
            "64:ff9b::224.0.0.1",
        ] {
            assert!(of(address, "service.example").is_err(), "{address}");
            // What somebody spelled out as 127.0.0.1 is no promise about a gateway.
            if !address.contains("ffff") {
                assert!(of(address, "127.0.0.1").is_err(), "{address}");
            }
        }
        assert_eq!(of("::ffff:127.0.0.1", "127.0.0.1"), Ok(()));
    }

    #[test]
    fn localhost_spells_out_loopback_and_nothing_else() {
        assert_eq!(of("127.0.0.1", "localhost"), Ok(()));
        assert_eq!(of("::1", "localhost"), Ok(()));
        assert_eq!(of("169.254.169.254", "localhost"), Err(Refused::Metadata));
        assert_eq!(of("0.0.0.0", "localhost"), Err(Refused::Unspecified));
        for name in ["localhost.example", "ip6-localhost", "127.1", "2130706433"] {
            assert_eq!(of("127.0.0.1", name), Err(Refused::Loopback), "{name}");
        }
    }

    #[test]
    fn one_spelled_out_address_is_not_another() {
        assert_eq!(of("127.0.0.2", "127.0.0.1"), Err(Refused::Loopback));
        assert_eq!(of("::1", "127.0.0.1"), Err(Refused::Loopback));
    }

    #[test]
    fn where_brokers_live_is_not_refused() {
        for address in [
            "10.0.0.5",
            "172.17.0.2",
            "192.168.1.1",
            "93.184.215.14",
            "fd12:3456::1",
            "2606:2800:21f::1",
            "64:ff9b::10.0.0.5",
        ] {
            assert_eq!(of(address, "service.example"), Ok(()), "{address}");
        }
    }
}
