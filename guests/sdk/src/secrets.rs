//! Named values that the operator granted.
//!
//! One that is granted for requests to one server only (`http` with `secrets` in `plugin.toml`) never
//! comes into the component: its value here is its [`placeholder`], which the host replaces in headers
//! of requests to that server.

use crate::Error;
use crate::host::secrets;

/// The value, where it is granted and set. Not to be logged.
pub fn get(name: &str) -> Option<String> {
    secrets::get(name)
}

/// The value, or an error that says what is missing.
pub fn need(name: &str) -> Result<String, Error> {
    get(name).ok_or_else(|| {
        Error::Denied(format!(
            "the secret `{name}` is not granted to this component, or not set"
        ))
    })
}

/// What to write into a header of a request, where the host will put the value:
/// `${secret.NAME}`.
///
/// ```
/// use taskhost_sdk::secrets::placeholder;
///
/// assert_eq!(format!("Bearer {}", placeholder("TOKEN")), "Bearer ${secret.TOKEN}");
/// ```
pub fn placeholder(name: &str) -> String {
    format!("${{secret.{name}}}")
}
