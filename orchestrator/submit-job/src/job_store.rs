//! The jobs of an object store: what the command line reads and the little it writes. The store is the truth; a
//! job can be looked at here long after every queue is gone.

use std::path::{Component, Path, PathBuf};

use anyhow::Context;
use bytes::Bytes;
use model_dir::ModelDir;
use schemas::report::{Report, Run, Tensors};
use schemas::{Digest, JobId, JobSpec};
use serde::de::DeserializeOwned;
use tensor_store::{Error, Key, Put, Store};

use crate::exit::Conflict;
use crate::spec_diff;

/// An object store, with what this program does to it.
#[derive(Clone, Debug)]
pub struct JobStore {
    store: Store,
    url: String,
}

/// How a job was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It was not there.
    New,
    /// It is there with the same spec and has not ended.
    Unfinished,
    /// It is there with the same spec and has its report.
    Ended,
}

impl Found {
    /// The word for it in events.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Unfinished => "attached",
            Self::Ended => "ended",
        }
    }
}

impl JobStore {
    /// Opens the store at `url`.
    ///
    /// # Errors
    /// If the URL names no store that this build can open.
    pub fn open(url: &str) -> anyhow::Result<Self> {
        Ok(Self { store: Store::open(url)?, url: url.to_owned() })
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Stores the spec of a job, once.
    ///
    /// # Errors
    /// [`Conflict`] if the id belongs to another spec; other errors of the store.
    pub async fn submit(&self, job: &JobId, spec: &JobSpec) -> anyhow::Result<Found> {
        let key = Key::job_spec(job.as_str());
        match self.store.put_new(&key, Bytes::from(spec.to_json())).await {
            Ok(Put::Created) => return Ok(Found::New),
            Ok(Put::AlreadyThere) => {}
            Ok(Put::OtherThere) | Err(Error::Conflict { .. }) => self.compare(job, spec).await?,
            Err(error) => return Err(error).context("store the spec of the job"),
        }
        let ended = self.store.exists(&Key::job_run(job.as_str())).await?;
        Ok(if ended { Found::Ended } else { Found::Unfinished })
    }

    /// Other bytes may still be the same spec: written by another version, with another order of fields.
    async fn compare(&self, job: &JobId, spec: &JobSpec) -> anyhow::Result<()> {
        let stored = self.spec(job).await?.context("the spec of the job vanished")?;
        let differences = spec_diff::differences(&stored, spec);
        if differences.is_empty() {
            return Ok(());
        }
        Err(Conflict { job: job.clone(), differences }.into())
    }

    /// The spec of a job, if it was submitted here.
    ///
    /// # Errors
    /// If the store cannot be read, or holds a spec of another version.
    pub async fn spec(&self, job: &JobId) -> anyhow::Result<Option<JobSpec>> {
        let bytes = present(self.store.get(&Key::job_spec(job.as_str())).await)?;
        let read = |bytes: Bytes| {
            serde_json::from_slice(&bytes).with_context(|| format!("read the spec of job {job}"))
        };
        bytes.map(read).transpose()
    }

    /// Stores the files of a model; those that are there stay.
    ///
    /// # Errors
    /// If a file cannot be read or stored.
    pub async fn upload_model(&self, model: &ModelDir) -> anyhow::Result<()> {
        let digest: Digest = model.digest().parse().context("read the digest of the model")?;
        for name in model.files() {
            let key = Key::model_file(digest, name);
            if self.store.exists(&key).await? {
                continue;
            }
            let path = model.path().join(name);
            let bytes = tokio::fs::read(&path).await.with_context(|| format!("read `{}`", path.display()))?;
            self.store
                .put_new(&key, bytes.into())
                .await
                .with_context(|| format!("store `{}`", path.display()))?;
        }
        Ok(())
    }

    /// What the run of a job took; `None` until it has ended.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn run(&self, job: &JobId) -> anyhow::Result<Option<Run>> {
        Ok(present(self.store.get_json(&Key::job_run(job.as_str())).await)?)
    }

    /// Whether the job was cancelled.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn is_cancelled(&self, job: &JobId) -> anyhow::Result<bool> {
        Ok(self.store.exists(&Key::job_cancelled(job.as_str())).await?)
    }

    /// One JSON file of a job's report; `None` where there is none.
    ///
    /// # Errors
    /// If the store cannot be read, or the file is of another version.
    pub async fn json<T: DeserializeOwned>(&self, job: &JobId, file: &str) -> anyhow::Result<Option<T>> {
        Ok(present(self.store.get_json(&Key::job_report(job.as_str(), file)).await)?)
    }

    /// The report of an ended job; `None` where it made none.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn report(&self, job: &JobId) -> anyhow::Result<Option<Report>> {
        self.json(job, "report.json").await
    }

    /// The tensors that a job stored; none where it had no model.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn tensors(&self, job: &JobId) -> anyhow::Result<Tensors> {
        Ok(self.json(job, "tensors.json").await?.unwrap_or_default())
    }

    /// All jobs of the store, by id.
    ///
    /// # Errors
    /// If the store cannot be listed.
    pub async fn jobs(&self) -> anyhow::Result<Vec<JobId>> {
        let names = self.store.list_folders("jobs").await?;
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// Marks a job as cancelled: no orchestrator takes it up again.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub async fn mark_cancelled(&self, job: &JobId) -> anyhow::Result<()> {
        let key = Key::job_cancelled(job.as_str());
        if !self.store.exists(&key).await? {
            self.store.put(&key, Bytes::from_static(b"cancelled\n")).await?;
        }
        Ok(())
    }

    /// The files of a job's report, sorted, and of its run last: a folder with a `run.json` is whole. Empty until
    /// the job has ended.
    ///
    /// # Errors
    /// If the store cannot be listed, or holds a name that could lead out of the output folder.
    pub async fn artifacts(&self, job: &JobId) -> anyhow::Result<Vec<Artifact>> {
        let mut artifacts = Vec::new();
        for name in self.store.list_names(&Key::report_prefix(job.as_str())).await? {
            let path = PathBuf::from(&name);
            anyhow::ensure!(is_plain(&path), "the report of job {job} holds an odd name: `{name}`");
            artifacts.push(Artifact { path, key: Key::job_report(job.as_str(), &name) });
        }
        let run = Key::job_run(job.as_str());
        if self.store.exists(&run).await? {
            artifacts.push(Artifact { path: PathBuf::from("run.json"), key: run });
        }
        Ok(artifacts)
    }

    /// The bytes of one file of a report.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn artifact(&self, artifact: &Artifact) -> anyhow::Result<Bytes> {
        Ok(self.store.get(&artifact.key).await?)
    }
}

/// One file of a job's report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// Where it belongs in the output folder. Plain components only: it cannot lead out of it.
    pub path: PathBuf,
    key: Key,
}

fn is_plain(path: &Path) -> bool {
    path.components().all(|component| matches!(component, Component::Normal(_)))
}

/// An absent object is an answer, not an error.
fn present<T>(outcome: tensor_store::Result<T>) -> tensor_store::Result<Option<T>> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use model_dir::init::{Size, untrained};
    use model_dir::{WEIGHTS_FILE, WEIGHTS_INDEX_FILE};

    use super::*;

    /// What workers find under the digest of a model is the model, also where its weights are in several files.
    #[tokio::test]
    async fn a_stored_model_has_all_its_files() {
        let dir = tempfile::tempdir().unwrap();
        let [model, copy] = ["model", "copy"].map(|name| dir.path().join(name));
        untrained(Size::Micro, 1, &["let x = 1;\n".to_owned()]).unwrap().write(&model).unwrap();
        let shard = "model-00001-of-00001.safetensors";
        std::fs::rename(model.join(WEIGHTS_FILE), model.join(shard)).unwrap();
        let index = format!(r#"{{"weight_map": {{"bert.pooler.dense.bias": "{shard}"}}}}"#);
        std::fs::write(model.join(WEIGHTS_INDEX_FILE), index).unwrap();
        let model = ModelDir::open(&model).unwrap();

        let jobs = JobStore::open(&format!("file://{}/store", dir.path().display())).unwrap();
        jobs.upload_model(&model).await.unwrap();
        let digest: Digest = model.digest().parse().unwrap();
        let names = jobs.store.list_names(&Key::model_prefix(digest)).await.unwrap();
        assert_eq!(names, model.files());
        std::fs::create_dir(&copy).unwrap();
        for name in &names {
            let bytes = jobs.store.get(&Key::model_file(digest, name)).await.unwrap();
            std::fs::write(copy.join(name), bytes).unwrap();
        }
        assert_eq!(ModelDir::open(&copy).unwrap().digest(), model.digest());
    }
}
