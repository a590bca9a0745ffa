//! Finds the file that kills workers. A batch that comes again may have taken a worker along: an allocation that
//! failed, a stack that overflowed, the system's memory killer. From its second delivery on, its files are scanned in
//! a child process, as a whole and then in halves, down to the single file; that one is a failed file, and all the
//! others are done.
//!
//! What is known of a piece is stored as soon as it is known, so that a worker that dies all the same does not begin
//! anew: a piece that was begun twice and never ended counts as deadly.

use std::io::{Read, Write};
use std::process::Stdio;
use std::sync::Mutex;

use anyhow::Context;
use schemas::messages::BatchReady;
use schemas::result::{FileResult, FileRow};
use schemas::sources::{SourceFile, SourcePack, Work};
use schemas::{BatchId, Digest};
use serde::{Deserialize, Serialize};
use settings::RuleSpec;
use tensor_store::{Key, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tracing::{info, warn};

use crate::error::StageError;
use crate::fetch;
use crate::fix;

/// The first argument of a worker that is such a child.
pub const ARGUMENT: &str = "isolate";

/// A piece that was begun this often and never ended is not begun again.
const MAX_BEGINS: u32 = 2;

/// A single file is accused by so many children in a row: one may have been killed for something else.
const ACCUSERS: u32 = 2;

/// What a child is to do.
#[derive(Serialize, Deserialize)]
struct Request {
    /// The pipeline, as stored.
    #[serde(with = "serde_bytes")]
    pipeline: Vec<u8>,
    /// The settings of the batch, and the files of the piece.
    pack: SourcePack,
}

/// What is known for good of a piece of a batch.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Verdict {
    /// Its files' results.
    Done(Vec<FileRow>),
    /// No process survives it.
    Deadly(String),
}

/// How a child ended.
#[derive(Debug)]
pub(crate) enum End {
    Done(Vec<FileRow>),
    Died(String),
}

/// Who scans pieces.
pub(crate) enum Scanner {
    /// This program as a child process.
    Child,
    /// Stands for it in tests.
    #[cfg(test)]
    Fake(fn(&[SourceFile]) -> Result<End, StageError>),
}

/// A batch that came again, and how its files are scanned.
pub(crate) struct Isolation<'a> {
    pub(crate) store: &'a Store,
    pub(crate) batch: &'a BatchReady,
    pub(crate) rules: Option<Vec<RuleSpec>>,
    pub(crate) work: Work,
    /// Delivery number, from 2.
    pub(crate) attempt: u32,
    pub(crate) begun: &'a Begun,
    pub(crate) scanner: Scanner,
}

/// The piece that is begun now, by the key that says that its end was not its fault. A worker that is told to stop
/// excuses it.
#[derive(Default)]
pub(crate) struct Begun(Mutex<Option<Key>>);

impl Begun {
    fn set(&self, excuse: Option<Key>) {
        *self.0.lock().expect("no holder of the lock panics") = excuse;
    }

    /// Notes that the piece that is begun, if one is, was stopped and did not die.
    pub(crate) async fn excuse(&self, store: &Store) {
        let excuse = self.0.lock().expect("no holder of the lock panics").take();
        if let Some(key) = excuse
            && let Err(error) = store.put_sealed(&key, &()).await
        {
            warn!(%error, "a piece that was stopped counts as begun without an end");
        }
    }
}

impl Isolation<'_> {
    /// Scans the files. A piece that no process survives is tried in halves.
    ///
    /// # Errors
    /// If the store does not answer, or no child can be started.
    pub(crate) async fn files(&self, files: &[SourceFile]) -> Result<Vec<FileRow>, StageError> {
        warn!(attempt = self.attempt, n_files = files.len(), "batch came again, it is scanned apart");
        let pipeline = fetch::stored_pipeline(self.store, self.batch.pipeline).await?;
        // A third delivery means that the second did not get through either: no time for the whole.
        let mut pieces = if self.attempt > 2 { halves(files) } else { vec![files] };
        pieces.reverse();
        let mut rows = Vec::with_capacity(files.len());
        while let Some(piece) = pieces.pop() {
            match self.verdict(&pipeline, piece).await? {
                Verdict::Done(done) => rows.extend(done),
                Verdict::Deadly(reason) => match piece {
                    [file] => rows.push(deadly(file, &reason)),
                    _ => pieces.extend(halves(piece).into_iter().rev()),
                },
            }
        }
        Ok(rows)
    }

    /// What is known of a piece, found out if need be.
    async fn verdict(&self, pipeline: &[u8], piece: &[SourceFile]) -> Result<Verdict, StageError> {
        let id = PieceId::new(self.batch.batch, piece);
        if let Some(known) = id.verdict(self.store).await? {
            return Ok(known);
        }
        let verdict = match id.begin(self.store).await? {
            Some(excuse) => {
                self.begun.set(Some(excuse));
                self.find_out(pipeline, piece).await?
            }
            None => Verdict::Deadly("its worker died with it".to_owned()),
        };
        id.conclude(self.store, &verdict).await?;
        self.begun.set(None);
        Ok(verdict)
    }

    async fn find_out(&self, pipeline: &[u8], piece: &[SourceFile]) -> Result<Verdict, StageError> {
        let accusers = if piece.len() == 1 { ACCUSERS } else { 1 };
        let mut reason = String::new();
        for _ in 0..accusers {
            match self.scan(pipeline, piece).await? {
                End::Done(rows) => return Ok(Verdict::Done(rows)),
                End::Died(how) => reason = how,
            }
            info!(n_files = piece.len(), reason, "a process died of these files");
        }
        Ok(Verdict::Deadly(reason))
    }

    async fn scan(&self, pipeline: &[u8], piece: &[SourceFile]) -> Result<End, StageError> {
        match self.scanner {
            Scanner::Child => {}
            #[cfg(test)]
            Scanner::Fake(scan) => return scan(piece),
        }
        let pack = SourcePack {
            rules: self.rules.clone(),
            work: self.work.clone(),
            known_chunks: Vec::new(),
            files: piece.to_vec(),
        };
        let request = Request { pipeline: pipeline.to_vec(), pack };
        let request =
            rmp_serde::to_vec_named(&request).expect("a request holds nothing that msgpack cannot say");
        run_child(&request, piece.len()).await
    }
}

/// The row of a file that no process survives.
fn deadly(file: &SourceFile, reason: &str) -> FileRow {
    warn!(language = ?file.language, n_bytes = file.bytes.len(), reason, "no worker survives this file");
    let reason = format!("no worker survived this file: {reason}");
    FileRow { inputs: fix::inputs(file), result: FileResult::Failed { reason } }
}

/// Two pieces, or one where there is nothing to cut.
fn halves(piece: &[SourceFile]) -> Vec<&[SourceFile]> {
    let (left, right) = piece.split_at(piece.len() / 2);
    [left, right].into_iter().filter(|half| !half.is_empty()).collect()
}

/// Names a piece by the batch and its files, so that what is known of it holds wherever it is looked at again.
struct PieceId(String);

impl PieceId {
    fn new(batch: BatchId, piece: &[SourceFile]) -> Self {
        let mut name = batch.to_string();
        for file in piece {
            name.push('\n');
            name.push_str(&fix::inputs(file).to_string());
        }
        Self(name)
    }

    fn key(&self, what: &str) -> Key {
        Key::results(Digest::of(format!("{what}\n{}", self.0).as_bytes()))
    }

    async fn verdict(&self, store: &Store) -> Result<Option<Verdict>, StageError> {
        match store.get_sealed(&self.key("verdict")).await {
            Ok(verdict) => Ok(Some(verdict)),
            Err(tensor_store::Error::NotFound { .. } | tensor_store::Error::Corrupt { .. }) => Ok(None),
            Err(source) => Err(StageError::Store { what: "look for what is known of a piece", source }),
        }
    }

    async fn conclude(&self, store: &Store, verdict: &Verdict) -> Result<(), StageError> {
        let stored = store.put_sealed(&self.key("verdict"), verdict).await;
        stored
            .map(drop)
            .map_err(|source| StageError::Store { what: "store what is known of a piece", source })
    }

    /// Notes that the piece is begun, and gives the key of the excuse for it. `None` if it was begun too often
    /// already without an end and without an excuse.
    async fn begin(&self, store: &Store) -> Result<Option<Key>, StageError> {
        let error = |source| StageError::Store { what: "note that a piece is begun", source };
        let (mut n, mut without_end) = (0, 0);
        while without_end < MAX_BEGINS {
            n += 1;
            let (begun, excuse) = (self.key(&format!("begun {n}")), self.key(&format!("excused {n}")));
            if !store.exists(&begun).await.map_err(error)? {
                store.put_sealed(&begun, &()).await.map_err(error)?;
                return Ok(Some(excuse));
            }
            without_end += u32::from(!store.exists(&excuse).await.map_err(error)?);
        }
        Ok(None)
    }
}

/// Runs this program as a child on a request. Its standard input stays open for as long as we live: it ends with us.
async fn run_child(request: &[u8], n_files: usize) -> Result<End, StageError> {
    let failed = |error: std::io::Error| StageError::Isolation { reason: error.to_string() };
    let program = std::env::current_exe().map_err(failed)?;
    let mut child = tokio::process::Command::new(program)
        .arg(ARGUMENT)
        .env("RAYON_NUM_THREADS", rayon::current_num_threads().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let (mut stdin, mut stdout) = (child.stdin.take(), child.stdout.take());
    let mut answer = Vec::new();
    if let (Some(stdin), Some(stdout)) = (&mut stdin, &mut stdout) {
        let send = async {
            stdin.write_all(&(request.len() as u64).to_le_bytes()).await?;
            stdin.write_all(request).await?;
            stdin.flush().await
        };
        // A child that dies while we write is known by its end.
        let (_, read) = tokio::join!(send, stdout.read_to_end(&mut answer));
        read.map_err(failed)?;
    }
    let status = child.wait().await.map_err(failed)?;
    drop(stdin);
    if status.success() {
        return match rmp_serde::from_slice::<Vec<FileRow>>(&answer) {
            Ok(rows) if rows.len() == n_files => Ok(End::Done(rows)),
            _ => {
                Err(StageError::Isolation { reason: "a child gave an answer that cannot be read".to_owned() })
            }
        };
    }
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    match signal {
        // Somebody stops us, and the child with us.
        Some(1 | 2 | 15) => Err(StageError::Cancelled),
        Some(signal) => Ok(End::Died(format!("killed by signal {signal}"))),
        None => Ok(End::Died(format!("it ended with code {}", status.code().unwrap_or_default()))),
    }
}

/// The child: reads a request, scans, writes the results.
///
/// # Errors
/// If the request cannot be read or the results cannot be written.
pub fn child() -> anyhow::Result<()> {
    // Where memory runs out, the system is to kill this process and not the worker. Other systems have no such file.
    std::fs::write("/proc/self/oom_score_adj", "1000").ok();
    let mut stdin = std::io::stdin().lock();
    let mut length = [0; 8];
    stdin.read_exact(&mut length).context("read a request")?;
    let mut request = Vec::new();
    let read = (&mut stdin).take(u64::from_le_bytes(length)).read_to_end(&mut request);
    read.context("read a request")?;
    drop(stdin);
    end_with_parent();
    let request: Request = rmp_serde::from_slice(&request).context("read a request")?;
    let recipe = fetch::recipe_of(&request.pipeline, &request.pack)?;
    let rows = fix::all(&recipe, &request.pack.files);
    let answer = rmp_serde::to_vec_named(&rows).context("write the results")?;
    std::io::stdout().write_all(&answer).context("write the results")
}

/// Ends this process when the worker is gone: its end of our standard input closes with it.
fn end_with_parent() {
    std::thread::spawn(|| {
        let mut ignored = [0; 256];
        while matches!(std::io::stdin().lock().read(&mut ignored), Ok(1..)) {}
        std::process::exit(1);
    });
}

#[cfg(test)]
mod tests {
    use schemas::Language;
    use settings::Facts;

    use super::*;

    fn batch() -> BatchReady {
        let digest = Digest::of(b"batch");
        let job = "job".parse().unwrap();
        BatchReady { job, batch: BatchId::from_digest(digest), pipeline: digest, sources: digest }
    }

    fn file(n: u8) -> SourceFile {
        SourceFile { language: Language::Python, facts: Facts::default(), bytes: vec![n] }
    }

    fn store() -> Store {
        Store::open("memory://").unwrap()
    }

    #[test]
    fn halves_are_the_whole_in_order_and_end_with_single_files() {
        let files: Vec<SourceFile> = (0..7).map(file).collect();
        let mut pieces = vec![files.as_slice()];
        while let Some(at) = pieces.iter().position(|piece| piece.len() > 1) {
            let halves = halves(pieces[at]);
            assert_eq!(halves.len(), 2);
            pieces.splice(at..=at, halves);
        }
        assert_eq!(pieces.concat(), files);
    }

    #[tokio::test]
    async fn a_piece_is_begun_twice_without_an_end_and_not_a_third_time() {
        let store = store();
        let id = PieceId::new(batch().batch, &[file(1), file(2)]);
        for _ in 0..MAX_BEGINS {
            assert!(id.begin(&store).await.unwrap().is_some());
        }
        assert_eq!(id.begin(&store).await.unwrap(), None);
        // Other files, and the same ones of another batch, are another piece.
        assert!(PieceId::new(batch().batch, &[file(1)]).begin(&store).await.unwrap().is_some());
        let other = BatchId::from_digest(Digest::of(b"other"));
        assert!(PieceId::new(other, &[file(1), file(2)]).begin(&store).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_piece_that_was_stopped_is_excused() {
        let store = store();
        let (id, begun) = (PieceId::new(batch().batch, &[file(1)]), Begun::default());
        for _ in 0..3 * MAX_BEGINS {
            let excuse = id.begin(&store).await.unwrap();
            assert!(excuse.is_some(), "a piece that never died is deadly");
            begun.set(excuse);
            begun.excuse(&store).await;
        }
        // Nothing is begun any more: nothing is excused.
        begun.excuse(&store).await;
        for _ in 0..MAX_BEGINS {
            assert!(id.begin(&store).await.unwrap().is_some());
        }
        assert_eq!(id.begin(&store).await.unwrap(), None);
    }

    const DEADLY: [u8; 3] = [13, 14, 63];

    fn is_deadly(piece: &[SourceFile]) -> bool {
        piece.iter().any(|file| DEADLY.contains(&file.bytes[0]))
    }

    fn done(piece: &[SourceFile]) -> End {
        let result = FileResult::Scanned(schemas::result::ScannedFile::default());
        End::Done(
            piece.iter().map(|file| FileRow { inputs: fix::inputs(file), result: result.clone() }).collect(),
        )
    }

    /// Scans 64 files, three of which are deadly, over as many lives of a worker as it takes. Gives back which of
    /// them failed, and the number of lives.
    async fn search(scan: fn(&[SourceFile]) -> Result<End, StageError>) -> (Vec<u8>, u32) {
        let store = store();
        let pipeline = store.put_blob(Key::pipelines, b"pipeline".as_slice().into()).await.unwrap();
        let batch = BatchReady { pipeline, ..batch() };
        let files: Vec<SourceFile> = (0..64).map(file).collect();
        let max_deliver = schemas::topology::work(schemas::Lane::Nightly).max_deliver;
        for attempt in 2..u32::try_from(max_deliver).unwrap() {
            let isolation = Isolation {
                store: &store,
                batch: &batch,
                rules: None,
                work: Work::default(),
                attempt,
                begun: &Begun::default(),
                scanner: Scanner::Fake(scan),
            };
            let Ok(rows) = isolation.files(&files).await else { continue };
            let inputs: Vec<Digest> = rows.iter().map(|row| row.inputs).collect();
            assert_eq!(inputs, files.iter().map(fix::inputs).collect::<Vec<_>>(), "rows are not in order");
            let failed = |(row, file): (&FileRow, &SourceFile)| {
                matches!(row.result, FileResult::Failed { .. }).then_some(file.bytes[0])
            };
            return (rows.iter().zip(&files).filter_map(failed).collect(), attempt - 1);
        }
        panic!("the search does not end");
    }

    #[tokio::test]
    async fn children_that_die_leave_exactly_the_deadly_files_failed_in_one_life() {
        let scan = |piece: &[SourceFile]| match is_deadly(piece) {
            true => Ok(End::Died("killed by signal 9".into())),
            false => Ok(done(piece)),
        };
        assert_eq!(search(scan).await, (DEADLY.to_vec(), 1));
    }

    /// The worker itself dies with its child, as where a whole container is killed: it comes to no conclusion.
    #[tokio::test]
    async fn the_search_goes_on_over_the_deaths_of_workers() {
        let scan = |piece: &[SourceFile]| match is_deadly(piece) {
            true => Err(StageError::Isolation { reason: "the end of this worker".into() }),
            false => Ok(done(piece)),
        };
        let (failed, n_lives) = search(scan).await;
        assert_eq!(failed, DEADLY);
        assert!(n_lives > 10, "{n_lives} lives: a worker that died did conclude something");
    }
}
