"""Experiments on a Ray cluster of several machines on this one: the bits of the local run, also when some of it is lost.

    pip install './python[ray]'
    python tests/slow/python_ray.py
"""

import contextlib
import logging
import os
import pathlib
import signal
import tempfile
import threading
import time
import warnings

# Ray reads these where it is imported.
os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0", "RAY_DEDUP_LOGS": "0"}
os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"

import mercato
import mercato.ray
import ray
from ray.cluster_utils import Cluster

SETTINGS = {"hidden": [16], "warmup": 200, "target_every": 50, "explore_over": 8000}
SPEC = {
    "name": "small",
    "title": "A small one",
    "seeds": "0..4",
    "evaluation": {"episodes": 100, "points": 4},
    "worlds": [
        {
            "env": "classic/chain-v1",
            "steps": 60_000,
            "references": ["random", "oracle"],
            "agents": [{"preset": "dqn", "set": SETTINGS}],
        }
    ],
}


def timeless(records):
    """What no clock went into."""
    return [{key: value for key, value in record.items() if key != "time"} for record in records]


def files(folder):
    """What the trials left, by name."""
    return {path.relative_to(folder): path.read_bytes() for part in ("weights", "trail") for path in (folder / part).iterdir()}


def a_machine_is_lost_in_the_middle(cluster, local, folder):
    doomed, seen = cluster.add_node(num_cpus=1), []
    cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()

    def progress(made, total):
        seen.append((made, total))
        if 0 < made < 180_000 and doomed in cluster.worker_nodes:
            cluster.remove_node(doomed, allow_graceful=False)

    run = mercato.ray.run(SPEC, folder, progress=progress)
    assert doomed not in cluster.worker_nodes, f"it ended before a machine was removed: {seen}"
    assert timeless(run.records) == timeless(local.records), "the records are others than those of the local run"
    assert files(folder) == files(local.folder), "weights or trails are others than those of the local run"
    assert {total for _, total in seen} == {240_000} and seen[-1][0] > 120_000, seen
    found = run.verify(sample=2)
    assert found["exit_code"] == 0 and found["rerun"] == 2, found
    before = time.monotonic()
    again = mercato.ray.run(SPEC, folder)
    assert again.records == run.records and time.monotonic() - before < 1, "what is there is not run again"


def halves_merge(local, folder):
    """Two seeds here, the rest there, in one folder."""
    mercato.run({**SPEC, "seeds": [1, 2]}, folder)
    calls = []
    run = mercato.ray.run(SPEC, folder, progress=lambda made, total: calls.append(total))
    assert set(calls) == {120_000}, "two of four seeds were missing"

    def unasked(records):
        # Each half tells how many seeds itself asked for.
        return [{key: value for key, value in record.items() if key != "asked"} for record in timeless(records)]

    assert unasked(run.records) == unasked(local.records)
    lines = (folder / "records.jsonl").read_text().splitlines()
    assert len(lines) == len(set(lines)) == len(local.records)


def an_interrupted_run_goes_on(local, folder):
    def stop(made, total):
        if (folder / "records.jsonl").stat().st_size and made > 80_000:
            raise KeyboardInterrupt

    try:
        mercato.ray.run(SPEC, folder, progress=stop)
    except KeyboardInterrupt:
        kept = len((folder / "records.jsonl").read_text().splitlines())
        assert 0 < kept < len(local.records), f"{kept} records were kept"
    else:
        raise AssertionError("it ended before it could be stopped")
    run = mercato.ray.run(SPEC, folder)
    assert timeless(run.records) == timeless(local.records)


def workers():
    """Processes of this test's cluster that play a trial now."""
    parents, names = {}, {}
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            names[folder.name] = (folder / "cmdline").read_bytes()
            parents[folder.name] = (folder / "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            pass  # it has ended

    def ours(process):
        return process == str(os.getpid()) or (process in parents and ours(parents[process]))

    return [int(process) for process, name in names.items() if name.startswith(b"ray::play") and ours(process)]


@contextlib.contextmanager
def a_killer():
    """Kills the first process that plays a trial, soon after it has begun. Not on a report of progress: those come twice
    a second, and a trial may take less."""
    killed, ended = [], threading.Event()

    def watch():
        while not ended.wait(0.005) and not killed:
            if playing := workers():
                os.kill(playing[0], signal.SIGKILL)
                killed.append(playing[0])

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield killed
    finally:
        ended.set()
        watcher.join()


def a_process_is_killed_in_the_middle(local, folder):
    with a_killer() as killed:
        run = mercato.ray.run(SPEC, folder / "again")
    assert killed, "it ended before a process was killed"
    assert timeless(run.records) == timeless(local.records), "the records are others than those of the local run"
    assert files(folder / "again") == files(local.folder)
    # Without another try there is no record, which is an error that names the trial; the same call goes on from there.
    try:
        with a_killer():
            mercato.ray.run(SPEC, folder / "once", retries=0)
    except RuntimeError as error:
        assert "1 trials have no record" in str(error) and "trial " in str(error), error
    else:
        raise AssertionError("a lost trial was not told")
    assert timeless(mercato.ray.run(SPEC, folder / "once").records) == timeless(local.records)


def limits_are_kept(folder):
    """What no machine has is waited for, with a warning, and nothing is played meanwhile."""

    def impatient(made, total):
        raise KeyboardInterrupt

    for limit in ({"memory": 2**45}, {"cpus": 64}, {"gpus": 1}):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                mercato.ray.run({**SPEC, "seeds": [0]}, folder, progress=impatient, **limit)
            except KeyboardInterrupt:
                pass
        assert any("no machine of the cluster" in str(warning.message) for warning in caught), limit
    played = (folder / "records.jsonl").read_text()
    assert not played, f"somebody played: {played[:400]}"
    try:
        mercato.ray.run(SPEC, folder, memory=2**50)
    except ValueError as error:
        assert "below 2**49" in str(error), error
    else:
        raise AssertionError("a memory that Ray cannot count was taken")


def main():
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning)
        folder = pathlib.Path(name)
        local = mercato.run(SPEC, folder / "local", jobs=2)
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
        ray.init(address=cluster.address, logging_level=logging.ERROR, log_to_driver=False)
        try:
            a_machine_is_lost_in_the_middle(cluster, local, folder / "lost")
            cluster.add_node(num_cpus=1)
            cluster.wait_for_nodes()
            halves_merge(local, folder / "halves")
            an_interrupted_run_goes_on(local, folder / "interrupted")
            a_process_is_killed_in_the_middle(local, folder)
            limits_are_kept(folder / "limits")
        finally:
            ray.shutdown()
            cluster.shutdown()
    print("on a Ray cluster the records are the local ones, also with a machine lost, a process killed or a run interrupted")


if __name__ == "__main__":
    main()
