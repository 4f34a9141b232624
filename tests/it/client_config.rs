//! `taskhost client-config`: clients are told of this host, and nothing else of theirs changes.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use taskhost_tests::{Client, Finished, setup, taskhost_at_home};
use tempfile::TempDir;

const CLIENTS: [&str; 5] = [
    "claude-code",
    "claude-desktop",
    "vscode",
    "cursor",
    "gemini",
];
const URL: &str = "http://127.0.0.1:7420/mcp";
const MOCK: [&str; 5] = ["--", "--backend", "mock", "--strategy", "polling"];

#[test]
fn printing_touches_nothing_and_says_where_it_belongs() {
    for client in CLIENTS {
        let home = Home::new();
        let printed = home.client_config(&[client], &MOCK);
        let (key, _) = home.file_of(client);
        let entry = &printed.json()[key]["taskhost"];
        assert_eq!(entry["command"], binary(), "{client}: {printed:?}");
        assert!(
            printed.stderr.contains(&home.path_of(client)),
            "where: {printed:?}"
        );
        assert!(printed.stderr.contains("note: "), "{printed:?}");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0, "{client}");
    }
}

#[test]
fn an_address_is_written_in_the_form_of_each_client() {
    for (client, member) in [
        ("claude-code", "url"),
        ("vscode", "url"),
        ("cursor", "url"),
        ("gemini", "httpUrl"),
    ] {
        let home = Home::new();
        home.client_config(&[client, "--install", "--http", URL], &[]);
        let (key, file) = home.file_of(client);
        assert_eq!(read(&file)[key]["taskhost"][member], URL, "{client}");
    }
}

#[test]
fn what_is_installed_can_be_started_and_answers() {
    let home = Home::new();
    let data = home.path().join("data");
    let args = [&MOCK[..], &["--data-dir", data.to_str().unwrap()]].concat();
    home.client_config(&["cursor", "--install"], &args);
    let (key, file) = home.file_of("cursor");
    let entry = read(&file)[key]["taskhost"].clone();
    let args = entry["args"].as_array().unwrap();
    let mut host = Command::new(entry["command"].as_str().unwrap())
        .args(args.iter().map(|arg| arg.as_str().unwrap()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (stdin, stdout) = (host.stdin.take().unwrap(), host.stdout.take().unwrap());
    let client = Client::stdio(stdin, stdout);
    client.initialize().unwrap();
    client.tool("count_start");
    client.hang_up();
    assert!(host.wait().unwrap().success());
}

#[test]
fn installing_keeps_everything_else_and_a_copy() {
    for client in CLIENTS {
        let home = Home::new();
        let (key, file) = home.file_of(client);
        let before = format!(
            "{{\n    \"theme\": \"dark\",\n    \"{key}\": {{\n        \"other\": {{\"command\": \"x\", \"big\": 12345678901234567890123}}\n    }}\n}}\n"
        );
        write(&file, &before);
        let installed = home.client_config(&[client, "--install"], &MOCK);
        assert_eq!(installed.stdout, "", "stdout is for data");
        assert!(
            installed.stderr.contains("+ \"taskhost\": {"),
            "{installed:?}"
        );
        let after = fs::read_to_string(&file).unwrap();
        let other = "        \"other\": {\"command\": \"x\", \"big\": 12345678901234567890123}";
        assert!(after.contains(other), "{client}: {after}");
        assert!(
            after.starts_with("{\n    \"theme\": \"dark\",\n"),
            "{after}"
        );
        assert_eq!(read(&file)[key]["taskhost"]["command"], binary());
        assert_eq!(fs::read_to_string(copy(&file)).unwrap(), before);
    }
}

#[test]
fn a_new_file_is_for_the_user_alone_and_an_old_one_keeps_its_permissions() {
    let home = Home::new();
    let (_, file) = home.file_of("gemini");
    home.client_config(&["gemini", "--install"], &MOCK);
    assert_eq!(mode(&file), 0o600);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    home.client_config(&["gemini", "--install", "--name", "second"], &MOCK);
    assert_eq!(mode(&file), 0o640);
    assert_eq!(mode(&copy(&file)), 0o640, "a copy is no leak");
}

#[test]
fn a_link_stays_a_link() {
    let home = Home::new();
    let (key, file) = home.file_of("cursor");
    let real = home.path().join("dotfiles.json");
    write(&real, "{}");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    symlink(&real, &file).unwrap();
    home.client_config(&["cursor", "--install"], &MOCK);
    assert!(file.symlink_metadata().unwrap().is_symlink());
    assert_eq!(read(&real)[key]["taskhost"]["command"], binary());
}

#[test]
fn installing_twice_changes_nothing_the_second_time() {
    let home = Home::new();
    let (_, file) = home.file_of("vscode");
    home.client_config(&["vscode", "--install"], &MOCK);
    let written = file.metadata().unwrap().modified().unwrap();
    let again = home.client_config(&["vscode", "--install"], &MOCK);
    assert!(again.stderr.contains("nothing was changed"), "{again:?}");
    assert_eq!(file.metadata().unwrap().modified().unwrap(), written);
    assert!(!copy(&file).exists());
}

#[test]
fn installing_anew_shows_what_it_replaces() {
    let home = Home::new();
    home.client_config(&["cursor", "--install", "--http", URL], &[]);
    let again = home.client_config(&["cursor", "--install"], &MOCK);
    assert!(
        again.stderr.contains(&format!("-   \"url\": \"{URL}\"")),
        "{again:?}"
    );
    assert!(again.stderr.contains("+   \"command\": "), "{again:?}");
}

#[test]
fn uninstalling_takes_back_what_was_installed_and_nothing_else() {
    let home = Home::new();
    let (_, file) = home.file_of("cursor");
    let before = "{\n  \"mcpServers\": {\n    \"other\": {}\n  }\n}\n";
    write(&file, before);
    home.client_config(&["cursor", "--install"], &MOCK);
    let gone = home.client_config(&["cursor", "--uninstall"], &[]);
    assert!(gone.stderr.contains("- \"taskhost\": {"), "{gone:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), before);
    let again = home.client_config(&["cursor", "--uninstall"], &[]);
    assert!(again.stderr.contains("nothing was changed"), "{again:?}");
}

#[test]
fn a_file_that_is_no_json_is_a_coded_error_and_stays() {
    let home = Home::new();
    let (_, file) = home.file_of("gemini");
    let text = "{\n  // mine\n  \"mcpServers\": {},\n}\n";
    write(&file, text);
    for flag in ["--install", "--uninstall"] {
        let run: &[&str] = if flag == "--install" { &MOCK } else { &[] };
        let refused = home.try_client_config(&["gemini", flag], run);
        assert_eq!(refused.error_code(), "TH0781");
        assert!(refused.stderr.contains("line 2"), "{refused:?}");
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
        assert!(!copy(&file).exists());
    }
}

#[test]
fn a_file_of_another_shape_is_a_coded_error_and_stays() {
    let home = Home::new();
    let (_, file) = home.file_of("cursor");
    write(&file, "{\"mcpServers\": []}");
    let refused = home.try_client_config(&["cursor", "--install"], &MOCK);
    assert_eq!(refused.error_code(), "TH0782");
    assert_eq!(fs::read_to_string(&file).unwrap(), "{\"mcpServers\": []}");
}

#[test]
fn what_cannot_be_written_is_a_coded_error() {
    let home = Home::new();
    // A file where the folder would have to be.
    write(&home.path().join(".cursor"), "");
    let refused = home.try_client_config(&["cursor", "--install"], &MOCK);
    assert_eq!(refused.error_code(), "TH0783");
}

#[test]
fn what_run_would_refuse_is_refused_before_anything_is_written() {
    let home = Home::new();
    for (flags, run, code) in [
        (&["cursor"][..], &["--", "--backnd", "mock"][..], "TH0100"),
        (&["cursor"], &[], "TH0780"),
        (
            &["cursor"],
            &["--", "--backend", "mock", "--http", "127.0.0.1:0"],
            "TH0780",
        ),
        (&["cursor", "--timeout", "1h"], &MOCK, "TH0780"),
        (&["claude-desktop", "--project", "."], &MOCK, "TH0780"),
        (&["cursor", "--http", "127.0.0.1:7420"], &[], "TH0100"),
        (&["cursor", "--name", "two words"], &MOCK, "TH0100"),
        (&["emacs"], &MOCK, "TH0100"),
        (&["cursor", "--http", URL], &MOCK, "TH0100"),
    ] {
        let flags = [flags, &["--install"]].concat();
        let refused = home.try_client_config(&flags, run);
        assert_eq!(refused.error_code(), code, "{refused:?}");
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    }
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn paths_are_good_wherever_the_client_starts() {
    let home = Home::new();
    let run = ["--", "--config", "taskhost.toml", "--data-dir=data"];
    let printed = home.client_config(&["cursor"], &run).json();
    let here = home.path();
    let here = here.display();
    assert_eq!(
        printed["mcpServers"]["taskhost"]["args"],
        json!([
            "run",
            "--config",
            format!("{here}/taskhost.toml"),
            format!("--data-dir={here}/data")
        ])
    );
}

#[test]
fn a_project_has_a_file_of_its_own() {
    let home = Home::new();
    home.client_config(&["vscode", "--install", "--project", "work"], &MOCK);
    let file = home.path().join("work/.vscode/mcp.json");
    assert_eq!(read(&file)["servers"]["taskhost"]["command"], binary());
}

#[test]
fn the_limit_of_a_call_is_written_where_the_client_has_one() {
    let home = Home::new();
    for client in ["claude-code", "gemini"] {
        let printed = home.client_config(&[client, "--timeout", "30m"], &MOCK);
        let entry = &printed.json()["mcpServers"]["taskhost"];
        assert_eq!(entry["timeout"], 1_800_000, "{client}");
    }
}

#[test]
fn the_help_has_examples() {
    let help = Home::new().client_config(&["--help"], &[]);
    assert!(
        help.stdout
            .contains("taskhost client-config cursor --install")
    );
}

/// A user's home, with nothing in it.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(TempDir::with_prefix("taskhost-home-").unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().canonicalize().unwrap()
    }

    fn client_config(&self, flags: &[&str], run: &[&str]) -> Finished {
        let finished = self.try_client_config(flags, run);
        assert!(finished.status.success(), "{finished:?}");
        finished
    }

    fn try_client_config(&self, flags: &[&str], run: &[&str]) -> Finished {
        let args = [&["client-config"], flags, run].concat();
        taskhost_at_home(&self.path(), &args)
    }

    /// The member of the client's file that holds the servers, and the file.
    fn file_of(&self, client: &str) -> (&'static str, PathBuf) {
        let system = if cfg!(target_os = "macos") {
            "Library/Application Support"
        } else {
            ".config"
        };
        let (key, file) = match client {
            "claude-code" => ("mcpServers", ".mcp.json".to_owned()),
            "claude-desktop" => (
                "mcpServers",
                format!("{system}/Claude/claude_desktop_config.json"),
            ),
            "vscode" => ("servers", format!("{system}/Code/User/mcp.json")),
            "cursor" => ("mcpServers", ".cursor/mcp.json".to_owned()),
            "gemini" => ("mcpServers", ".gemini/settings.json".to_owned()),
            _ => panic!("{client}"),
        };
        (key, self.path().join(file))
    }

    fn path_of(&self, client: &str) -> String {
        self.file_of(client).1.to_str().unwrap().to_owned()
    }
}

fn binary() -> &'static str {
    setup::host_binary().to_str().unwrap()
}

fn read(file: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

fn write(file: &Path, text: &str) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

fn copy(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".bak");
    name.into()
}

fn mode(file: &Path) -> u32 {
    file.metadata().unwrap().permissions().mode() & 0o777
}
