//! A private nats-server: found, started on a free loopback port with its own token, stopped with its owner.
//! `submit-job --local` runs on one, and so does every test that needs a server.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::connect::Connection;
use crate::error::Error;

/// A nats-server that belongs to this process. Dropped, it is stopped and waited for.
pub struct PrivateServer {
    binary: PathBuf,
    dir: PathBuf,
    child: Child,
    url: String,
    token: String,
}

/// How long a start may take on a busy machine.
const START_TIMEOUT: Duration = Duration::from_secs(30);

impl PrivateServer {
    /// Looks for the binary: `$NATS_SERVER_BIN`, `.deps/bin/nats-server` beside or above the running binary or the
    /// current folder, then `$PATH`.
    ///
    /// # Errors
    /// [`Error::NoServer`] says where it was looked for and how to get one.
    pub fn find_binary() -> Result<PathBuf, Error> {
        if let Some(path) = std::env::var_os("NATS_SERVER_BIN") {
            let path = PathBuf::from(path);
            return if path.is_file() {
                Ok(path)
            } else {
                Err(Error::NoServer(format!("NATS_SERVER_BIN names `{}`, which is no file", path.display())))
            };
        }
        let binary_dir = std::env::current_exe().ok().and_then(|exe| exe.parent().map(Path::to_owned));
        let starts = [binary_dir, std::env::current_dir().ok()];
        let beside = starts
            .iter()
            .flatten()
            .flat_map(|start| start.ancestors())
            .flat_map(|dir| [dir.join(".deps/bin/nats-server"), dir.join("nats-server")]);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let on_path = std::env::split_paths(&path).map(|dir| dir.join("nats-server"));
        beside.chain(on_path).find(|candidate| candidate.is_file()).ok_or_else(|| {
            Error::NoServer("no nats-server found: run `deploy/setup`, or set NATS_SERVER_BIN".to_owned())
        })
    }

    /// Starts a server whose store, configuration and log live in `dir`. Waits until it listens.
    ///
    /// # Errors
    /// [`Error::NoServer`] if there is no binary or it does not start; the reason is the end of its log.
    pub fn start(dir: &Path) -> Result<Self, Error> {
        let binary = Self::find_binary()?;
        let token = format!("{:032x}", rand::random::<u128>());
        let (child, url) = launch(&binary, dir, &token)?;
        Ok(Self { binary, dir: dir.to_owned(), child, url, token })
    }

    /// How to reach it, under the given name.
    #[must_use]
    pub fn connection(&self, name: &str) -> Connection {
        Connection {
            urls: self.url.clone(),
            token: Some(self.token.clone()),
            credentials: None,
            name: name.to_owned(),
        }
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills it without warning and starts it again on the same store and port.
    ///
    /// # Errors
    /// As [`PrivateServer::start`].
    pub fn restart(&mut self) -> Result<(), Error> {
        self.kill();
        // Its folder may have been deleted, and with it the note of the port.
        std::fs::create_dir_all(&self.dir).map_err(io_error("cannot make", &self.dir))?;
        remember_port(&self.dir, &self.url);
        let (child, url) = launch(&self.binary, &self.dir, &self.token)?;
        (self.child, self.url) = (child, url);
        Ok(())
    }

    /// Kills it without warning, deletes its store, and starts it again on the same port: everything that it was
    /// told is gone.
    ///
    /// # Errors
    /// As [`PrivateServer::start`], or if the store cannot be deleted.
    pub fn wipe_and_restart(&mut self) -> Result<(), Error> {
        self.kill();
        let store = store_dir(&self.dir);
        std::fs::remove_dir_all(&store).map_err(io_error("cannot delete", &store))?;
        self.restart()
    }

    /// Whether its store was deleted under it. A server does not notice, and keeps nothing from then on.
    #[must_use]
    pub fn has_lost_its_store(&self) -> bool {
        !store_dir(&self.dir).is_dir()
    }

    fn kill(&mut self) {
        // Both fail only if it is gone already.
        self.child.kill().ok();
        self.child.wait().ok();
    }

    /// Asks it to stop in order, and waits.
    pub fn stop(mut self) {
        signal(&self.binary, "term", self.child.id());
        let deadline = Instant::now() + Duration::from_secs(5);
        while Instant::now() < deadline {
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for PrivateServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn io_error(what: &str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let place = format!("{what} `{}`", path.display());
    move |error| Error::NoServer(format!("{place}: {error}"))
}

/// Starts the binary and reads from its ports file where it listens.
fn launch(binary: &Path, dir: &Path, token: &str) -> Result<(Child, String), Error> {
    std::fs::create_dir_all(dir).map_err(io_error("cannot make", dir))?;
    stop_orphan(binary, dir);
    let port = remembered_port(dir).unwrap_or(-1);
    let config = dir.join("nats.conf");
    write_private(&config, &config_text(dir, token, port)).map_err(io_error("cannot write", &config))?;
    let log = dir.join("nats.log");
    let log_file = std::fs::File::create(&log).map_err(io_error("cannot write", &log))?;
    let log_copy = log_file.try_clone().map_err(io_error("cannot write", &log))?;
    let mut command = Command::new(binary);
    command.arg("-c").arg(&config).stdin(Stdio::null()).stdout(log_file).stderr(log_copy);
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn().map_err(io_error("cannot start", binary))?;
    let ports = dir.join(format!("nats-server_{}.ports", child.id()));
    let deadline = Instant::now() + START_TIMEOUT;
    loop {
        if let Some(url) = read_ports(&ports) {
            remember_port(dir, &url);
            return Ok((child, url));
        }
        if matches!(child.try_wait(), Ok(Some(_))) || Instant::now() > deadline {
            child.kill().ok();
            child.wait().ok();
            let log = std::fs::read_to_string(&log).unwrap_or_default();
            let tail: Vec<&str> = log.lines().rev().take(3).collect();
            return Err(Error::NoServer(format!("nats-server did not start: {}", tail.join(" | "))));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A server whose owner was killed still holds the store: two servers on one store would destroy it.
fn stop_orphan(binary: &Path, dir: &Path) {
    let Ok(text) = std::fs::read_to_string(dir.join("nats.pid")) else { return };
    let Ok(pid) = text.trim().parse::<u32>() else { return };
    let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let config = dir.join("nats.conf");
    let is_ours =
        command.split(|&byte| byte == 0).any(|argument| argument == config.as_os_str().as_encoded_bytes());
    if !is_ours {
        return;
    }
    signal(binary, "term", pid);
    let deadline = Instant::now() + Duration::from_secs(5);
    while Path::new(&format!("/proc/{pid}")).exists() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn signal(binary: &Path, name: &str, pid: u32) {
    // Fails only if the process is gone already.
    Command::new(binary)
        .arg("--signal")
        .arg(format!("{name}={pid}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .ok();
}

/// `sync_interval: always`: what was acknowledged survives a power cut.
fn config_text(dir: &Path, token: &str, port: i32) -> String {
    format!(
        "listen: \"127.0.0.1:{port}\"\n\
         ports_file_dir: {dir:?}\n\
         pid_file: {pid:?}\n\
         authorization {{ token: \"{token}\" }}\n\
         max_payload: 1MB\n\
         jetstream {{ store_dir: {store:?}, sync_interval: always, max_file_store: 4GB, max_memory_store: 64MB }}\n",
        pid = dir.join("nats.pid"),
        store = store_dir(dir),
    )
}

fn store_dir(dir: &Path) -> PathBuf {
    dir.join("store")
}

/// A restarted server listens where the old one did, so that clients find it again.
fn remembered_port(dir: &Path) -> Option<i32> {
    let port: u16 = std::fs::read_to_string(dir.join("port")).ok()?.trim().parse().ok()?;
    std::net::TcpListener::bind(("127.0.0.1", port)).ok()?;
    Some(i32::from(port))
}

fn remember_port(dir: &Path, url: &str) {
    if let Some((_, port)) = url.rsplit_once(':') {
        // Forgotten, the next start takes another port: no harm.
        std::fs::write(dir.join("port"), port).ok();
    }
}

fn read_ports(path: &Path) -> Option<String> {
    let text = std::fs::read(path).ok()?;
    let ports: serde_json::Value = serde_json::from_slice(&text).ok()?;
    Some(ports.get("nats")?.get(0)?.as_str()?.to_owned())
}

/// The token is for the owner's eyes alone.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}
