//! From oxc's semantic model to ours.
//!
//! oxc's parser and visitors recurse, so the depth of the tree-sitter tree (which is walked without recursion)
//! decides where they run: shallow files on the caller's stack, deep ones on a thread with a stack to match,
//! deeper ones not at all.

use std::collections::BTreeMap;
use std::ops::Range;

use rustc_hash::FxHashMap;

use oxc_allocator::Allocator;
use oxc_ast::AstKind;
use oxc_parser::{ParseOptions, Parser};
use oxc_semantic::{Semantic, SemanticBuilder};
use oxc_span::{GetSpan, SourceType, Span};
use oxc_syntax::node::NodeId;
use oxc_syntax::scope::ScopeFlags;
use oxc_syntax::symbol::SymbolId;

use super::{FunctionForm, Reference, Scope, ScopeId, ScopeKind, Scopes, Variable, VariableId};
use crate::facts::SourceKind;
use crate::language::Language;
use crate::source::{ParsedFile, text_of_same_length};

/// Files at most this deep are resolved on the caller's stack, which may be as small as a thread pool's 2 MiB.
const MAX_DEPTH_HERE: u32 = 150;
/// Deeper files than this are not resolved.
const MAX_DEPTH: u32 = 3_000;
/// An unoptimised build of oxc needs less than this for each level of the tree.
const STACK_PER_LEVEL: usize = 32 * 1024;

/// Names that only a CommonJS module may expect without declaring them.
const COMMON_JS_NAMES: &[&str] = &["require", "module", "exports", "__dirname", "__filename"];

pub(super) fn resolve(file: &ParsedFile<'_>, depth: u32, kind: SourceKind) -> Option<Scopes> {
    let language = file.language;
    let is_sound = !file.tree.root_node().has_error() && u32::try_from(file.bytes.len()).is_ok();
    if !language.is_ecmascript() || !is_sound {
        return None;
    }
    let text = text_of_same_length(file.bytes, 'x');
    if depth <= MAX_DEPTH_HERE {
        return resolve_text(&text, language, kind);
    }
    if depth > MAX_DEPTH {
        return None;
    }
    std::thread::scope(|scope| {
        let resolver = std::thread::Builder::new()
            .name("scopes".to_owned())
            .stack_size(STACK_PER_LEVEL * depth as usize)
            .spawn_scoped(scope, || resolve_text(&text, language, kind));
        resolver.ok()?.join().ok()?
    })
}

fn resolve_text(text: &str, language: Language, kind: SourceKind) -> Option<Scopes> {
    let source_type = match language {
        Language::Tsx => SourceType::tsx(),
        Language::TypeScript => SourceType::ts(),
        _ => SourceType::jsx(),
    };
    match kind {
        SourceKind::Module => resolve_as(text, source_type.with_module(true), kind),
        SourceKind::CommonJs => resolve_as(text, source_type.with_commonjs(true), kind),
        SourceKind::Script => resolve_as(text, source_type.with_script(true), kind),
        SourceKind::Unknown => resolve_as(text, source_type.with_module(true), kind)
            .or_else(|| resolve_as(text, source_type.with_commonjs(true), kind)),
    }
}

fn resolve_as(text: &str, source_type: SourceType, kind: SourceKind) -> Option<Scopes> {
    let allocator = Allocator::default();
    let options = ParseOptions {
        allow_return_outside_function: !source_type.is_script(),
        preserve_parens: true,
        ..ParseOptions::default()
    };
    let parsed = Parser::new(&allocator, text, source_type).with_options(options).parse();
    if parsed.panicked || !parsed.diagnostics.is_empty() {
        return None;
    }
    let built =
        SemanticBuilder::new().with_build_nodes(true).with_check_syntax_error(true).build(&parsed.program);
    if !built.diagnostics.is_empty() {
        return None;
    }
    let mut scopes = Scopes::from_oxc(&built.semantic);
    scopes.kind = match kind {
        SourceKind::Unknown if parsed.module_record.has_module_syntax => SourceKind::Module,
        SourceKind::Unknown if scopes.expects_common_js() || returns_at_top(&built.semantic) => {
            SourceKind::CommonJs
        }
        known => known,
    };
    Some(scopes)
}

/// Whether a `return` stands outside any function.
fn returns_at_top(semantic: &Semantic<'_>) -> bool {
    semantic.nodes().iter().any(|node| {
        matches!(node.kind(), AstKind::ReturnStatement(_))
            && !semantic
                .scoping()
                .scope_ancestors(node.scope_id())
                .any(|scope| semantic.scoping().scope_flags(scope).is_function())
    })
}

impl Scopes {
    fn from_oxc(semantic: &Semantic<'_>) -> Self {
        let mut scopes = Self {
            kind: SourceKind::Unknown,
            scopes: Vec::new(),
            variables: Vec::new(),
            by_start: FxHashMap::default(),
            by_name: FxHashMap::default(),
            globals: BTreeMap::new(),
        };
        scopes.add_scopes(semantic);
        for symbol in semantic.scoping().symbol_ids() {
            scopes.add_variable(semantic, symbol);
        }
        scopes.add_globals(semantic);
        scopes
    }

    fn add_scopes(&mut self, semantic: &Semantic<'_>) {
        let scoping = semantic.scoping();
        for id in scoping.scope_descendants_from_root() {
            let flags = scoping.scope_flags(id);
            let node = scoping.get_node_id(id);
            self.scopes.push(Scope {
                kind: kind_of(flags),
                parent: scoping.scope_parent_id(id).map(|parent| ScopeId(index(parent.index()))),
                range: bytes_of(semantic.nodes().kind(node).span()),
                function: function_form(semantic, node),
                has_direct_eval: flags.contains_direct_eval(),
            });
        }
    }

    fn add_variable(&mut self, semantic: &Semantic<'_>, symbol: SymbolId) {
        let scoping = semantic.scoping();
        let id = VariableId(index(self.variables.len()));
        let scope = ScopeId(index(scoping.symbol_scope_id(symbol).index()));
        let name = scoping.symbol_name(symbol).to_owned();
        let mut declarations = vec![bytes_of(scoping.symbol_span(symbol))];
        declarations.extend(scoping.symbol_redeclarations(symbol).iter().map(|again| bytes_of(again.span)));
        declarations.sort_by_key(|range| range.start);
        declarations.dedup();
        let mut references: Vec<Reference> =
            scoping.get_resolved_references(symbol).map(|reference| use_of(semantic, reference)).collect();
        references.sort_by_key(|reference| reference.range.start);
        for range in declarations.iter().chain(references.iter().map(|reference| &reference.range)) {
            self.by_start.insert(range.start, id);
        }
        self.by_name.insert((scope, name.clone()), id);
        let is_parameter = scoping.symbol_declarations(symbol).any(|node| is_parameter(semantic, node));
        self.variables.push(Variable { name, scope, declarations, is_parameter, references });
    }

    fn add_globals(&mut self, semantic: &Semantic<'_>) {
        for ids in semantic.scoping().root_unresolved_references_ids() {
            for id in ids {
                let reference = semantic.scoping().get_reference(id);
                let (name, used) = (semantic.reference_name(reference), use_of(semantic, reference));
                self.globals.insert(used.range.start, (name.to_owned(), used));
            }
        }
    }

    fn expects_common_js(&self) -> bool {
        self.globals.values().any(|(name, _)| COMMON_JS_NAMES.contains(&name.as_str()))
    }
}

fn use_of(semantic: &Semantic<'_>, reference: &oxc_syntax::reference::Reference) -> Reference {
    Reference {
        range: bytes_of(semantic.reference_span(reference)),
        is_read: reference.is_read() || reference.is_type(),
        is_write: reference.is_write(),
        scope: ScopeId(index(reference.scope_id().index())),
    }
}

fn is_parameter(semantic: &Semantic<'_>, declaration: NodeId) -> bool {
    let is_head =
        |kind: AstKind<'_>| matches!(kind, AstKind::FormalParameter(_) | AstKind::FormalParameterRest(_));
    is_head(semantic.nodes().kind(declaration))
}

fn function_form(semantic: &Semantic<'_>, node: NodeId) -> Option<FunctionForm> {
    let nodes = semantic.nodes();
    match nodes.kind(node) {
        AstKind::Function(function) if function.is_declaration() => Some(
            function
                .id
                .as_ref()
                .map_or(FunctionForm::Stored, |name| FunctionForm::Declared(bytes_of(name.span).start)),
        ),
        AstKind::Function(_) | AstKind::ArrowFunctionExpression(_) => {
            let mut around = nodes.ancestor_kinds(node);
            let parent = around.find(|kind| !matches!(kind, AstKind::ParenthesizedExpression(_)));
            // `(function () { … }).call(this)` runs at once, too.
            Some(match parent {
                Some(
                    AstKind::CallExpression(_)
                    | AstKind::NewExpression(_)
                    | AstKind::StaticMemberExpression(_)
                    | AstKind::ComputedMemberExpression(_),
                ) => FunctionForm::Immediate,
                _ => FunctionForm::Stored,
            })
        }
        _ => None,
    }
}

fn kind_of(flags: ScopeFlags) -> ScopeKind {
    if flags.is_top() {
        ScopeKind::Top
    } else if flags.is_function() {
        ScopeKind::Function
    } else if flags.is_class_static_block() {
        ScopeKind::StaticBlock
    } else if flags.is_ts_module_block() {
        ScopeKind::Namespace
    } else if flags.is_catch_clause() {
        ScopeKind::Catch
    } else {
        ScopeKind::Block
    }
}

fn bytes_of(span: Span) -> Range<usize> {
    span.start as usize..span.end as usize
}

fn index(at: usize) -> u32 {
    u32::try_from(at).expect("ids are 32 bits wide in oxc too")
}
