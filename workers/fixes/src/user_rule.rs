//! Users' own rules: ast-grep's YAML in our engine, with the same passes, checks and certificates.
//!
//! The format is ast-grep's own (<https://ast-grep.github.io/reference/yaml.html>). Beside it, `metadata` may say:
//! `applicability: safe | unsafe | suggestion` (without it a fix is unsafe, so that nothing is applied unasked) and
//! `category`. Whatever a rule does, a fix of it has to pass the checks that every other fix passes.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock, Mutex};

use ast_grep_config::{GlobalRules, RuleConfig, Severity, from_yaml_string};
use ast_grep_core::language::Language as AstGrepLanguage;
use ast_grep_core::matcher::{MatcherExt as _, Pattern, PatternBuilder, PatternError};
use ast_grep_core::tree_sitter::{LanguageExt, StrDoc, TSLanguage};
use ast_grep_core::{AstGrep, Matcher as _, NodeMatch};
use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use tree_sitter::Node;

use crate::engine::Error;
use crate::language::{Grammar as _, Language};
use crate::rule::{Applicability, Category, Edit, Finding, Fix, Level, Meta, Rule, RuleRef, without_options};
use crate::source::{ParsedFile, text_of_same_length};
use crate::spec::RuleSpec;

/// The specs of all rules in the text of one file.
///
/// # Errors
/// [`Error::UserRule`] with what is wrong, and the line where the parser knows it.
pub fn specs(text: &str) -> Result<Vec<RuleSpec>, Error> {
    let rules = read(text)?;
    Ok(rules
        .iter()
        .map(|rule| RuleSpec { source: Some(text.to_owned()), ..RuleSpec::new(rule.meta.id) })
        .collect())
}

/// The rule `id` in the text of one file.
pub(crate) fn rule(id: &str, text: &str) -> Result<RuleRef, Error> {
    let found = read(text)?.into_iter().find(|rule| rule.meta.id == id);
    let found = found.ok_or_else(|| wrong(format!("there is no rule `{id}` in it")))?;
    Ok(RuleRef::Owned(Arc::new(found)))
}

/// Reads a stream of YAML documents as ast-grep does, for fixtures that stand beside rules.
///
/// # Errors
/// What the parser says, with the line.
pub fn from_yaml<T: serde::de::DeserializeOwned>(text: &str) -> Result<Vec<T>, Error> {
    ast_grep_config::from_multiple(text).map_err(|error| wrong(with_causes(&error)))
}

fn read(text: &str) -> Result<Vec<UserRule>, Error> {
    let configs: Vec<RuleConfig<Dialect>> =
        from_yaml_string(text, &GlobalRules::default()).map_err(|error| wrong(with_causes(&error)))?;
    if configs.is_empty() {
        return Err(wrong("there is no rule in it".to_owned()));
    }
    configs.into_iter().map(UserRule::new).collect()
}

fn wrong(reason: String) -> Error {
    Error::UserRule { reason }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        write!(text, ": {error}").expect("a string takes all text");
        cause = error.source();
    }
    text
}

/// A rule that a user wrote.
#[derive(Clone)]
struct UserRule {
    meta: &'static Meta,
    /// The kinds of nodes that its pattern can match.
    kinds: &'static [&'static str],
    config: Arc<RuleConfig<Dialect>>,
    applicability: Applicability,
    /// The paths that it reads; `None` for all.
    files: Option<GlobSet>,
    /// The paths that it does not read.
    ignores: GlobSet,
}

impl UserRule {
    fn new(config: RuleConfig<Dialect>) -> Result<Self, Error> {
        let id = config.id.clone();
        if id.is_empty() || id.contains(['/', '\\', '\0']) || id.starts_with('.') {
            return Err(wrong(format!(
                "`{id}` is no id: it names a patch, so it has to be a plain file name"
            )));
        }
        if crate::catalogue::find(&id).is_some() {
            return Err(wrong(format!("`{id}` is the id of a rule of this build")));
        }
        let metadata = Metadata::of(&config)?;
        let meta = Meta {
            id: keep(&id),
            origin: "user",
            category: metadata.category,
            languages: config.language.languages(),
            level: match config.severity {
                Severity::Error => Level::Error,
                Severity::Warning => Level::Warning,
                Severity::Info | Severity::Hint | Severity::Off => Level::Note,
            },
            summary: keep(config.message.lines().next().unwrap_or_default()),
            docs: keep(config.note.as_deref().unwrap_or_default()),
        };
        let globs = |globs: &Option<Vec<_>>| globs.as_ref().map(|globs| glob_set(globs)).transpose();
        Ok(Self {
            meta: Box::leak(Box::new(meta)),
            kinds: kinds_of(&config),
            files: globs(&config.files)?,
            ignores: globs(&config.ignores)?.unwrap_or_default(),
            applicability: metadata.applicability,
            config: Arc::new(config),
        })
    }

    fn reads(&self, path: &str) -> bool {
        path.is_empty()
            || (self.files.as_ref().is_none_or(|files| files.is_match(path)) && !self.ignores.is_match(path))
    }

    fn finding(&self, found: &NodeMatch<'_, StrDoc<Dialect>>) -> Finding {
        let fix = self.config.fixer.first().and_then(|fixer| {
            let edit = found.make_edit(&self.config.matcher, fixer);
            let text = String::from_utf8(edit.inserted_text).ok()?;
            let range = edit.position..edit.position + edit.deleted_length;
            Some(Fix::new(self.applicability, vec![Edit::replace(range, text)]).claiming(found.range()))
        });
        Finding::new(self.meta, found.range(), self.config.get_message(found)).with_fix(fix)
    }
}

impl Rule for UserRule {
    fn meta(&self) -> &'static Meta {
        self.meta
    }

    fn kinds(&self) -> &'static [&'static str] {
        self.kinds
    }

    fn best_applicability(&self) -> Applicability {
        self.applicability
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        if !self.reads(&file.facts.path) || matches!(self.config.severity, Severity::Off) {
            return;
        }
        let root = file.ast_grep().root();
        if let Some(found) = self.config.matcher.match_node(root.adopt(node)) {
            out.push(self.finding(&found));
        }
    }
}

/// A file as ast-grep sees it: the same tree, and a copy of the text.
pub(crate) struct Searched(AstGrep<StrDoc<Dialect>>);

impl Searched {
    /// Copies the text of `file`; what is not UTF-8 is replaced byte by byte.
    pub(crate) fn new(file: &ParsedFile<'_>) -> Self {
        let src = text_of_same_length(file.bytes, 'x').into_owned();
        Self(AstGrep::doc(StrDoc { src, lang: Dialect(file.language), tree: file.tree.clone() }))
    }

    fn root(&self) -> &AstGrep<StrDoc<Dialect>> {
        &self.0
    }
}

/// The names of the kinds that the matcher asks for.
fn kinds_of(config: &RuleConfig<Dialect>) -> &'static [&'static str] {
    let grammar = config.language.0.grammar();
    let ids = config.matcher.potential_kinds().unwrap_or_default();
    let kind = |id: usize| grammar.node_kind_for_id(u16::try_from(id).ok()?).map(keep);
    let mut kinds: Vec<&'static str> = ids.iter().filter_map(kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds.leak()
}

/// What `metadata` says to this engine.
struct Metadata {
    applicability: Applicability,
    category: Category,
}

impl Metadata {
    fn of(config: &RuleConfig<Dialect>) -> Result<Self, Error> {
        let value = serde_json::to_value(&config.metadata).unwrap_or_default();
        let read = |key: &str, known: &str| {
            let wrong = || wrong(format!("`metadata.{key}` is one of {known}"));
            match &value[key] {
                Value::Null => Ok(None),
                value => value.as_str().map(|text| Some(text.to_owned())).ok_or_else(wrong),
            }
        };
        let applicabilities = "safe, unsafe and suggestion";
        let applicability = match read("applicability", applicabilities)?.as_deref() {
            None | Some("unsafe") => Applicability::Unsafe,
            Some("safe") => Applicability::Safe,
            Some("suggestion") => Applicability::Suggestion,
            Some(_) => return Err(wrong(format!("`metadata.applicability` is one of {applicabilities}"))),
        };
        let category = match read("category", "bug, security, redundancy, modernise and style")? {
            None => Category::Style,
            Some(name) => serde_json::from_value(Value::String(name))
                .map_err(|error| wrong(format!("`metadata.category`: {error}")))?,
        };
        Ok(Self { applicability, category })
    }
}

/// ast-grep's globs are private, so they are read by what they look like as JSON.
fn glob_set<G: serde::Serialize>(globs: &[G]) -> Result<GlobSet, Error> {
    let mut builder = GlobSetBuilder::new();
    for glob in globs {
        let value = serde_json::to_value(glob).unwrap_or_default();
        let (pattern, ignores_case) = match &value {
            Value::String(pattern) => (pattern.as_str(), false),
            other => (
                other["glob"].as_str().unwrap_or_default(),
                other["caseInsensitive"].as_bool().unwrap_or_default(),
            ),
        };
        let glob: Result<Glob, _> = GlobBuilder::new(pattern).case_insensitive(ignores_case).build();
        builder.add(glob.map_err(|error| wrong(error.to_string()))?);
    }
    builder.build().map_err(|error| wrong(error.to_string()))
}

/// Text that lives as long as the process. Rules are few and findings name them by reference, so each different
/// text is kept once and never given back.
fn keep(text: &str) -> &'static str {
    static KEPT: LazyLock<Mutex<HashMap<String, &'static str>>> = LazyLock::new(Mutex::default);
    let mut kept = KEPT.lock().expect("no holder of the lock panics");
    if let Some(known) = kept.get(text) {
        return known;
    }
    let new: &'static str = Box::leak(text.to_owned().into_boxed_str());
    kept.insert(text.to_owned(), new);
    new
}

/// A language as ast-grep sees it.
#[derive(Clone, Copy, Debug)]
struct Dialect(Language);

impl Dialect {
    /// A rule for JavaScript reads `.jsx` too, which is the same grammar.
    fn languages(self) -> &'static [Language] {
        match self.0 {
            Language::JavaScript => &[Language::JavaScript],
            Language::TypeScript => &[Language::TypeScript],
            Language::Tsx => &[Language::Tsx],
            Language::Python => &[Language::Python],
            Language::Rust => &[Language::Rust],
            Language::Go => &[Language::Go],
        }
    }
}

impl<'de> Deserialize<'de> for Dialect {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let language = match name.to_ascii_lowercase().as_str() {
            "javascript" | "js" | "jsx" => Language::JavaScript,
            "typescript" | "ts" => Language::TypeScript,
            "tsx" => Language::Tsx,
            "python" | "py" => Language::Python,
            "rust" | "rs" => Language::Rust,
            "go" | "golang" => Language::Go,
            _ => return Err(serde::de::Error::custom(format!("unknown language `{name}`"))),
        };
        Ok(Self(language))
    }
}

impl AstGrepLanguage for Dialect {
    /// Python, Rust and Go take no `$` in names, so a pattern's variables are spelled with a letter there.
    fn expando_char(&self) -> char {
        match self.0 {
            Language::JavaScript | Language::TypeScript | Language::Tsx => '$',
            Language::Python | Language::Rust | Language::Go => 'µ',
        }
    }

    fn pre_process_pattern<'q>(&self, query: &'q str) -> std::borrow::Cow<'q, str> {
        let expando = self.expando_char();
        if expando == '$' || !query.contains('$') {
            return query.into();
        }
        let mut text = String::with_capacity(query.len());
        let mut rest = query;
        while let Some(at) = rest.find('$') {
            text.push_str(&rest[..at]);
            let name = rest[at..].trim_start_matches('$');
            let n_dollars = rest.len() - at - name.len();
            let is_variable = name.starts_with(|next: char| next.is_ascii_uppercase() || next == '_');
            let sign = if is_variable || n_dollars == 3 { expando } else { '$' };
            text.extend(std::iter::repeat_n(sign, n_dollars));
            rest = name;
        }
        text.push_str(rest);
        text.into()
    }

    fn kind_to_id(&self, kind: &str) -> u16 {
        self.0.grammar().id_for_node_kind(kind, true)
    }

    fn field_to_id(&self, field: &str) -> Option<u16> {
        self.0.grammar().field_id_for_name(field).map(std::num::NonZero::get)
    }

    fn build_pattern(&self, builder: &PatternBuilder<'_>) -> Result<Pattern, PatternError> {
        builder.build(|text| StrDoc::try_new(text, *self))
    }
}

impl LanguageExt for Dialect {
    fn get_ts_language(&self) -> TSLanguage {
        self.0.grammar()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Facts, NO_FACTS};
    use crate::{Check, Engine, FixLevel};

    const TIMEOUT: &str = "\
id: no-settimeout-text
language: JavaScript
message: setTimeout with $CODE as text
severity: error
rule:
  pattern: setTimeout($CODE, $DELAY)
constraints:
  CODE: { kind: string }
fix: setTimeout(() => eval($CODE), $DELAY)
metadata: { applicability: safe, category: security }
";

    fn engine(text: &str, level: FixLevel) -> Engine {
        Engine::with_specs(&specs(text).unwrap(), level).unwrap()
    }

    #[test]
    fn a_rule_finds_and_mends_with_a_certificate() {
        let text = b"setTimeout('a()', 10);\nsetTimeout(b, 10);\n";
        let report = engine(TIMEOUT, FixLevel::Safe).mend(text, Language::JavaScript, &NO_FACTS);
        assert_eq!(report.findings.len(), 1);
        assert_eq!(report.findings[0].message, "setTimeout with 'a()' as text");
        assert_eq!(report.findings[0].range, 0..21);
        let certificate = &report.alone[0];
        assert_eq!(certificate.verify(text, Language::JavaScript), Ok(()));
        let after = Engine::after_series(text, &report.series);
        assert!(after.starts_with(b"setTimeout(() => eval('a()'), 10);\n"));
    }

    #[test]
    fn a_fix_without_applicability_is_not_applied_unasked() {
        let text = TIMEOUT.replace("applicability: safe, ", "");
        let code = b"setTimeout('a()', 10);\n";
        assert!(engine(&text, FixLevel::Safe).mend(code, Language::JavaScript, &NO_FACTS).series.is_empty());
        assert!(
            !engine(&text, FixLevel::Unsafe).mend(code, Language::JavaScript, &NO_FACTS).series.is_empty()
        );
    }

    #[test]
    fn a_fix_that_loses_a_comment_is_dropped() {
        let text = TIMEOUT.replace("eval($CODE), $DELAY", "eval($CODE), 0");
        let code = b"setTimeout('a()', 10 /* why */);\n";
        let report = engine(&text, FixLevel::Safe).mend(code, Language::JavaScript, &NO_FACTS);
        assert_eq!(report.dropped[0].check, Check::Comments);
    }

    #[test]
    fn variables_are_found_in_languages_without_dollars() {
        let call = "{ pattern: { context: 'func f() { panic($A) }', selector: call_expression } }";
        for (language, name, rule, code) in [
            (Language::Python, "Python", "{ pattern: print($A) }", "print(1)\n"),
            (Language::Rust, "Rust", "{ pattern: log($A) }", "fn f() { log(1); }\n"),
            (Language::Go, "Go", call, "package a\nfunc f() { panic(1) }\n"),
        ] {
            let text = format!("id: r\nlanguage: {name}\nmessage: it is $A\nrule: {rule}\n");
            let report = engine(&text, FixLevel::None).mend(code.as_bytes(), language, &NO_FACTS);
            let messages: Vec<&str> = report.findings.iter().map(|found| &*found.message).collect();
            assert_eq!(messages, ["it is 1"], "{name}");
        }
    }

    #[test]
    fn globs_keep_a_rule_to_its_files() {
        let text = format!("{TIMEOUT}files: ['src/**']\nignores: ['src/old/**']\n");
        let engine = engine(&text, FixLevel::None);
        let n_found = |path: &str| {
            let facts = Facts { path: path.to_owned(), ..Facts::default() };
            engine.mend(b"setTimeout('a()', 10);\n", Language::JavaScript, &facts).findings.len()
        };
        assert_eq!([n_found("src/a.js"), n_found("src/old/a.js"), n_found("a.js")], [1, 0, 0]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let said = |text: &str| specs(text).unwrap_err().to_string();
        let unknown = said(&TIMEOUT.replace("constraints", "constraint"));
        assert!(unknown.contains("constraint"), "{unknown}");
        assert!(said(&TIMEOUT.replace("JavaScript", "Cobol")).contains("Cobol"));
        assert!(said(&TIMEOUT.replace("no-settimeout-text", "no-var")).contains("no-var"));
        assert!(said(&TIMEOUT.replace("safe", "always")).contains("applicability"));
        assert!(
            said("id: a\nlanguage: js\nrule: {pattern: [\n").contains("line"),
            "{}",
            said("id: a\nlanguage: js\nrule: {pattern: [\n")
        );
    }
}
