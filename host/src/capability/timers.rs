//! `timers`: the host's clock, and waiting that lets others go on.

use std::time::Duration;

use wasmtime::component::{Accessor, HasSelf};

use super::Guest;
use super::bindings::host::timers;

impl timers::Host for Guest {
    fn now_ms(&mut self) -> u64 {
        self.last_now_ms = self.last_now_ms.max(self.ports.clock.now_ms());
        self.last_now_ms
    }
}

impl<T: Send> timers::HostWithStore<T> for HasSelf<Guest> {
    async fn sleep(_: &Accessor<T, Self>, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}
