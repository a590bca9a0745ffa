//! Certificates as files: written by `mend fix --certificates`, replayed by `mend verify`.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use fixes::{Certificate, Language};
use serde::{Deserialize, Serialize};

use crate::Outcome;

/// A certificate with all that replaying it takes.
#[derive(Debug, Serialize, Deserialize)]
pub struct CertificateFile {
    /// The file's name in its working tree.
    pub path: String,
    /// What it is parsed as.
    pub language: Language,
    /// The proof.
    pub certificate: Certificate,
    /// The text before, where it is text; its digest is in the certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
}

/// `mend verify`
pub(crate) fn verify(path: &Path, base: Option<&Path>) -> anyhow::Result<Outcome> {
    let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let file: CertificateFile =
        serde_json::from_slice(&text).with_context(|| format!("{} is no certificate", path.display()))?;
    let base = match (base, file.base) {
        (Some(base), _) => std::fs::read(base).with_context(|| format!("cannot read {}", base.display()))?,
        (None, Some(base)) => base.into_bytes(),
        (None, None) => bail!("the certificate holds no text; give it with --base FILE"),
    };
    let mut output = anstream::stdout().lock();
    match file.certificate.verify(&base, file.language) {
        Ok(()) => {
            writeln!(
                output,
                "{}: `{}` holds: {}",
                file.path,
                file.certificate.rule,
                checks(&file.certificate)
            )?;
            Ok(Outcome::Clean)
        }
        Err(failed) => {
            writeln!(output, "{}: `{}` does not hold: {failed}", file.path, file.certificate.rule)?;
            Ok(Outcome::Findings)
        }
    }
}

fn checks(certificate: &Certificate) -> String {
    let names: Vec<&str> = certificate.checks.iter().map(|check| check.name()).collect();
    names.join(", ")
}
