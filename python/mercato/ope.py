"""Off-policy evaluation on NumPy arrays: what a policy would have earned, from another one's log, as `mercato ope`."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mercato import _native


def bandit(
    action: ArrayLike,
    reward: ArrayLike,
    propensity: ArrayLike,
    policy: ArrayLike,
    values: ArrayLike | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Single decisions: inverse propensities, self-normalised, doubly robust and others, each with its interval.

    The dict that `mercato ope --format json` prints: `estimates` by name, `logged` what the logging policy earned,
    `diagnostics` how far the log carries, `alarms` what a careful reader must know first.

    Args:
        action: integers (rounds,).
        reward: numbers (rounds,).
        propensity: probability with which the logging policy took the action, (rounds,).
        policy: probabilities of the policy to be evaluated, (rounds, actions).
        values: a model's rewards, (rounds, actions); estimators with a model need them.
        settings: `clip`, `switch`, `shrink`, `sub_gaussian` of the estimators; `resamples` and `seed` of the intervals.
    """
    columns: dict[str, NDArray] = {"action": _integers("action", action), "reward": _numbers("reward", reward)}
    columns |= {"pscore": _numbers("propensity", propensity), **_actions("pi_e", "policy", policy)}
    columns |= {} if values is None else _actions("q_hat", "values", values)
    return _evaluated(columns, settings)


def trajectories(
    trajectory: ArrayLike,
    t: ArrayLike,
    action: ArrayLike,
    reward: ArrayLike,
    behaviour: ArrayLike,
    target: ArrayLike,
    policy: ArrayLike | None = None,
    values: ArrayLike | None = None,
    state: ArrayLike | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Whole trajectories, a step in each row: per-step importance sampling, doubly robust, marginal and others.

    Args:
        trajectory: which one, integers (steps,).
        t: the step within it, 0, 1, 2, …, (steps,).
        action: integers (steps,).
        reward: numbers (steps,).
        behaviour: probability with which the logging policy took the action, (steps,).
        target: probability with which the policy to be evaluated would have, (steps,).
        policy: all its probabilities, (steps, actions), with `values`: a model's action values, (steps, actions).
        state: integers (steps,), for a model that is fitted to the log.
        settings: as `bandit` has them, and the discount `gamma`.
    """
    columns: dict[str, NDArray] = {"trajectory": _integers("trajectory", trajectory), "t": _integers("t", t)}
    columns |= {"action": _integers("action", action), "reward": _numbers("reward", reward)}
    columns |= {"pi_b_a": _numbers("behaviour", behaviour), "pi_e_a": _numbers("target", target)}
    columns |= {} if policy is None else _actions("pi_e", "policy", policy)
    columns |= {} if values is None else _actions("q_hat", "values", values)
    columns |= {} if state is None else {"state": _integers("state", state)}
    return _evaluated(columns, settings)


def _evaluated(columns: dict[str, NDArray], settings: dict[str, Any]) -> dict[str, Any]:
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"the columns have different lengths: {lengths}")
    resamples, seed = settings.pop("resamples", 2_000), settings.pop("seed", 0)
    known = {"gamma": 1.0, "clip": 10.0, "switch": 10.0, "shrink": 100.0, "sub_gaussian": 0.1}
    if unknown := sorted(set(settings) - set(known)):
        raise TypeError(f"unknown settings {unknown}; there are {', '.join([*known, 'resamples', 'seed'])}")
    lists = [column.tolist() for column in columns.values()]
    lines = [",".join(columns), *(",".join(map(repr, row)) for row in zip(*lists))]
    return json.loads(_native.evaluate_log("\n".join(lines) + "\n", json.dumps({**known, **settings}), resamples, seed))


def _numbers(name: str, given: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(given, np.float64)
    if array.ndim != 1 or not np.isfinite(array).all():
        raise ValueError(f"{name} has shape {array.shape}; it must be finite numbers, one for each row of the log")
    return array


def _integers(name: str, given: ArrayLike) -> NDArray[np.integer]:
    array = np.asarray(given)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ValueError(f"{name} is {array.dtype} {array.shape}; it must be integers, one for each row of the log")
    return array


def _actions(column: str, name: str, given: ArrayLike) -> dict[str, NDArray[np.float64]]:
    array = np.asarray(given, np.float64)
    if array.ndim != 2:
        raise ValueError(f"{name} has shape {array.shape}; it must be (rows of the log, actions)")
    return {f"{column}_{action}": _numbers(name, array[:, action]) for action in range(array.shape[1])}
