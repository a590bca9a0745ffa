//! `no-unused-vars`: variables, parameters, functions, classes and imports that nothing uses.

mod definition;
mod removal;
mod usage;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::ancestry::Ancestry;
use super::declaration::typed_range;
use super::directives::{Directive, Entry, directives};
use super::pattern::{self, Pattern};
use crate::facts::SourceKind;
use crate::language::Language;
use crate::rule::{Applicability, Category, Finding, Fix, Level, Meta, Rule, option};
use crate::rules::manual::rule_type;
use crate::scopes::{ScopeKind, Scopes, Variable};
use crate::source::ParsedFile;
use definition::{Definition, Kind};
use usage::{Candidate, Use, is_array_element, is_used};

rule_type! {
    /// ## What it does
    /// Finds variables, parameters, functions, classes, imports and types that are declared and never used. A
    /// variable that is only assigned, or only read to change itself (`n = n + 1`), is not used.
    ///
    /// ## Why is this bad?
    /// Each is left over, or the sign of a mistake: a misspelt name, a result that was forgotten.
    ///
    /// ## Example
    /// ```js
    /// import { parse, print } from "./parse.js";
    /// let n = 0;
    /// n += 1;
    /// parse(text);
    /// ```
    /// Use instead:
    /// ```js
    /// import { parse } from "./parse.js";
    /// parse(text);
    /// ```
    ///
    /// ## Options
    /// `"all"` or `"local"` (not the top level of a script), or an object:
    /// - `vars`: the same.
    /// - `varsIgnorePattern`: leave variables alone whose name matches this regular expression.
    /// - `args`: `"after-used"` (the default) reports parameters behind the last one that is used, `"all"`
    ///   reports every parameter, `"none"` none.
    /// - `argsIgnorePattern`: leave parameters alone whose name matches.
    /// - `caughtErrors`: `"all"` (the default) or `"none"`.
    /// - `caughtErrorsIgnorePattern`: leave caught errors alone whose name matches.
    /// - `destructuredArrayIgnorePattern`: leave elements of destructured arrays alone whose name matches.
    /// - `ignoreRestSiblings`: leave variables alone that keep their property out of a rest element.
    /// - `ignoreClassWithStaticInitBlock`: leave classes with a `static { … }` alone.
    /// - `ignoreUsingDeclarations`: leave `using` and `await using` alone.
    /// - `reportUsedIgnorePattern`: report variables that match a pattern and are used all the same.
    ///
    /// In TypeScript, what only a declaration needs is left alone: parameters of signatures, parameters that
    /// are properties, members of enums, whatever stands in a `.d.ts` file or a `declare module`.
    ///
    /// ## Fix safety
    /// The removal is only suggested: what initialises a variable may do more than that, and whoever left the
    /// name may have meant to use it.
    pub struct NoUnusedVars {
        options: Options,
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct Options {
    vars: Vars,
    #[serde(deserialize_with = "pattern::optional")]
    vars_ignore_pattern: Option<Pattern>,
    args: Args,
    ignore_rest_siblings: bool,
    #[serde(deserialize_with = "pattern::optional")]
    args_ignore_pattern: Option<Pattern>,
    caught_errors: CaughtErrors,
    #[serde(deserialize_with = "pattern::optional")]
    caught_errors_ignore_pattern: Option<Pattern>,
    #[serde(deserialize_with = "pattern::optional")]
    destructured_array_ignore_pattern: Option<Pattern>,
    ignore_class_with_static_init_block: bool,
    ignore_using_declarations: bool,
    report_used_ignore_pattern: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Vars {
    #[default]
    All,
    Local,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Args {
    All,
    #[default]
    AfterUsed,
    None,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum CaughtErrors {
    #[default]
    All,
    None,
}

impl NoUnusedVars {
    /// What ESLint does without options.
    pub const DEFAULT: Self = Self {
        options: Options {
            vars: Vars::All,
            vars_ignore_pattern: None,
            args: Args::AfterUsed,
            ignore_rest_siblings: false,
            args_ignore_pattern: None,
            caught_errors: CaughtErrors::All,
            caught_errors_ignore_pattern: None,
            destructured_array_ignore_pattern: None,
            ignore_class_with_static_init_block: false,
            ignore_using_declarations: false,
            report_used_ignore_pattern: false,
        },
    };
}

static META: Meta = Meta {
    id: "no-unused-vars",
    origin: "ESLint",
    category: Category::Bug,
    languages: ECMASCRIPT,
    level: Level::Warning,
    summary: "Disallows variables that nothing uses.",
    docs: NoUnusedVars::MANUAL,
};

impl Rule for NoUnusedVars {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        let options = match options.first() {
            Some(Value::String(_)) => Options { vars: option(options, 0)?, ..Options::default() },
            _ => option(options, 0)?,
        };
        Ok(Arc::new(Self { options }))
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["program"]
    }

    fn best_applicability(&self) -> Applicability {
        Applicability::Suggestion
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, _: Node<'t>, out: &mut Vec<Finding>) {
        let is_declaration_file =
            [".d.ts", ".d.mts", ".d.cts"].iter().any(|ending| file.facts.path.ends_with(ending));
        if is_declaration_file {
            return;
        }
        let Some(scopes) = file.scopes() else { return };
        let ancestry = Ancestry::of(file);
        let last_used_parameters = RefCell::default();
        let search = Search { options: &self.options, file, scopes, ancestry, last_used_parameters };
        let exported = search.exported();
        for variable in scopes.variables() {
            if self.options.vars == Vars::Local && search.is_global(variable) {
                continue;
            }
            let is_exported = search.is_global(variable) && exported.contains(variable.name.as_str());
            out.extend(search.check_variable(variable, is_exported));
        }
        if self.options.vars == Vars::All {
            search.check_globals(&exported, out);
        }
    }
}

/// What a variable is to the options, which have a pattern for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    ArrayElement,
    CaughtError,
    Parameter,
    Variable,
}

impl Role {
    fn description(self) -> &'static str {
        match self {
            Self::ArrayElement => "elements of array destructuring",
            Self::CaughtError => "caught errors",
            Self::Parameter => "args",
            Self::Variable => "vars",
        }
    }
}

impl Options {
    fn pattern(&self, role: Role) -> Option<&Pattern> {
        match role {
            Role::ArrayElement => self.destructured_array_ignore_pattern.as_ref(),
            Role::CaughtError => self.caught_errors_ignore_pattern.as_ref(),
            Role::Parameter => self.args_ignore_pattern.as_ref(),
            Role::Variable => self.vars_ignore_pattern.as_ref(),
        }
    }

    fn ignores(&self, role: Role, name: &str) -> bool {
        self.pattern(role).is_some_and(|pattern| pattern.is_match(name))
    }
}

struct Search<'s, 't> {
    options: &'s Options,
    file: &'s ParsedFile<'t>,
    scopes: &'s Scopes,
    ancestry: Ancestry<'s, 't>,
    /// By the ids of functions; 0 where no parameter is used.
    last_used_parameters: RefCell<HashMap<usize, usize>>,
}

impl<'t> Search<'_, 't> {
    /// The names of globals that comments say are used by others.
    fn exported(&self) -> HashSet<&'t str> {
        let comments = directives(self.file).filter(|directive| directive.label == "exported");
        comments.flat_map(|directive| directive.names()).collect()
    }

    /// Whether other scripts see the variable.
    fn is_global(&self, variable: &Variable) -> bool {
        self.scopes.scope(variable.scope).kind == ScopeKind::Top
            && matches!(self.scopes.kind(), SourceKind::Script | SourceKind::Unknown)
    }

    fn check_variable(&self, variable: &Variable, is_exported: bool) -> Option<Finding> {
        if is_exported && !self.options.report_used_ignore_pattern {
            return None;
        }
        let candidate = Candidate::of(self.ancestry, variable)?;
        let first = *candidate.definitions.first()?;
        let is_used = || is_exported || candidate.is_used(self.ancestry);
        match self.ignored_as(&candidate, &first) {
            Ignored::Always => return None,
            Ignored::Pattern(role) => {
                let is_wrong = self.options.report_used_ignore_pattern && is_used();
                return is_wrong.then(|| self.used_all_the_same(&candidate, &first, role));
            }
            Ignored::Not => {}
        }
        let is_kept = is_used()
            || self.is_exported(&candidate)
            || self.options.ignore_using_declarations && first.is_using(self.ancestry)
            || self.options.ignore_rest_siblings && candidate.has_rest_sibling(self.ancestry)
            || self.is_needed_by_others(&candidate, &first);
        (!is_kept).then(|| self.unused(&candidate, &first))
    }

    /// What the options say of a variable before anyone looks whether it is used.
    fn ignored_as(&self, candidate: &Candidate<'t>, first: &Definition<'t>) -> Ignored {
        let (options, name) = (self.options, candidate.name.as_str());
        if options.ignores(Role::ArrayElement, name) && candidate.is_array_element(self.ancestry) {
            return Ignored::Pattern(Role::ArrayElement);
        }
        let role = match first.kind {
            Kind::Catch if options.caught_errors == CaughtErrors::None => return Ignored::Always,
            Kind::Catch => Role::CaughtError,
            Kind::Parameter if first.is_setter_parameter() || options.args == Args::None => {
                return Ignored::Always;
            }
            Kind::Parameter => Role::Parameter,
            Kind::Class if options.ignore_class_with_static_init_block && first.has_static_block() => {
                return Ignored::Always;
            }
            _ => Role::Variable,
        };
        if options.ignores(role, name) {
            return Ignored::Pattern(role);
        }
        let is_before_used = role == Role::Parameter
            && options.args == Args::AfterUsed
            && removal::is_parameter(self.ancestry, first.name)
            && self.is_before_used_parameter(first);
        if is_before_used { Ignored::Always } else { Ignored::Not }
    }

    /// Whether a parameter behind this one is used in any way.
    fn is_before_used_parameter(&self, parameter: &Definition<'t>) -> bool {
        let mut known = self.last_used_parameters.borrow_mut();
        let last = known
            .entry(parameter.node.id())
            .or_insert_with(|| self.last_used_parameter(parameter.node).unwrap_or_default());
        parameter.name.start_byte() < *last
    }

    /// Where the last parameter of a function starts that has any use at all.
    fn last_used_parameter(&self, function: Node<'t>) -> Option<usize> {
        let list = function.child_by_field_name("parameters")?;
        let is_declared =
            |definition: &Definition<'t>| definition.kind == Kind::Parameter && definition.node == function;
        let is_used = |start: &usize| {
            let variable = self.scopes.variable_at(*start).map(|id| self.scopes.variable(id));
            let declared =
                variable.filter(|variable| variable.declarations.iter().any(|range| range.start == *start));
            declared.is_some_and(|variable| match Candidate::of(self.ancestry, variable) {
                Some(other) => other.definitions.iter().any(is_declared) && !other.uses.is_empty(),
                None => true, // a property as well
            })
        };
        let tokens = self.file.tokens_in(list.byte_range());
        tokens.iter().rev().map(|token| token.start_byte()).find(is_used)
    }

    fn is_exported(&self, candidate: &Candidate<'t>) -> bool {
        // In TypeScript, one of several declarations of a name exports all.
        let n_asked = if self.file.language == Language::JavaScript { 1 } else { usize::MAX };
        candidate.definitions.iter().take(n_asked).any(|one| one.is_exported(self.ancestry))
    }

    /// Whether a name is there for readers outside of the file.
    fn is_needed_by_others(&self, candidate: &Candidate<'t>, first: &Definition<'t>) -> bool {
        let is_jsx_factory =
            self.file.language == Language::Tsx && first.kind == Kind::Import && candidate.name == "React";
        is_jsx_factory || first.is_in_ambient_module(self.ancestry)
    }

    fn role_in_message(&self, first: &Definition<'t>) -> Role {
        let is_element = self.options.destructured_array_ignore_pattern.is_some()
            && is_array_element(self.ancestry, first.name);
        match first.kind {
            _ if is_element => Role::ArrayElement,
            Kind::Catch => Role::CaughtError,
            Kind::Parameter => Role::Parameter,
            _ => Role::Variable,
        }
    }

    fn unused(&self, candidate: &Candidate<'t>, first: &Definition<'t>) -> Finding {
        let place = candidate.last_write(self.ancestry).unwrap_or(first.name);
        let action = if candidate.is_written() { "assigned a value" } else { "defined" };
        let role = self.role_in_message(first);
        let allowed = self.options.pattern(role).map_or(String::new(), |pattern| {
            format!(". Allowed unused {} must match {pattern}", role.description())
        });
        let message = format!("'{}' is {action} but never used{allowed}.", candidate.name);
        let edit = removal::removal(self.file, self.ancestry, candidate);
        let fix = edit.map(|edit| Fix::suggestion(vec![edit]));
        Finding::new(&META, typed_range(self.file, place), message).with_fix(fix)
    }

    fn used_all_the_same(&self, candidate: &Candidate<'t>, first: &Definition<'t>, role: Role) -> Finding {
        let forbidden = self.options.pattern(role).map_or(String::new(), |pattern| {
            format!(". Used {} must not match {pattern}", role.description())
        });
        let message = format!("'{}' is marked as ignored but is used{forbidden}.", candidate.name);
        Finding::new(&META, typed_range(self.file, first.name), message)
    }

    /// `/* global a */` declares a global that nothing uses.
    fn check_globals(&self, exported: &HashSet<&'t str>, out: &mut Vec<Finding>) {
        let mut declared: Vec<(Directive<'t>, String)> = Vec::new();
        let mut last_values: HashMap<String, Option<String>> = HashMap::new();
        for directive in directives(self.file).filter(|directive| directive.is_globals()) {
            for Entry { name, value } in directive.entries() {
                if last_values.insert(name.clone(), value).is_none() {
                    declared.push((directive.clone(), name));
                }
            }
        }
        if declared.is_empty() {
            return;
        }
        let variables = self.scopes.variables().iter().filter(|variable| self.is_global(variable));
        let own: HashSet<&str> = variables.map(|variable| variable.name.as_str()).collect();
        for (directive, name) in declared {
            let is_off = last_values.get(&name).is_some_and(|value| value.as_deref() == Some("off"));
            let name = name.as_str();
            if is_off || exported.contains(name) || own.contains(name) || self.is_global_used(name) {
                continue;
            }
            let message = format!("'{name}' is defined but never used.");
            out.push(Finding::new(&META, directive.place_of(name), message));
        }
    }

    fn is_global_used(&self, name: &str) -> bool {
        let uses: Vec<Use<'t>> = self
            .scopes
            .global_references(name)
            .map(|used| Use {
                name: self.ancestry.name_at(used.range.start),
                start: used.range.start,
                is_read: used.is_read,
                is_write: used.is_write,
            })
            .collect();
        is_used(self.ancestry, &uses, Some(self.file.tree.root_node()), &[])
    }
}

/// What the options say of a variable.
enum Ignored {
    Not,
    /// Whether it is used or not.
    Always,
    /// Its name matches the pattern of its role: it should be unused.
    Pattern(Role),
}
