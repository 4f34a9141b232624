//! `secrets`: named values that were granted, and no others.
//!
//! A secret that is granted for requests to a server alone is not handed out: the guest gets what stands
//! for it in a header, and the host puts it in ([`super::http`]).

use super::Guest;
use super::bindings::host::secrets;
use super::denials::{Denied, Kind};
use super::http::placeholder;
use crate::config::grant::Allowed;

impl secrets::Host for Guest {
    fn get(&mut self, name: String) -> Option<String> {
        let ports = &self.ports;
        if !ports.grants.secrets.contains(&name) {
            let mut servers = ports.grants.http.iter();
            if servers.any(|grant| grant.secrets.contains(&name)) {
                return Some(placeholder(&name));
            }
            if !ports.rehearsal {
                let denied = Denied {
                    kind: Kind::Secret,
                    grant: Some(Allowed::Secret(name.clone()).to_string()),
                    target: name,
                    why: None,
                };
                ports.denials.deny(&self.name, denied);
            }
            return None;
        }
        let value = ports.secrets.get(&name).cloned();
        if value.is_none() {
            tracing::warn!(component = %self.name, "secret `{name}` is granted and has no value [TH0503]");
        }
        value
    }
}
