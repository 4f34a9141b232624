//! Looking names up, for WASI 0.2 and 0.3.
//!
//! Wasmtime's own lookup is all or nothing, so these are linked in its place.

use std::net::IpAddr;
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
use wasmtime_wasi::sockets::WasiSocketsView as _;

use super::NoAddress;
use crate::capability::Guest;

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
