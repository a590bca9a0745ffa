//! The two halves of `deploy/power-cut`: write to a private server and an object store until killed, and count what is
//! there afterwards.
//!
//! `power_cut write FOLDER LOG [--unsynced-store]` notes every message that was acknowledged and every object whose
//! write returned, one line each, in LOG. `power_cut read FOLDER LOG` prints how many of them are there, and exits
//! with 1 if one is not.
#![expect(clippy::unwrap_used, reason = "a tool for tests fails loudly")]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bus::{Bus, PrivateServer, Settlement};
use schemas::messages::BatchReady;
use schemas::{BatchId, Digest, JobId, Lane, subjects, topology};
use tensor_store::{Key, OpenOptions, Store};

/// Publishes and writes at once, of each kind.
const AT_ONCE: u64 = 8;
/// Between two objects: without fsync they would fill the image before the power goes.
const PAUSE: Duration = Duration::from_millis(10);

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["write", folder, log] => write(Path::new(folder), Path::new(log), true).await,
        ["write", folder, log, "--unsynced-store"] => write(Path::new(folder), Path::new(log), false).await,
        ["read", folder, log] => return read(Path::new(folder), Path::new(log)).await,
        _ => eprintln!("power_cut write|read FOLDER LOG; see deploy/power-cut --help"),
    }
    ExitCode::from(2)
}

/// The log, outside of what loses its power. One call of `write` per line, so that no line is torn.
struct Log(File);

impl Log {
    fn note(&self, kind: &str, name: impl std::fmt::Display) {
        (&self.0).write_all(format!("{kind} {name}\n").as_bytes()).unwrap();
    }
}

fn job() -> JobId {
    "power_cut".parse().unwrap()
}

fn store(folder: &Path, fsync: bool) -> Store {
    let url = format!("file://{}", folder.join("store").display());
    Store::open_with(&url, OpenOptions { fsync, ..OpenOptions::default() }).unwrap()
}

/// Never returns.
async fn write(folder: &Path, log: &Path, fsync: bool) {
    let server = PrivateServer::start(&folder.join("nats")).unwrap();
    let bus = Bus::connect(&server.connection("power-cut")).await.unwrap();
    bus.provision().await.unwrap();
    let log = Arc::new(Log(File::options().create(true).append(true).open(log).unwrap()));
    log.note("server", server.pid());
    let store = store(folder, fsync);
    let mut writers = tokio::task::JoinSet::new();
    for lane in 0..AT_ONCE {
        let (bus, to) = (bus.clone(), Arc::clone(&log));
        writers.spawn(async move {
            for n in (lane..).step_by(AT_ONCE as usize) {
                publish(&bus, n).await;
                to.note("message", batch(n).batch);
            }
        });
        let (store, to) = (store.clone(), Arc::clone(&log));
        writers.spawn(async move {
            for n in (lane..).step_by(AT_ONCE as usize) {
                let digest = store.put_blob(Key::sources, object(n).into()).await.unwrap();
                to.note("object", digest);
                tokio::time::sleep(PAUSE).await;
            }
        });
    }
    writers.join_all().await;
}

fn batch(n: u64) -> BatchReady {
    let digest = Digest::of(&n.to_le_bytes());
    BatchReady { job: job(), batch: BatchId::from_digest(digest), pipeline: digest, sources: digest }
}

async fn publish(bus: &Bus, n: u64) {
    let message = batch(n);
    let subject = subjects::batch_ready(Lane::Nightly, &job());
    bus.publish(&subject, &message.batch.to_string(), &message).await.unwrap();
}

/// 1 to 128 KiB that no other object shares.
fn object(n: u64) -> Vec<u8> {
    n.to_le_bytes().repeat(128 << (n % 8))
}

/// How long nothing may come before nothing is left.
const QUIET: Duration = Duration::from_secs(8);

async fn read(folder: &Path, log: &Path) -> ExitCode {
    let text = fs::read_to_string(log).unwrap();
    let noted = |kind: &str| -> BTreeSet<String> {
        let lines = text.lines().filter_map(|line| line.strip_prefix(kind)?.strip_prefix(' '));
        lines.map(str::to_owned).collect()
    };
    let (messages, objects) = (noted("message"), noted("object"));
    let (found_messages, damage) = match messages_of(folder).await {
        Ok(found) => (found, String::new()),
        Err(error) => (BTreeSet::new(), format!(" ({error})")),
    };
    let found_objects = objects_of(folder.to_owned(), &objects).await;
    let lost_messages = messages.difference(&found_messages).count();
    let lost_objects = objects.len() - found_objects;
    println!(
        "messages: {} acknowledged, {} of them found, {lost_messages} lost{damage}; \
         objects: {} written, {found_objects} found and sound, {lost_objects} lost",
        messages.len(),
        messages.len() - lost_messages,
        objects.len(),
    );
    ExitCode::from(u8::from(lost_messages + lost_objects > 0))
}

/// The batches of all messages that the server still has.
async fn messages_of(folder: &Path) -> Result<BTreeSet<String>, bus::Error> {
    let server = PrivateServer::start(&folder.join("nats"))?;
    let bus = Bus::connect(&server.connection("power-cut")).await?;
    let mut inbox = bus.inbox(Lane::ALL.map(topology::work).to_vec()).await?;
    let mut found = BTreeSet::new();
    while let Ok(delivery) = tokio::time::timeout(QUIET, inbox.next()).await {
        if let Ok(message) = delivery.decode::<BatchReady>() {
            found.insert(message.batch.to_string());
        }
        delivery.settle(Settlement::Done).await;
    }
    Ok(found)
}

/// How many of the objects are there and are what their key says.
async fn objects_of(folder: PathBuf, noted: &BTreeSet<String>) -> usize {
    let store = store(&folder, true);
    let mut n_sound = 0;
    for digest in noted {
        let key = Key::sources(digest.parse().unwrap());
        n_sound += usize::from(store.get_blob(&key).await.is_ok());
    }
    n_sound
}
