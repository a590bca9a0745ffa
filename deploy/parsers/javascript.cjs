// node --experimental-vm-modules javascript.cjs script|module|typescript FOLDER: reads names of files in FOLDER from
// stdin, a line each, and prints those that the parser rejects, each with a tab and the reason. V8 parses scripts (as
// CommonJS, where `return` may stand anywhere) and modules, the npm package `typescript` what has types or JSX.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const vm = require("node:vm");

const wrapper = ["exports", "require", "module", "__filename", "__dirname"];
const parsers = {
  script: (text) => vm.compileFunction(text.replace(/^#!/, "//"), wrapper),
  module: (text) => new vm.SourceTextModule(text),
  typescript(text, name) {
    const ts = require("typescript");
    // A file of the name is not read: all the compiler sees is the text.
    const { diagnostics } = ts.transpileModule(text, {
      fileName: name,
      reportDiagnostics: true,
      compilerOptions: { target: "esnext", module: "esnext", jsx: "preserve" },
    });
    if (diagnostics.length > 0) throw new SyntaxError(ts.flattenDiagnosticMessageText(diagnostics[0].messageText, " "));
  },
};

const [goal, folder] = process.argv.slice(2);
const names = fs.readFileSync(0, "utf8").split("\n").filter(Boolean);
for (const name of names) {
  const text = fs.readFileSync(path.join(folder, name), "utf8").replace(/^\uFEFF/, "");
  try {
    parsers[goal](text, name);
  } catch (error) {
    console.log(`${name}\t${String(error.message).replace(/\s+/g, " ")}`);
  }
}
