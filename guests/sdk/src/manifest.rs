//! What a component asks for, inside of it.

/// Puts the project's `plugin.toml` into the component, where it can be read without running it: what
/// the component asks of the operator, and why.
///
/// `manifest!()` takes the file beside `Cargo.toml`; `manifest!("a/path")` another one, from there.
#[macro_export]
macro_rules! manifest {
    () => {
        $crate::manifest!("plugin.toml");
    };
    ($path:literal) => {
        // Nothing natively, but the file must be there.
        #[cfg(not(target_family = "wasm"))]
        const _: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $path));

        #[cfg(target_family = "wasm")]
        #[allow(
            unsafe_code,
            reason = "a section with a name that nothing else has, and bytes alone in it"
        )]
        const _: () = {
            const TEXT: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $path));

            #[used]
            #[unsafe(link_section = "taskhost:manifest")]
            static MANIFEST: [u8; TEXT.len()] =
                *include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $path));
        };
    };
}
