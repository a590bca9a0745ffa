//! `prefer-node-protocol`: `require("fs")` for `require("node:fs")`.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::member_access::{arguments, callee, is_name, is_optional, object_of, plain_member_name};
use super::parentheses::place_around;
use super::syntax::string_value;
use crate::rule::{Category, Edit, Finding, Fix, Gate, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds modules of Node.js that are loaded without `node:` before their names: by `import`, `export … from`,
    /// `import()`, `require` and `process.getBuiltinModule`.
    ///
    /// ## Why is this bad?
    /// With `node:`, the name cannot be taken for a package, and a package cannot take its place.
    ///
    /// ## Example
    /// ```js
    /// import { readFile } from "fs/promises";
    /// const path = require("path");
    /// ```
    /// Use instead:
    /// ```js
    /// import { readFile } from "node:fs/promises";
    /// const path = require("node:path");
    /// ```
    ///
    /// ## Fix safety
    /// Safe, where the code runs on Node.js 16 or newer. Bundlers that replace such modules by packages of the
    /// same name may not know them by their new name.
    pub struct PreferNodeProtocol;
}

static META: Meta = Meta {
    id: "prefer-node-protocol",
    origin: "unicorn",
    category: Category::Modernise,
    languages: ECMASCRIPT,
    level: Level::Note,
    summary: "Requires `node:` before the names of Node.js's own modules.",
    docs: PreferNodeProtocol::MANUAL,
};

/// The modules that can be loaded with and without `node:`.
const MODULES: &[&str] = &[
    "assert",
    "assert/strict",
    "async_hooks",
    "buffer",
    "child_process",
    "cluster",
    "console",
    "constants",
    "crypto",
    "dgram",
    "diagnostics_channel",
    "dns",
    "dns/promises",
    "domain",
    "events",
    "fs",
    "fs/promises",
    "http",
    "http2",
    "https",
    "inspector",
    "inspector/promises",
    "module",
    "net",
    "net/promises",
    "os",
    "path",
    "path/posix",
    "path/win32",
    "perf_hooks",
    "process",
    "querystring",
    "readline",
    "readline/promises",
    "repl",
    "stream",
    "stream/consumers",
    "stream/iter",
    "stream/promises",
    "stream/web",
    "string_decoder",
    "timers",
    "timers/promises",
    "tls",
    "trace_events",
    "tty",
    "url",
    "util",
    "util/types",
    "v8",
    "vm",
    "wasi",
    "worker_threads",
    "zlib",
    "zlib/iter",
];

impl Rule for PreferNodeProtocol {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["string"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let Some(name) = string_value(file, node) else { return };
        if MODULES.contains(&&*name) && names_module(file, node) {
            let message = format!("Prefer `node:{name}` over `{name}`.");
            let edit = Edit::insert(node.start_byte() + 1, "node:");
            let fix = Fix::safe(vec![edit]).needing(Gate::Node(16));
            out.push(Finding::new(&META, node.byte_range(), message).with_fix(fix));
        }
    }
}

/// Whether the string says which module is loaded.
fn names_module<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> bool {
    let Some(place) = place_around(file, node) else { return false };
    match place.parent.kind() {
        "import_statement" | "export_statement" => place.is_field("source"),
        "arguments" => file
            .parent(place.parent)
            .is_some_and(|call| arguments(call).next() == Some(place.child) && loads_module(file, call)),
        _ => false,
    }
}

fn loads_module<'t>(file: &ParsedFile<'t>, call: Node<'t>) -> bool {
    let Some(callee) = callee(call).filter(|_| call.kind() == "call_expression") else { return false };
    if callee.kind() == "import" {
        return true;
    }
    if is_optional(call) || arguments(call).count() != 1 {
        return false;
    }
    is_name(file, callee, "require")
        || (!is_optional(callee)
            && plain_member_name(file, callee).is_some_and(|name| name == "getBuiltinModule")
            && object_of(callee).is_some_and(|object| is_name(file, object, "process")))
}
