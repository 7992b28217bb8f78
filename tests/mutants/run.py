"""Plants the faults of mutants.toml one at a time and says which test found each.

    python3 tests/mutants/run.py > docs/mutants.md     # all of them
    python3 tests/mutants/run.py --sample 6 --seed 1   # six, spread over the list; another seed, six others
    python3 tests/mutants/run.py --only wine_club      # those in files whose path contains this

Golden traces are left out: they notice any change, so they prove nothing about the tests that know why. The unit tests of
the world's family are asked first, then the checker. Works in a copy of the tree that is kept in the target folder, so
that only what a fault touches is compiled again. Exit code 1 when a fault is found by nothing.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import time
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
COPY = TARGET / "mutants"
FAILED = re.compile(r"^test (\S+) \.\.\. FAILED|^    ([\w:]+)$", re.M)
# A fault may turn a loop endless.
PATIENCE = 900


def copied():
    """Brings the copy up to date; files that are the same keep their times, so that cargo sees no change."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in ("target", "runs")]
        for name in names:
            source = pathlib.Path(folder) / name
            target = COPY / source.relative_to(ROOT)
            if not target.exists() or target.read_bytes() != source.read_bytes():
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(source.read_bytes())


def ran(*command):
    # The copy's own crates have names of their own in the shared folder; what they depend on is compiled once.
    environment = {**os.environ, "CARGO_TARGET_DIR": str(TARGET), "CARGO_TERM_COLOR": "never"}
    try:
        return subprocess.run(command, cwd=COPY, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return None


def found_by(file):
    """The first test that fails or the first promise that is broken; None when all is well."""
    family = re.match(r"envs/src/suite/(\w+)/", file)
    tests = ran("cargo", "test", "--quiet", "-p", "mercato-envs", "--lib", "--", f"suite::{family[1]}::" if family else "")
    if tests is None:
        return "a test that does not end"
    if tests.returncode:
        text = tests.stdout + tests.stderr
        names = [next(filter(None, groups)) for groups in FAILED.findall(text)]
        if not names:
            sys.exit(f"{file} does not compile:\n{text}")
        return f"`{names[0]}`"
    check = ran(
        "cargo", "run", "--quiet", "-p", "mercato-envs", "--example", "check", "--", *([f"{family[1]}/"] if family else [])
    )
    if check is None:
        return "the checker, which does not end"
    if check.returncode:
        line = check.stdout.splitlines()[:1] or check.stderr.splitlines()[-1:]
        world, promise = line[0].split(": ")[:2]
        return f"the checker, `{world}`: {promise}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="only faults whose file contains this")
    parser.add_argument("--sample", type=int, help="only so many of them, spread over the list")
    parser.add_argument("--seed", type=int, default=0, help="which of them")
    options = parser.parse_args()
    mutants = tomllib.loads((ROOT / "tests/mutants/mutants.toml").read_text())["mutant"]
    mutants = [mutant for mutant in mutants if options.only in mutant["file"]]
    if options.sample and options.sample < len(mutants):
        begin = options.seed % len(mutants)
        mutants = [mutants[(begin + i * len(mutants) // options.sample) % len(mutants)] for i in range(options.sample)]
    copied()
    # A sample is for `.ci/run`, which has just run all tests.
    if not options.sample and (found := found_by(mutants[0]["file"] if options.only else "")):
        sys.exit(f"without any fault, {found} fails")
    print("# Planted faults\n")
    command = " ".join(["python3 tests/mutants/run.py", *sys.argv[1:]])
    print(f"Made by `{command}`. Golden traces are left out: they notice any change.\n")
    print("| world or part | fault | found by |\n|---|---|---|")
    missed = 0
    for mutant in mutants:
        path = COPY / mutant["file"]
        text = path.read_text()
        if text.count(mutant["find"]) != 1:
            sys.exit(f"{mutant['file']}: `{mutant['find']}` stands there {text.count(mutant['find'])} times, not once")
        started = time.monotonic()
        path.write_text(text.replace(mutant["find"], mutant["replace"]))
        try:
            found = found_by(mutant["file"])
        finally:
            path.write_text(text)
        missed += found is None
        part = mutant["file"].removeprefix("envs/src/").removeprefix("suite/").removesuffix(".rs")
        print(f"| {part} | {mutant['fault']} | {found or '**nothing**'} |", flush=True)
        print(f"{part}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    print(f"\n{len(mutants) - missed} of {len(mutants)} found.")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
