//! Builds the components that come with taskhost, and embeds them.
//!
//! They are built by a cargo of their own, in a target directory of their own (`target/guests`), for
//! another target and with another profile than the host. Each is also left as a file in
//! `target/components`, where it can be named by its path. So are those that only tests want, and
//! they are embedded nowhere.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const TARGET: &str = "wasm32-wasip2";

/// Name it is embedded under, and its package.
const COMPONENTS: [(&str, &str); 8] = [
    ("celery", "taskhost-backend-celery"),
    ("mock", "taskhost-backend-mock"),
    ("adaptive", "taskhost-strategy-adaptive"),
    ("blocking", "taskhost-strategy-blocking"),
    ("dispatcher", "taskhost-strategy-dispatcher"),
    ("operation-resource", "taskhost-strategy-operation-resource"),
    ("polling", "taskhost-strategy-polling"),
    ("single-tool", "taskhost-strategy-single-tool"),
];

/// For tests: name of the file, and its package.
const FIXTURES: [(&str, &str); 2] = [
    ("conformance-backend", "taskhost-backend-conformance"),
    ("conformance-strategy", "taskhost-strategy-conformance"),
];

/// For tests: a package, and the examples of it that are components. A file has the name of its example.
const EXAMPLES: [(&str, &[&str]); 2] = [
    (
        "taskhost-wrong-backends",
        &[
            "another_handle",
            "bad_schema",
            "blocks",
            "forgets",
            "mixes_up",
            "never_stops",
            "not_json",
            "pending_for_ever",
            "runs_twice",
            "shuffles",
            "talks_on",
            "traps_in_init",
            "traps_on_unknown",
            "wrong_length",
            "wrong_order",
        ],
    ),
    (
        "taskhost-wrong-strategies",
        &[
            "changes_after_restart",
            "remembers",
            "shows_to_others",
            "traps_on_route",
            "two_of_one_name",
        ],
    ),
];

fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("no OUT_DIR")?);
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .ok_or("no workspace")?
        .to_owned();
    for path in [
        "guests",
        "wit",
        "Cargo.lock",
        "Cargo.toml",
        ".cargo/config.toml",
    ] {
        println!("cargo::rerun-if-changed={}", workspace.join(path).display());
    }
    // OUT_DIR is <target>/<profile>/build/<package>/out.
    let target = out
        .ancestors()
        .nth(4)
        .ok_or("OUT_DIR has another form")?
        .to_owned();
    ensure_target()?;
    let built = build(&workspace, &target.join("guests"))?;
    let files = target.join("components");
    fs::create_dir_all(&files)?;
    let mut table = String::from("const COMPONENTS: &[Embedded] = &[\n");
    for (name, package) in COMPONENTS.into_iter().chain(FIXTURES) {
        let from = built.join(format!("{}.wasm", package.replace('-', "_")));
        replace(&from, &files.join(format!("{name}.wasm")))?;
    }
    for name in EXAMPLES.iter().flat_map(|(_, names)| *names) {
        let from = built.join("examples").join(format!("{name}.wasm"));
        replace(&from, &files.join(format!("{name}.wasm")))?;
    }
    for (name, _) in COMPONENTS {
        let embedded = out.join(format!("{name}.wasm"));
        replace(&files.join(format!("{name}.wasm")), &embedded)?;
        writeln!(
            table,
            "    Embedded {{ name: {name:?}, bytes: include_bytes!({:?}) }},",
            embedded.display().to_string()
        )?;
    }
    table.push_str("];\n");
    fs::write(out.join("components.rs"), table)?;
    Ok(())
}

/// Copies to a new file: whoever still holds the old one, by a handle or by another link, keeps it whole.
fn replace(from: &Path, to: &Path) -> std::io::Result<()> {
    let new = to.with_extension("new");
    fs::copy(from, &new)?;
    fs::rename(new, to)
}

fn build(workspace: &Path, target: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(workspace)
        .args([
            "build",
            "--locked",
            "--profile",
            "guest",
            "--target",
            TARGET,
            "--target-dir",
        ])
        .arg(target);
    for (_, package) in COMPONENTS.into_iter().chain(FIXTURES) {
        cargo.args(["-p", package]);
    }
    // Examples are not built unless they are named, and then nothing else is that is not.
    cargo.arg("--lib");
    for (package, examples) in EXAMPLES {
        cargo.args(["-p", package]);
        for example in examples {
            cargo.args(["--example", example]);
        }
    }
    // What the outer cargo was told about the host's compilation does not concern the guests.
    for variable in [
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_BUILD_TARGET",
        "CARGO_TARGET_DIR",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "CLIPPY_ARGS",
    ] {
        cargo.env_remove(variable);
    }
    let output = cargo.output()?;
    if !output.status.success() {
        return Err(format!(
            "the components were not built:\n{}",
            String::from_utf8_lossy(&output.stderr)
        )
        .into());
    }
    Ok(target.join(TARGET).join("guest"))
}

/// Adds the target where rustup can; otherwise says how.
fn ensure_target() -> Result<(), Box<dyn Error>> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let printed = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()?;
    if Path::new(String::from_utf8_lossy(&printed.stdout).trim()).is_dir() {
        return Ok(());
    }
    let added = Command::new("rustup")
        .args(["target", "add", TARGET])
        .status();
    if added.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    Err(format!("the Rust target {TARGET} is missing; add it: rustup target add {TARGET}").into())
}
