//! From a granted name to a connection: resolved once, checked, and connected to exactly that address.
//!
//! ```text
//! name ─resolve─▶ addresses ─address::verdict─▶ those that may be connected to ─▶ one stream
//! ```
//!
//! There is no second look at the DNS between the check and the connection, so a name that changes its mind
//! changes nothing. Every way out goes by here, or by the same check ([`super::sockets`]).

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;

use super::address::{self, Refused};
use super::denials::{Denied, Kind};
use crate::config::grant::{Allowed, Authority};

/// How long finding and connecting may take, TLS included: past any honest network, short of what makes a
/// client give up.
pub(super) const CONNECT: Duration = Duration::from_secs(10);

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum NotConnected {
    /// The name leads where it must not.
    Refused(SocketAddr, Refused),
    /// There is no such name.
    Unknown(String),
    /// Whoever answers is not to be believed.
    Untrusted(String),
    /// Nobody answers there.
    Unreachable(String),
    /// It took too long.
    TimedOut,
}

impl std::fmt::Display for NotConnected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(address, why) => write!(f, "it leads to {address}, {why}"),
            Self::Unknown(why) => write!(f, "the name is not found: {why}"),
            Self::Untrusted(why) => write!(f, "TLS: {why}"),
            Self::Unreachable(why) => f.write_str(why),
            Self::TimedOut => write!(f, "no answer within {} s", CONNECT.as_secs()),
        }
    }
}

/// Connects to a granted authority, within `limit`. `spelled_out` says of an address whether some grant
/// names it itself.
pub(super) async fn dial(
    to: &Authority,
    limit: Duration,
    spelled_out: impl Fn(SocketAddr) -> bool,
) -> Result<TcpStream, NotConnected> {
    let dialing = async {
        let addresses = resolve(&to.host, |ip| spelled_out(SocketAddr::new(ip, to.port)))
            .await
            .map_err(|error| match error {
                NotResolved::Refused(ip, why) => {
                    NotConnected::Refused(SocketAddr::new(ip, to.port), why)
                }
                NotResolved::Unknown(why) => NotConnected::Unknown(why),
            })?;
        let mut last = String::new();
        for ip in addresses {
            match TcpStream::connect(SocketAddr::new(ip, to.port)).await {
                Ok(stream) => {
                    // Commands are small and each waits for its answer.
                    _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Err(error) => last = error.to_string(),
            }
        }
        Err(NotConnected::Unreachable(last))
    };
    tokio::time::timeout(limit, dialing)
        .await
        .unwrap_or(Err(NotConnected::TimedOut))
}

/// Why there is no address.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotResolved {
    /// All of them are refused; this is one.
    Refused(IpAddr, Refused),
    /// There is none.
    Unknown(String),
}

/// The addresses of `host` that may be connected to by a grant for it, in the resolver's order.
pub(super) async fn resolve(
    host: &str,
    spelled_out: impl Fn(IpAddr) -> bool,
) -> Result<Vec<IpAddr>, NotResolved> {
    // An IPv6 address with a zone (`fe80::1%eth0`) is for the resolver to read.
    let found = tokio::net::lookup_host((host, 0))
        .await
        .map_err(|error| NotResolved::Unknown(error.to_string()))?;
    admitted(host, found.map(|address| address.ip()), spelled_out)
}

/// Those of `found` that the name `host` may lead to.
fn admitted(
    host: &str,
    found: impl Iterator<Item = IpAddr>,
    spelled_out: impl Fn(IpAddr) -> bool,
) -> Result<Vec<IpAddr>, NotResolved> {
    let mut admitted = Vec::new();
    let mut refused = None;
    for ip in found {
        match address::verdict(ip, host) {
            Err(why) if !spelled_out(ip) => refused = refused.or(Some((ip, why))),
            Ok(()) | Err(_) => admitted.push(ip),
        }
    }
    match (admitted.is_empty(), refused) {
        (false, _) => Ok(admitted),
        (true, Some((ip, why))) => Err(NotResolved::Refused(ip, why)),
        (true, None) => Err(NotResolved::Unknown("it has no address".to_owned())),
    }
}

/// What is denied where the name of `kind`'s target leads to an address that is refused.
pub(super) fn misled(kind: Kind, target: String, address: SocketAddr, why: Refused) -> Denied {
    let authority = Authority {
        host: address.ip().to_canonical().to_string(),
        port: address.port(),
    };
    Denied {
        kind,
        target,
        why: Some(format!("it leads to {}, {why}", address.ip())),
        // Without a port there is nothing to be granted.
        grant: (authority.port != 0).then(|| Allowed::Tcp(authority).to_string()),
    }
}

/// Whether `host` spells out the address `ip`.
pub(super) fn is_spelled(host: &str, ip: IpAddr) -> bool {
    host.parse::<IpAddr>()
        .is_ok_and(|named| named.to_canonical() == ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ips(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn of_several_addresses_only_those_are_used_that_may_be() {
        let found = ips(&["127.0.0.1", "10.0.0.5", "169.254.169.254"]);
        let admitted = admitted("db.example", found.into_iter(), |_| false);
        assert_eq!(admitted, Ok(ips(&["10.0.0.5"])));
    }

    #[test]
    fn a_name_that_leads_nowhere_good_says_where() {
        let found = ips(&["169.254.169.254"]);
        assert_eq!(
            admitted("db.example", found.into_iter(), |_| false),
            Err(NotResolved::Refused(
                "169.254.169.254".parse().unwrap(),
                Refused::Metadata
            ))
        );
    }

    #[test]
    fn a_grant_for_the_address_itself_admits_it_under_any_name() {
        let found = ips(&["127.0.1.1"]);
        let spelled_out = |ip| is_spelled("127.0.1.1", ip);
        assert_eq!(
            admitted("myself", found.clone().into_iter(), spelled_out),
            Ok(found)
        );
    }

    #[tokio::test]
    async fn a_number_in_disguise_is_a_name_that_leads_to_loopback() {
        let result = resolve("127.1", |_| false).await;
        assert!(
            matches!(
                result,
                Err(NotResolved::Refused(..) | NotResolved::Unknown(_))
            ),
            "{result:?}"
        );
    }

    #[tokio::test]
    async fn a_spelled_out_address_is_reached() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        for host in ["127.0.0.1", "localhost"] {
            let to = Authority {
                host: host.to_owned(),
                port,
            };
            dial(&to, CONNECT, |_| false).await.unwrap();
        }
    }
}
