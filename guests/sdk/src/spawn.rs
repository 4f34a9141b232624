//! Work that goes on after a call has been answered.

/// Runs `future` in the background, for as long as the instance lives. Whatever it says is lost, so it
/// logs what goes wrong.
///
/// To be called within a call, such as `init` or `start`; outside there is nobody to run it.
pub fn spawn(future: impl Future<Output = ()> + 'static) {
    #[cfg(target_family = "wasm")]
    drop(wit_bindgen::spawn_local(future));
    #[cfg(not(target_family = "wasm"))]
    crate::mock::spawn(future);
}
