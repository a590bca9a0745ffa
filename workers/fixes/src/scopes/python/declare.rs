//! Bindings and references: what binds a name, and what a name refers to.

use std::ops::Range;

use tree_sitter::Node;

use super::walk::{Context, Store, Walk};
use super::{
    Binding, BindingId, BindingKind, Export, Flags, NameId, PythonScopes, Reference, ScopeId, ScopeKind, Use,
};

impl PythonScopes {
    fn name_id(&mut self, name: &str) -> NameId {
        if let Some(&id) = self.name_ids.get(name) {
            return id;
        }
        let id = NameId(u32::try_from(self.names.len()).unwrap_or(u32::MAX));
        self.names.push(name.into());
        self.name_ids.insert(name.into(), id);
        id
    }

    fn binding_mut(&mut self, id: BindingId) -> &mut Binding {
        &mut self.bindings[id.0 as usize]
    }

    pub(super) fn current(&self, scope: ScopeId, name: NameId) -> Option<BindingId> {
        self.current.get(&(scope, name)).copied()
    }

    /// Makes a binding and puts it into its scope, without regard to what it shadows.
    pub(super) fn add(
        &mut self,
        name: &str,
        range: Range<usize>,
        kind: BindingKind,
        context: Context,
    ) -> BindingId {
        let name = self.name_id(name);
        let id = self.make(name, range, kind, context);
        self.put(id);
        id
    }

    fn make(&mut self, name: NameId, range: Range<usize>, kind: BindingKind, context: Context) -> BindingId {
        let id = BindingId(self.now());
        if matches!(
            kind,
            BindingKind::Import(_) | BindingKind::FromImport(_) | BindingKind::SubmoduleImport(_)
        ) {
            self.imports.push(id);
        }
        self.bindings.push(Binding {
            name,
            range,
            kind,
            scope: context.scope,
            statement: context.statement,
            is_explicit_export: false,
            is_global: false,
            is_nonlocal: false,
            is_unpacked: false,
            is_used: false,
            is_typing_only: context.flags.is_typing_only(),
            handled: context.handled,
            shadows: None,
            references: Vec::new(),
        });
        id
    }

    fn put(&mut self, id: BindingId) {
        let key = (self.binding(id).scope, self.binding(id).name);
        let shadows = self.current.insert(key, id);
        self.binding_mut(id).shadows = shadows;
    }

    /// Makes a binding that takes over what its scope knows of the name.
    pub(super) fn bind(
        &mut self,
        name: &str,
        range: Range<usize>,
        kind: BindingKind,
        mut context: Context,
    ) -> BindingId {
        if kind == BindingKind::NamedExpression {
            // PEP 572: it binds in the scope that holds the outermost comprehension.
            let holder = self
                .scopes_around(context.scope)
                .find(|&scope| self.scope(scope).kind != ScopeKind::Comprehension);
            context.scope = holder.unwrap_or(context.scope);
        }
        let name = self.name_id(name);
        let id = self.make(name, range, kind, context);
        if let Some(shadowed) = self.current(context.scope, name) {
            // An annotation of what is bound already binds nothing.
            if self.binding(id).kind == BindingKind::Annotation {
                return id;
            }
            let shadowed = self.binding(shadowed);
            if !matches!(shadowed.kind, BindingKind::Deletion | BindingKind::UnboundException(_)) {
                let (is_global, is_nonlocal, is_used) =
                    (shadowed.is_global, shadowed.is_nonlocal, shadowed.is_used);
                let binding = self.binding_mut(id);
                binding.is_global |= is_global;
                binding.is_nonlocal |= is_nonlocal;
                binding.is_used |= is_used;
            }
        }
        self.put(id);
        id
    }

    fn refer(&mut self, id: BindingId, range: &Range<usize>, context: Context) {
        let place = self.place(context);
        let binding = self.binding_mut(id);
        binding.is_used = true;
        binding.references.push(Reference { range: range.clone(), place });
    }

    /// Refers to a binding and to the `import a.b` whose module it is an alias of: `pa.csv` uses both of
    /// `import pyarrow as pa` and `import pyarrow.csv`.
    fn refer_with_submodule(
        &mut self,
        id: BindingId,
        scope: ScopeId,
        range: &Range<usize>,
        context: Context,
    ) {
        self.refer(id, range, context);
        if let Some(submodule) = self.submodule_behind(id, scope) {
            self.refer(submodule, range, context);
        }
    }

    fn submodule_behind(&self, id: BindingId, scope: ScopeId) -> Option<BindingId> {
        let binding = self.binding(id);
        let BindingKind::Import(path) = &binding.kind else { return None };
        let segment = path.rsplit('.').next()?;
        if segment == self.name(binding.name) {
            return None;
        }
        let submodule = self.current(scope, *self.name_ids.get(segment)?)?;
        let BindingKind::SubmoduleImport(other) = &self.binding(submodule).kind else { return None };
        (path.split('.').next() == other.split('.').next()).then_some(submodule)
    }

    /// What a name that is read refers to; marks it as used.
    fn load(&mut self, name: &str, range: &Range<usize>, context: Context) -> Option<BindingId> {
        let name = *self.name_ids.get(name)?;
        if context.flags.is_forward_reference()
            && let Some(id) = self.current(Self::MODULE, name)
            && !self.is_unbound(id)
        {
            self.refer_with_submodule(id, Self::MODULE, range, context);
            return Some(id);
        }
        let visible: Vec<ScopeId> = self.visible_scopes(context.scope).collect();
        for scope in visible {
            let Some(id) = self.current(scope, name) else { continue };
            self.refer_with_submodule(id, scope, range, context);
            match self.binding(id).kind {
                BindingKind::Annotation if !self.is_stub => {
                    if self.scope(scope).kind == ScopeKind::Function {
                        return None;
                    }
                }
                BindingKind::Deletion => return self.load_deleted(id, range, context),
                BindingKind::UnboundException(None) => return None,
                BindingKind::UnboundException(Some(before)) => {
                    self.refer_with_submodule(before, scope, range, context);
                    return Some(before);
                }
                BindingKind::Global(Some(outer)) | BindingKind::Nonlocal(outer) => {
                    self.refer(outer, range, context);
                    return Some(outer);
                }
                _ => return Some(id),
            }
        }
        None
    }

    /// In a stub, `del` hides a name from others while annotations above it still use it.
    fn load_deleted(
        &mut self,
        deletion: BindingId,
        range: &Range<usize>,
        context: Context,
    ) -> Option<BindingId> {
        let shadowed = self.binding(deletion).shadows.filter(|_| self.is_stub)?;
        if self.is_unbound(shadowed) || range.start >= self.binding(deletion).range.start {
            return None;
        }
        self.refer(shadowed, range, context);
        Some(shadowed)
    }

    fn delete(&mut self, name: &str, range: Range<usize>, context: Context) {
        let id = self.name_id(name);
        if let Some(binding) = self.current(context.scope, id) {
            self.refer(binding, &range, context);
        }
        let may_not_run = Flags::CONDITIONAL.with(Flags::EXCEPTION_HANDLER).with(Flags::ORELSE);
        if !context.flags.has(may_not_run) {
            self.add(name, range, BindingKind::Deletion, context);
        }
    }

    /// `global name` in a scope other than the module.
    pub(super) fn declare_global(&mut self, name: &str, range: Range<usize>, context: Context) {
        let outer = self.name_id(name);
        let outer = self.current(Self::MODULE, outer);
        let id = self.add(name, range, BindingKind::Global(outer), context);
        self.binding_mut(id).is_global = true;
    }

    /// `nonlocal name`, which uses what it means.
    pub(super) fn declare_nonlocal(&mut self, name: &str, range: Range<usize>, context: Context) {
        let name_id = self.name_id(name);
        let outer = self.scopes_around(context.scope).skip(1).find_map(|scope| {
            let is_function = !matches!(self.scope(scope).kind, ScopeKind::Module | ScopeKind::Class);
            is_function.then(|| self.current(scope, name_id)).flatten()
        });
        let Some(outer) = outer else { return };
        self.refer(outer, &range, context);
        let id = self.add(name, range, BindingKind::Nonlocal(outer), context);
        self.binding_mut(id).is_nonlocal = true;
    }

    /// A name that some function declares `global` is there even if the module itself never binds it.
    pub(super) fn ensure_global(&mut self, name: &str, range: Range<usize>, context: Context) {
        let name_id = self.name_id(name);
        let is_bound = self.current(Self::MODULE, name_id).is_some_and(|id| !self.is_unbound(id));
        if !is_bound && !self.is_builtin_name(name) {
            self.add(name, range, BindingKind::Assignment, context.within(Self::MODULE));
        }
    }

    /// What `__all__` lists is used.
    pub(super) fn mark_exports(&mut self) {
        let Some(&all) = self.name_ids.get("__all__") else { return };
        let mut at = self.current(Self::MODULE, all);
        let mut exports: Vec<Export> = Vec::new();
        while let Some(id) = at {
            if let BindingKind::Export(names) = &self.binding(id).kind {
                exports.extend(names.iter().cloned());
            }
            at = self.binding(id).shadows;
        }
        let context = Context::exports();
        for export in exports {
            let name = self.name_ids.get(export.name.as_str()).copied();
            if let Some(id) = name.and_then(|name| self.current(Self::MODULE, name)) {
                self.refer(id, &export.range, context);
            }
        }
    }

    pub(super) fn set_explicit_export(&mut self, id: BindingId) {
        self.binding_mut(id).is_explicit_export = true;
    }

    fn set_unpacked(&mut self, id: BindingId) {
        self.binding_mut(id).is_unpacked = true;
    }
}

impl<'n> Walk<'n, '_> {
    pub(super) fn bind(&mut self, name: Node<'n>, kind: BindingKind, context: Context) -> BindingId {
        let text = self.text(name);
        self.model.bind(&text, name.byte_range(), kind, context)
    }

    pub(super) fn load(&mut self, name: Node<'n>, context: Context) {
        let text = self.text(name);
        let place = self.model.place(context);
        let binding = self.model.load(&text, &name.byte_range(), context);
        let uses = self.quoted_uses.as_mut().unwrap_or(&mut self.model.uses);
        uses.insert(name.start_byte(), Use { place, binding });
    }

    pub(super) fn store(&mut self, name: Node<'n>, store: Store<'n>, context: Context) {
        let (kind, is_unpacked) = match store {
            Store::Assignment { is_unpacked } => (BindingKind::Assignment, is_unpacked),
            Store::Annotation => (BindingKind::Annotation, false),
            Store::LoopVariable => (BindingKind::LoopVariable, false),
            Store::WithItem { is_unpacked } => (BindingKind::WithItem, is_unpacked),
            Store::NamedExpression => (BindingKind::NamedExpression, false),
            Store::Export(statement) => (BindingKind::Export(self.exports(statement)), false),
        };
        let id = self.bind(name, kind, context);
        if is_unpacked {
            self.model.set_unpacked(id);
        }
    }

    /// Takes `del name` to pieces: a name, or names in parentheses.
    pub(super) fn delete_name(&mut self, name: Node<'n>, context: Context) {
        let text = self.text(name);
        self.model.delete(&text, name.byte_range(), context);
    }
}

impl Context {
    fn exports() -> Self {
        Self {
            scope: PythonScopes::MODULE,
            flags: Flags::EXPORTED,
            statement: None,
            handled: super::Handled::NONE,
        }
    }
}
