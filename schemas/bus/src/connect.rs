//! A connection that was checked: reachable, new enough, errors of the server remembered for whoever waits.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_nats::jetstream;
use schemas::topology::MIN_SERVER_VERSION;
use tokio::sync::watch;
use tracing::{debug, warn};

use crate::error::Error;

/// How to reach a server.
#[derive(Clone, Default)]
pub struct Connection {
    /// One URL, or several of one cluster, separated by commas.
    pub urls: String,
    /// A token, kept out of the URL so that it is in no log.
    pub token: Option<String>,
    /// A `.creds` file.
    pub credentials: Option<std::path::PathBuf>,
    /// Who we are, for the server's connection list.
    pub name: String,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("urls", &self.urls)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A checked connection. Cheap to clone.
#[derive(Clone)]
pub struct Bus {
    pub(crate) client: async_nats::Client,
    pub(crate) jetstream: jetstream::Context,
    complaint: Arc<Mutex<Option<String>>>,
    connections: watch::Receiver<u64>,
}

/// A server that is silent for this long is looked after.
const PING_EVERY: Duration = Duration::from_secs(10);

/// How long one request may take.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

impl Bus {
    /// Connects and checks the server's version.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Credentials`], [`Error::ServerTooOld`].
    pub async fn connect(connection: &Connection) -> Result<Self, Error> {
        let complaint = Arc::new(Mutex::new(None));
        let (connected, connections) = watch::channel(0);
        let options = options(connection, Arc::clone(&complaint), connected)?;
        let urls: Vec<&str> = connection.urls.split(',').map(str::trim).collect();
        let client = options
            .connect(urls)
            .await
            .map_err(|source| Error::Unreachable { url: connection.urls.clone(), source })?;
        check_version(&client.server_info().version)?;
        let jetstream =
            jetstream::context::ContextBuilder::new().timeout(REQUEST_TIMEOUT).build(client.clone());
        Ok(Self { client, jetstream, complaint, connections })
    }

    /// Connects, waiting up to `patience` for a server that is not up yet.
    ///
    /// # Errors
    /// As [`Bus::connect`], once `patience` is over or at once for what waiting cannot help.
    pub async fn connect_patiently(connection: &Connection, patience: Duration) -> Result<Self, Error> {
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            match Self::connect(connection).await {
                Err(error) if error.is_transient() && tokio::time::Instant::now() < deadline => {
                    debug!(%error, "not connected yet");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                outcome => return outcome,
            }
        }
    }

    /// Sends everything that was published and waits until the server has read it.
    ///
    /// # Errors
    /// [`Error::TimedOut`] or [`Error::Request`] if the server does not answer.
    pub async fn flush(&self) -> Result<(), Error> {
        bounded("flush", async { self.client.flush().await.map_err(|error| Error::request("flush", error)) })
            .await
    }

    /// How often the server was connected to. A change means that it was gone, and may have lost something.
    #[must_use]
    pub fn connections(&self) -> watch::Receiver<u64> {
        self.connections.clone()
    }

    /// Messages sent since the start, requests and acknowledgements included.
    #[must_use]
    pub fn n_sent(&self) -> u64 {
        self.client.statistics().out_messages.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Whether the server's last complaint is that we may not publish to the subject: trying again does not help.
    pub(crate) fn is_denied(&self, subject: &str) -> bool {
        let complaint = self.complaint.lock().ok();
        complaint.as_deref().and_then(Option::as_deref).is_some_and(|complaint| {
            complaint.to_lowercase().contains("permissions violation") && complaint.contains(subject)
        })
    }

    /// What the server last complained of, and forgets it.
    pub(crate) fn take_complaint(&self) -> Option<String> {
        self.complaint.lock().ok()?.take()
    }
}

/// Bounds a request in time.
pub(crate) async fn bounded<T>(
    what: &str,
    request: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    match tokio::time::timeout(2 * REQUEST_TIMEOUT, request).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Error::TimedOut { what: what.to_owned(), after: 2 * REQUEST_TIMEOUT }),
    }
}

fn options(
    connection: &Connection,
    complaint: Arc<Mutex<Option<String>>>,
    connected: watch::Sender<u64>,
) -> Result<async_nats::ConnectOptions, Error> {
    let connected = Arc::new(connected);
    let mut options = async_nats::ConnectOptions::new()
        .name(&connection.name)
        .ping_interval(PING_EVERY)
        .connection_timeout(REQUEST_TIMEOUT)
        .request_timeout(Some(REQUEST_TIMEOUT))
        .reconnect_delay_callback(|attempts| Duration::from_millis((50 << attempts.min(6)).min(2000)))
        .event_callback(move |event| {
            let (complaint, connected) = (Arc::clone(&complaint), Arc::clone(&connected));
            async move { note(&event, &complaint, &connected) }
        });
    if let Some(token) = &connection.token {
        options = options.token(token.clone());
    }
    if let Some(path) = &connection.credentials {
        let as_error = |source| Error::Credentials { path: path.display().to_string(), source };
        let text = std::fs::read_to_string(path).map_err(as_error)?;
        options = options.credentials(&text).map_err(as_error)?;
    }
    Ok(options)
}

/// A denied permission reaches nobody but this callback; the request that it killed only times out.
fn note(event: &async_nats::Event, complaint: &Mutex<Option<String>>, connected: &watch::Sender<u64>) {
    match event {
        async_nats::Event::Connected => {
            debug!("connected to nats");
            connected.send_modify(|n| *n += 1);
        }
        async_nats::Event::ServerError(_) | async_nats::Event::ClientError(_) => {
            warn!(%event, "nats complains");
            if let Ok(mut complaint) = complaint.lock() {
                *complaint = Some(event.to_string());
            }
        }
        async_nats::Event::SlowConsumer(_) | async_nats::Event::LameDuckMode => warn!(%event, "nats warns"),
        _ => debug!(%event, "nats connection"),
    }
}

fn check_version(found: &str) -> Result<(), Error> {
    let mut parts = found.split(['.', '-']).map(|part| part.parse::<u64>().unwrap_or(0));
    let mut part = || parts.next().unwrap_or(0);
    let version = (part(), part(), part());
    if version < MIN_SERVER_VERSION {
        let (major, minor, patch) = MIN_SERVER_VERSION;
        let wanted = format!("{major}.{minor}.{patch}");
        return Err(Error::ServerTooOld { found: found.to_owned(), wanted });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_servers_are_refused_by_version() {
        for old in ["2.9.10", "2.11.99", "1.0", ""] {
            assert!(check_version(old).is_err(), "{old}");
        }
        for new in ["2.12.0", "2.15.1", "2.14.0-RC.1", "3.0.0"] {
            assert!(check_version(new).is_ok(), "{new}");
        }
    }

    #[test]
    fn a_token_is_in_no_debug_text() {
        let connection = Connection { token: Some("hush".into()), ..Connection::default() };
        assert!(!format!("{connection:?}").contains("hush"));
    }
}
