"""The quick suite on a Ray cluster of one worker and of two, with a process killed in the middle: the published bits, and
how much faster two are. Takes ten minutes of two cores; `.ci/run` leaves it out.

    pip install './python[ray]'
    python tests/slow/python_ray_quick.py
"""

import json
import logging
import os
import pathlib
import tempfile
import time

# Ray reads these where it is imported.
os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0", "RAY_DEDUP_LOGS": "0"}
os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"

import mercato.ray
import ray
from python_ray import a_killer
from ray.cluster_utils import Cluster

PUBLISHED = pathlib.Path(__file__).parents[2] / "reports/published/quick/records"
DECIDED_ELSEWHERE = ("time", "code", "machine")


def told(records):
    """What must be equal whoever ran a trial with whatever build, by its id."""
    return {record["trial"]: {k: v for k, v in record.items() if k not in DECIDED_ELSEWHERE} for record in records}


def timed(folder):
    before = time.monotonic()
    run = mercato.ray.run("quick", folder)
    return run.records, time.monotonic() - before


def main():
    published = told(json.loads(line) for path in PUBLISHED.glob("*.jsonl") for line in path.read_text().splitlines())
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
        ray.init(address=cluster.address, logging_level=logging.ERROR, log_to_driver=False)
        try:
            cluster.add_node(num_cpus=1)
            cluster.wait_for_nodes()
            alone, slow = timed(folder / "one")
            cluster.add_node(num_cpus=1)
            cluster.wait_for_nodes()
            with a_killer() as killed:
                both, fast = timed(folder / "two")
        finally:
            ray.shutdown()
            cluster.shutdown()
    assert killed, "no process was killed"
    assert told(alone) == published, "one worker: other records than those that are published"
    assert told(both) == published, "two workers, one killed: other records than those that are published"
    print(f"quick on Ray: {slow:.0f} s with one worker, {fast:.0f} s with two and a process killed: {slow / fast:.2f} times")


if __name__ == "__main__":
    main()
