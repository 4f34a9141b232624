//! The host: the real binary, as a server over stdio or HTTP, or for one command.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs};

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::client::{Client, Era};
use crate::process::Process;
use crate::setup;
use crate::wait::{LONG, SHORT, wait_for};

/// A running host and a client that has shaken hands with it.
#[derive(Debug)]
pub struct Host {
    client: Client,
    process: Process,
    // Last: the directory goes when nobody writes to it any more.
    command: HostBuilder,
}

/// The command line of a host, and the data directory that goes with it.
#[derive(Clone, Debug)]
pub struct HostBuilder {
    args: Vec<OsString>,
    over_http: bool,
    era: Era,
    bearer: Option<String>,
    dir: Arc<TempDir>,
}

/// A command that has run to its end.
#[derive(Clone, Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// Data.
    pub stdout: String,
    /// For people.
    pub stderr: String,
}

impl HostBuilder {
    /// `taskhost run` with these components and a fresh data directory.
    pub fn new(backend: &str, strategy: &str) -> Self {
        Self::bare().args(["--backend", backend, "--strategy", strategy])
    }

    /// `taskhost run` with a fresh data directory and nothing else.
    pub fn bare() -> Self {
        let dir = Arc::new(TempDir::with_prefix("taskhost-host-").unwrap());
        Self {
            args: vec!["run".into()],
            over_http: false,
            era: Era::Handshake,
            bearer: None,
            dir,
        }
    }

    /// More arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// `--set name.key=value`.
    #[must_use]
    pub fn set(self, key: &str, value: &str) -> Self {
        self.args(["--set".to_owned(), format!("{key}={value}")])
    }

    /// A configuration file of this text.
    #[must_use]
    pub fn config(self, text: &str) -> Self {
        let file = self.config_file();
        fs::write(&file, text).unwrap();
        self.args(["--config".into(), file.into_os_string()])
    }

    /// Where `config` writes.
    pub fn config_file(&self) -> PathBuf {
        self.scratch().join("taskhost.toml")
    }

    /// Adds a principal to the configuration file with `taskhost token`, and gives its token.
    ///
    /// # Panics
    /// When it is refused.
    pub fn token(&self, name: &str, groups: &[&str]) -> String {
        let file = self.config_file();
        let mut args = vec!["token", name, "--config", file.to_str().unwrap()];
        args.extend(groups.iter().flat_map(|group| ["--group", group]));
        let made = taskhost(&args);
        assert!(made.status.success(), "{made:?}");
        made.stdout.trim_end().to_owned()
    }

    /// The host's own client comes with this token.
    #[must_use]
    pub fn bearer(mut self, token: &str) -> Self {
        self.bearer = Some(token.to_owned());
        self
    }

    /// Serve Streamable HTTP in place of stdio.
    #[must_use]
    pub fn over_http(mut self) -> Self {
        self.over_http = true;
        self.args(["--http", "127.0.0.1:0"])
    }

    /// Its client speaks like this.
    #[must_use]
    pub fn era(mut self, era: Era) -> Self {
        self.era = era;
        self
    }

    /// The same data directory, with another command line.
    #[must_use]
    pub fn beside(&self, other: Self) -> Self {
        Self {
            dir: Arc::clone(&self.dir),
            ..other
        }
    }

    /// A place for files of the test, removed in the end.
    pub fn scratch(&self) -> &Path {
        self.dir.path()
    }

    /// What a client that launches the host itself has to run.
    pub fn command_line(&self) -> Vec<OsString> {
        let mut line = vec![setup::host_binary().into()];
        line.extend(self.args.iter().cloned());
        line.extend(["--data-dir".into(), self.data_dir().into()]);
        line
    }

    /// Starts it. Returns when the handshake is done.
    pub fn start(self) -> Host {
        let (process, client) = self.spawn();
        client
            .initialize()
            .unwrap_or_else(|e| panic!("no handshake: {e}\n{}", process.log()));
        Host {
            command: self,
            client,
            process,
        }
    }

    /// Starts it, and does not wait for anything. Over stdio only.
    pub fn launch(self) -> Host {
        let (process, client) = self.spawn();
        Host {
            command: self,
            client,
            process,
        }
    }

    /// Runs it to its end, which must come by itself.
    pub fn finish(&self) -> Finished {
        run_to_end(&self.command_line())
    }

    /// Another command of the binary on the same data directory.
    pub fn cli(&self, args: &[&str]) -> Finished {
        let mut line: Vec<OsString> = vec![setup::host_binary().into()];
        line.extend(args.iter().map(Into::into));
        line.extend(["--data-dir".into(), self.data_dir().into()]);
        run_to_end(&line)
    }

    fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn spawn(&self) -> (Process, Client) {
        let mut command = command(&self.command_line());
        let log = self.dir.path().join("stderr");
        if !self.over_http {
            command.stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut process = Process::start("taskhost", command, &log, true);
            let child = process.child();
            let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
            let client = Client::stdio(stdin, stdout).speaking(self.era);
            return (process, client);
        }
        let before = fs::read_to_string(&log).unwrap_or_default().len();
        command.stdin(Stdio::null());
        let mut process = Process::start("taskhost", command, &log, false);
        let url = wait_for(LONG, "the host listens", || {
            assert!(
                process.is_running(),
                "the host ended at its start:\n{}",
                process.log()
            );
            address(process.log().get(before..).unwrap_or_default())
        });
        let client = match &self.bearer {
            Some(token) => Client::http_as(&url, token),
            None => Client::http(&url),
        };
        (process, client.speaking(self.era))
    }
}

impl Host {
    /// Drives it.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The address that ends in `/mcp`. Over HTTP only.
    ///
    /// # Panics
    /// When it does not listen.
    pub fn url(&self) -> String {
        address(&self.log()).expect("the host listens")
    }

    /// Another client, with a token of its own, that has shaken hands.
    ///
    /// # Panics
    /// When it is not let in.
    pub fn client_as(&self, token: &str) -> Client {
        let client = Client::http_as(&self.url(), token);
        let shaken = client.initialize();
        shaken.unwrap_or_else(|e| panic!("no handshake: {e}\n{}", self.log()));
        client
    }

    /// Its command line and data directory.
    pub fn command(&self) -> &HostBuilder {
        &self.command
    }

    /// The process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// All it has written to stderr, over all its starts.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// SIGTERM, then waits for the end.
    pub fn stop(&mut self) -> ExitStatus {
        self.process.stop()
    }

    /// Any signal.
    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// The same command line on the same data directory, after it has ended.
    pub fn restart(&mut self) {
        (self.process, self.client) = self.command.spawn();
        let shaken = self.client.initialize();
        shaken.unwrap_or_else(|e| panic!("no handshake after a restart: {e}\n{}", self.log()));
    }

    /// As `restart`, without waiting for the handshake.
    pub fn relaunch(&mut self) {
        (self.process, self.client) = self.command.spawn();
    }

    /// Another command of the binary on the same data directory.
    pub fn cli(&self, args: &[&str]) -> Finished {
        self.command.cli(args)
    }
}

impl Finished {
    /// Its stdout as JSON.
    ///
    /// # Panics
    /// When it failed, or said something else.
    pub fn json(&self) -> Value {
        assert!(self.status.success(), "{self:?}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// The code of the one error it must have ended with: a line with a code, and a line of help.
    ///
    /// # Panics
    /// When it succeeded, or one of the two is missing.
    pub fn error_code(&self) -> String {
        assert!(!self.status.success(), "succeeded: {self:?}");
        assert!(!self.stderr.contains("panicked at"), "{}", self.stderr);
        assert!(
            self.stderr
                .lines()
                .any(|l| l.trim_start().starts_with("help: ")),
            "{self:?}"
        );
        let codes: Vec<&str> = self
            .stderr
            .lines()
            .filter_map(|line| line.strip_prefix("error[")?.split_once("]: "))
            .map(|(code, _)| code)
            .collect();
        let [code] = codes.as_slice() else {
            panic!("not one error: {self:?}")
        };
        assert!(code.starts_with("TH") && code.len() == 6, "{code}");
        (*code).to_owned()
    }
}

/// `taskhost` with these arguments, and no data directory but what they say.
pub fn taskhost(args: &[&str]) -> Finished {
    run_to_end(&line(args))
}

/// As `taskhost`, for a command that takes minutes.
pub fn taskhost_at_length(args: &[&str]) -> Finished {
    finish_within(10 * LONG, command(&line(args)))
}

/// As `taskhost`, for a user whose home is this folder, and who is in it.
pub fn taskhost_at_home(home: &Path, args: &[&str]) -> Finished {
    let mut command = command(&line(args));
    command
        .current_dir(home)
        .env("HOME", home)
        .env_remove("XDG_CONFIG_HOME");
    finish(command)
}

fn line(args: &[&str]) -> Vec<OsString> {
    let mut line: Vec<OsString> = vec![setup::host_binary().into()];
    line.extend(args.iter().map(Into::into));
    line
}

fn run_to_end(line: &[OsString]) -> Finished {
    finish(command(line))
}

fn finish(command: Command) -> Finished {
    finish_within(SHORT, command)
}

fn finish_within(deadline: Duration, mut command: Command) -> Finished {
    let dir = TempDir::with_prefix("taskhost-cli-").unwrap();
    let (out, err) = (dir.path().join("stdout"), dir.path().join("stderr"));
    command
        .stdin(Stdio::null())
        .stdout(fs::File::create(&out).unwrap());
    let status = Process::start("taskhost", command, &err, true).wait_within(deadline);
    let read = |path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
    Finished {
        status,
        stdout: read(&out),
        stderr: read(&err),
    }
}

fn command(line: &[OsString]) -> Command {
    let (program, args) = line.split_first().unwrap();
    let mut command = Command::new(program);
    command.args(args).env_remove("RUST_BACKTRACE");
    for (name, _) in env::vars_os() {
        // What configures the tests must not configure the host.
        if name.to_string_lossy().starts_with("TASKHOST_") {
            command.env_remove(name);
        }
    }
    command.env("TASKHOST_TOOLS", setup::tools());
    command
}

/// Of the line `listening on http://127.0.0.1:4711/mcp`.
fn address(log: &str) -> Option<String> {
    let (_, address) = log.rsplit_once("listening on ")?;
    let (line, _) = address.split_once('\n')?;
    line.split_whitespace().next().map(str::to_owned)
}
