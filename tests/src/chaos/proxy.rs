//! A TCP proxy between clients and the nats-server whose line can be made bad: cut, held, one-way, slow. Netem would
//! do that, but needs a kernel module and root.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What the line does to bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// Passes them on.
    Open,
    /// Resets every connection, and every new one.
    Cut,
    /// Passes nothing on, in either direction, and says nothing.
    Held,
    /// Clients hear the server, the server does not hear them.
    OneWay,
    /// Every chunk waits this long, in milliseconds.
    Slow(u64),
    /// A few bytes at a time, each waiting a millisecond.
    Trickle,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    ToServer,
    ToClient,
}

/// One proxy. Dropped, its connections end.
pub(super) struct Proxy {
    address: SocketAddr,
    line: watch::Sender<Line>,
    _tasks: JoinSet<()>,
}

/// Bytes at a time of [`Line::Trickle`].
const TRICKLE_BYTES: usize = 16;

impl Proxy {
    /// Listens on a free port of this machine and leads to `server`, `host:port`.
    ///
    /// # Errors
    /// If no port can be had.
    pub(super) async fn start(server: String) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let line = watch::Sender::new(Line::Open);
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, server.into(), line.subscribe()));
        Ok(Self { address, line, _tasks: tasks })
    }

    /// Where clients connect.
    #[must_use]
    pub(super) fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    /// Changes the line, for connections that are there and for those to come.
    pub(super) fn set(&self, line: Line) {
        self.line.send_replace(line);
    }

    /// Makes the line bad for a while.
    pub(super) async fn disturb(&self, line: Line, time: Duration) {
        self.set(line);
        tokio::time::sleep(time).await;
        self.set(Line::Open);
    }
}

async fn accept(listener: TcpListener, server: Arc<str>, line: watch::Receiver<Line>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { continue };
                connections.spawn(connect(client, Arc::clone(&server), line.clone()));
            }
            // Keeps the set from growing; what a connection ended with is its clients' business.
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Serves one client until either side or a cut ends it.
async fn connect(mut client: TcpStream, server: Arc<str>, mut line: watch::Receiver<Line>) {
    // Closing sends a reset, as a cut line and a dead host do, and not an orderly end.
    client.set_zero_linger().ok();
    if *line.borrow_and_update() == Line::Cut {
        return;
    }
    let Ok(mut upstream) = TcpStream::connect(&*server).await else { return };
    upstream.set_zero_linger().ok();
    for stream in [&client, &upstream] {
        stream.set_nodelay(true).ok();
    }
    // Borrowed halves: owned ones would end the line in order when they are dropped.
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = upstream.split();
    tokio::select! {
        () = pump(from_client, to_server, Direction::ToServer, line.clone()) => {}
        () = pump(from_server, to_client, Direction::ToClient, line.clone()) => {}
        () = until_cut(&mut line) => {}
    }
}

async fn until_cut(line: &mut watch::Receiver<Line>) {
    // The sender lives as long as the proxy, which ends this task.
    line.wait_for(|line| *line == Line::Cut).await.ok();
}

async fn pump(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    direction: Direction,
    mut line: watch::Receiver<Line>,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let n = match from.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(n) => n,
        };
        let mut rest = &buffer[..n];
        while !rest.is_empty() {
            let Some(allowed) = admit(direction, rest.len(), &mut line).await else { return };
            let (now, later) = rest.split_at(allowed);
            if to.write_all(now).await.is_err() {
                return;
            }
            rest = later;
        }
    }
}

/// Waits until the line lets bytes through in this direction. Returns how many, or `None` if the proxy is gone.
async fn admit(direction: Direction, n: usize, line: &mut watch::Receiver<Line>) -> Option<usize> {
    let passes = |line: &Line| match line {
        Line::Held | Line::Cut => false,
        Line::OneWay => direction == Direction::ToClient,
        Line::Open | Line::Slow(_) | Line::Trickle => true,
    };
    let now = *line.wait_for(passes).await.ok()?;
    match now {
        Line::Slow(millis) => {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            Some(n)
        }
        Line::Trickle => {
            tokio::time::sleep(Duration::from_millis(1)).await;
            Some(n.min(TRICKLE_BYTES))
        }
        Line::Open | Line::Cut | Line::Held | Line::OneWay => Some(n),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that gives every byte back, and a client that speaks to it through a proxy.
    async fn echoed() -> (Proxy, TcpStream, JoinSet<()>) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let (mut from, mut to) = stream.into_split();
            tokio::io::copy(&mut from, &mut to).await.ok();
        });
        let proxy = Proxy::start(address).await.unwrap();
        let client = TcpStream::connect(proxy.address).await.unwrap();
        (proxy, client, tasks)
    }

    async fn says(client: &mut TcpStream, text: &[u8]) -> Vec<u8> {
        client.write_all(text).await.unwrap();
        let mut answer = vec![0; text.len()];
        client.read_exact(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn bytes_arrive_unchanged_however_slow_the_line() {
        let (proxy, mut client, _tasks) = echoed().await;
        for line in [Line::Open, Line::Trickle, Line::Slow(3)] {
            proxy.set(line);
            let text: Vec<u8> = (0..=255).collect();
            assert_eq!(says(&mut client, &text).await, text, "{line:?}");
        }
    }

    #[tokio::test]
    async fn what_is_held_arrives_when_the_line_opens_again() {
        let (proxy, mut client, _tasks) = echoed().await;
        assert_eq!(says(&mut client, b"before").await, b"before");
        for line in [Line::Held, Line::OneWay] {
            proxy.set(line);
            client.write_all(b"held").await.unwrap();
            let mut answer = [0; 4];
            let early = tokio::time::timeout(Duration::from_millis(50), client.read_exact(&mut answer)).await;
            assert!(early.is_err(), "{line:?} let bytes through");
            proxy.set(Line::Open);
            client.read_exact(&mut answer).await.unwrap();
            assert_eq!(&answer, b"held");
        }
    }

    #[tokio::test]
    async fn a_cut_line_resets_what_is_there() {
        let (proxy, mut client, _tasks) = echoed().await;
        assert_eq!(says(&mut client, b"before").await, b"before");
        proxy.set(Line::Cut);
        let error = client.read(&mut [0; 1]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }
}
