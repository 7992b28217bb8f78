"""Tables of ten million rows: what `mercato stats` and `mercato ope` take of memory and time stays within what
docs/statistics.md says, and a malformed row near the end is an error that names its line.

    python tests/slow/long_tables.py target/release/mercato
"""

import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parents[2]
ROWS = 10_000_000


def curves(write):
    """Learning curves: 10 algorithms on 10 tasks, 100 runs each, 1000 evaluation points."""
    noise = [f"{random.gauss(0.5, 0.2):.4f}" for _ in range(9973)]
    write("algorithm,run,task,eval_point,score\n")
    at = 0
    for algorithm in range(10):
        for task in range(10):
            for run in range(100):
                head = f"agent-{algorithm},{run},task-{task},"
                write("".join(f"{head}{point},{noise[(at + 7 * point) % 9973]}\n" for point in range(1000)))
                at += 1000


def decisions(write):
    """A log of single decisions between four actions, with a model."""
    lines = []
    for _ in range(9973):
        action = random.randrange(4)
        reward = int(random.random() < 0.2 + 0.1 * action)
        lines.append(f"{action},{reward},0.25,0.1,0.2,0.3,0.4,0.2,0.3,0.4,0.5\n")
    write("action,reward,pscore,pi_e_0,pi_e_1,pi_e_2,pi_e_3,q_hat_0,q_hat_1,q_hat_2,q_hat_3\n")
    for start in range(0, ROWS, 1000):
        write("".join(lines[(start + at) % 9973] for at in range(1000)))


def trajectories(write):
    """A log of trajectories of twenty steps between four actions, with a model."""
    lines = []
    for _ in range(9973):
        action = random.randrange(4)
        reward = int(random.random() < 0.2 + 0.1 * action)
        lines.append(f"{action},{reward},0.25,0.{action + 1},0.1,0.2,0.3,0.4,0.2,0.3,0.4,0.5\n")
    write("trajectory,t,action,reward,pi_b_a,pi_e_a,pi_e_0,pi_e_1,pi_e_2,pi_e_3,q_hat_0,q_hat_1,q_hat_2,q_hat_3\n")
    for one in range(ROWS // 20):
        write("".join(f"{one},{t},{lines[(20 * one + t) % 9973]}" for t in range(20)))


def measured(command):
    """Exit code, stderr, seconds of the processor and peak memory in megabytes (10^6 bytes)."""
    with tempfile.TemporaryFile() as told:
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=told)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        told.seek(0)
        text = told.read().decode()
    # In kilobytes on Linux, in bytes on macOS.
    memory = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return child.returncode, text, usage.ru_utime + usage.ru_stime, memory / 1e6


def main():
    program = sys.argv[1]
    text = (ROOT / "docs/statistics.md").read_text()
    random.seed(0)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "table.csv"
        for name, make, more, broken in [
            ("stats", curves, [], "agent-0,0,task-0,zero,0.5\n"),
            ("ope", decisions, [], "0,1,0,0.1,0.2,0.3,0.4,0.2,0.3,0.4,0.5\n"),
            ("ope", trajectories, ["--gamma", "0.95"], "0,20,0,1,0,0.1,0.1,0.2,0.3,0.4,0.2,0.3,0.4,0.5\n"),
        ]:
            with open(path, "w") as file:
                make(file.write)
            command = [program, name, str(path), "--resamples", "200", "--format", "json", *more]
            code, told, seconds, megabytes = measured(command)
            assert code == 0, told
            stated = re.search(rf"\| {name}, {make.__name__} \|.*\| (\d+) MB \|", text)
            print(f"{name}, {make.__name__}: {megabytes:.0f} MB, {seconds:.0f} s")
            with open(path, "a") as file:
                file.write(broken)
            code, told, _, _ = measured(command)
            assert code == 2 and f"line {ROWS + 2}" in told, (code, told)
            print("  a malformed row behind them:", told.strip().splitlines()[-1])
            assert stated, f"docs/statistics.md has no row `{name}, {make.__name__}`"
            assert megabytes <= 1.1 * int(stated[1]), f"docs/statistics.md says {stated[1]} MB"


main()
