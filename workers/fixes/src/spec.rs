//! From a rule as data to a rule that runs.

pub use settings::RuleSpec;

use crate::engine::Error;
use crate::rule::RuleRef;
use crate::user_rule;

/// The rule that `spec` describes.
///
/// # Errors
/// If there is no such rule, or its options or its text are not as they should be.
pub fn rule_of(spec: &RuleSpec) -> Result<RuleRef, Error> {
    if let Some(source) = &spec.source {
        return user_rule::rule(&spec.id, source);
    }
    let known = crate::catalogue::find(&spec.id).ok_or_else(|| Error::unknown(&spec.id))?;
    if spec.options.is_empty() {
        return Ok(RuleRef::Default(known));
    }
    let configured = known.configured(&spec.options.values());
    let reason = |reason| Error::Options { id: spec.id.clone(), reason };
    Ok(RuleRef::Owned(configured.map_err(reason)?))
}
