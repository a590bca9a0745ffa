//! `S1028`

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Applicability, Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::syntax::{arguments, called, can_copy};

rule_type! {
    /// ## What it does
    /// Finds `errors.New(fmt.Sprintf(…))`.
    ///
    /// ## Why is this bad?
    /// `fmt.Errorf` does both.
    ///
    /// ## Example
    /// ```go
    /// return errors.New(fmt.Sprintf("no file %s", name))
    /// ```
    /// Use instead:
    /// ```go
    /// return fmt.Errorf("no file %s", name)
    /// ```
    ///
    /// ## Fix safety
    /// Safe, but for the last use of the package `errors` in a file: there it is unsafe, since the import has to go too.
    /// Generated files are left alone.
    pub struct ErrorsNewSprintf;
}

static META: Meta = Meta {
    id: "S1028",
    origin: "staticcheck",
    category: Category::Style,
    languages: &[Language::Go],
    level: Level::Note,
    summary: "Finds `errors.New(fmt.Sprintf(…))`.",
    docs: ErrorsNewSprintf::MANUAL,
};

impl Rule for ErrorsNewSprintf {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["call_expression"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        out.extend(finding(file, node));
    }
}

fn finding<'t>(file: &ParsedFile<'t>, call: Node<'t>) -> Option<Finding> {
    let (_, function) = called(file, call, &["errors"])?;
    let argument = match arguments(call)?[..] {
        [argument] if function == "New" => argument,
        _ => return None,
    };
    let (_, function) = called(file, argument, &["fmt"])?;
    let names = file.go_names();
    if function != "Sprintf" || !can_copy(call) || names.is_generated() {
        return None;
    }
    let fmt = names.lookup("fmt", call.start_byte()).filter(|object| object.path == "fmt");
    let list = argument.child_by_field_name("arguments")?;
    let package =
        call.child_by_field_name("function").and_then(|callee| callee.child_by_field_name("operand"));
    let n_uses =
        package.and_then(|package| names.at(package.start_byte())).map_or(0, |errors| errors.uses.len());
    let applicability = if n_uses == 1 { Applicability::Unsafe } else { Applicability::Safe };
    let text = format!("fmt.Errorf{}", file.text(list));
    let fix = fmt.map(|_| Fix::new(applicability, vec![Edit::replace(call.byte_range(), text)]));
    let message = "should use fmt.Errorf(...) instead of errors.New(fmt.Sprintf(...))";
    Some(Finding::new(&META, call.byte_range(), message).with_fix(fix))
}
