"""The measuring part of deploy/compare-linters, which installs the peers and then calls this."""

import argparse
import collections
import dataclasses
import json
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

JS_SUFFIXES = {".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx"}
PY_SUFFIXES = {".py", ".pyi"}
SKIPPED_FOLDERS = {".git", "node_modules", "__pycache__"}
# mend gives up on a file that takes too long. Here it has to do all of the work, as its peers do.
MEND_CHECK = ["check", "--no-config", "--format", "json", "--file-budget", "600000"]
# ESLint's own rule ends with an exception on some TypeScript (it is meant for JavaScript alone).
NOT_FOR_TYPESCRIPT = {"no-unused-vars"}
# A file with longer lines than this on average is minified.
MINIFIED_LINE = 500
MODULE_SYNTAX = re.compile(rb"^\s*(?:import|export)\b", re.MULTILINE)

# Starts a command and writes what it used to the file that the first argument names. A process of its own, as small
# as Python can be: Linux counts the memory of whoever starts a program into the peak of the program.
LAUNCHER = """
import os, sys, time
start = time.monotonic()
process = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, used = os.wait4(process, 0)
wall = time.monotonic() - start
with open(sys.argv[1], "w") as report:
    print(os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, wall, used.ru_maxrss / 1024, file=report)
"""

# Patterns of the kind that ast-grep's own catalogue has, close to what the ESLint rules look for.
PATTERNS = {
    "not-not-in-if": ("if (!!$A) $B", "if ($A) $B"),
    "not-not-in-while": ("while (!!$A) $B", "while ($A) $B"),
    "var": ("{kind: variable_declaration}", None),
    "loosely-equal": ("$A == $B", "$A === $B"),
    "loosely-unequal": ("$A != $B", "$A !== $B"),
    "assign-to-new-object": ("Object.assign({}, $A)", "({ ...$A })"),
    "pow": ("Math.pow($A, $B)", "$A ** $B"),
    "has-own-property": ("$A.hasOwnProperty($B)", "Object.hasOwn($A, $B)"),
    "has-own-property-call": ("Object.prototype.hasOwnProperty.call($A, $B)", "Object.hasOwn($A, $B)"),
    "new-array": ("new Array($$$A)", None),
    "parse-int-without-radix": ("parseInt($A)", "parseInt($A, 10)"),
    "bound-arrow": ("(() => $A).bind($B)", "(() => $A)"),
    "undefined-at-first": ("let $A = undefined", "let $A"),
    "true-or-false": ("$A ? true : false", "!!$A"),
    "false-or-true": ("$A ? false : true", "!$A"),
    "itself-or-other": ("$A ? $A : $B", "$A || $B"),
    "add-to-itself": ("$A = $A + $B", "$A += $B"),
    "subtract-from-itself": ("$A = $A - $B", "$A -= $B"),
    "multiply-itself": ("$A = $A * $B", "$A *= $B"),
    "or-itself": ("$A = $A || $B", "$A ||= $B"),
    "and-itself": ("$A = $A && $B", "$A &&= $B"),
    "else-itself": ("$A = $A ?? $B", "$A ??= $B"),
    "arrow-that-returns": ("($$$A) => { return $B }", None),
    "renamed-to-itself": ("const { $A: $A } = $B", "const { $A } = $B"),
    "equals-nan": ("$A === NaN", "Number.isNaN($A)"),
    "not-key-in": ("!$A in $B", "!($A in $B)"),
    "equals-negative-zero": ("$A === -0", "Object.is($A, -0)"),
}


def say(text):
    print(text, file=sys.stderr, flush=True)


def die(text):
    sys.exit(f"compare-linters: {text}")


# --- The tools -------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Finding:
    rule: str
    path: str
    line: int
    column: int


@dataclasses.dataclass
class Output:
    """What a tool found, and the files that it could not read."""

    findings: list
    unparsed: set
    # How many files the tool looked at, where it says so.
    files: int | None = None
    remarks: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Run:
    """One way of calling one tool. `against` is the run of mend to compare it with: the same rules and threads."""

    tool: str
    rules: str
    threads: str
    command: list
    read: object
    against: str = ""
    environment: dict = dataclasses.field(default_factory=dict)
    key: str = ""


@dataclasses.dataclass
class Measured:
    cpu: float
    wall: float
    rss: float


def read_mend(text, _):
    report = json.loads(text)
    remarks = [f"mend ran out of time in {file}" for file in report["out_of_time"]]
    remarks += [f"a rule of mend failed: {failure}" for failure in report["rule_failures"]]
    found = [Finding(f["rule"], f["path"], f["line"], f["column"]) for f in report["findings"]]
    return Output(found, set(report["syntax_errors"]), report["n_files"], remarks)


def read_eslint(text, corpus):
    found, unparsed = [], set()
    files = json.loads(text)
    for file in files:
        path = os.path.relpath(file["filePath"], corpus)
        for message in file["messages"]:
            if message.get("fatal"):
                unparsed.add(path)
            elif message["ruleId"]:
                found.append(Finding(message["ruleId"], path, message["line"], message["column"]))
    return Output(found, unparsed, len(files))


def read_oxlint(text, _):
    found, unparsed = [], set()
    report = json.loads(text)
    for diagnostic in report["diagnostics"]:
        path = os.path.normpath(diagnostic["filename"])
        rule = re.fullmatch(r"eslint\((.*)\)", diagnostic.get("code", ""))
        if rule is None:
            unparsed.add(path)
            continue
        span = diagnostic["labels"][0]["span"] if diagnostic["labels"] else {"line": 0, "column": 0}
        found.append(Finding(rule[1], path, span["line"], span["column"]))
    return Output(found, unparsed, report["number_of_files"])


def read_ast_grep(text, _):
    starts = ((m, m["range"]["start"]) for m in json.loads(text))
    return Output(
        [Finding(m["ruleId"], os.path.normpath(m["file"]), at["line"] + 1, at["column"] + 1) for m, at in starts], set()
    )


def read_ruff(text, corpus):
    found, unparsed = [], set()
    for message in json.loads(text):
        path, code = os.path.relpath(message["filename"], corpus), message["code"]
        if code is None or code in ("invalid-syntax", "E902"):
            unparsed.add(path)
        else:
            at = message["location"]
            found.append(Finding(code, path, at["row"], at["column"]))
    return Output(found, unparsed)


def only_findings_of(rules, read):
    """`read` without what other rules said: directives in the files can switch on any."""

    def reads(text, corpus):
        output = read(text, corpus)
        output.findings = [finding for finding in output.findings if finding.rule in rules]
        return output

    return reads


# --- Corpora ---------------------------------------------------------------------------------------------------


def stage(source, suffixes, into):
    """Copies the files to lint. Folders get names that no tool skips, and CommonJS the suffix that says so."""
    left_out = collections.Counter()
    files = 0
    for folder, folders, names in os.walk(source):
        folders[:] = sorted(name for name in folders if name not in SKIPPED_FOLDERS)
        relative = [part.replace(".", "_", 1) if part.startswith(".") else part
                    for part in Path(folder).relative_to(source).parts]
        for name in sorted(names):
            path = Path(folder, name)
            if path.suffix not in suffixes or path.is_symlink() or not path.is_file():
                continue
            text = path.read_bytes()
            if ".min." in name or len(text) > MINIFIED_LINE * (text.count(b"\n") + 1):
                left_out["minified"] += 1
                continue
            if not is_utf8(text):
                left_out["not UTF-8"] += 1
                continue
            name = name.lstrip(".")
            if path.suffix == ".js" and not MODULE_SYNTAX.search(text) and not path.with_suffix(".cjs").exists():
                name = str(Path(name).with_suffix(".cjs"))
            staged = into.joinpath(*relative, name)
            staged.parent.mkdir(parents=True, exist_ok=True)
            staged.write_bytes(text)
            files += 1
    if files == 0:
        die(f"{source} has no files to lint")
    return left_out


def is_utf8(text):
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def drop_unparsed(runs, corpus, left_out):
    """Runs each tool once and removes the files that one of them cannot parse. Says which files those are."""
    unparsed = {}
    for run in runs:
        if run.tool not in unparsed:
            say(f"  what {run.tool} cannot parse")
            unparsed[run.tool] = run.read(execute(run, corpus)[1], corpus).unparsed
            left_out[f"{run.tool} cannot parse"] = len(unparsed[run.tool])
    for path in set().union(*unparsed.values()):
        (corpus / path).unlink(missing_ok=True)
    return unparsed


# --- Measuring -------------------------------------------------------------------------------------------------


def execute(run, corpus):
    """Runs a tool to its end; what it used includes all of its threads and its child processes."""
    scratch = corpus.parent
    out, err, report = scratch / "stdout", scratch / "stderr", scratch / "used"
    command = [sys.executable, "-I", "-S", "-c", LAUNCHER, report, *run.command]
    with out.open("wb") as stdout, err.open("wb") as stderr:
        subprocess.run(command, cwd=corpus, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, check=True,
                       env={**os.environ, "NO_COLOR": "1", **run.environment})
    status, *used = map(float, report.read_text().split())
    text = out.read_text(errors="replace")
    # 1 says that there are findings.
    if status not in (0, 1) or not text.strip():
        complaint = err.read_text(errors="replace")[-2000:]
        die(f"{' '.join(map(str, run.command[:4]))} … ended with {status:.0f}:\n{complaint}")
    return Measured(*used), text


def measure(runs, corpus, rounds):
    """All runs, `rounds` times, each round beginning with another one."""
    measured, outputs = collections.defaultdict(list), {}
    for number in range(rounds):
        first = number * len(runs) // rounds
        for run in runs[first:] + runs[:first]:
            used, text = execute(run, corpus)
            measured[run.key].append(used)
            if run.key not in outputs:
                outputs[run.key] = run.read(text, corpus)
            say(f"  round {number + 1}: {run.tool}, {run.rules}, {run.threads} thread(s): {used.cpu:.2f} s CPU")
    return {key: median(values) for key, values in measured.items()}, outputs, measured


def median(values):
    return Measured(*(statistics.median(getattr(value, field.name) for value in values)
                      for field in dataclasses.fields(Measured)))


# --- What runs -------------------------------------------------------------------------------------------------


def ask(*command):
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout


def mend_runs(mend, rules, what, read, also_default=True):
    command = [mend, *MEND_CHECK, "--only", ",".join(sorted(rules)), "."]
    runs = [Run("mend", what, "1", [*command, "-j", "1"], read)]
    if also_default:
        runs.append(Run("mend", what, "default", command, read))
    return runs


ESLINT_RULES = """
const { builtinRules } = require('eslint/use-at-your-own-risk');
console.log(JSON.stringify([...builtinRules].map(([id, rule]) => [id, Boolean(rule.meta.fixable)])));
"""

ESLINT_CONFIG = """
import parser from {parser};
const rules = {rules};
export default [
  {{ linterOptions: {{ reportUnusedDisableDirectives: 'off' }} }},
  {{
    files: ['**/*.{{js,mjs,cjs,jsx}}'],
    rules,
    languageOptions: {{ parserOptions: {{ ecmaFeatures: {{ jsx: true }} }} }},
  }},
  {{ files: ['**/*.{{ts,mts,cts,tsx}}'], rules, languageOptions: {{ parser }} }},
];
"""


def javascript(options, mend_rules):
    npm = options.npm / "node_modules"
    oxlint, eslint = npm / ".bin/oxlint", npm / ".bin/eslint"
    ast_grep = next(path for path in npm.glob("@ast-grep/cli-*/ast-grep"))
    known = json.loads(subprocess.run(["node", "-e", ESLINT_RULES], cwd=options.npm, check=True, capture_output=True,
                                      text=True).stdout)
    fixable = {id for id, is_fixable in known if is_fixable or options.all_rules}
    rules = {rule["id"] for rule in mend_rules if rule["origin"] == "ESLint"} & fixable - NOT_FOR_TYPESCRIPT
    ox_has = {rule["value"] for rule in json.loads(ask(oxlint, "--rules", "-f", "json")) if rule["scope"] == "eslint"}
    ox_rules = rules & ox_has

    eslint_config, ox_config = options.work / "eslint.config.mjs", options.work / "oxlintrc.json"
    eslint_config.write_text(ESLINT_CONFIG.format(
        parser=json.dumps((npm / "@typescript-eslint/parser/dist/index.js").as_uri()),
        rules=json.dumps({rule: "error" for rule in sorted(rules)})))
    ox_config.write_text(json.dumps({"plugins": [], "categories": {"correctness": "off"},
                                     "rules": {f"eslint/{rule}": "error" for rule in sorted(ox_rules)}}))
    patterns, ast_grep_config = write_patterns(options.work)

    read = only_findings_of(rules, read_mend)
    every, shared, own = f"{len(rules)} of ESLint", f"{len(ox_rules)} of ESLint", f"{len(PATTERNS)} patterns"
    runs = mend_runs(options.mend, rules, every, read)
    runs.append(Run("ESLint", every, "1",
                    [eslint, "--config", eslint_config, "--format", "json", "--concurrency", "off", "."],
                    only_findings_of(rules, read_eslint), against=f"mend {every} 1"))
    if ox_rules != rules:
        runs += mend_runs(options.mend, ox_rules, shared, read)
    ox_command = [oxlint, "-c", ox_config, "--disable-nested-config", "--no-ignore", "-f", "json", "."]
    runs += [
        Run("oxlint", shared, "1", [*ox_command, "--threads", "1"], read_oxlint, f"mend {shared} 1",
            {"RAYON_NUM_THREADS": "1"}),
        Run("oxlint", shared, "default", ox_command, read_oxlint, f"mend {shared} default"),
        # --only does not know users' own rules, so all others are left out instead.
        Run("mend", own, "1", [options.mend, *MEND_CHECK, "-j", "1", "--rule-dir", patterns, "--ignore",
                               ",".join(rule["id"] for rule in mend_rules), "."], read_mend),
        Run("ast-grep", own, "1", [ast_grep, "scan", "-c", ast_grep_config, "-j", "1", "--json=compact", "."],
            read_ast_grep, f"mend {own} 1", {"RAYON_NUM_THREADS": "1"}),
    ]
    versions = {"ESLint": f"{ask(eslint, '--version').strip()} with the parser of typescript-eslint "
                          + json.loads((npm / "@typescript-eslint/parser/package.json").read_text())["version"],
                "oxlint": ask(oxlint, "--version").split()[-1], "ast-grep": ask(ast_grep, "--version").split()[-1],
                "Node.js": ask("node", "--version").strip()}
    notes = [f"ESLint and mend run the same {len(rules)} core rules of ESLint: {listed(rules)}.",
             f"oxlint has {len(ox_rules)} of them, all but {listed(rules - ox_rules)}." if ox_rules != rules else
             "oxlint has all of them.",
             f"ast-grep has no rules of its own: it runs {len(PATTERNS)} patterns, written for this comparison, of the "
             "kind that those rules look for. Patterns find less, and look at no scopes. mend runs the same patterns "
             "as users' own rules.",
             "CommonJS files are named .cjs, so that all tools take them for what they are."]
    return runs, versions, notes


def write_patterns(work):
    folder = work / "patterns"
    folder.mkdir()
    for id, (pattern, fix) in PATTERNS.items():
        documents = []
        for language in ("JavaScript", "TypeScript", "Tsx"):
            rule = {"kind": "variable_declaration"} if pattern.startswith("{kind") else {"pattern": pattern}
            document = {"id": f"{id}-{language.lower()}", "language": language, "severity": "warning",
                        "message": f"Matches {pattern}", "rule": rule}
            # JSON is YAML.
            documents.append(json.dumps(document | ({"fix": fix} if fix else {})))
        (folder / f"{id}.yml").write_text("\n---\n".join(documents) + "\n")
    config = work / "sgconfig.yml"
    config.write_text("ruleDirs: [patterns]\n")
    return folder, config


def python(options, mend_rules):
    of_ruff = {rule["code"]: rule for rule in json.loads(ask(options.ruff, "rule", "--all", "--output-format", "json"))}
    of_mend = {rule["id"] for rule in mend_rules if rule["origin"] == "ruff"}
    rules = {code for code in of_mend if code in of_ruff and not of_ruff[code]["preview"]}
    what = f"{len(rules)} of ruff"
    command = [options.ruff, "check", "--isolated", "--no-cache", "--config", "exclude = []", "--select",
               ",".join(sorted(rules)), "--output-format", "json", "."]
    runs = mend_runs(options.mend, rules, what, only_findings_of(rules, read_mend))
    runs += [Run("ruff", what, "1", command, read_ruff, f"mend {what} 1", {"RAYON_NUM_THREADS": "1"}),
             Run("ruff", what, "default", command, read_ruff, f"mend {what} default")]
    notes = [f"Both run the same {len(rules)} rules of ruff: {listed(rules)}."]
    if of_mend != rules:
        notes.append(f"mend also has {listed(of_mend - rules)}, which this ruff does not have or only in preview.")
    return runs, {"ruff": ask(options.ruff, "--version").split()[-1]}, notes


def listed(rules):
    return ", ".join(f"`{rule}`" for rule in sorted(rules))


# --- The report ------------------------------------------------------------------------------------------------


def compare(title, source, suffixes, plan, options, mend_rules):
    """One corpus, from its files to its part of the report; also what mend and its peers find differently."""
    say(title)
    place = options.work / title.split()[0].lower()
    corpus, nothing = place / "corpus", place / "nothing" / "corpus"
    corpus.mkdir(parents=True)
    left_out = stage(source, suffixes, corpus)
    runs, versions, notes = plan(options, mend_rules)
    for run in runs:
        run.key = f"{run.tool} {run.rules} {run.threads}"
    unparsed = drop_unparsed(runs, corpus, left_out)
    files = [path for path in corpus.rglob("*") if path.is_file()]
    megabytes = sum(path.stat().st_size for path in files) / 1e6

    medians, outputs, measured = measure(runs, corpus, options.rounds)
    # What a tool needs for a single short file is what it needs to start.
    nothing.mkdir(parents=True)
    (nothing / ("a.js" if ".js" in suffixes else "a.py")).write_text("a;\n" if ".js" in suffixes else "a\n")
    say("  start-up")
    quiet = [dataclasses.replace(run, read=lambda text, corpus: Output([], set())) for run in runs]
    starts, _, _ = measure(quiet, nothing, options.rounds)

    lines = [f"## {title}", "",
             f"{len(files)} files, {megabytes:.1f} MB. "
             + "Left out: " + (", ".join(f"{n} ({why})" for why, n in left_out.items() if n) or "none")
             + "; some for more than one reason.", ""]
    lines += [f"- {tool} {version}" for tool, version in versions.items()]
    lines += [f"- {note}" for note in notes]
    lines += ["", "| tool | rules | threads | findings | CPU s | min to max | of it start | wall s | RSS MiB "
              "| MB per CPU s | CPU ÷ mend | wall ÷ mend | RSS ÷ mend |", "|---|---|---|" + "---:|" * 10]
    for run in runs:
        lines.append(row(run, medians, measured, starts, outputs, megabytes))
    remarks = sorted({remark for output in outputs.values() for remark in output.remarks})
    remarks += [f"{key} looked at {output.files} files" for key, output in outputs.items()
                if output.files not in (None, len(files))]
    lines += [""] + [f"- {remark}" for remark in remarks]
    return lines, [*only_mend_fails(title, unparsed), *differences(title, runs, outputs, corpus)]


def row(run, medians, measured, starts, outputs, megabytes):
    used = medians[run.key]
    cells = [run.tool, run.rules, run.threads, len(outputs[run.key].findings), f"{used.cpu:.2f}",
             f"{min(m.cpu for m in measured[run.key]):.2f} to {max(m.cpu for m in measured[run.key]):.2f}",
             f"{starts[run.key].cpu:.2f}", f"{used.wall:.2f}", f"{used.rss:.0f}", f"{megabytes / used.cpu:.2f}"]
    if run.against:
        mend = medians[run.against]
        cells += [f"{used.cpu / mend.cpu:.2f}", f"{used.wall / mend.wall:.2f}", f"{used.rss / mend.rss:.2f}"]
    else:
        cells += ["1"] * 3
    return "| " + " | ".join(map(str, cells)) + " |"


def only_mend_fails(title, unparsed):
    paths = sorted(unparsed["mend"].difference(*(files for tool, files in unparsed.items() if tool != "mend")))
    lines = [f"## {title}: {len(paths)} files that only mend cannot parse", ""]
    return [*lines, *(f"- {path}" for path in paths[:50]), ""] if paths else []


def differences(title, runs, outputs, corpus):
    """For each rule that does not find the same as its origin: how many, and the first places of each side."""
    lines = []
    for peer in (run for run in runs if run.tool in ("ESLint", "ast-grep", "ruff") and run.threads == "1"):
        lines += [f"## {title}: mend and {peer.tool}", "", "| rule | mend | " + peer.tool
                  + f" | only mend | only {peer.tool} |", "|---|---:|---:|---:|---:|"]
        examples = []
        mine, theirs = (by_rule(outputs[key].findings) for key in (peer.against, peer.key))
        for rule in sorted(mine.keys() | theirs.keys()):
            only_mine, only_theirs = mine[rule] - theirs[rule], theirs[rule] - mine[rule]
            if not only_mine and not only_theirs:
                continue
            lines.append(f"| {rule} | {mine[rule].total()} | {theirs[rule].total()} | {only_mine.total()} "
                         f"| {only_theirs.total()} |")
            for who, places in (("mend", only_mine), (peer.tool, only_theirs)):
                examples += [example(rule, who, place, corpus) for place in spread(sorted(places), 2)]
        lines += ["", *examples, ""]
    return lines


def by_rule(findings):
    rules = collections.defaultdict(collections.Counter)
    for finding in findings:
        rules[finding.rule][finding.path, finding.line, finding.column] += 1
    return rules


def spread(places, count):
    """`count` of the places, from all over them."""
    step = max(1, len(places) // count)
    return places[::step][:count]


def example(rule, who, place, corpus):
    path, line, column = place
    lines = (corpus / path).read_text(errors="replace").splitlines()
    text = lines[line - 1].strip()[:120] if 0 < line <= len(lines) else ""
    return f"- `{rule}`, only {who}: {path}:{line}:{column} `{text}`"


def processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown processor"


def main():
    parser = argparse.ArgumentParser()
    for name in ("js", "py", "npm", "ruff", "out", "differences", "mend", "work"):
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--all-rules", action="store_true")
    options = parser.parse_args()
    if options.rounds < 1:
        die("--rounds wants a number above 0")
    options.work = options.work.resolve()
    mend_rules = json.loads(ask(options.mend, "rules", "--json"))
    load = os.getloadavg()[0]
    lines = ["# mend and its peers", "",
             f"- Machine: {processor()}, {os.cpu_count()} cores, load {load:.1f} at the start",
             f"- {ask(options.mend, '--version').strip()}",
             f"- Medians of {options.rounds} interleaved rounds. CPU is user and system time of all threads and child "
             "processes, \"of it start\" what a single short file takes, RSS the peak of the largest process. All "
             "tools write JSON. The ratios compare with mend on as many threads with the same rules.", ""]
    found_differently = []
    for title, source, suffixes, plan in (("JavaScript and TypeScript", options.js, JS_SUFFIXES, javascript),
                                          ("Python", options.py, PY_SUFFIXES, python)):
        if source:
            part, differing = compare(title, source.resolve(), suffixes, plan, options, mend_rules)
            lines += [*part, ""]
            found_differently += differing
    write(options.out, lines)
    if options.differences:
        write(options.differences, ["# What mend finds differently", "", *found_differently])


def write(path, lines):
    text = "\n".join(lines).rstrip() + "\n"
    if path:
        path.write_text(text)
    else:
        sys.stdout.write(text)


main()
