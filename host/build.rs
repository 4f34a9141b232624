//! Builds the components that come with taskhost, and embeds them.
//!
//! They are built by a cargo of their own, in a target directory of their own (`target/guests`), for
//! another target and with another profile than the host. Each is also left as a file in
//! `target/components`, where it can be named by its path. So are those that only tests want, and
//! they are embedded nowhere; those of them that misbehave are many and small, and built with less care
//! ([`HOSTILE`]).

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const TARGET: &str = "wasm32-wasip2";

/// Name it is embedded under, and its package.
const COMPONENTS: [(&str, &str); 12] = [
    ("celery", "taskhost-backend-celery"),
    ("durable", "taskhost-backend-durable"),
    ("durabletask", "taskhost-backend-durabletask"),
    ("flows", "taskhost-flows"),
    ("mock", "taskhost-backend-mock"),
    ("restate", "taskhost-backend-restate"),
    ("adaptive", "taskhost-strategy-adaptive"),
    ("blocking", "taskhost-strategy-blocking"),
    ("dispatcher", "taskhost-strategy-dispatcher"),
    ("operation-resource", "taskhost-strategy-operation-resource"),
    ("polling", "taskhost-strategy-polling"),
    ("single-tool", "taskhost-strategy-single-tool"),
];

/// For tests: name of the file, and its package.
const FIXTURES: [(&str, &str); 5] = [
    ("conformance-backend", "taskhost-backend-conformance"),
    ("conformance-strategy", "taskhost-strategy-conformance"),
    ("fixture-flows", FLOWS),
    ("options", "taskhost-fixture-options"),
    ("prober", "taskhost-fixture-prober"),
];

/// For tests: orchestrations, which are also built with each of these features, as `fixture-flows-FEATURE`.
const FLOWS: &str = "taskhost-fixture-flows";
const FLOWS_FEATURES: [&str; 2] = ["changed", "versioned"];

/// For tests: components that misbehave, each an example of one package, left as `hostile-NAME`.
const HOSTILE: &str = "taskhost-hostile";

/// One more of them, that its linker makes what it is.
const HOSTILE_TABLE: &str = "taskhost-hostile-table";

/// For tests: components that are wrong in one thing each, the examples of two packages, left as
/// `wrong-NAME`. The folder, and the package.
const WRONG: [(&str, &str); 2] = [
    ("guests/wrong/backends/wrongs", "taskhost-wrong-backends"),
    (
        "guests/wrong/strategies/wrongs",
        "taskhost-wrong-strategies",
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
    let guests = target.join("guests");
    let files = target.join("components");
    fs::create_dir_all(&files)?;
    // Before the others: each build leaves its file in the same place.
    for feature in FLOWS_FEATURES {
        let wanted = ["-p", FLOWS, "--features", feature];
        let built = build(&workspace, &guests, "guest", wanted)?;
        let from = built.join(format!("{}.wasm", FLOWS.replace('-', "_")));
        replace(&from, &files.join(format!("fixture-flows-{feature}.wasm")))?;
    }
    let packages: Vec<_> = COMPONENTS.into_iter().chain(FIXTURES).collect();
    let wanted = packages.iter().flat_map(|(_, package)| ["-p", package]);
    let built = build(&workspace, &guests, "guest", wanted)?;
    let hostile = build(
        &workspace,
        &guests,
        "hostile",
        [
            "--lib",
            "--examples",
            "-p",
            HOSTILE,
            "-p",
            HOSTILE_TABLE,
            "-p",
            WRONG[0].1,
            "-p",
            WRONG[1].1,
            "--features",
            "taskhost-hostile/deeds,taskhost-wrong-backends/wrongs,taskhost-wrong-strategies/wrongs",
        ],
    )?;
    let mut table = String::from("const COMPONENTS: &[Embedded] = &[\n");
    for (name, package) in packages {
        let from = built.join(format!("{}.wasm", package.replace('-', "_")));
        replace(&from, &files.join(format!("{name}.wasm")))?;
    }
    let wrong = WRONG.map(|(folder, _)| (folder, "wrong"));
    for (folder, prefix) in [("guests/hostile/deeds", "hostile")]
        .into_iter()
        .chain(wrong)
    {
        for source in fs::read_dir(workspace.join(folder))? {
            let source = source?.path();
            let name = source.file_stem().unwrap_or_default().to_string_lossy();
            let from = hostile.join(format!("examples/{}.wasm", name.replace('-', "_")));
            replace(&from, &files.join(format!("{prefix}-{name}.wasm")))?;
        }
    }
    replace(
        &hostile.join(format!("{}.wasm", HOSTILE_TABLE.replace('-', "_"))),
        &files.join("hostile-table.wasm"),
    )?;
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

fn build<'a>(
    workspace: &Path,
    target: &Path,
    profile: &str,
    wanted: impl IntoIterator<Item = &'a str>,
) -> Result<PathBuf, Box<dyn Error>> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(workspace)
        .args([
            "build",
            "--locked",
            "--profile",
            profile,
            "--target",
            TARGET,
            "--target-dir",
        ])
        .arg(target)
        .args(wanted);
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
    Ok(target.join(TARGET).join(profile))
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
