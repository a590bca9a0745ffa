//! Which rules run, and with which options: what a configuration comes down to.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a rule is about, which decides the profiles that it is part of.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    /// Code that does not do what it says.
    Bug,
    /// Code that could be attacked.
    Security,
    /// Code that does nothing.
    Redundancy,
    /// A newer form of the language says the same better.
    Modernise,
    /// A matter of taste.
    Style,
}

/// One rule of a run, as data: the same on every machine.
#[derive(
    Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct RuleSpec {
    /// The rule's id.
    pub id: String,
    /// The origin linter's options, as JSON.
    #[serde(default, skip_serializing_if = "Options::is_empty")]
    pub options: Options,
    /// The text of a user's own rule, in ast-grep's YAML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

impl RuleSpec {
    /// A rule of this build with its default options.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), options: Options::default(), source: None }
    }
}

impl From<&str> for RuleSpec {
    fn from(id: &str) -> Self {
        Self::new(id)
    }
}

/// Options of a rule, kept as the text of a JSON list so that they have one spelling, an order and a digest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "Vec<Value>", into = "Vec<Value>")]
pub struct Options(Option<String>);

impl Options {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The options one by one.
    #[must_use]
    pub fn values(&self) -> Vec<Value> {
        let text = self.0.as_deref().unwrap_or("[]");
        serde_json::from_str(text).expect("options are kept as the text of a list")
    }
}

impl From<Vec<Value>> for Options {
    fn from(values: Vec<Value>) -> Self {
        Self((!values.is_empty()).then(|| Value::Array(values).to_string()))
    }
}

impl From<Options> for Vec<Value> {
    fn from(options: Options) -> Self {
        options.values()
    }
}

impl schemars::JsonSchema for Options {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Options".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Vec::<Value>::json_schema(generator)
    }
}
