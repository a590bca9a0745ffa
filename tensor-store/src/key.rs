//! Every kind of object that there is, and where it lives. A path is made nowhere else.
//!
//! ```text
//! jobs/<job>/spec                     what was submitted
//! jobs/<job>/cancelled                somebody wanted the job to stop
//! jobs/<job>/run.json                 what the run took; a job that has one has ended
//! jobs/<job>/repos/<n>/plan           commit, ledger, batches of the n-th repo (sealed)
//! jobs/<job>/report/<file>            report.json, report.sarif, report.md, tensors.json, patches/…
//! pipelines/<digest>                  what decides the result of a batch beside its files
//! sources/<digest>                    source pack of a batch
//! results/<batch digest>              result of a batch (sealed)
//! tensors/<digest>.safetensors        tensor pack
//! models/<digest>/<file>              files of a model directory
//! snapshots/<digest>                  what a job left of a repo for the next night, and the rows of it
//! index/<repo>/<name>                 the newest snapshot of a repo (sealed, and replaced)
//! ```
//!
//! A key also knows how the object under it is checked: a blob by the digest in its key, a sealed object by the
//! digest inside it, a plain one (read by people and other programs) not at all.

use std::fmt;

use object_store::path::{Path, PathPart};
use schemas::Digest;

/// The place of one object. Text is percent-encoded where needed, so that none can leave its folder.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    path: Path,
    check: Check,
}

/// How the bytes under a key prove that they are what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Check {
    /// BLAKE3 of all bytes equals this.
    Blob(Digest),
    /// The object begins with a seal.
    Sealed,
    /// Nothing to check against.
    Plain,
}

impl Key {
    /// What was submitted; plain.
    #[must_use]
    pub fn job_spec(job: &str) -> Self {
        Self::of(&["jobs", job, "spec"], Check::Plain)
    }

    /// Somebody wanted the job to stop; plain.
    #[must_use]
    pub fn job_cancelled(job: &str) -> Self {
        Self::of(&["jobs", job, "cancelled"], Check::Plain)
    }

    /// What the run took: a job that has one has ended. Plain.
    #[must_use]
    pub fn job_run(job: &str) -> Self {
        Self::of(&["jobs", job, "run.json"], Check::Plain)
    }

    /// Ledger and batches of the job's `repo`-th repo, counted from 0; sealed.
    #[must_use]
    pub fn job_plan(job: &str, repo: usize) -> Self {
        Self::of(&["jobs", job, "repos", &repo.to_string(), "plan"], Check::Sealed)
    }

    /// A file of the job's report, such as `report.json` or `patches/flask/UP004.patch`: `/` separates folders. Plain.
    #[must_use]
    pub fn job_report(job: &str, file: &str) -> Self {
        let segments: Vec<&str> = ["jobs", job, "report"].into_iter().chain(file.split('/')).collect();
        Self::of(&segments, Check::Plain)
    }

    /// A patch file of one repo of the job, a part of its report; plain.
    #[must_use]
    pub fn patch(job: &str, repo: &str, file: &str) -> Self {
        Self::of(&["jobs", job, "report", "patches", repo, file], Check::Plain)
    }

    /// What decides the result of a batch beside its files, by the digest of its bytes.
    #[must_use]
    pub fn pipelines(digest: Digest) -> Self {
        Self::of(&["pipelines", &digest.to_string()], Check::Blob(digest))
    }

    /// The source pack of a batch, by the digest of its stored bytes.
    #[must_use]
    pub fn sources(digest: Digest) -> Self {
        Self::of(&["sources", &digest.to_string()], Check::Blob(digest))
    }

    /// The result of a batch, by the digest of what decides it; sealed.
    #[must_use]
    pub fn results(batch: Digest) -> Self {
        Self::of(&["results", &batch.to_string()], Check::Sealed)
    }

    /// A tensor pack, by the digest of the whole file.
    #[must_use]
    pub fn tensors(digest: Digest) -> Self {
        Self::of(&["tensors", &format!("{digest}.safetensors")], Check::Blob(digest))
    }

    /// A file of a model directory; plain, since whoever loads a model checks it as a whole.
    #[must_use]
    pub fn model_file(model: Digest, file: &str) -> Self {
        Self::of(&["models", &model.to_string(), file], Check::Plain)
    }

    /// What a job left of a repo, or some rows of that, by the digest of its bytes.
    #[must_use]
    pub fn snapshots(digest: Digest) -> Self {
        Self::of(&["snapshots", &digest.to_string()], Check::Blob(digest))
    }

    /// The newest snapshot of a repo: `name` is a pipeline, or `latest`. Sealed; the one kind of sealed objects that is
    /// replaced.
    #[must_use]
    pub fn index(repo: Digest, name: &str) -> Self {
        Self::of(&["index", &repo.to_string(), name], Check::Sealed)
    }

    /// The folder of a job's report, to list it.
    #[must_use]
    pub fn report_prefix(job: &str) -> String {
        Self::of(&["jobs", job, "report"], Check::Plain).to_string()
    }

    /// The folder of a model, to list it.
    #[must_use]
    pub fn model_prefix(model: Digest) -> String {
        format!("models/{model}")
    }

    /// The digest of the object's bytes, where the key is made of it.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        match self.check {
            Check::Blob(digest) => Some(digest),
            Check::Sealed | Check::Plain => None,
        }
    }

    /// The path relative to the root of the store: segments joined by `/`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.path.as_ref()
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn check(&self) -> Check {
        self.check
    }

    fn of(segments: &[&str], check: Check) -> Self {
        Self { path: segments.iter().map(|&segment| PathPart::from(segment)).collect(), check }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_layout_is_as_documented() {
        let digest = Digest::of(b"x");
        assert_eq!(Key::job_spec("job_1").as_str(), "jobs/job_1/spec");
        assert_eq!(Key::job_plan("job_1", 7).as_str(), "jobs/job_1/repos/7/plan");
        assert_eq!(Key::job_report("j", "report.json").as_str(), "jobs/j/report/report.json");
        assert_eq!(Key::job_report("j", "patches/r/no-var.patch"), Key::patch("j", "r", "no-var.patch"));
        assert_eq!(Key::tensors(digest).as_str(), format!("tensors/{digest}.safetensors"));
        assert_eq!(Key::model_file(digest, "card.json").as_str(), format!("models/{digest}/card.json"));
    }

    proptest! {
        #[test]
        fn no_text_leaves_its_folder(text in any::<String>()) {
            for key in [Key::patch("j", &text, &text), Key::job_report("j", &text)] {
                prop_assert!(key.as_str().starts_with("jobs/j/report"));
                prop_assert!(!key.as_str().split('/').any(|segment| segment == ".." || segment == "."));
            }
        }
    }
}
