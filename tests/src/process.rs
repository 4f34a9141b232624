//! A child process in a group of its own, with its log.

use std::fs::{self, File};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::wait::{SHORT, wait_for};

/// Dropping it kills the whole group; in a failing test it shows the end of the log first.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command`. Its stderr goes to `log`, appended; stdout too, unless the command says
    /// otherwise by `keep_stdout`.
    pub fn start(name: &str, mut command: Command, log: &Path, keep_stdout: bool) -> Self {
        let file = File::options().create(true).append(true).open(log).unwrap();
        if !keep_stdout {
            command.stdout(file.try_clone().unwrap());
        }
        command.stderr(file).process_group(0);
        let child = command
            .spawn()
            .unwrap_or_else(|e| panic!("{name} does not start: {e}: {command:?}"));
        Self {
            name: name.to_owned(),
            child,
            log: log.to_owned(),
        }
    }

    /// The child, for its pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Its process id, and that of its group.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// All it has written so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Whether it has not ended by itself.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// SIGKILL to the whole group, and the funeral.
    pub fn kill(&mut self) {
        self.kill_group();
        self.child.wait().unwrap();
    }

    /// SIGKILL to the process alone, as the kernel does when memory runs out.
    pub fn kill_alone(&mut self) {
        self.signal(Signal::KILL);
        self.child.wait().unwrap();
    }

    /// SIGTERM to the process, then waits for its end.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait()
    }

    /// Any signal, to the process alone.
    pub fn signal(&self, signal: Signal) {
        report(kill_process(self.pid(), signal));
    }

    /// Stops or continues the whole group.
    pub fn signal_group(&self, signal: Signal) {
        report(kill_process_group(self.pid(), signal));
    }

    /// Waits for it to end by itself.
    pub fn wait(&mut self) -> ExitStatus {
        self.wait_within(SHORT)
    }

    /// The same, for what takes its time.
    pub fn wait_within(&mut self, deadline: Duration) -> ExitStatus {
        let what = format!("{} ends", self.name);
        wait_for(deadline, &what, || self.child.try_wait().unwrap())
    }

    fn kill_group(&self) {
        report(kill_process_group(self.pid(), Signal::KILL));
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if thread::panicking() {
            let ended = match self.child.try_wait() {
                Ok(Some(status)) => match status.signal() {
                    Some(signal) => format!("ended by signal {signal}"),
                    None => format!("ended, {status}"),
                },
                _ => "running".to_owned(),
            };
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let tail = lines
                .get(lines.len().saturating_sub(60)..)
                .unwrap_or_default()
                .join("\n");
            eprintln!("---- {} ({ended}), its log:\n{tail}\n----", self.name);
        }
        self.kill_group();
        let _ = self.child.wait();
    }
}

/// A process that is gone already needs no signal.
fn report(sent: rustix::io::Result<()>) {
    if let Err(error) = sent {
        assert_eq!(error, rustix::io::Errno::SRCH, "{error}");
    }
}
