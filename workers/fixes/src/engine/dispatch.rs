//! One walk for all rules: each node goes to the rules that asked for its kind.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use tree_sitter::Node;

use super::clock::Clock;
use super::parse::error_ranges;
use crate::facts::Target;
use crate::language::{Grammar as _, Language};
use crate::rule::{Applicability, Finding, Ran, Rule, RuleRef};
use crate::source::ParsedFile;
use crate::suppressions::UnusedSuppression;

/// Which rules see which node kinds of one language. Built once per rule set.
#[derive(Debug)]
pub struct Dispatch {
    /// Indices into the rule set, by the grammar's kind id.
    by_kind: Vec<Vec<u16>>,
}

/// What one walk found.
#[derive(Debug, Default)]
pub struct Found {
    /// Sorted by (start, end, rule).
    pub findings: Vec<Finding>,
    /// Rules that panicked or took too long, with the reason; their findings are left out.
    pub failures: Vec<(&'static str, String)>,
    /// How many findings comments in the file suppress.
    pub n_suppressed: usize,
    /// Suppressing comments that suppress nothing, although the rules that they name ran.
    pub unused_suppressions: Vec<UnusedSuppression>,
}

impl Dispatch {
    /// Builds the table of `rules` for `language`; rules of other languages are left out.
    #[must_use]
    pub fn new(rules: &[RuleRef], language: Language) -> Self {
        let grammar = language.grammar();
        let mut by_kind = vec![Vec::new(); grammar.node_kind_count()];
        for (index, rule) in rules.iter().enumerate() {
            if !rule.meta().languages.contains(&language) {
                continue;
            }
            let index = u16::try_from(index).expect("there are fewer than 65,536 rules");
            for kind in rule.kinds() {
                // `class` names a node and a keyword; a rule means the node unless there is none.
                let named = grammar.id_for_node_kind(kind, true) != 0;
                for id in 0..grammar.node_kind_count() {
                    let id = u16::try_from(id).expect("kind ids are 16 bits wide");
                    if grammar.node_kind_for_id(id) == Some(kind) && grammar.node_kind_is_named(id) == named {
                        by_kind[usize::from(id)].push(index);
                    }
                }
            }
        }
        Self { by_kind }
    }

    /// Walks `file` once. A rule sees no node that is or holds a syntax error, and what it finds must not
    /// edit one. What the file's own comments suppress is left out.
    #[must_use]
    pub(crate) fn run(&self, file: &ParsedFile<'_>, rules: &[RuleRef], clock: &Clock) -> Found {
        let mut found = Found::default();
        let mut before = Instant::now();
        let is_sound = !file.tree.root_node().has_error();
        let entries = file.outline().entries();
        let mut at = 0;
        while let Some(entry) = entries.get(at).filter(|_| !clock.was_up()) {
            let node = entry.node;
            if !is_sound && (node.is_error() || node.is_missing()) {
                at = entry.end as usize;
                continue;
            }
            at += 1;
            let wanted = &self.by_kind[usize::from(entry.kind)];
            if wanted.is_empty() {
                continue;
            }
            if !is_sound && node.has_error() {
                continue;
            }
            for &index in wanted {
                let rule = usize::from(index);
                if clock.is_over(rule) {
                    continue;
                }
                found.check_node(&*rules[rule], file, node);
                let now = Instant::now();
                if let Some(budget) = clock.charge(rule, now - before) {
                    found.fail(rules[rule].meta().id, format!("over its time budget of {budget:?} a file"));
                }
                before = now;
            }
            clock.is_up(before);
        }
        found.drop_outside(file.bytes.len());
        found.drop_touching_errors(file);
        found.close_gates(&file.facts.target);
        found.findings.retain(|finding| !file.facts.rules_off.iter().any(|off| off == finding.rule));
        found.suppress(file, rules);
        found.findings.sort_by_key(|finding| (finding.range.start, finding.range.end, finding.rule));
        found
    }
}

impl Found {
    fn check_node<'t>(&mut self, rule: &dyn Rule, file: &ParsedFile<'t>, node: Node<'t>) {
        let id = rule.meta().id;
        if self.failures.iter().any(|(failed, _)| *failed == id) {
            return;
        }
        let findings = &mut self.findings;
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| rule.check(file, node, findings))) {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("panicked");
            self.fail(id, said.to_owned());
        }
    }

    fn fail(&mut self, rule: &'static str, reason: String) {
        if !self.failures.iter().any(|(failed, _)| *failed == rule) {
            self.failures.push((rule, reason));
        }
    }

    /// What the code is not known to run on is only suggested.
    fn close_gates(&mut self, target: &Target) {
        let fixes = self.findings.iter_mut().filter_map(|finding| finding.fix.as_mut());
        for fix in fixes.filter(|fix| fix.needs.is_some_and(|gate| !target.meets(gate))) {
            fix.applicability = Applicability::Suggestion;
        }
    }

    /// A rule that names a place outside of the text has failed. (Edits there are the certificate's to refuse.)
    fn drop_outside(&mut self, len: usize) {
        let is_inside =
            |finding: &Finding| finding.range.start <= finding.range.end && finding.range.end <= len;
        let outside: Vec<&'static str> =
            self.findings.iter().filter(|finding| !is_inside(finding)).map(|finding| finding.rule).collect();
        outside
            .into_iter()
            .for_each(|rule| self.fail(rule, "it names a place outside of the text".to_owned()));
    }

    fn drop_touching_errors(&mut self, file: &ParsedFile<'_>) {
        let errors = error_ranges(file.tree);
        let failures = &self.failures;
        self.findings.retain(|finding| {
            let hull = finding.fix.as_ref().map_or(&finding.range, |fix| &fix.claims);
            !failures.iter().any(|(rule, _)| *rule == finding.rule)
                && !errors.iter().any(|error| error.start < hull.end && hull.start < error.end)
        });
    }

    /// Takes out what comments in the file suppress, and adds what rules say of those comments.
    fn suppress(&mut self, file: &ParsedFile<'_>, rules: &[RuleRef]) {
        let suppressions = file.suppressions();
        if suppressions.is_empty() {
            return;
        }
        let rules: Vec<&RuleRef> =
            rules.iter().filter(|rule| rule.meta().languages.contains(&file.language)).collect();
        let origins: HashMap<&str, &str> =
            rules.iter().map(|rule| (rule.meta().id, rule.meta().origin)).collect();
        let is_left = |finding: &Finding| {
            let origin = origins.get(finding.rule).copied().unwrap_or_default();
            !suppressions.suppress(finding.range.start, finding.rule, origin)
        };
        self.findings.retain(is_left);
        let has_failed = |id: &str| self.failures.iter().any(|(failed, _)| *failed == id);
        let is_off = |id: &str| file.facts.rules_off.iter().any(|off| off == id);
        let enabled: Vec<&'static str> = rules.iter().map(|rule| rule.meta().id).collect();
        let heard = enabled.iter().copied().filter(|id| !has_failed(id) && !is_off(id)).collect();
        let ran = Ran { enabled, heard };
        let mut said = Vec::new();
        for rule in rules.iter().filter(|rule| ran.heard.contains(&rule.meta().id)) {
            rule.check_suppressions(file, &ran, &mut said);
        }
        said.retain(is_left);
        self.findings.append(&mut said);
        self.n_suppressed = suppressions.n_suppressed();
        self.unused_suppressions = suppressions.unused(file, |name| ran.heard.contains(&name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Budget, parse};
    use crate::facts::Facts;
    use crate::rule::{Category, Level, Meta};

    #[derive(Clone)]
    struct EveryNumber;
    #[derive(Clone)]
    struct Panics;

    static EVERY_NUMBER: Meta = Meta {
        id: "every-number",
        origin: "test",
        category: Category::Style,
        languages: &[Language::JavaScript],
        level: Level::Note,
        summary: "",
        docs: "",
    };
    static PANICS: Meta = Meta { id: "panics", ..EVERY_NUMBER };

    impl Rule for EveryNumber {
        fn configured(&self, options: &[serde_json::Value]) -> Result<std::sync::Arc<dyn Rule>, String> {
            crate::rule::without_options(self, options)
        }
        fn meta(&self) -> &'static Meta {
            &EVERY_NUMBER
        }
        fn kinds(&self) -> &'static [&'static str] {
            &["number"]
        }
        fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
            let message = file.text(node).into_owned();
            out.push(Finding { rule: "every-number", range: node.byte_range(), message, fix: None });
        }
    }

    impl Rule for Panics {
        fn configured(&self, options: &[serde_json::Value]) -> Result<std::sync::Arc<dyn Rule>, String> {
            crate::rule::without_options(self, options)
        }
        fn meta(&self) -> &'static Meta {
            &PANICS
        }
        fn kinds(&self) -> &'static [&'static str] {
            &["number"]
        }
        fn check<'t>(&self, _: &ParsedFile<'t>, _: Node<'t>, _: &mut Vec<Finding>) {
            panic!("this rule is broken");
        }
    }

    fn run(text: &str) -> Found {
        let rules = [RuleRef::Default(&EveryNumber), RuleRef::Default(&Panics)];
        let (tree, facts) = (parse(text.as_bytes(), Language::JavaScript), Facts::default());
        let file = ParsedFile::new(text.as_bytes(), Language::JavaScript, &tree, &facts);
        Dispatch::new(&rules, Language::JavaScript).run(
            &file,
            &rules,
            &Clock::start(Budget::default(), rules.len()),
        )
    }

    #[test]
    fn a_rule_that_panics_is_named_and_the_others_go_on() {
        let found = run("1; 2;");
        assert_eq!(found.findings.len(), 2);
        assert_eq!(found.failures, [("panics", "this rule is broken".to_owned())]);
    }

    #[test]
    fn rules_do_not_see_syntax_errors() {
        let found = run("f(1);\nif (2 (;\n");
        let messages: Vec<&str> = found.findings.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(messages, ["1"]);
    }
}
