"""One episode at a time: `gymnasium.Env`."""

from __future__ import annotations

import json
from typing import Any

import gymnasium
import numpy as np
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

from mercato import _native
from mercato.options import Options, checked_seed, fresh_seed
from mercato.render import Chart
from mercato.spaces import Item, action_form, observation_space


class World(gymnasium.Env):
    """One of mercato's worlds.

    Observation: float32 (n,); `fields` names its parts. Action: an integer, a slate of distinct integers (slots,), an
    array of numbers (d,), or a tuple of these. The info of an episode's last step has `metrics`: its return, its length,
    the world's objective and the world's own metrics, all floats. `reset(seed=s)` starts the first episode of seed s,
    which is row 0 of a vector with the same seed; `reset()` starts the next one.

    Args:
        id: the world, such as `pricing/yogurt-v1`.
        params: parameters over the world's defaults, as on its page.
        scale_actions: whether numbers are given in [-1, 1], which learners expect, instead of the world's own units
            (cents, doses). -1 stands for the lower bound and 1 for the upper one.
        render_mode: None, or `rgb_array`: a chart of the episode so far.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}

    def __init__(
        self,
        id: str,
        params: dict[str, Any] | None = None,
        scale_actions: bool = True,
        render_mode: str | None = None,
    ):
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f"render_mode is {render_mode!r}; it must be None or 'rgb_array'")
        self.id, self.render_mode, self._scaled = id, render_mode, scale_actions
        self._build(params or {})
        self._chart = Chart(self._box) if render_mode else None
        self._started = False

    def _build(self, params: dict[str, Any]) -> None:
        self._native = _native.World(self.id, json.dumps(params), 1)
        described = json.loads(self._native.spec())
        self.world_spec: dict[str, Any] = described["spec"]
        self.objective: str = described["objective"]
        self.fields = {field["name"]: field for field in self.world_spec["fields"]}
        self._form = action_form(self.world_spec["shape"], self._scaled)
        self.action_space = self._form.space
        self.observation_space = self._box = observation_space(self.world_spec["fields"])
        self._step = self._native.step_discrete if isinstance(self._form, Item) else self._step_columns

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Starts the first episode of `seed`, or without one the next episode.

        Options: `params` (a dict: from now on the world has these parameters over its defaults; spaces must stay the
        same), `domain` ("training", or "evaluation" for the episodes that `mercato.rollout` plays), `first_row` (the
        address of the episodes; row i of a vector plays those of `first_row` + i).
        """
        super().reset(seed=seed)
        chosen = Options.read(options)
        if chosen.params is not None:
            spaces = (self.observation_space, self.action_space)
            self._build(chosen.params)
            if spaces != (self.observation_space, self.action_space):
                raise ValueError("these parameters change the spaces; make a new environment with params=…")
        observation = np.empty(self._box.shape, np.float32)
        if seed is None and self._started and not chosen.anew:
            self._native.next_episode(observation)
        else:
            seed = fresh_seed(self) if seed is None else checked_seed(seed)
            self._native.reset(seed, chosen.evaluation, chosen.first_row, observation)
        self._started = True
        if self._chart:
            self._chart.start(observation)
        return observation, {}

    def step(self, action: Any) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """One step. Raises without a change when the action is not admissible."""
        if not self._started:
            raise ResetNeeded("call reset() before the first step")
        result = self._step(action)
        if self._chart:
            self._chart.add(*result[:2])
        return result

    def _step_columns(self, action: Any):
        return self._native.step_one(*self._form.encode(action, None))

    def reference(self, name: str = "oracle") -> Any:
        """What the reference policy `name` does in the present state, which it reads; an element of the action space."""
        items, reals = np.empty((1, self._form.items), np.int64), np.empty((1, self._form.reals), np.float32)
        self._native.reference(name, items, reals)
        return self._form.decode(items, reals, None)

    def expected_reward(self, action: Any) -> float:
        """E[reward | state, action] in the present state; 0 when the episode is over."""
        return float(self._native.expected_reward(*self._form.encode(action, None))[0])

    def render(self) -> NDArray[np.uint8] | None:
        """The episode so far: rewards and their sum over the steps, and the present observation; uint8 (400, 600, 3)."""
        return self._chart.image() if self._chart else None

    def close(self) -> None:
        """Gives the memory back; every later call raises."""
        self._native.close()
