//! The only reader of the process environment.

use std::path::PathBuf;

/// The value of `name`, if it is set and is text.
pub fn variable(name: &str) -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the reader that everybody else asks"
    )]
    std::env::var(name).ok()
}

/// Where tasks are kept unless the operator says otherwise: `TASKHOST_DATA_DIR`, or the directory that
/// the system has for such things.
pub fn data_dir() -> PathBuf {
    if let Some(directory) = variable("TASKHOST_DATA_DIR") {
        return directory.into();
    }
    match directories::ProjectDirs::from("", "", "taskhost") {
        Some(system) => system
            .state_dir()
            .unwrap_or(system.data_local_dir())
            .to_owned(),
        None => PathBuf::from("taskhost-data"),
    }
}

/// Where compiled components are kept: `TASKHOST_CACHE_DIR`, or the directory that the system has for
/// such things.
pub fn cache_dir() -> Option<PathBuf> {
    if let Some(directory) = variable("TASKHOST_CACHE_DIR") {
        return Some(directory.into());
    }
    directories::ProjectDirs::from("", "", "taskhost")
        .map(|system| system.cache_dir().join("components"))
}

/// Where the tools are kept that components are built with: `TASKHOST_TOOLS`, or a folder beside the compiled
/// components, since either can be had again.
pub fn tools_dir() -> Option<PathBuf> {
    if let Some(directory) = variable("TASKHOST_TOOLS") {
        return Some(directory.into());
    }
    directories::ProjectDirs::from("", "", "taskhost")
        .map(|system| system.cache_dir().join("tools"))
}

/// The user's home.
pub fn home_dir() -> Option<PathBuf> {
    directories::BaseDirs::new().map(|system| system.home_dir().to_owned())
}

/// Where other applications keep their configuration.
pub fn config_dir() -> Option<PathBuf> {
    directories::BaseDirs::new().map(|system| system.config_dir().to_owned())
}
