"""Replays nights from the history of repositories: see deploy/nights."""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time


def git(repo, *arguments):
    return subprocess.run(
        ["git", "-C", str(repo), *arguments], check=True, capture_output=True, text=True
    ).stdout


def nights_of(repo, n):
    """The last commit of each of the last n days on which the default branch moved, oldest first."""
    log = git(repo, "log", "--first-parent", "--format=%H %cs", "HEAD")
    last_of_day = {}
    for line in log.splitlines():
        commit, day = line.split()
        last_of_day.setdefault(day, commit)
        if len(last_of_day) == n:
            break
    commits = list(last_of_day.values())[::-1]
    if len(commits) < n:
        sys.exit(f"nights: {repo} has commits on {len(commits)} days only")
    return commits


def changed(repo, before, after):
    """Blobs that are new or other, and their bytes: everything, also what no rule reads."""
    n_files = n_bytes = 0
    for line in git(repo, "diff-tree", "-r", "--no-renames", "--raw", "--abbrev=40", before, after).splitlines():
        blob = line.split()[3]
        if set(blob) != {"0"} and not line.split()[1].startswith("160"):
            n_files += 1
            n_bytes += int(git(repo, "cat-file", "-s", blob))
    return n_files, n_bytes


def run(options, store, name, repos, commits, folder):
    arguments = [options.bin / "submit-job", "--local", "--data-dir", folder / "data", "--store", f"file://{store}"]
    arguments += ["--job-id", name, "--rules", options.rules, "--model", options.model, "--quiet"]
    arguments += ["--out", folder / name]
    arguments += [f"{repo}@{commit}" for repo, commit in zip(repos, commits)]
    began = time.monotonic()
    done = subprocess.run([str(argument) for argument in arguments], stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - began
    if done.returncode not in (0, 3):
        sys.exit(f"nights: submit-job ended with exit code {done.returncode}")
    return seconds, json.loads((folder / name / "run.json").read_text())


def mib(n_bytes):
    return f"{n_bytes / 2**20:.2f}"


def main():
    parser = argparse.ArgumentParser(prog="deploy/nights")
    parser.add_argument("--root", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--nights", type=int, default=10)
    parser.add_argument("--rules", default="default")
    parser.add_argument("--model", default="none")
    parser.add_argument("--bin", type=pathlib.Path)
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("repos", nargs="+", type=pathlib.Path)
    options = parser.parse_args()
    options.bin = options.bin or options.root / "target" / "release"
    repos = [repo.resolve() for repo in options.repos]
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.keep or pathlib.Path(temporary)).resolve()
        same = replay(options, repos, folder)
    sys.exit(0 if same else 1)


def replay(options, repos, folder):
    histories = [nights_of(repo, options.nights) for repo in repos]
    lines = [
        "| night | changed blobs | MiB | done | MiB | in part | known | wall s | of night 1 |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    first = None
    for night in range(options.nights):
        commits = [history[night] for history in histories]
        before = [history[night - 1] for history in histories] if night else None
        n_changed, n_bytes = (0, 0)
        if before:
            pairs = [changed(*night_of) for night_of in zip(repos, before, commits)]
            n_changed, n_bytes = (sum(column) for column in zip(*pairs))
        seconds, ran = run(options, folder / "store", f"night-{night + 1}", repos, commits, folder)
        first = first or seconds
        reuse = ran["reuse"]
        lines.append(
            f"| {night + 1} | {n_changed or 'all'} | {mib(n_bytes) if before else ''} "
            f"| {reuse['files_done']} | {mib(reuse['bytes_done'])} | {reuse['files_in_part']} "
            f"| {reuse['files_reused']} | {seconds:.1f} | {seconds / first:.3f} |"
        )
        print(lines[-1], file=sys.stderr, flush=True)
    commits = [history[-1] for history in histories]
    seconds, _ = run(options, folder / "cold-store", "cold", repos, commits, folder / "cold-system")
    warm = (folder / f"night-{options.nights}" / "report.json").read_bytes()
    cold = (folder / "cold-system" / "cold" / "report.json").read_bytes()
    verdict = "the same bytes" if warm == cold else "OTHER BYTES"
    lines += ["", f"Night {options.nights} on an empty store: {seconds:.1f} s, and `report.json` is {verdict}."]
    text = "\n".join(lines) + "\n"
    if options.out:
        options.out.write_text(text)
    else:
        print(text)
    return warm == cold


main()
