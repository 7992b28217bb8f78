"""One core, one way to time, one line of JSON per figure. Import this before numpy, torch and the like."""

import json
import os
import statistics
import sys
import time

for pool in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ[f"{pool}_NUM_THREADS"] = "1"
# These force an OpenBLAS kernel by hand, often a slower one than the library would choose.
for forced in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(forced, None)
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

SECONDS = float(os.environ.get("SECONDS_PER_FIGURE", "3"))
"""How long each figure is measured, after a warm-up."""

CLOCK = {"wall": time.perf_counter, "cpu": time.process_time}[os.environ.get("CLOCK", "wall")]
"""`CLOCK=cpu` counts the seconds that this process computes, in all its threads: for a machine that others use too."""


def report(peer, shape, metric, value):
    """Prints one figure."""
    figure = {"peer": peer, "shape": shape, "metric": metric, "value": value, "threads": 1}
    print(json.dumps(figure), flush=True)


def rate(work, per_call):
    """Median over ten intervals of how often per second `work` does what it does `per_call` times in a call."""
    started = CLOCK()
    work()
    # Compilers and caches: the first calls are not the rest.
    while CLOCK() - started < SECONDS / 5:
        work()
    rates = []
    for _ in range(10):
        calls, started = 0, CLOCK()
        while (elapsed := CLOCK() - started) < SECONDS / 10:
            work()
            calls += 1
        rates.append(calls * per_call / elapsed)
    return statistics.median(rates)


def measured(peer, shape, metric, prepare, per_call):
    """Reports the rate of the work that `prepare` returns; a peer that is missing or fails is named on stderr."""
    try:
        work = prepare()
        report(peer, shape, metric, rate(work, per_call))
    except Exception as error:  # one peer's failure must not hide the others
        print(f"skipped: {peer} on {shape} because {type(error).__name__}: {error}", file=sys.stderr)
