//! Lines for the operator. Never arguments, results or secrets.

use crate::bindings::logging::{self, Level};

pub(crate) fn info(message: &str) {
    logging::log(Level::Info, message, &[]);
}

pub(crate) fn warn(message: &str) {
    logging::log(Level::Warn, message, &[]);
}
