//! Ways to break a component, for tests of the host. Offered with `faults = true` only.
//!
//! What happens in `start` happens before anything is stored, so it happens again each time the
//! host tries the same id.

use std::time::Duration;

use taskhost_sdk::{spawn, time};

use crate::script::{Script, When};

/// Breaks the instance, where the script says so. Otherwise returns at once.
pub(crate) fn strike(script: &Script) {
    match script {
        Script::Trap {
            when: When::Start, ..
        } => trap(),
        Script::Spin {} => loop {
            std::hint::spin_loop();
        },
        Script::Hog { mib } => hog(*mib),
        _ => {}
    }
}

/// Breaks the instance some time after `start` has returned, where the script says so.
///
/// To be called once for a task. The next instance knows it already, and sees it to its end.
pub(crate) fn strike_later(script: &Script) {
    if let Script::Trap {
        when: When::Later,
        after_ms,
    } = *script
    {
        spawn(async move {
            time::sleep(Duration::from_millis(after_ms)).await;
            trap();
        });
    }
}

#[expect(clippy::panic, reason = "a panic is what the caller asked for")]
fn trap() {
    panic!("told to trap");
}

/// Takes memory until it has `mib` mebibytes or the host refuses. Gives it back, if it gets there.
fn hog(mib: u64) {
    let mut taken = Vec::new();
    for _ in 0..mib {
        // Ones and not zeros: fresh memory is zero already, and would not be touched.
        taken.push(std::hint::black_box(vec![1_u8; 1024 * 1024]));
    }
}
