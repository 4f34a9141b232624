//! Panics at a configuration that it does not expect.

#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "no exports"))]

use serde_json::Value;
use taskhost_wrong_backends::{Backend, Error, export_backend};

struct TrapsInInit;

impl Backend for TrapsInInit {
    #[expect(clippy::unwrap_used, reason = "this is what is wrong with it")]
    fn init(config: &str) -> Result<(), Error> {
        let config: Value = serde_json::from_str(config).unwrap();
        let greeting = config.as_object().unwrap().get("greeting");
        greeting.map(|greeting| greeting.as_str().unwrap());
        Ok(())
    }
}

export_backend!(super::TrapsInInit);
