//! File and flags together.

use std::collections::BTreeMap;
use std::fs;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};

use super::auth::{self, AuthTable};
use super::component::{self, ComponentConfig, components};
use super::env;
use super::file::{ComponentTable, FileConfig, ServerTable, StoreTable, TasksTable};
use super::grant::{Allow, Allowed, DirGrant};
use super::mistake::ConfigError;
use super::secret::SecretSource;
use super::settings::{Compat, LIVE_PER_PRINCIPAL, Settings};
use super::signature::TrustTable;
use super::units::Span;
use crate::store::Durability;
use crate::task::{Principal, Share, Sharing};
use crate::token::{self, TokenHash};

/// What was typed after `run` and `check`.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--config`
    pub config: Option<PathBuf>,
    /// `--backend [NAME=]REF`
    pub backends: Vec<String>,
    /// `--strategy [NAME=]REF`
    pub strategies: Vec<String>,
    /// `--set NAME.KEY=VALUE`
    pub set: Vec<String>,
    /// `--allow NAME:WHAT=VALUE`
    pub allow: Vec<String>,
    /// `--http ADDR`
    pub http: Option<String>,
    /// `--data-dir DIR`
    pub data_dir: Option<PathBuf>,
    /// `--durability`
    pub durability: Option<Durability>,
    /// `--locked`
    pub locked: bool,
}

/// What it means.
#[derive(Clone, Debug)]
pub struct Config {
    /// How clients reach the host.
    pub transport: Transport,
    /// Where tasks are kept.
    pub data_dir: PathBuf,
    /// What a written task survives.
    pub durability: Durability,
    /// How long tasks run and stay.
    pub settings: Settings,
    /// Who runs the tasks.
    pub backends: Vec<ComponentConfig>,
    /// How they are shown.
    pub strategies: Vec<ComponentConfig>,
    /// Whose components are let in.
    pub trust: TrustTable,
    /// The lock file, which need not be there.
    pub lock: PathBuf,
    /// Nothing is let in that is not in it.
    pub locked: bool,
    /// Where secrets come from.
    pub secrets: BTreeMap<String, SecretSource>,
    server: ServerTable,
    tasks: TasksTable,
}

/// How clients reach the host.
#[derive(Clone, Debug)]
pub enum Transport {
    /// One client, at standard input and output.
    Stdio,
    /// Streamable HTTP.
    Http {
        /// Where.
        address: SocketAddr,
        /// `Host` headers to accept besides those of the loopback address.
        allowed_hosts: Vec<String>,
        /// `Origin` headers to accept.
        allowed_origins: Vec<String>,
        /// What clients do that the protocol forbids, and is let pass.
        compat: Compat,
        /// Who may come in, and the tokens that show who it is. `None`: everybody.
        bearers: Option<Vec<(TokenHash, Principal)>>,
    },
}

/// Who runs tasks where nobody is named: the engine that comes with taskhost, with the orchestrations that do.
pub const DEFAULT_BACKEND: &str = "durable";

impl Config {
    /// Reads the file that `flags` name, if any, and puts the flags on top.
    pub fn resolve(flags: &Flags) -> Result<Self, ConfigError> {
        let file = match &flags.config {
            Some(path) => read(path)?,
            None => empty(),
        };
        let share = file.server.share.unwrap_or_default();
        let (bearers, sharing) = match &file.server.auth {
            Some(table) => {
                let (bearers, sharing) = auth::principals(table, share)?;
                (Some(bearers), sharing)
            }
            None => (None, Sharing::new(share, BTreeMap::new())),
        };
        let transport = transport(
            flags.http.as_deref().or(file.server.http.as_deref()),
            &file.server,
            bearers,
        )?;
        let callers_differ = matches!(
            transport,
            Transport::Http {
                bearers: Some(_),
                ..
            }
        );
        let mut config = Self {
            settings: settings(&file.tasks, callers_differ, sharing),
            transport,
            data_dir: flags
                .data_dir
                .clone()
                .or(file.store.path)
                .unwrap_or_else(env::data_dir),
            durability: flags
                .durability
                .or(file.store.durability)
                .unwrap_or_default(),
            backends: components(file.backends, &flags.backends)?,
            strategies: components(file.strategies, &flags.strategies)?,
            trust: file.trust,
            lock: match &flags.config {
                Some(config) => config.with_extension("lock"),
                None => PathBuf::from("taskhost.lock"),
            },
            locked: flags.locked,
            secrets: file.secrets,
            server: file.server,
            tasks: file.tasks,
        };
        if config.backends.is_empty() {
            // Who writes a file without one has forgotten it.
            if flags.config.is_some() {
                return Err(ConfigError::NoBackend);
            }
            config.backends = components(BTreeMap::new(), &[DEFAULT_BACKEND.to_owned()])?;
        }
        if config.strategies.is_empty() {
            config.strategies = components(BTreeMap::new(), &["adaptive".to_owned()])?;
        }
        for text in &flags.set {
            config.set(text)?;
        }
        for text in &flags.allow {
            config.allow(text)?;
        }
        Ok(config)
    }

    /// The principals that the file of this text names, if they are in order.
    pub fn auth_in(path: &Path, text: &str) -> Result<AuthTable, ConfigError> {
        let auth = parse(path, text)?.server.auth;
        auth.as_ref().map_or(Ok(()), Self::check_auth)?;
        Ok(auth.unwrap_or_default())
    }

    /// The names of the components in the file of this text, if it is in order.
    pub fn components_in(path: &Path, text: &str) -> Result<Vec<String>, ConfigError> {
        let file = parse(path, text)?;
        let names = file.backends.into_keys().chain(file.strategies.into_keys());
        Ok(names.collect())
    }

    /// Whether these principals are in order.
    pub fn check_auth(auth: &AuthTable) -> Result<(), ConfigError> {
        auth::principals(auth, Share::default()).map(drop)
    }

    /// The principals that have a name. None: nobody is asked for one.
    pub fn auth(&self) -> &AuthTable {
        static NONE: AuthTable = AuthTable::new();
        self.server.auth.as_ref().unwrap_or(&NONE)
    }

    /// The file that this configuration amounts to.
    pub fn to_file(&self) -> FileConfig {
        let tables = |components: &[ComponentConfig]| {
            components
                .iter()
                .map(|component| (component.name.clone(), component.to_table()))
                .collect()
        };
        FileConfig {
            version: 1,
            server: ServerTable {
                http: match &self.transport {
                    Transport::Stdio => None,
                    Transport::Http { address, .. } => Some(address.to_string()),
                },
                ..self.server.clone()
            },
            store: StoreTable {
                path: Some(self.data_dir.clone()),
                durability: Some(self.durability),
            },
            tasks: TasksTable {
                retention: Some(Span(self.settings.retention)),
                ..self.tasks.clone()
            },
            backends: tables(&self.backends),
            strategies: tables(&self.strategies),
            trust: self.trust,
            secrets: self.secrets.clone(),
        }
    }

    /// Checks that a name means one component. Called when it is known that each is of its kind, since a
    /// component under the wrong flag is the more likely mistake.
    pub fn unique_names(&self) -> Result<(), ConfigError> {
        let mut names: Vec<_> = self.names();
        names.sort();
        for (name, next) in names.iter().zip(names.iter().skip(1)) {
            if name == next {
                return Err(ConfigError::Name {
                    name: name.clone(),
                    why: "there are two of that name",
                });
            }
        }
        Ok(())
    }

    fn names(&self) -> Vec<String> {
        self.backends
            .iter()
            .chain(&self.strategies)
            .map(|component| component.name.clone())
            .collect()
    }

    /// The component called `name`, which `flag` asks for.
    pub fn find(&self, flag: String, name: &str) -> Result<&ComponentConfig, ConfigError> {
        self.backends
            .iter()
            .chain(&self.strategies)
            .find(|component| component.name == name)
            .ok_or_else(|| ConfigError::NoSuch {
                flag,
                name: name.to_owned(),
                known: self.names(),
            })
    }

    fn component(&mut self, flag: String, name: &str) -> Result<&mut ComponentConfig, ConfigError> {
        let known = self.names();
        self.backends
            .iter_mut()
            .chain(&mut self.strategies)
            .find(|component| component.name == name)
            .ok_or(ConfigError::NoSuch {
                flag,
                name: name.to_owned(),
                known,
            })
    }

    fn set(&mut self, text: &str) -> Result<(), ConfigError> {
        let wrong = || ConfigError::Set(text.to_owned());
        let (path, value) = text.split_once('=').ok_or_else(wrong)?;
        let mut keys = path.split('.').map(str::to_owned);
        let name = keys.next().ok_or_else(wrong)?;
        let keys: Vec<_> = keys.collect();
        if keys.is_empty() || keys.iter().any(String::is_empty) {
            return Err(wrong());
        }
        let component = self.component(format!("--set {text}"), &name)?;
        component.set.push((keys, value.to_owned()));
        Ok(())
    }

    fn allow(&mut self, text: &str) -> Result<(), ConfigError> {
        let allow: Allow = text.parse().map_err(|source| ConfigError::Allow {
            text: text.to_owned(),
            source,
        })?;
        let component = self.component(format!("--allow {text}"), &allow.component)?;
        component.grants.add(match allow.what {
            // So that it means the same when it is printed and read from somewhere else.
            Allowed::Dir(grant) => Allowed::Dir(DirGrant {
                host: std::path::absolute(&grant.host).unwrap_or(grant.host),
                ..grant
            }),
            other => other,
        });
        Ok(())
    }
}

fn read(path: &Path) -> Result<FileConfig, ConfigError> {
    let text = fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let mut file = parse(path, &text)?;
    let directory = path.parent().unwrap_or(Path::new(""));
    for table in file
        .backends
        .values_mut()
        .chain(file.strategies.values_mut())
    {
        relative_to(directory, table);
    }
    Ok(file)
}

/// The file of this text, as it is written.
fn parse(path: &Path, text: &str) -> Result<FileConfig, ConfigError> {
    // Before anything else, since other errors show the line that they are about.
    if let Some(line) = text.lines().position(token::is_in) {
        return Err(ConfigError::ClearToken {
            path: path.to_owned(),
            line: line + 1,
        });
    }
    let file: FileConfig = toml::from_str(text).map_err(|source| ConfigError::File {
        path: path.to_owned(),
        source,
    })?;
    if file.version != 1 {
        return Err(ConfigError::Version {
            path: path.to_owned(),
            version: file.version,
        });
    }
    Ok(file)
}

/// What has the look of a path is relative to the file that names it.
fn relative_to(directory: &Path, table: &mut ComponentTable) {
    table.component = component::relative_to(directory, &table.component);
    directory.clone_into(&mut table.directory);
    if let Some(signature) = &mut table.signature {
        signature.relative_to(directory);
    }
    table.grant.relative_to(directory);
}

fn empty() -> FileConfig {
    FileConfig {
        version: 1,
        server: ServerTable::default(),
        store: StoreTable::default(),
        tasks: TasksTable::default(),
        trust: TrustTable::default(),
        backends: BTreeMap::new(),
        strategies: BTreeMap::new(),
        secrets: BTreeMap::new(),
    }
}

fn settings(tasks: &TasksTable, callers_differ: bool, sharing: Sharing) -> Settings {
    let default = Settings::default();
    let live = tasks.live.unwrap_or(default.live);
    let live_each = if callers_differ {
        LIVE_PER_PRINCIPAL.min(live)
    } else {
        live
    };
    Settings {
        retention: tasks.retention.map_or(default.retention, |span| span.0),
        timeout: tasks.timeout.map(|span| span.0).or(default.timeout),
        live,
        live_per_principal: tasks.live_per_principal.unwrap_or(live_each),
        sharing,
        ..default
    }
}

fn transport(
    http: Option<&str>,
    server: &ServerTable,
    bearers: Option<Vec<(TokenHash, Principal)>>,
) -> Result<Transport, ConfigError> {
    let Some(text) = http else {
        return Ok(Transport::Stdio);
    };
    let address = text
        .to_socket_addrs()
        .ok()
        .and_then(|mut addresses| addresses.next())
        .ok_or_else(|| ConfigError::Address {
            text: text.to_owned(),
        })?;
    if !address.ip().is_loopback() && bearers.is_none() {
        return Err(ConfigError::Exposed { address });
    }
    Ok(Transport::Http {
        address,
        allowed_hosts: server.allowed_hosts.clone(),
        allowed_origins: server.allowed_origins.clone(),
        compat: server.compat,
        bearers,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Explain as _, Report, render};
    use crate::token::Token;

    fn flags() -> Flags {
        Flags {
            backends: vec!["mock".into()],
            data_dir: Some("data".into()),
            ..Flags::default()
        }
    }

    #[test]
    fn the_printed_file_amounts_to_the_same_configuration() {
        let config = Config::resolve(&Flags {
            allow: [
                "tcp=localhost:6379",
                "dns=redis",
                "http=POST@https://hooks.example+TOKEN",
                "secret=TOKEN",
                "env=TZ",
                "dir=./spool:/spool:rw",
                "storage=1MiB",
            ]
            .map(|word| format!("mock:{word}"))
            .into(),
            http: Some("127.0.0.1:7420".into()),
            ..flags()
        })
        .unwrap();
        let printed = toml::to_string(&config.to_file()).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("taskhost.toml");
        fs::write(&path, &printed).unwrap();
        let again = Config::resolve(&Flags {
            config: Some(path),
            ..Flags::default()
        })
        .unwrap();
        assert_eq!(toml::to_string(&again.to_file()).unwrap(), printed);
        assert_eq!(
            again.backends.first().unwrap().grants,
            config.backends.first().unwrap().grants
        );
    }

    #[test]
    fn an_unknown_key_is_an_error_with_its_place() {
        let error = toml::from_str::<FileConfig>("version = 1\n[sever]\n").unwrap_err();
        assert!(error.to_string().contains("line 2"), "{error}");
    }

    #[test]
    fn an_address_that_others_can_reach_is_refused() {
        let result = Config::resolve(&Flags {
            http: Some("0.0.0.0:7420".into()),
            ..flags()
        });
        assert!(matches!(result, Err(ConfigError::Exposed { .. })));
    }

    #[test]
    fn an_address_that_others_can_reach_is_fine_where_they_are_asked_who_they_are() {
        let hash = Token::fresh().unwrap().hash();
        let config = resolve(&format!(
            "[server]\nhttp = \"0.0.0.0:7420\"\n[server.auth.alice]\ntokens = [\"{hash}\"]\n"
        ))
        .unwrap();
        let Transport::Http {
            bearers: Some(bearers),
            ..
        } = config.transport
        else {
            panic!("bearers over HTTP");
        };
        assert_eq!(bearers, [(hash, Principal::named("alice").unwrap())]);
        assert_eq!(config.settings.live_per_principal, LIVE_PER_PRINCIPAL);
    }

    #[test]
    fn a_token_in_the_file_is_refused_by_its_line_and_not_repeated() {
        let token = Token::fresh().unwrap();
        for line in ["tokens = [\"T\"]", "tokens = \"T\"", "token = \"T\"", "# T"] {
            let line = line.replace('T', token.text());
            let error = resolve(&format!("[server.auth.alice]\n{line}\n")).unwrap_err();
            assert!(matches!(error, ConfigError::ClearToken { line: 3, .. }));
            let text = render(&Report::from(&error));
            assert!(!text.contains(token.text()), "{text}");
        }
    }

    #[test]
    fn authentication_that_names_nobody_is_not_the_same_as_none() {
        let error = resolve("[server.auth]\n").unwrap_err();
        assert!(matches!(error, ConfigError::NoPrincipals));
    }

    #[test]
    fn the_printed_file_keeps_who_may_do_what() {
        let hash = Token::fresh().unwrap().hash();
        let config = resolve(&format!(
            "[server]\nshare = \"group\"\n[server.auth.alice]\ntokens = [\"{hash}\"]\ngroups = [\"ops\"]\n"
        ))
        .unwrap();
        let printed = toml::to_string(&config.to_file()).unwrap();
        let again: FileConfig = toml::from_str(&printed).unwrap();
        assert_eq!(again.server, config.server);
    }

    /// A file of these lines, below its version, with one backend.
    fn resolve(lines: &str) -> Result<Config, ConfigError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("taskhost.toml");
        fs::write(&path, format!("version = 1\n{lines}")).unwrap();
        Config::resolve(&Flags {
            config: Some(path),
            ..flags()
        })
    }

    #[test]
    fn a_flag_for_a_component_that_is_not_there_names_those_that_are() {
        let error = Config::resolve(&Flags {
            set: vec!["mok.faults=true".into()],
            ..flags()
        })
        .unwrap_err();
        assert!(error.help().iter().any(|help| help.contains("`mock`")));
    }
}
