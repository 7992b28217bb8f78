"""What is known about a world: its page, its optimum, what its reference policies earn."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

from mercato import _native


@dataclass(frozen=True)
class Optimum:
    """The best achievable value of a world's objective from its start, and the anchors of a score."""

    lower: float
    """A value that some policy reaches."""
    upper: float
    """A value that no policy exceeds; equal to `lower` when the optimum is exact."""
    tolerance: float
    """How far the numbers may be from the true ones."""
    method: str
    """How they were found."""
    random: float
    """Value of the uniformly random policy."""
    random_se: float
    """Standard error of `random`; 0 when it is exact."""
    others: dict[str, float]
    """Exact values of further reference policies."""

    def score(self, value: float) -> float:
        """0 for the uniformly random policy, 1 for the optimum (where it is only bounded, the lower bound)."""
        return (value - self.random) / (self.lower - self.random)


def ids(several: bool = False) -> list[str]:
    """Ids of the worlds with one agent, `family/name-vN`; of those with `several`, for `mercato.parallel_env`."""
    return _native.ids(several)


def page(id: str) -> str:
    """The page of the world `id` in Markdown: story, equations, observation, reward, parameters, optimum."""
    return _native.page(id)


def optimum(id: str, params: dict[str, Any] | None = None) -> Optimum:
    """The optimum of the world `id` with `params` over its defaults; computed, which takes some worlds seconds."""
    known = json.loads(_native.World(id, json.dumps(params or {}), 1).optimum())
    return Optimum(**{**known, "others": dict(known["others"])})


def rollout(
    id: str, policy: str = "random", episodes: int = 1000, seed: int = 0, params: dict[str, Any] | None = None
) -> dict[str, Any]:
    """What a reference policy, or `constant=V[,V…]`, earns in `episodes` episodes.

    The dict that `mercato rollout --format json` prints: under `metrics` for each metric `mean`, `sd` over the episodes
    and `se`, the standard error of the mean.
    """
    return json.loads(_native.rollout(id, json.dumps(params or {}), policy, episodes, seed))


def log(
    id: str,
    path: str | os.PathLike[str],
    policy: str = "random",
    epsilon: float = 0.0,
    target: str | None = None,
    episodes: int = 1000,
    seed: int = 0,
    params: dict[str, Any] | None = None,
) -> None:
    """Writes the transitions of `episodes` episodes to a table: for learning offline, and for `mercato ope`.

    Columns: `trajectory` (`episode` in a bandit) and `t`, the action (`action`, or `item_0` … and `real_0` …), `reward`,
    `terminated`, `truncated`, `pi_b_a` (`pscore` in a bandit): the probability of the action, and the observations before
    and after, `observation_…` and `next_observation_…` by field. With a `target` also the probabilities that this
    reference policy gives.

    Args:
        policy: the reference policy that plays; where actions have real numbers, `random`.
        epsilon: probability of a uniformly random action instead, for every action anew.
    """
    _native.log(id, json.dumps(params or {}), path, policy, epsilon, target, episodes, seed)
