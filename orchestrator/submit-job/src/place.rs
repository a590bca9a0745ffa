//! Which system is meant: the data folder of a local one, or the queue and the store of a running one. A local
//! system says in `<data>/running.json` how it is reached; the file is for the owner's eyes alone.

use std::path::{Path, PathBuf};

use anyhow::Context;
use bus::{Bus, Connection};
use serde::{Deserialize, Serialize};

use crate::cli::{RunArgs, SystemArgs};
use crate::exit::Usage;
use crate::job_store::JobStore;
use crate::lock::DataLock;

/// How a running local system is reached.
#[derive(Clone, Serialize, Deserialize)]
pub struct Running {
    /// NATS server.
    pub nats: String,
    /// Its token.
    pub token: Option<String>,
    /// Object store.
    pub store: String,
}

/// Where a job runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A system of our own under this folder, with its store.
    Local {
        /// The data folder, absolute.
        data_dir: PathBuf,
        /// URL of the object store.
        store: String,
    },
    /// A running one.
    Remote {
        /// URL of the object store.
        store: String,
    },
}

impl Place {
    /// Its object store.
    ///
    /// # Errors
    /// If the URL names no store that this build can open.
    pub fn open_store(&self) -> anyhow::Result<JobStore> {
        match self {
            Self::Local { store, .. } | Self::Remote { store } => JobStore::open(store),
        }
    }
}

/// Decides where a job runs.
///
/// # Errors
/// [`Usage`] if the options do not name one place.
pub fn of_run(args: &RunArgs, cwd: &Path) -> anyhow::Result<Place> {
    let system = &args.system;
    match (&system.nats, args.local) {
        (Some(_), true) => {
            Err(Usage::new("--local starts a NATS server of its own: leave out --nats").into())
        }
        (None, false) => {
            Err(Usage::new("say where the job runs: --local, or --nats URL with --store URL").into())
        }
        (Some(_), false) => {
            let store = system.store.as_deref().ok_or_else(|| {
                Usage::new("--nats needs --store URL: the object store that the orchestrator uses")
            })?;
            Ok(Place::Remote { store: checked_store(store)? })
        }
        (None, true) if args.detach => {
            Err(Usage::new("--detach needs a running system (--nats): a local one ends with this process")
                .into())
        }
        (None, true) => {
            let data_dir = data_dir(system, cwd)?;
            let store = match &system.store {
                Some(store) => checked_store(store)?,
                None => local_store(&data_dir)?,
            };
            Ok(Place::Local { data_dir, store })
        }
    }
}

/// Several processes share a store; memory is one process's own.
fn checked_store(store: &str) -> Result<String, Usage> {
    if store.trim_start_matches("faulty+").starts_with("memory:") {
        return Err(Usage::new("a memory:// store is seen by one process only: use file:///… or s3://…"));
    }
    Ok(store.to_owned())
}

/// The data folder, absolute: `--data-dir`, else `$XDG_DATA_HOME/nightmend`, else `~/.local/share/nightmend`.
///
/// # Errors
/// [`Usage`] if none can be named.
pub fn data_dir(system: &SystemArgs, cwd: &Path) -> Result<PathBuf, Usage> {
    let of_variable =
        |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    system
        .data_dir
        .clone()
        .or_else(|| of_variable("XDG_DATA_HOME").map(|dir| dir.join("nightmend")))
        .or_else(|| of_variable("HOME").map(|dir| dir.join(".local/share/nightmend")))
        .map(|dir| cwd.join(dir))
        .ok_or_else(|| Usage::new("there is no home folder: name a data folder with --data-dir"))
}

/// The object store inside a data folder.
///
/// # Errors
/// If the folder cannot be written as a URL.
pub fn local_store(data_dir: &Path) -> anyhow::Result<String> {
    let url = url::Url::from_file_path(data_dir.join("store"))
        .map_err(|()| anyhow::anyhow!("`{}` cannot be written as a URL", data_dir.display()))?;
    Ok(url.into())
}

/// What the commands beside submitting talk to.
pub struct System {
    /// The queue, if something runs.
    pub bus: Option<Bus>,
    /// The store, if it is known.
    pub store: Option<JobStore>,
}

impl System {
    /// Reaches the system that the options name: a running one with `--nats`, else the data folder of a local one,
    /// running or not.
    ///
    /// # Errors
    /// If nothing is there, or it cannot be reached.
    pub async fn reach(args: &SystemArgs, cwd: &Path) -> anyhow::Result<Self> {
        if args.nats.is_some() {
            let store = args.store.as_deref().map(checked_store).transpose()?;
            let store = store.as_deref().map(JobStore::open).transpose()?;
            return Ok(Self { bus: Some(Bus::connect(&connection(args)).await?), store });
        }
        let data_dir = data_dir(args, cwd)?;
        if !data_dir.is_dir() {
            let hint = "--data-dir names another, --nats a running system";
            return Err(Usage::new(format!("no local system in `{}`; {hint}", data_dir.display())).into());
        }
        let running = read_running(&data_dir)?;
        let bus = match &running {
            Some(running) => Some(Bus::connect(&running.connection("submit-job")).await?),
            None => None,
        };
        let store = match (&args.store, &running) {
            (Some(store), _) => checked_store(store)?,
            (None, Some(running)) => running.store.clone(),
            (None, None) => local_store(&data_dir)?,
        };
        Ok(Self { bus, store: Some(JobStore::open(&store)?) })
    }

    /// The queue.
    ///
    /// # Errors
    /// If nothing runs.
    pub fn bus(&self) -> anyhow::Result<&Bus> {
        self.bus.as_ref().context("nothing runs in this data folder; start a job with --local, or name a running system with --nats")
    }

    /// The store.
    ///
    /// # Errors
    /// [`Usage`] if it was not named.
    pub fn store(&self) -> anyhow::Result<&JobStore> {
        self.store.as_ref().ok_or_else(|| Usage::new("name the object store with --store URL").into())
    }
}

/// How the NATS server of the options is reached.
#[must_use]
pub fn connection(args: &SystemArgs) -> Connection {
    Connection {
        urls: args.nats.clone().unwrap_or_default(),
        token: args.nats_token.clone(),
        credentials: args.creds.clone(),
        name: "submit-job".to_owned(),
    }
}

impl Running {
    /// How its NATS server is reached, under the given name.
    #[must_use]
    pub fn connection(&self, name: &str) -> Connection {
        Connection {
            urls: self.nats.clone(),
            token: self.token.clone(),
            credentials: None,
            name: name.to_owned(),
        }
    }
}

fn running_file(data_dir: &Path) -> PathBuf {
    data_dir.join("running.json")
}

/// Says how the local system of this folder is reached. The holder of the lock calls it.
///
/// # Errors
/// If the file cannot be written.
pub fn write_running(data_dir: &Path, running: &Running) -> anyhow::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let path = running_file(data_dir);
    let text = serde_json::to_vec(running)?;
    std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)
        .and_then(|mut file| file.write_all(&text))
        .with_context(|| format!("write `{}`", path.display()))
}

/// Forgets how the system was reached, when it stops.
pub fn remove_running(data_dir: &Path) {
    // Left over, it is known to be stale by the lock that nobody holds.
    std::fs::remove_file(running_file(data_dir)).ok();
}

/// How the local system of this folder is reached, if one runs.
fn read_running(data_dir: &Path) -> anyhow::Result<Option<Running>> {
    if DataLock::holder(data_dir)?.is_none() {
        return Ok(None);
    }
    match std::fs::read(running_file(data_dir)) {
        Ok(bytes) => {
            Ok(Some(serde_json::from_slice(&bytes).context("read how the local system is reached")?))
        }
        // It is just starting, or just stopping.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).context("read how the local system is reached"),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    fn place(line: &str) -> anyhow::Result<Place> {
        let cli = Cli::try_parse_from(std::iter::once("submit-job").chain(line.split_whitespace()))?;
        of_run(&cli.submit.run, Path::new("/work"))
    }

    #[test]
    fn a_local_job_lives_in_its_data_folder() {
        let expected = Place::Local { data_dir: "/work/d".into(), store: "file:///work/d/store".into() };
        assert_eq!(place("--local --data-dir d a").unwrap(), expected);
        let Place::Local { store, .. } = place("--local --data-dir /d --store file:///s a").unwrap() else {
            panic!("a local job is local")
        };
        assert_eq!(store, "file:///s");
        let faulty = "faulty+file:///s?seed=7&error=0.1";
        let expected = Place::Local { data_dir: "/d".into(), store: faulty.into() };
        assert_eq!(place(&format!("--local --data-dir /d --store {faulty} a")).unwrap(), expected);
    }

    #[test]
    fn a_running_system_needs_its_store() {
        let expected = Place::Remote { store: "s3://b/p".into() };
        assert_eq!(place("--nats nats://h --store s3://b/p a").unwrap(), expected);
    }

    #[test]
    fn what_names_no_place_is_a_usage_error() {
        for line in [
            "a",
            "--local --nats nats://h a",
            "--nats nats://h a",
            "--nats nats://h --store memory:// a",
            "--local --data-dir /d --store memory:// a",
            "--local --data-dir /d --store faulty+memory://?error=0.1 a",
            "--local --data-dir /d --detach a",
        ] {
            assert!(place(line).unwrap_err().is::<Usage>(), "{line}");
        }
    }

    #[test]
    fn a_system_that_stopped_without_a_word_does_not_count_as_running() {
        let dir = tempfile::tempdir().unwrap();
        let running =
            Running { nats: "nats://h".into(), token: Some("hush".into()), store: "file:///s".into() };
        let lock = DataLock::take(dir.path()).unwrap();
        write_running(dir.path(), &running).unwrap();
        assert_eq!(read_running(dir.path()).unwrap().map(|running| running.nats), Some("nats://h".into()));
        drop(lock);
        assert!(read_running(dir.path()).unwrap().is_none());
    }
}
