//! `UP032`: `"{}".format(a)`.
//!
//! The literal is read by [`format_template`](super::format_template), the arguments by
//! [`format_arguments`](super::format_arguments); this file puts the two together.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Applicability, Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::annotation::parse_quoted;
use super::format_arguments::{Arguments, Use};
use super::format_template::{self, Accessor, Argument, Field, Piece};
use super::names::{Meaning, resolve};
use super::syntax::{
    StringLiteral, code_children, has_comment_at, is_sound_python3, utf8, without_parentheses,
};

rule_type! {
    /// ## What it does
    /// Finds calls of `str.format` on a literal that an f-string can replace (ruff's `f-string`).
    ///
    /// ## Why is this bad?
    /// An f-string shows each value where it is printed, and it is faster.
    ///
    /// ## Example
    /// ```python
    /// print("{} of {total}".format(done, total=len(jobs)))
    /// ```
    /// becomes
    /// ```python
    /// print(f"{done} of {len(jobs)}")
    /// ```
    ///
    /// ## Fix safety
    /// Safe, but unsafe where calls among the values change their order (`"{1} {0}".format(a(), b())`). The
    /// result is for Python 3.6 and later: quotes are not used again within an f-string. Files that are not
    /// sound Python 3 are left alone. There is a finding but no fix where
    /// - a comment would be lost,
    /// - a value with side effects would be evaluated twice or not at all,
    /// - an f-string cannot say the same: a key with quotes or a backslash, a lambda, a value that starts
    ///   with a brace.
    pub struct FString;
}

static META: Meta = Meta {
    id: "UP032",
    origin: "ruff",
    category: Category::Modernise,
    languages: &[Language::Python],
    level: Level::Note,
    summary: "Finds `str.format` calls that an f-string can replace.",
    docs: FString::MANUAL,
};

impl Rule for FString {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["call", "type"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        if node.kind() == "call" {
            out.extend(check_call(file, node));
        } else if let Some(tree) = parse_quoted(file, node, &[".format"]) {
            let quoted = ParsedFile::new(file.bytes, file.language, &tree, file.facts);
            crate::engine::walk(&tree, |inner, _| {
                if inner.kind() == "call" {
                    out.extend(check_call(&quoted, inner));
                }
                true
            });
        }
    }
}

fn check_call<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Option<Finding> {
    let call = FormatCall::of(file, node)?;
    let mut conversion = Conversion::default();
    for (range, literal) in &call.literals {
        conversion.add(&call.arguments, range.clone(), *literal)?;
    }
    let surroundings = Surroundings::of(file, node);
    if surroundings.feeds_gettext || !is_sound_python3(file) {
        return None;
    }
    let quotes_clash = conversion.has_key && surroundings.is_in_f_string;
    let can_fix = !conversion.is_hampered && !quotes_clash && !call.loses_comment(file);
    let applicability = conversion.applicability(&call.arguments).filter(|_| can_fix);
    let fix = applicability.and_then(|applicability| {
        let text = conversion.text(file, &call)?;
        Some(fix(file, node, applicability, text))
    });
    let message = "Use f-string instead of `format` call".to_owned();
    Some(Finding { rule: META.id, range: node.byte_range(), message, fix })
}

fn fix(file: &ParsedFile<'_>, node: Node<'_>, applicability: Applicability, mut text: String) -> Fix {
    let start = node.start_byte();
    // `return"{}"` is fine, `returnf"{a}"` is not.
    if start > 0 && file.bytes[start - 1].is_ascii_alphabetic() {
        text.insert(0, ' ');
    }
    let edits = vec![Edit::replace(node.byte_range(), text)];
    Fix::new(applicability, edits)
}

/// `"…".format(…)`, taken apart.
struct FormatCall<'t> {
    node: Node<'t>,
    /// The literals that make the template, with their places.
    literals: Vec<(Range<usize>, StringLiteral<'t>)>,
    /// The place of the dot before `format`.
    dot: usize,
    list: Node<'t>,
    arguments: Arguments<'t>,
}

impl<'t> FormatCall<'t> {
    fn of(file: &ParsedFile<'t>, node: Node<'t>) -> Option<Self> {
        let function =
            node.child_by_field_name("function").filter(|function| function.kind() == "attribute")?;
        let method = function.child_by_field_name("attribute")?;
        if file.bytes_of(method.byte_range()) != b"format" {
            return None;
        }
        let dot = function.children(&mut function.walk()).find(|child| child.kind() == ".")?.start_byte();
        let literals = literals(file, function.child_by_field_name("object")?)?;
        let list = node.child_by_field_name("arguments")?;
        let arguments = Arguments::of(file, list)?;
        Some(Self { node, literals, dot, list, arguments })
    }

    /// Comments among the literals are kept; those behind the dot are not.
    fn loses_comment(&self, file: &ParsedFile<'_>) -> bool {
        file.has_comment_in(self.dot..self.list.start_byte()) || has_comment_at(file, &self.list.byte_range())
    }
}

/// The literals of a template; `None` if it is something else or has braces that do not show.
fn literals<'t>(file: &ParsedFile<'t>, object: Node<'t>) -> Option<Vec<(Range<usize>, StringLiteral<'t>)>> {
    let object = without_parentheses(object);
    let strings = match object.kind() {
        "string" => vec![object],
        "concatenated_string" => code_children(object).collect(),
        _ => return None,
    };
    let read = |string: Node<'t>| {
        let literal = StringLiteral::of(file, string)?;
        let is_plain = !literal.is_bytes() && !literal.is_interpolated() && !literal.escapes_a_brace();
        is_plain.then(|| (string.byte_range(), literal))
    };
    strings.into_iter().map(read).collect()
}

/// What a literal of the template becomes.
enum Converted {
    /// It is empty: kept in front, dropped elsewhere.
    Empty,
    /// It has no fields: braces are no longer doubled.
    Plain(String),
    /// With fields.
    Interpolated(String),
}

/// The literals converted so far.
#[derive(Default)]
struct Conversion {
    parts: Vec<(Range<usize>, Converted)>,
    /// The positional argument that the next `{}` prints.
    next: usize,
    /// The arguments printed, as indices into [`Arguments::values`], in order, each as often as it is.
    printed: Vec<usize>,
    /// Whether a field has a key, which needs quotes within the f-string.
    has_key: bool,
    /// Whether some field cannot be said in an f-string.
    is_hampered: bool,
}

impl Conversion {
    /// Converts one literal; `None` where ruff is silent: a template that does not parse, an argument that
    /// is missing, a value with side effects that is printed twice.
    fn add(
        &mut self,
        arguments: &Arguments<'_>,
        range: Range<usize>,
        literal: StringLiteral<'_>,
    ) -> Option<()> {
        let pieces = format_template::parse(literal.content, literal.is_raw())?;
        let has_field = pieces.iter().any(|piece| matches!(piece, Piece::Field(_)));
        let converted = if pieces.is_empty() {
            Converted::Empty
        } else if has_field {
            Converted::Interpolated(self.interpolated(arguments, literal, &pieces)?)
        } else {
            Converted::Plain(plain(literal))
        };
        self.parts.push((range, converted));
        Some(())
    }

    fn interpolated(
        &mut self,
        arguments: &Arguments<'_>,
        literal: StringLiteral<'_>,
        pieces: &[Piece<'_>],
    ) -> Option<String> {
        let mut text = String::from(if literal.is_raw() { "rf" } else { "f" });
        text.push_str(literal.quote);
        let mut seen = HashSet::new();
        for piece in pieces {
            match piece {
                Piece::Text(as_spelled) => text.push_str(as_spelled),
                Piece::Field(field) => {
                    let index = self.argument(arguments, field)?;
                    if !seen.insert(index) && arguments.values[index].may_have_effect() {
                        return None;
                    }
                    self.push_field(&mut text, arguments, index, field, literal.quote);
                }
            }
        }
        text.push_str(literal.quote);
        Some(text)
    }

    fn argument(&mut self, arguments: &Arguments<'_>, field: &Field<'_>) -> Option<usize> {
        match field.argument {
            Argument::Next => {
                self.next += 1;
                arguments.positional(self.next - 1)
            }
            Argument::Index(index) => arguments.positional(index),
            Argument::Keyword(name) => arguments.keyword(name),
        }
    }

    fn push_field(
        &mut self,
        text: &mut String,
        arguments: &Arguments<'_>,
        index: usize,
        field: &Field<'_>,
        quote: &str,
    ) {
        let context = if field.accessors.is_empty() { Use::Whole } else { Use::Accessed };
        let value = &arguments.values[index];
        self.is_hampered |= !field.fits_f_string() || !value.fits_f_string(context);
        self.printed.push(index);
        text.push('{');
        text.push_str(&value.spelled(context));
        for accessor in &field.accessors {
            match accessor {
                Accessor::Attribute(name) => text.extend([".", name]),
                Accessor::Index(index) => text.push_str(&format!("[{index}]")),
                Accessor::Key(key) => {
                    self.has_key = true;
                    let inner = if quote == "\"" { "'" } else { "\"" };
                    text.extend(["[", inner, key, inner, "]"]);
                }
            }
        }
        if let Some(conversion) = field.conversion {
            text.push('!');
            text.push(conversion);
        }
        if !field.spec.is_empty() {
            text.extend([":", field.spec]);
        }
        text.push('}');
    }

    /// Safe if each value with side effects is evaluated once and in the order of the arguments, unsafe if
    /// the order differs, `None` if one is evaluated twice or no longer.
    fn applicability(&self, arguments: &Arguments<'_>) -> Option<Applicability> {
        let has_effect = |index: &usize| arguments.values[*index].has_call();
        let before: Vec<usize> = (0..arguments.values.len()).filter(has_effect).collect();
        let mut after: Vec<usize> = self.printed.iter().copied().filter(has_effect).collect();
        if after == before {
            return Some(Applicability::Safe);
        }
        after.sort_unstable();
        (after == before).then_some(Applicability::Unsafe)
    }

    /// The template with its fields filled in, up to the dot. `None` if it is not UTF-8.
    fn text(&self, file: &ParsedFile<'_>, call: &FormatCall<'_>) -> Option<String> {
        let mut text = String::new();
        let mut copied_to = call.node.start_byte();
        for (range, converted) in &self.parts {
            match converted {
                Converted::Empty => {
                    // What stands before it (a parenthesis, a comment) belongs to the first literal kept.
                    if !text.is_empty() {
                        copied_to = range.end;
                    }
                }
                Converted::Plain(part) | Converted::Interpolated(part) => {
                    text.push_str(utf8(file, copied_to..range.start)?);
                    text.push_str(part);
                    copied_to = range.end;
                }
            }
        }
        text.push_str(utf8(file, copied_to..call.dot)?);
        Some(text)
    }
}

/// A literal without fields, as a plain literal: the same, with braces that are not doubled.
fn plain(literal: StringLiteral<'_>) -> String {
    let content = literal.content.replace("{{", "{").replace("}}", "}");
    [literal.prefix, literal.quote, &content, literal.quote].concat()
}

/// What matters of the expressions around a call.
#[derive(Default)]
struct Surroundings {
    /// Whether Django's `gettext` gets the result: it looks up the template, so that must stay a constant.
    feeds_gettext: bool,
    /// Whether it stands in a field of an f-string, where quotes cannot be used again.
    is_in_f_string: bool,
}

impl Surroundings {
    fn of<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Self {
        let mut found = Self::default();
        for around in file.ancestors(node).take_while(|around| !is_statement(*around)) {
            match around.kind() {
                "interpolation" => found.is_in_f_string = true,
                "call" => found.feeds_gettext |= is_gettext(file, around),
                _ => {}
            }
        }
        found
    }
}

fn is_statement(node: Node<'_>) -> bool {
    node.kind().ends_with("_statement") || matches!(node.kind(), "block" | "module")
}

fn is_gettext<'t>(file: &ParsedFile<'t>, call: Node<'t>) -> bool {
    const DJANGO: &[&str] = &["django.utils.translation.gettext", "django.utils.translation.gettext_lazy"];
    let Some(function) = call.child_by_field_name("function") else { return false };
    matches!(function.kind(), "identifier" | "attribute")
        && matches!(resolve(file, function), Meaning::Imported(path) if DJANGO.contains(&path.as_str()))
}
