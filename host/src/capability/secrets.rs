//! `secrets`: named values that were granted, and no others.

use super::Guest;
use super::bindings::host::secrets;

impl secrets::Host for Guest {
    fn get(&mut self, name: String) -> Option<String> {
        if !self.ports.grants.secrets.contains(&name) {
            tracing::warn!(
                component = %self.name,
                "secret `{name}` is not granted [TH0502]: add --allow {}:secret={name}",
                self.name
            );
            return None;
        }
        let value = self.ports.secrets.get(&name).cloned();
        if value.is_none() {
            tracing::warn!(component = %self.name, "secret `{name}` is granted and has no value [TH0503]");
        }
        value
    }
}
