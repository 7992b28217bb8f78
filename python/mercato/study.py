"""Experiments with mercato's own agents, as the command line has them, and agents from their checkpoints."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mercato import _native
from mercato.spaces import action_form

if TYPE_CHECKING:
    import pandas

Progress = Callable[[int, int], None]


class Run:
    """What an experiment brought: `records`, one dict per trial in the order worlds, agents, seeds."""

    def __init__(self, folder: Path, title: str, records: list[dict[str, Any]]):
        self.folder, self.title, self.records = folder, title, records

    def frame(self) -> pandas.DataFrame:
        """A line per trial: world, agent, seed, status, mean objective, score, and the mean of every metric."""
        import pandas

        return pandas.DataFrame([_line(record) for record in self.records])

    def report(self, path: str | os.PathLike[str] | None = None) -> Path:
        """Writes the report of all records in the run's folder, HTML, Markdown, JSON and charts; returns the HTML file.

        `path` is another folder for it; the records are copied there, so that the report can be made again.
        """
        folder = Path(path) if path is not None else self.folder
        folder.mkdir(parents=True, exist_ok=True)
        if folder.resolve() != self.folder.resolve():
            (folder / "records.jsonl").write_bytes((self.folder / "records.jsonl").read_bytes())
        _native.report(folder, self.title, "mercato.run in Python")
        return folder / "report.html"

    def verify(self, sample: int | None = None, jobs: int | None = None, progress: Progress | None = None) -> dict[str, Any]:
        """Runs the trials of the folder again and compares every bit, as `mercato verify --format json` does.

        `exit_code` 0: all as recorded; 3: `mismatches` says what is not, and where the training first went another way;
        5: `unavailable` cannot be run here; 6: `missing` is not there. `sample` runs only so many again, drawn at random;
        with 0 the files alone are checked.
        """
        return json.loads(_native.verify(self.folder, sample, jobs or cores(), progress))

    def checkpoints(self) -> list[Path]:
        """Files of weights of the trials that learned, in the order of `records`."""
        paths = (self.folder / "weights" / f"{record['trial']}.safetensors" for record in self.records)
        return [path for path in paths if path.exists()]

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r}, {len(self.records)} records)"


def _line(record: dict[str, Any]) -> dict[str, Any]:
    metrics = {name: metric["mean"] for name, metric in record["final"]["metrics"].items()}
    value, anchors = metrics.get(record["objective"]), record["reference"]
    span = anchors["optimum_lower"] - anchors["random"]
    score = None if value is None or span <= 0 else (value - anchors["random"]) / span
    known = {key: record[key] for key in ("env", "agent", "seed", "budget")}
    return {**known, "status": record["status"]["kind"], "score": score, **metrics}


def experiment(source: str | os.PathLike[str]) -> dict[str, Any]:
    """The embedded experiment `quick` or `full`, or the one in a TOML file, as a dict to change and to run."""
    return json.loads(_native.embedded(os.fspath(source)))


def run(
    spec: str | os.PathLike[str] | Mapping[str, Any],
    out: str | os.PathLike[str] | None = None,
    jobs: int | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Run:
    """Runs an experiment: worlds × agents × seeds. What its folder has already is not repeated; Ctrl-C can go on later.

    Args:
        spec: a dict (`name`, `title`, `seeds`, `evaluation`, `worlds`), `quick`, `full`, or a TOML file.
        out: folder of the results; `runs/NAME` when it is not given.
        jobs: trials side by side; one per core when it is not given.
        device: `cpu`, or `cuda`, which without a GPU is an error.
        progress: called ten times a second with the transitions made and to be made.
    """
    chosen = resolved(spec)
    folder = Path(out) if out is not None else Path("runs") / chosen["name"]
    lines = _native.run(json.dumps(chosen), folder, jobs or cores(), device, progress)
    return Run(folder, chosen["title"], [json.loads(line) for line in lines])


def resolved(spec: str | os.PathLike[str] | Mapping[str, Any]) -> dict[str, Any]:
    """The experiment that `spec` says."""
    chosen = dict(spec) if isinstance(spec, Mapping) else experiment(spec)
    for key in ("name", "title"):
        if not isinstance(chosen.get(key), str):
            raise ValueError(f"the experiment needs a `{key}`")
    return chosen


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def train(
    spec: str | Mapping[str, Any],
    agent: str = "dqn",
    steps: int = 100_000,
    seeds: int | Iterable[int] = 0,
    settings: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    episodes: int = 1000,
    out: str | os.PathLike[str] | None = None,
    jobs: int | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Run:
    """Trains one agent in one world, beside the uniformly random policy; a dict is an experiment and goes to `run`.

    Args:
        spec: the world, such as `rec/markov-interest-v1`, or an experiment.
        agent: a preset, such as `dqn`, `rainbow-lite`, `price_grid`.
        steps: training transitions.
        seeds: one seed or several.
        settings: settings of the agent over the preset's, such as `{"hidden": [64, 64]}`.
        params: parameters over the world's defaults.
        episodes: episodes of the last evaluation, which is the result.
        out, jobs, device, progress: as `run` has them.
    """
    if isinstance(spec, Mapping):
        return run(spec, out, jobs, device, progress)
    chosen = {
        "name": f"train-{spec.replace('/', '-')}-{agent}",
        "title": f"{agent} in {spec}",
        "seeds": [seeds] if isinstance(seeds, int) else list(seeds),
        "evaluation": {"episodes": episodes},
        "worlds": [
            {
                "env": spec,
                "params": dict(params or {}),
                "steps": steps,
                "references": ["random"],
                "agents": [{"preset": agent, "set": dict(settings or {})}],
            }
        ],
    }
    return run(chosen, out, jobs, device, progress)


class Agent:
    """A trained agent that plays greedily.

    Attributes:
        metadata: what its checkpoint says: trial, env, params, agent, player (all settings), seed, steps.
        id: its world.
    """

    def __init__(self, path: str | os.PathLike[str]):
        self._native = _native.Trained(Path(path))
        self.metadata: dict[str, str] = json.loads(self._native.metadata())
        self.id = self.metadata["env"]
        world = json.loads(_native.World(self.id, self.metadata["params"], 1).spec())["spec"]
        self._length = sum(field["len"] for field in world["fields"])
        # An agent has no intervals of its own to be scaled: it acts in the world's units.
        self._form = action_form(world["shape"], scaled=False)

    def act(self, observation: ArrayLike) -> Any:
        """The action for one observation, float32 (n,), or the actions for several, (rows, n).

        Numbers are in the world's own units: play in an environment made with `scale_actions=False`.
        """
        array = np.ascontiguousarray(observation, np.float32)
        if array.ndim not in (1, 2) or array.shape[-1] != self._length:
            raise ValueError(f"the observation has shape {array.shape}; it must be ({self._length},) or (rows, {self._length})")
        rows = None if array.ndim == 1 else len(array)
        items = np.empty((rows or 1, self._form.items), np.int64)
        reals = np.empty((rows or 1, self._form.reals), np.float32)
        self._native.act(array, items, reals)
        return self._form.decode(items, reals, rows)

    def evaluate(self, episodes: int = 1000, seed: int = 0, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What it earns in its world, with `params` over those that it was trained with: by metric `mean`, `sd`, `se`."""
        return json.loads(self._native.evaluate(episodes, seed, json.dumps(dict(params or {}))))

    def __repr__(self) -> str:
        return f"Agent({self.metadata['agent']!r} in {self.id!r})"


def load(path: str | os.PathLike[str]) -> Agent:
    """The trained agent in a file of weights, such as `runs/NAME/weights/TRIAL.safetensors`."""
    return Agent(path)
