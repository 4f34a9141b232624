//! `wasi:sockets` behind grants: TCP to granted endpoints, and the names of them.
//!
//! A guest that uses its language's own sockets looks a name up and then connects to an address, in two
//! calls that know nothing of each other. So the host remembers which addresses it gave for which granted
//! name, and lets through only
//!
//! * an address that a grant spells out, with its port;
//! * an address that this instance was given for a granted name, with the port of that grant.
//!
//! Listening is refused, and UDP has no sockets here at all.

mod lookup;

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use wasmtime_wasi::sockets::SocketAddrUse;

use super::Ports;
use super::address;
use super::denials::{Denials, Denied, Kind};
use super::dial::{self, CONNECT, NotResolved};
use crate::config::authority::host_in;
use crate::config::grant::{Allowed, Authority, Grants};
pub(crate) use lookup::link;

/// What one instance may do with sockets.
pub(super) struct Sockets {
    component: Arc<str>,
    grants: Arc<Grants>,
    denials: Arc<Denials>,
    rehearsal: bool,
    /// Addresses that were given for granted names, oldest first.
    given: Mutex<VecDeque<(IpAddr, String)>>,
}

/// Addresses remembered: a resolver that gives a new one each time must not fill memory.
const GIVEN: usize = 256;

/// Why a name has no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoAddress {
    Denied,
    Malformed,
    Unknown,
    TimedOut,
}

impl Sockets {
    pub(super) fn new(component: Arc<str>, ports: &Ports) -> Self {
        Self {
            component,
            grants: ports.grants.clone(),
            denials: ports.denials.clone(),
            rehearsal: ports.rehearsal,
            given: Mutex::default(),
        }
    }

    /// Whether a socket may be used so.
    pub(super) fn may(&self, address: SocketAddr, usage: SocketAddrUse) -> bool {
        if self.rehearsal {
            return false;
        }
        match usage {
            // Before each connection the system takes a port for its own end.
            SocketAddrUse::TcpBind => address.ip().is_unspecified() && address.port() == 0,
            SocketAddrUse::TcpConnect => self.may_connect(address),
            SocketAddrUse::TcpListen | SocketAddrUse::TcpAccept => {
                self.denials.deny(
                    &self.component,
                    Denied {
                        kind: Kind::Listen,
                        target: address.to_string(),
                        why: None,
                        grant: None,
                    },
                );
                false
            }
            SocketAddrUse::UdpBind | SocketAddrUse::UdpSend | SocketAddrUse::UdpReceive => false,
        }
    }

    fn may_connect(&self, to: SocketAddr) -> bool {
        let granted = self.grants.tcp.iter().any(|endpoint| {
            let Authority { host, port } = &endpoint.authority;
            // A lookup does not know the port: what was given because another grant spells it out is
            // not for this one.
            let by_name =
                || self.was_given(to.ip(), host) && address::verdict(to.ip(), host).is_ok();
            *port == to.port() && (dial::is_spelled(host, to.ip()) || by_name())
        });
        if !granted {
            let authority = Authority {
                host: to.ip().to_canonical().to_string(),
                port: to.port(),
            };
            self.denials.deny(
                &self.component,
                Denied {
                    kind: Kind::Tcp,
                    target: authority.to_string(),
                    why: None,
                    grant: Some(Allowed::Tcp(authority).to_string()),
                },
            );
        }
        granted
    }

    fn was_given(&self, ip: IpAddr, host: &str) -> bool {
        let given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        given
            .iter()
            .any(|(address, name)| *address == ip && name == host)
    }

    fn give(&self, addresses: &[IpAddr], host: &str) {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        for ip in addresses {
            given.retain(|(address, name)| address != ip || name != host);
            given.push_back((*ip, host.to_owned()));
        }
        let excess = given.len().saturating_sub(GIVEN);
        given.drain(..excess);
    }

    /// The addresses of a name that may be looked up.
    async fn look_up(&self, name: &str) -> Result<Vec<IpAddr>, NoAddress> {
        if let Ok(ip) = name.parse() {
            // It is one. Whether it may be connected to is asked when it is.
            return Ok(vec![ip]);
        }
        if self.rehearsal {
            return Err(NoAddress::Denied);
        }
        let host = host_in(name).ok_or(NoAddress::Malformed)?;
        if !self.grants.name(&host) {
            self.denials.deny(
                &self.component,
                Denied {
                    kind: Kind::Dns,
                    target: host.clone(),
                    why: None,
                    grant: Some(Allowed::Dns(host).to_string()),
                },
            );
            return Err(NoAddress::Denied);
        }
        let spelled_out = |ip| {
            let mut endpoints = self.grants.tcp.iter();
            endpoints.any(|endpoint| dial::is_spelled(&endpoint.authority.host, ip))
        };
        let resolved = tokio::time::timeout(CONNECT, dial::resolve(&host, spelled_out))
            .await
            .map_err(|_| NoAddress::TimedOut)?;
        match resolved {
            Ok(addresses) => {
                let addresses: Vec<_> = addresses.iter().map(IpAddr::to_canonical).collect();
                self.give(&addresses, &host);
                Ok(addresses)
            }
            Err(NotResolved::Unknown(_)) => Err(NoAddress::Unknown),
            Err(NotResolved::Refused(ip, why)) => {
                let port = self.port_of(&host).unwrap_or_default();
                let denied = dial::misled(Kind::Dns, host, SocketAddr::new(ip, port), why);
                self.denials.deny(&self.component, denied);
                Err(NoAddress::Denied)
            }
        }
    }

    fn port_of(&self, host: &str) -> Option<u16> {
        let mut endpoints = self.grants.tcp.iter();
        let endpoint = endpoints.find(|endpoint| endpoint.authority.host == host)?;
        Some(endpoint.authority.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sockets(words: &[&str]) -> Sockets {
        let mut grants = Grants::default();
        for word in words {
            grants.add(word.parse().unwrap());
        }
        Sockets {
            component: "mine".into(),
            grants: Arc::new(grants),
            denials: Arc::default(),
            rehearsal: false,
            given: Mutex::default(),
        }
    }

    fn connects(sockets: &Sockets, to: &str) -> bool {
        sockets.may(to.parse().unwrap(), SocketAddrUse::TcpConnect)
    }

    #[tokio::test]
    async fn an_address_is_reached_by_the_name_that_led_to_it() {
        let sockets = sockets(&["tcp=localhost:6379"]);
        assert!(!connects(&sockets, "127.0.0.1:6379"));
        let addresses = sockets.look_up("LocalHost").await.unwrap();
        let given = SocketAddr::new(*addresses.first().unwrap(), 6379).to_string();
        assert!(connects(&sockets, &given));
        assert!(!connects(&sockets, &given.replace("6379", "6380")));
        assert!(!connects(&sockets, "10.0.0.5:6379"));
    }

    #[tokio::test]
    async fn a_name_that_may_only_be_looked_up_leads_nowhere() {
        let sockets = sockets(&["dns=localhost", "tcp=other:6379"]);
        let addresses = sockets.look_up("localhost").await.unwrap();
        let given = SocketAddr::new(*addresses.first().unwrap(), 6379).to_string();
        assert!(!connects(&sockets, &given));
    }

    #[test]
    fn an_address_that_is_spelled_out_for_one_port_is_not_for_another() {
        let sockets = sockets(&["tcp=127.0.0.1:6379", "tcp=service.example:80"]);
        sockets.give(&["127.0.0.1".parse().unwrap()], "service.example");
        assert!(connects(&sockets, "127.0.0.1:6379"));
        assert!(!connects(&sockets, "127.0.0.1:80"));
    }

    #[test]
    fn a_spelled_out_address_is_reached_with_its_port() {
        let sockets = sockets(&["tcp=127.0.0.1:6379", "tcp=[::1]:6379"]);
        assert!(connects(&sockets, "127.0.0.1:6379"));
        assert!(connects(&sockets, "[::ffff:127.0.0.1]:6379"));
        assert!(connects(&sockets, "[::1]:6379"));
        assert!(!connects(&sockets, "127.0.0.1:80"));
        assert!(!connects(&sockets, "127.0.0.2:6379"));
        let denied = sockets.denials.snapshot();
        assert_eq!(denied.len(), 2);
        assert!(
            denied
                .iter()
                .any(|denial| denial.grant.as_deref() == Some("tcp=127.0.0.1:80"))
        );
    }

    #[tokio::test]
    async fn a_name_that_is_not_granted_is_not_looked_up_and_is_counted() {
        let sockets = sockets(&["tcp=redis:6379"]);
        assert_eq!(
            sockets.look_up("metadata.google.internal").await,
            Err(NoAddress::Denied)
        );
        assert_eq!(sockets.look_up("a b").await, Err(NoAddress::Malformed));
        let denied = sockets.denials.snapshot();
        assert_eq!(
            denied.first().unwrap().grant.as_deref(),
            Some("dns=metadata.google.internal")
        );
    }

    #[test]
    fn nobody_listens_and_nobody_picks_a_port() {
        let sockets = sockets(&["tcp=127.0.0.1:80"]);
        let may = |address: &str, usage| sockets.may(address.parse().unwrap(), usage);
        assert!(may("0.0.0.0:0", SocketAddrUse::TcpBind));
        assert!(!may("127.0.0.1:80", SocketAddrUse::TcpBind));
        assert!(!may("0.0.0.0:80", SocketAddrUse::TcpBind));
        assert!(!may("127.0.0.1:80", SocketAddrUse::TcpListen));
        assert!(!may("127.0.0.1:80", SocketAddrUse::UdpSend));
    }

    #[test]
    fn a_rehearsal_reaches_nothing_and_is_not_counted() {
        let sockets = Sockets {
            rehearsal: true,
            ..sockets(&["tcp=127.0.0.1:80"])
        };
        assert!(!connects(&sockets, "127.0.0.1:80"));
        assert_eq!(sockets.denials.snapshot(), []);
    }

    #[test]
    fn a_resolver_that_never_repeats_itself_fills_no_memory() {
        let sockets = sockets(&["tcp=redis:6379"]);
        for n in 0..10_000_u32 {
            sockets.give(&[IpAddr::V4(n.into())], "redis");
        }
        assert_eq!(sockets.given.lock().unwrap().len(), GIVEN);
        assert!(sockets.was_given(IpAddr::V4(9_999.into()), "redis"));
    }
}
