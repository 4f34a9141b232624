//! `wasi:sockets` behind grants: TCP to granted endpoints, and the names of them.
//!
//! A guest that uses its language's own sockets looks a name up and then connects to an address, in two
//! calls that know nothing of each other. So the host remembers which addresses it gave for which granted
//! name, and lets through only
//!
//! * an address that a grant spells out, with its port;
//! * an address that this instance was given for a granted name, with the port of that grant.
//!
//! Listening is refused, and UDP has no sockets here at all. Wasmtime's own name lookup is all or nothing,
//! so the one that is linked is ours, for WASI 0.2 ([`Lookup`] is its stream) and 0.3.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::vec;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use wasmtime::component::{Accessor, HasData, Linker, Resource};
use wasmtime_wasi::p2;
use wasmtime_wasi::p2::bindings::sockets::ip_name_lookup as p2_lookup;
use wasmtime_wasi::p2::bindings::sockets::network as p2_network;
use wasmtime_wasi::p3::bindings::sockets::ip_name_lookup as p3_lookup;
use wasmtime_wasi::p3::bindings::sockets::types as p3_types;
use wasmtime_wasi::runtime::AbortOnDropJoinHandle;
use wasmtime_wasi::sockets::{SocketAddrUse, WasiSocketsView as _};

use super::denials::{Denials, Denied, Kind};
use super::dial::{self, CONNECT, NotResolved};
use super::{Guest, Ports};
use crate::config::authority::host_in;
use crate::config::grant::{Allowed, Authority, Grants};

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
            *port == to.port() && (dial::is_spelled(host, to.ip()) || self.was_given(to.ip(), host))
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

/// Puts our name lookup in the place of wasmtime's.
pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    p2_lookup::add_to_linker::<_, Names>(linker, |guest| guest)?;
    p3_lookup::add_to_linker::<_, Names>(linker, |guest| guest)?;
    linker.allow_shadowing(false);
    Ok(())
}

/// The guest, to those who look up names.
struct Names;

impl HasData for Names {
    type Data<'a> = &'a mut Guest;
}

impl p3_lookup::Host for Guest {}

impl<T> p3_lookup::HostWithStore<T> for Names {
    async fn resolve_addresses(
        host: &Accessor<T, Self>,
        name: String,
    ) -> wasmtime::Result<Result<Vec<p3_types::IpAddress>, p3_lookup::ErrorCode>> {
        let sockets = host.with(|mut access| access.get().sockets.clone());
        Ok(match sockets.look_up(&name).await {
            Ok(addresses) => Ok(addresses.into_iter().map(Into::into).collect()),
            Err(NoAddress::Denied) => Err(p3_lookup::ErrorCode::AccessDenied),
            Err(NoAddress::Malformed) => Err(p3_lookup::ErrorCode::InvalidArgument),
            Err(NoAddress::Unknown) => Err(p3_lookup::ErrorCode::NameUnresolvable),
            Err(NoAddress::TimedOut) => Err(p3_lookup::ErrorCode::TemporaryResolverFailure),
        })
    }
}

/// A lookup on its way: what stands behind `resolve-address-stream` of WASI 0.2.
///
/// Wasmtime's own type for that resource cannot be made by others. Resources are numbers of one table, so
/// ours goes under its name: only the functions below ever look at it.
enum Lookup {
    Running(AbortOnDropJoinHandle<Result<Vec<IpAddr>, NoAddress>>),
    Over(Result<vec::IntoIter<IpAddr>, NoAddress>),
}

impl p2::Pollable for Lookup {
    fn ready<'a, 'b>(&'a mut self) -> BoxFuture<'b, ()>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(async move {
            if let Self::Running(running) = self {
                *self = Self::Over(running.await.map(Vec::into_iter));
            }
        })
    }
}

fn ours(theirs: &Resource<p2_lookup::ResolveAddressStream>) -> Resource<Lookup> {
    Resource::new_borrow(theirs.rep())
}

fn code(error: NoAddress) -> p2_network::ErrorCode {
    match error {
        NoAddress::Denied => p2_network::ErrorCode::AccessDenied,
        NoAddress::Malformed => p2_network::ErrorCode::InvalidArgument,
        NoAddress::Unknown => p2_network::ErrorCode::NameUnresolvable,
        NoAddress::TimedOut => p2_network::ErrorCode::TemporaryResolverFailure,
    }
}

impl p2_lookup::Host for Guest {
    fn resolve_addresses(
        &mut self,
        _network: Resource<p2::Network>,
        name: String,
    ) -> Result<Resource<p2_lookup::ResolveAddressStream>, p2::SocketError> {
        let sockets = self.sockets.clone();
        let running = wasmtime_wasi::runtime::spawn(async move { sockets.look_up(&name).await });
        let lookup = self.table.push(Lookup::Running(running))?;
        Ok(Resource::new_own(lookup.rep()))
    }
}

impl p2_lookup::HostResolveAddressStream for Guest {
    fn resolve_next_address(
        &mut self,
        stream: Resource<p2_lookup::ResolveAddressStream>,
    ) -> Result<Option<p2_network::IpAddress>, p2::SocketError> {
        let lookup = self.table.get_mut(&ours(&stream))?;
        if let Lookup::Running(running) = lookup {
            match running.now_or_never() {
                Some(result) => *lookup = Lookup::Over(result.map(Vec::into_iter)),
                None => return Err(p2_network::ErrorCode::WouldBlock.into()),
            }
        }
        match lookup {
            Lookup::Over(Ok(addresses)) => Ok(addresses.next().map(Into::into)),
            Lookup::Over(Err(error)) => Err(code(*error).into()),
            Lookup::Running(_) => Err(p2_network::ErrorCode::WouldBlock.into()),
        }
    }

    fn subscribe(
        &mut self,
        stream: Resource<p2_lookup::ResolveAddressStream>,
    ) -> wasmtime::Result<Resource<p2::DynPollable>> {
        p2::subscribe(&mut self.table, ours(&stream))
    }

    fn drop(&mut self, stream: Resource<p2_lookup::ResolveAddressStream>) -> wasmtime::Result<()> {
        self.table
            .delete(Resource::<Lookup>::new_own(stream.rep()))?;
        Ok(())
    }
}

/// Errors of the lookup are made of errors of the network.
impl p2_network::Host for Guest {
    fn convert_error_code(
        &mut self,
        error: p2::SocketError,
    ) -> wasmtime::Result<p2_network::ErrorCode> {
        self.sockets().convert_error_code(error)
    }

    fn network_error_code(
        &mut self,
        error: Resource<p2::IoError>,
    ) -> wasmtime::Result<Option<p2_network::ErrorCode>> {
        self.sockets().network_error_code(error)
    }
}

impl p2_network::HostNetwork for Guest {
    fn drop(&mut self, network: Resource<p2::Network>) -> wasmtime::Result<()> {
        p2_network::HostNetwork::drop(&mut self.sockets(), network)
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
