"""Statistics on anybody's scores, as NumPy arrays: the figures of `mercato stats` and `mercato plan`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mercato import _native


def compare(
    scores: Mapping[str, ArrayLike],
    tasks: Sequence[str] | None = None,
    floor: float | None = None,
    paired: bool = False,
    margin: float | None = None,
    resamples: int = 50_000,
    seed: int = 0,
) -> dict[str, Any]:
    """Algorithms over tasks and runs: aggregates, profiles, improvement, tests, each with its 95 % interval.

    The dict that `mercato stats --format json` prints: `algorithms` has for each the interquartile mean, mean, median and
    optimality gap, `improvement` the probability that a run of x is better than one of y, `tests` every pair on every
    task with Holm's correction, `warnings` what a careful reader must know first.

    Args:
        scores: by algorithm an array (runs, tasks), or (runs, tasks, evaluation points) for learning curves. Runs that
            are missing are NaN, and need a `floor`.
        tasks: their names.
        floor: the score of runs without one, such as those that diverged.
        paired: whether runs of the same index are pairs, such as runs on the same seed.
        margin: test whether differences lie within it, in units of the score.
        resamples: replicates of every bootstrap.
        seed: of the resampling, below 2^56.
    """
    if not scores:
        raise ValueError("there are no scores; give a dict from algorithms to arrays (runs, tasks)")
    arrays = {name: _scores(name, given) for name, given in scores.items()}
    shapes = {array.shape[1:] for array in arrays.values()}
    if len(shapes) != 1:
        raise ValueError(f"the arrays have shapes {[array.shape for array in arrays.values()]}; only runs may differ")
    (shape,) = shapes
    names = list(tasks) if tasks is not None else [f"task {task}" for task in range(shape[0])]
    if len(names) != shape[0]:
        raise ValueError(f"there are {len(names)} names for {shape[0]} tasks")
    points = len(shape) == 2
    lines = ["algorithm,run,task,score" + (",eval_point" if points else "")]
    for name, array in arrays.items():
        for run, task, *point in np.ndindex(array.shape):
            score = float(array[(run, task, *point)])
            text = "" if np.isnan(score) else repr(score)
            lines.append(",".join([_quoted(name), str(run), _quoted(names[task]), text, *map(str, point)]))
    table = "\n".join(lines) + "\n"
    return json.loads(_native.compare(table, floor, resamples, seed, paired, margin))


def difference(x: ArrayLike, y: ArrayLike) -> dict[str, Any]:
    """Runs of two algorithms, each (runs,): Welch's test, Mann and Whitney's, Hedges' g with its interval, Cliff's delta.

    What cannot be computed, such as a variance of one run, is None.
    """
    return json.loads(_native.difference(_sample("x", x), _sample("y", y)))


def interquartile_mean(scores: ArrayLike) -> float:
    """The mean of the middle half of all runs, scores being (runs,) or (runs, tasks)."""
    array = np.asarray(scores, np.float64)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or not array.size or not np.isfinite(array).all():
        raise ValueError(f"the scores have shape {array.shape}; they must be finite numbers, (runs,) or (runs, tasks)")
    mean = _native.interquartile_mean(array.T.tolist())
    assert mean is not None, "there are scores"
    return mean


def runs_for(effect: float, power: float = 0.8, alpha: float = 0.05) -> int | None:
    """Runs of each of two algorithms that find a difference of `effect` standard deviations with this power.

    Two-sided Welch test; divide `alpha` by the number of comparisons. None when no number that can be planned suffices.
    """
    for name, value, least in (("power", power, 0), ("alpha", alpha, 0)):
        if not least < value < 1:
            raise ValueError(f"{name} is {value}; it must be between 0 and 1, without the ends")
    if not (np.isfinite(effect) and effect > 0):
        raise ValueError(f"effect is {effect}; it must be a number above 0")
    return _native.runs_for(effect, power, alpha)


def _scores(name: str, given: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(given, np.float64)
    if array.ndim not in (2, 3) or not array.size:
        raise ValueError(f"the scores of {name} have shape {array.shape}; they must be (runs, tasks) or (runs, tasks, points)")
    if np.isinf(array).any():
        raise ValueError(f"the scores of {name} are not all finite; a run that failed is NaN")
    return array


def _sample(name: str, given: ArrayLike) -> list[float]:
    array = np.asarray(given, np.float64)
    if array.ndim != 1 or not np.isfinite(array).all():
        raise ValueError(f"{name} has shape {array.shape}; it must be finite numbers, (runs,)")
    return array.tolist()


def _quoted(text: str) -> str:
    if any(c in text for c in '",\n\r'):
        raise ValueError(f"the name {text!r} holds a comma, a quotation mark or a new line; choose another")
    return text
