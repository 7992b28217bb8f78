"""Reference policies as callables."""

from __future__ import annotations

import json
from typing import Any

import gymnasium
import numpy as np

from mercato import _native
from mercato.environment import World
from mercato.vector import Worlds


class ReferencePolicy:
    """A policy that reads the true state of its world: `policy(env)` is an action for a single environment or a vector."""

    def __init__(self, id: str, name: str, params: dict[str, Any] | None = None):
        world = _native.World(id, json.dumps(params or {}), 1)
        items, reals = json.loads(world.spec())["width"]
        # An unknown name is refused here rather than in the first step.
        world.reference(name, np.empty((1, items), np.int64), np.empty((1, reals), np.float32))
        self.id, self.name = id, name

    def __call__(self, env: gymnasium.Env | gymnasium.vector.VectorEnv) -> Any:
        """What it does now in `env`, which may stand in wrappers."""
        world = env.unwrapped
        if not isinstance(world, (World, Worlds)) or world.id != self.id:
            raise TypeError(f"this is a policy for {self.id}, not for {env}")
        return world.reference(self.name)

    def __repr__(self) -> str:
        return f"ReferencePolicy({self.id!r}, {self.name!r})"


def reference_policy(id: str, name: str = "oracle", params: dict[str, Any] | None = None) -> ReferencePolicy:
    """The reference policy `name` of the world `id`: `random` everywhere, others as the world's page names them."""
    return ReferencePolicy(id, name, params)
