"""A Gymnasium environment of one's own as an opponent for mercato's agents and reports."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.spaces.utils import flatdim, flatten, flatten_space
from numpy.typing import NDArray

from mercato import _native
from mercato.spaces import LARGEST

registered: dict[str, dict[str, Any]] = {}
"""What each id was made from: for processes elsewhere."""


def external(
    env_fn: Callable[[], gymnasium.Env],
    name: str,
    upper: float,
    lower: float | None = None,
    discount: float = 1.0,
    episodes: int = 100,
) -> str:
    """Makes a Gymnasium environment known as the world `external/NAME`, and returns that id.

    For `mercato.train`, `run` and `rollout` in this process, and for `mercato.ray.run`. Each row of a vector is an
    environment of its own, stepped one after another under the interpreter's lock: expect the environment's own speed.
    Records say so in `env` (`external/…`), in `env_params` and in the method of the optimum: the id of a trial and the
    fingerprint of its code do not cover the environment's own code, so nobody else can verify it without having that.

    Every episode starts with `reset(seed=s)`, s being a function of the trial's seed, row and episode; an environment
    that does not repeat itself after that is refused.

    Args:
        env_fn: makes an environment. Actions: `Discrete`, a bounded `Box`, or a `Tuple` of these; observations: what
            Gymnasium flattens into numbers.
        name: its name, such as `mountain-v1`; without `-vN` it is `-v0`.
        upper: a value of the objective that no policy exceeds. The objective is the mean return of an episode, the
            mean discounted return with a `discount` below 1, the mean reward with 0.
        lower: a value that some policy reaches; what the uniformly random policy earns when it is not given, and then
            scores are against `upper`.
        discount: the world's own discount, 0 to 1.
        episodes: how many the uniformly random policy plays, which is score 0.
    """
    if not (0 <= discount <= 1):
        raise ValueError(f"the discount is {discount}; it must be between 0 and 1")
    if not math.isfinite(upper) or (lower is not None and not lower <= upper):
        raise ValueError(f"lower is {lower} and upper {upper}; they must be finite, and lower at most upper")
    id = "external/" + (name if "-v" in name else f"{name}-v0")
    env = env_fn()
    given = (type(env).__module__, type(env).__qualname__)
    if not isinstance(env, gymnasium.Env):
        raise TypeError(f"env_fn() is {given[0]}.{given[1]}, not a gymnasium.Env")
    made = env.spec.id if env.spec else ".".join((type(env.unwrapped).__module__, type(env.unwrapped).__qualname__))
    description = {
        "fields": fields(env.observation_space),
        "shape": shape(env.action_space),
        "discount": discount,
        "params": {"python": made, "verifiable": "only where this environment is"},
        "lower": upper,
        "upper": upper,
        "method": "as the caller of mercato.external says; a world from Python, which no fingerprint covers",
        "random": 0.0,
        "random_se": 0.0,
    }
    env.close()
    about = f"# {made}, an environment in Python\n\nKnown to this process alone, by `mercato.external`."

    def register() -> None:
        _native.register(id, about, json.dumps(description), lambda: Opponent(env_fn))

    register()
    first, again = (_native.rollout(id, "{}", "random", min(episodes, 3), 0) for _ in range(2))
    if first != again:
        raise ValueError(
            f"{made} does not repeat itself after reset(seed=…), so no result could be repeated either; "
            "draw every random number from self.np_random"
        )
    objective = "episode_return" if discount == 1 else "discounted_return" if discount > 0 else "mean_reward"
    earned = json.loads(_native.rollout(id, "{}", "random", episodes, 0))["metrics"][objective]
    if earned["mean"] >= upper:
        raise ValueError(f"upper is {upper}, but the uniformly random policy earns {earned['mean']}")
    if lower is None or lower < earned["mean"]:
        lower = earned["mean"]
    description.update(lower=lower, random=earned["mean"], random_se=earned["se"] or 0.0)
    register()
    registered[id] = dict(env_fn=env_fn, name=name, upper=upper, lower=lower, discount=discount, episodes=episodes)
    return id


class Opponent:
    """One row: translates between the environment and the two columns of an action."""

    def __init__(self, env_fn: Callable[[], gymnasium.Env]):
        self.env = env_fn()

    def start(self, seed: int) -> NDArray[np.float32]:
        """The first observation of the episode of this seed."""
        return self._flat(self.env.reset(seed=seed)[0])

    def step(self, items: NDArray[np.uint32], reals: NDArray[np.float32]) -> tuple[NDArray[np.float32], float, bool, bool]:
        """Observation, reward, terminated, truncated."""
        action, _, _ = decode(self.env.action_space, items, reals)
        observation, reward, terminated, truncated, _ = self.env.step(action)
        reward = float(reward)
        if not math.isfinite(reward):
            raise ValueError(f"the reward is {reward}; it must be finite")
        return self._flat(observation), reward, bool(terminated), bool(truncated)

    def _flat(self, observation: Any) -> NDArray[np.float32]:
        flat = np.ascontiguousarray(flatten(self.env.observation_space, observation), np.float32)
        if not np.isfinite(flat).all():
            raise ValueError(f"the observation {observation} is not finite")
        return flat


def shape(space: spaces.Space) -> dict[str, Any]:
    """An action space as worlds describe theirs."""
    if isinstance(space, spaces.Discrete):
        return {"discrete": int(space.n)}
    if isinstance(space, spaces.Box):
        bounds = np.stack([space.low.ravel(), space.high.ravel()], axis=1).astype(np.float64)
        if not np.isfinite(bounds).all() or space.dtype.kind != "f":
            raise TypeError(f"the action space is {space}; a Box must hold floats between finite bounds")
        return {"continuous": bounds.tolist()}
    if isinstance(space, spaces.Tuple):
        return {"product": [shape(part) for part in space.spaces]}
    raise TypeError(f"the action space is {space}; it must be Discrete, a bounded Box or a Tuple of these: wrap it")


def decode(space: spaces.Space, items: NDArray, reals: NDArray) -> tuple[Any, NDArray, NDArray]:
    """The action that the columns begin with, and the rest of them."""
    if isinstance(space, spaces.Discrete):
        return np.int64(space.start + items[0]), items[1:], reals
    if isinstance(space, spaces.Box):
        count = int(np.prod(space.shape))
        action = reals[:count].reshape(space.shape).astype(space.dtype)
        # As in every world: finite numbers outside the bounds are clipped.
        return np.clip(action, space.low, space.high), items, reals[count:]
    assert isinstance(space, spaces.Tuple), "shape() knows no other"
    parts = []
    for part in space.spaces:
        action, items, reals = decode(part, items, reals)
        parts.append(action)
    return tuple(parts), items, reals


def fields(space: spaces.Space) -> list[dict[str, Any]]:
    """The parts of a flattened observation: those of a dict by name, else one."""
    parts = space.spaces if isinstance(space, spaces.Dict) else {"observation": space}
    described = []
    for name, part in parts.items():
        try:
            flat = flatten_space(part)
        except NotImplementedError:
            flat = None
        if not isinstance(flat, spaces.Box):
            raise TypeError(f"the observation space is {space}; it must be one that Gymnasium flattens into numbers")
        low, high = (float(np.clip(bound, -LARGEST, LARGEST)) for bound in (flat.low.min(), flat.high.max()))
        described.append({"name": name, "len": flatdim(part), "low": low, "high": high})
    return described
