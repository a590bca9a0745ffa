//! One rule on one text, as the origin linter's own test suite asks: `mend cases`.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, BufWriter, Read, Write as _};
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use fixes::engine::{self, apply_once, position::Lines};
use fixes::{Applicability, Facts, Finding, Language, RuleRef, SourceKind, Target};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Outcome;

/// The origin linters give up on a text that still changes after this many passes.
const MAX_PASSES: u32 = 10;

/// One text for one rule.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Case {
    /// Whatever the caller wants back.
    pub id: Value,
    /// `javascript`, `typescript`, `tsx`, `python`, `rust` or `go`; by the file's name if it is left out.
    pub language: Option<String>,
    /// The file's path in its repository.
    pub filename: Option<String>,
    /// The rule's id, with or without the origin's prefix.
    pub rule: String,
    /// The origin linter's options: a list as in ESLint's configuration, or one object.
    pub options: Value,
    /// The text.
    pub code: String,
    /// `module`, `script` or `commonjs`; `module` if it is left out.
    pub source_type: Option<String>,
    /// The edition of ECMAScript, as a year or as a number below 2015 (`6`); the newest if it is left out.
    pub ecma_version: Option<Value>,
    /// Globals of JavaScript that are there, or not: `true`, `"readonly"`, `"off"`.
    pub globals: BTreeMap<String, Value>,
}

/// What the rule says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The case's id.
    pub id: Value,
    /// In the order of their places.
    pub findings: Vec<Place>,
    /// The text after one pass of fixes (of JavaScript and TypeScript, as ESLint's tests have it), or after all
    /// of them (other languages, as their linters' tests have it); `None` if nothing is fixed.
    pub output: Option<String>,
    /// How many passes change something.
    pub passes: u32,
    /// Why the case cannot be run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The place of a finding: 1-based, columns in UTF-16 units.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// Where it starts.
    pub line: u32,
    /// Where it starts.
    pub column: u32,
    /// Where it ends.
    pub end_line: u32,
    /// The first column behind it.
    pub end_column: u32,
    /// The origin linter's words.
    pub message: String,
}

impl Case {
    /// Runs the rule. A case that cannot be run answers why.
    #[must_use]
    pub fn run(&self) -> Answer {
        self.try_run().unwrap_or_else(|error| Answer {
            id: self.id.clone(),
            findings: Vec::new(),
            output: None,
            passes: 0,
            error: Some(format!("{error:#}")),
        })
    }

    fn try_run(&self) -> anyhow::Result<Answer> {
        let language = self.language()?;
        let rules = [self.rule()?];
        let facts = self.facts()?;
        let check = |text: &[u8]| engine::check(text, language, &facts, &rules);
        let max = if language.is_ecmascript() { Applicability::Unsafe } else { Applicability::Safe };
        let findings = check(self.code.as_bytes());
        let mut texts = vec![self.code.clone().into_bytes()];
        let mut found = findings.clone();
        for _ in 0..MAX_PASSES {
            let last = texts.last().expect("there is the first text");
            let next = apply_once(last, &found, max);
            if next == *last {
                break;
            }
            found = check(&next);
            texts.push(next);
        }
        let passes = u32::try_from(texts.len() - 1)?;
        let output = if language.is_ecmascript() {
            texts.into_iter().nth(1)
        } else {
            texts.pop().filter(|_| passes > 0)
        };
        Ok(Answer {
            id: self.id.clone(),
            findings: places(&self.code, language, &findings),
            output: output.map(String::from_utf8).transpose().context("a fix left text that is not UTF-8")?,
            passes,
            error: None,
        })
    }

    /// The language that it is in.
    ///
    /// # Errors
    /// If neither the case nor its file's name tells.
    pub fn language(&self) -> anyhow::Result<Language> {
        let by_name = self.filename.as_ref().and_then(|name| Language::of_path(name.as_bytes()));
        match self.language.as_deref() {
            Some("javascript" | "jsx") => Ok(Language::JavaScript),
            Some("typescript") => Ok(Language::TypeScript),
            Some("tsx") => Ok(Language::Tsx),
            Some("python") => Ok(Language::Python),
            Some("rust") => Ok(Language::Rust),
            Some("go") => Ok(Language::Go),
            Some(other) => Err(anyhow!(
                "unknown language `{other}`: javascript, typescript, tsx, python, rust and go are known"
            )),
            None => by_name.ok_or_else(|| anyhow!("no language, and none is known by the file's name")),
        }
    }

    fn rule(&self) -> anyhow::Result<RuleRef> {
        let rule =
            fixes::catalogue::find(&self.rule).ok_or_else(|| anyhow!("unknown rule `{}`", self.rule))?;
        let options = match &self.options {
            Value::Null => Vec::new(),
            Value::Array(options) => options.clone(),
            other => vec![other.clone()],
        };
        if options.is_empty() {
            return Ok(RuleRef::Default(rule));
        }
        let configured = rule.configured(&options).map_err(|error| anyhow!("`{}`: {error}", self.rule))?;
        Ok(RuleRef::Owned(configured))
    }

    fn facts(&self) -> anyhow::Result<Facts> {
        let kind = match self.source_type.as_deref() {
            None | Some("module") => SourceKind::Module,
            Some("script") => SourceKind::Script,
            Some("commonjs") => SourceKind::CommonJs,
            Some("unambiguous") => SourceKind::Unknown,
            Some(other) => bail!("unknown source type `{other}`: module, script and commonjs are known"),
        };
        let ecmascript = match &self.ecma_version {
            None | Some(Value::Null) => u16::MAX,
            Some(Value::String(text)) if text == "latest" => u16::MAX,
            Some(version) => {
                let version = version.as_u64().and_then(|version| u16::try_from(version).ok());
                let version = version.ok_or_else(|| anyhow!("`ecma_version` is a number or \"latest\""))?;
                // ES6 is the edition of 2015, and so on.
                if (6..2015).contains(&version) { version + 2009 } else { version }
            }
        };
        let is_on = |value: &Value| !matches!(value, Value::String(text) if text == "off");
        Ok(Facts {
            path: self.filename.clone().unwrap_or_default(),
            kind,
            target: Target { ecmascript: Some(ecmascript), ..Target::NEWEST },
            rules_off: Vec::new(),
            globals: self.globals.iter().map(|(name, value)| (name.clone(), is_on(value))).collect(),
        })
    }
}

/// `mend cases`
pub(crate) fn run_file(file: &Path) -> anyhow::Result<Outcome> {
    let input: Box<dyn Read> = if file == "-" {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(std::fs::File::open(file).with_context(|| format!("cannot open {}", file.display()))?)
    };
    let mut output = BufWriter::new(std::io::stdout().lock());
    for (index, line) in BufReader::new(input).lines().enumerate() {
        let line = line.with_context(|| format!("{}:{}: not text", file.display(), index + 1))?;
        if line.trim().is_empty() {
            continue;
        }
        let case: Case = serde_json::from_str(&line)
            .with_context(|| format!("{}:{}: not a case", file.display(), index + 1))?;
        serde_json::to_writer(&mut output, &case.run())?;
        output.write_all(b"\n")?;
    }
    output.flush()?;
    Ok(Outcome::Clean)
}

fn places(code: &str, language: Language, findings: &[Finding]) -> Vec<Place> {
    let bytes = code.as_bytes();
    let lines = match language {
        Language::Python => Lines::python(bytes),
        _ if language.is_ecmascript() => Lines::ecmascript(bytes),
        _ => Lines::new(bytes),
    };
    findings
        .iter()
        .map(|finding| {
            let (start, end) = (lines.position(finding.range.start), lines.position(finding.range.end));
            Place {
                line: start.line,
                column: start.column,
                end_line: end.line,
                end_column: end.column,
                message: finding.message.clone(),
            }
        })
        .collect()
}
