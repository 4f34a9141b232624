//! Lists its tasks in another order each time, and says nothing of it.

#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "no exports"))]

use std::cell::Cell;

use taskhost_wrong_backends::{Backend, TaskDefinition, export_backend, honest};

struct Shuffles;

thread_local! {
    static TURNED: Cell<bool> = const { Cell::new(false) };
}

impl Backend for Shuffles {
    fn list_tasks() -> Vec<TaskDefinition> {
        let mut definitions = honest::definitions();
        TURNED.set(!TURNED.get());
        if TURNED.get() {
            definitions.reverse();
        }
        definitions
    }
}

export_backend!(super::Shuffles);
