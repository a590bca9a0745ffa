//! Which rules run, and with which options: what a configuration comes down to.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::engine::Error;
use crate::rule::RuleRef;

/// One rule of a run, as data: the same on every machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSpec {
    /// The rule's id.
    pub id: String,
    /// The origin linter's options.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<Value>,
    /// The text of a user's own rule, in ast-grep's YAML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

impl RuleSpec {
    /// A rule of this build with its default options.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), options: Vec::new(), source: None }
    }

    /// The rule.
    ///
    /// # Errors
    /// If there is no such rule, or its options or its text are not as they should be.
    pub fn rule(&self) -> Result<RuleRef, Error> {
        let known = crate::catalogue::find(&self.id).ok_or_else(|| Error::unknown(&self.id))?;
        if self.options.is_empty() {
            return Ok(RuleRef::Default(known));
        }
        let configured = known.configured(&self.options);
        let reason = |reason| Error::Options { id: self.id.clone(), reason };
        Ok(RuleRef::Owned(configured.map_err(reason)?))
    }
}

impl From<&str> for RuleSpec {
    fn from(id: &str) -> Self {
        Self::new(id)
    }
}
