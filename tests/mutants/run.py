"""Plants the faults of mutants.toml one at a time and says which test found each.

    python3 tests/mutants/run.py [--only TEXT] > docs/mutants.md

Golden traces are left out: they notice any change, so they prove nothing about the tests that know why. Works in a
copy of the tree, with a target folder of its own; exit code 1 when a fault is found by no test.
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
# In this order; the first that fails is named.
TESTS = (
    ["cargo", "test", "--quiet", "-p", "mercato-envs", "--lib"],
    ["cargo", "test", "--quiet", "--test", "suite", "--", "registry::", "independence::"],
)
FAILED = re.compile(r"^\s*(\S+) --- FAILED|^---- (\S+) stdout|^\s{4}([\w:]+)$", re.M)


def run(copy):
    """The first failing test, or None."""
    for command in TESTS:
        done = subprocess.run(command, cwd=copy, capture_output=True, text=True)
        if done.returncode:
            text = done.stdout + done.stderr
            names = [next(filter(None, groups)) for groups in FAILED.findall(text)]
            return names[0] if names else "the build: " + text.strip().splitlines()[-1]
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="only faults whose file contains this")
    only = parser.parse_args().only
    mutants = tomllib.loads((ROOT / "tests/mutants/mutants.toml").read_text())["mutant"]
    copy = pathlib.Path(tempfile.mkdtemp(prefix="mutants")) / "tree"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns("target", ".git", "runs"))
    if found := run(copy):
        sys.exit(f"without any fault, {found} fails")
    print("# Planted faults\n\nMade by `python3 tests/mutants/run.py`; golden traces are left out, they notice any change.\n")
    print("| world or part | fault | found by |\n|---|---|---|")
    missed = 0
    for mutant in mutants:
        if only not in mutant["file"]:
            continue
        path = copy / mutant["file"]
        text = path.read_text()
        if text.count(mutant["find"]) != 1:
            sys.exit(f"{mutant['file']}: `{mutant['find']}` stands there {text.count(mutant['find'])} times, not once")
        path.write_text(text.replace(mutant["find"], mutant["replace"]))
        found = run(copy)
        path.write_text(text)
        missed += found is None
        part = mutant["file"].removeprefix("envs/src/").removeprefix("suite/").removesuffix(".rs")
        print(f"| {part} | {mutant['fault']} | {f'`{found}`' if found else '**nothing**'} |", flush=True)
    shutil.rmtree(copy.parent)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
