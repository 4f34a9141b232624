//! A thread for each component.
//!
//! Guest code that does not come back holds up the thread that it runs on, ten milliseconds at a time. On
//! threads that others use too, one component in a loop would be felt by all: a call passes a dozen
//! tasks, and each might wait for its turn behind it. So each component has a thread of its own, with a
//! small runtime, and the operating system shares the processors out as it does among programs: a loop costs
//! the others some of their share, and nothing else.
//!
//! **Cost:** a stack, and 5 to 10 µs to wake another thread with each call and each answer. The thread has
//! the component's name, so `top -H` shows who is busy.

use std::future::Future;

use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Runs `future` to its end on a thread called `name`, and gives its value.
///
/// # Cancel safety
///
/// Dropping it drops the value, not the work.
pub(super) fn alone<T: Send + 'static>(
    name: &str,
    future: impl Future<Output = T> + Send + 'static,
) -> JoinHandle<Option<T>> {
    let (done, end) = oneshot::channel();
    let thread = Builder::new_current_thread()
        .enable_all()
        .build()
        .and_then(|runtime| {
            std::thread::Builder::new()
                // The system keeps fifteen characters.
                .name(name.chars().take(15).collect())
                .spawn(move || {
                    let value = runtime.block_on(future);
                    // A name that is being resolved is not waited for.
                    runtime.shutdown_background();
                    // Whoever started it may have left.
                    _ = done.send(value);
                })
        });
    let name = name.to_owned();
    tokio::spawn(async move {
        match thread {
            Ok(thread) => {
                let value = end.await.ok();
                // It has ended, or is about to.
                if thread.join().is_err() {
                    tracing::error!(
                        component = name,
                        "its thread has panicked: a defect of the host"
                    );
                }
                value
            }
            Err(error) => {
                tracing::error!(component = name, "the system gives it no thread: {error}");
                None
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_component_that_holds_its_thread_holds_up_nobody() {
        let (release, held) = std::sync::mpsc::channel::<()>();
        // Blocks its thread, as guest code does.
        let busy = alone("busy", async move { held.recv().is_ok() });
        // This test has one thread: only if the other is elsewhere does this come to its end.
        let other = alone("other", async {
            std::thread::current().name() == Some("other")
        });
        assert_eq!(other.await.unwrap(), Some(true));
        release.send(()).unwrap();
        assert_eq!(busy.await.unwrap(), Some(true));
    }
}
