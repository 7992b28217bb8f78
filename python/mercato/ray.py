"""Experiments over the machines of a Ray cluster. Needs Ray: `pip install './python[ray]'`, on every machine.

    import mercato.ray

    run = mercato.ray.run("full", address="auto", progress=print)

Every trial is a Ray task. Its record comes back to the store of the caller, where it is the same line, but for its times,
as if it had been run there: the id of a trial is a hash of what decides its bits. So half of an experiment may be run
here and half there, and what the folder has already is not repeated.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from mercato import _native
from mercato.external import external, registered
from mercato.study import Progress, Run, resolved

WAIT_S = 0.5


def run(
    spec: str | os.PathLike[str] | Mapping[str, Any],
    out: str | os.PathLike[str] | None = None,
    address: str | None = None,
    cpus: float = 1,
    memory: int | None = None,
    gpus: float = 0,
    retries: int = 3,
    progress: Progress | None = None,
) -> Run:
    """Runs an experiment on a Ray cluster, as `mercato.run` does on this machine.

    A trial whose process or machine is lost is started again elsewhere; it gives the same bits. After an interruption
    the same call goes on: finished trials stay, those that ran are repeated.

    Args:
        spec: a dict, `quick`, `full`, or a TOML file.
        out: folder of the results on this machine; `runs/NAME` when it is not given.
        address: of the cluster, `auto` for the one that this machine belongs to. When it is not given: the one that
            `ray.init` has connected to already or finds in RAY_ADDRESS, else this machine alone.
        cpus: cores that a trial reserves and uses.
        memory: bytes that a trial reserves, below 2**49; Ray gives a machine no more trials than fit.
        gpus: GPUs that a trial reserves; above 0 it computes there.
        retries: how often a trial is started again after its process or machine was lost.
        progress: called twice a second with the transitions made and to be made.

    Raises:
        ValueError: a memory that no machine has.
        RuntimeError: trials that could not be run, such as on a machine with another mercato; the others have records.
    """
    # Ray counts ten-thousandths of bytes in 64 bits, and what does not fit there reserves nothing.
    if memory is not None and not 0 <= memory < 2**49:
        raise ValueError(f"memory is {memory}; it must be at least 0 and below 2**49 bytes")
    chosen = resolved(spec)
    folder = Path(out) if out is not None else Path("runs") / chosen["name"]
    experiment = json.dumps(chosen)
    device = "cuda" if gpus else "cpu"
    store = _native.Store(experiment, folder, device)
    ours = not ray.is_initialized()
    try:
        if missing := store.missing():
            if ours:
                ray.init(address=address, logging_level=logging.WARNING)
            used = {world["env"] for world in chosen["worlds"]}
            worlds = [known for id, known in registered.items() if id in used]
            limits = {"num_cpus": cpus, "num_gpus": gpus, "max_retries": retries}
            limits |= {} if memory is None else {"memory": memory}
            _bring(store, folder, experiment, dict(missing), worlds, device, limits, progress)
        return Run(folder, chosen["title"], [json.loads(line) for line in store.records()])
    finally:
        store.close()
        if ours and ray.is_initialized():
            ray.shutdown()


def _bring(
    store: _native.Store,
    folder: Path,
    experiment: str,
    missing: dict[str, int],
    worlds: list[dict[str, Any]],
    device: str,
    limits: dict[str, Any],
    progress: Progress | None,
) -> None:
    """Has the `missing` trials (id: transitions) run, and stores what comes back."""
    _warn_of_waiting({"CPU": limits["num_cpus"], "GPU": limits["num_gpus"], "memory": limits.get("memory", 0)})
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    place: dict[str, Any] = {"num_cpus": 0, "max_restarts": -1, "scheduling_strategy": here}
    # Ray's types do not know what `remote` with options makes of a class.
    tally: Any = ray.remote(**place)(cast(Any, Tally)).remote()
    task = ray.remote(**limits)(play)
    shared = ray.put((experiment, worlds))
    running = {task.remote(shared, trial, device, tally): trial for trial in missing}
    failures: list[str] = []
    try:
        while running:
            ready, _ = ray.wait(list(running), num_returns=1, timeout=WAIT_S)
            for result in ready:
                trial = running.pop(result)
                try:
                    line, files = ray.get(result)
                    _write(folder, files)
                    store.add(line)
                    tally.tell.remote(trial, missing[trial])
                except (ray.exceptions.RayError, RuntimeError) as error:
                    failures.append(f"trial {trial}: {str(error).strip().splitlines()[-1]}")
            if progress:
                progress(ray.get(tally.made.remote()), sum(missing.values()))
    finally:
        # Only when something stopped the loop: Ctrl-C, a full disk, an exception of `progress`.
        for result in running:
            ray.cancel(result)
    if failures:
        raise RuntimeError(f"{len(failures)} trials have no record:\n" + "\n".join(failures))


def _warn_of_waiting(limits: dict[str, float]) -> None:
    """Ray waits for a machine that is large enough, since one may join; who waits should know."""
    machines = [machine["Resources"] for machine in ray.nodes() if machine["Alive"]]
    if not any(all(machine.get(name, 0) >= asked for name, asked in limits.items()) for machine in machines):
        largest = {name: max(machine.get(name, 0) for machine in machines) for name in limits}
        warnings.warn(
            f"a trial reserves {limits}, which no machine of the cluster has (largest: {largest}); "
            "it waits for one to join: lower cpus, memory or gpus, or add a machine",
            stacklevel=4,
        )


def play(shared: tuple[str, list[dict[str, Any]]], trial: str, device: str, tally: Any) -> tuple[str, dict[str, bytes]]:
    """On a worker: the record of one trial, and the files that it left."""
    experiment, worlds = shared
    for world in worlds:
        external(**world)
    # Large vectors use threads, no more than Ray has reserved.
    cores = ray.get_runtime_context().get_assigned_resources().get("CPU", 1)
    os.environ.setdefault("RAYON_NUM_THREADS", str(max(1, int(cores))))
    told = 0

    def progress(made: int, _: int) -> None:
        nonlocal told
        if made != told:
            told = made
            tally.tell.remote(trial, made)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (line,) = _native.run(experiment, folder, 1, device, progress, [trial])
        files = (path for part in ("weights", "trail") for path in (folder / part).glob("*"))
        return line, {str(path.relative_to(folder)): path.read_bytes() for path in files}


class Tally:
    """Transitions made by each trial; one that is started again counts anew."""

    def __init__(self) -> None:
        self._made: dict[str, int] = {}

    def tell(self, trial: str, made: int) -> None:
        """So many transitions of `trial` are made."""
        self._made[trial] = made

    def made(self) -> int:
        """Those of all trials."""
        return sum(self._made.values())


def _write(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_bytes(content)
        partial.replace(path)
