"""Many episodes behind one call: `gymnasium.vector.VectorEnv`, whose arrays the world writes itself."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from mercato import _native
from mercato.options import Options, checked_seed, fresh_seed
from mercato.spaces import action_form, observation_space


class Worlds(VectorEnv):
    """`num_envs` episodes of one world, stepped without the interpreter's lock.

    Observations float32 (num_envs, n), rewards float32, terminations and truncations bool (num_envs,). Row i plays the
    episodes of address (seed, i): the same whatever the number of rows, threads or the autoreset mode. Where episodes
    ended, `infos["metrics"]` holds their metrics, float64 (num_envs,) each, and `infos["_metrics"]` says where.

    Args:
        id: the world, such as `pricing/yogurt-v1`.
        num_envs: number of rows.
        params: parameters over the world's defaults, as on its page.
        scale_actions: whether numbers are given in [-1, 1], instead of the world's own units.
        autoreset_mode: NEXT_STEP: the step after an episode's last ignores its action and starts the next episode;
            SAME_STEP: the next episode starts at once, the last observation is `infos["final_obs"]` and the metrics are
            `infos["final_info"]["metrics"]`.
        copy: whether every call returns new arrays; otherwise the next call overwrites what this one returned.
        render_mode: None; vectors are not drawn.
    """

    def __init__(
        self,
        id: str,
        num_envs: int = 1,
        params: dict[str, Any] | None = None,
        scale_actions: bool = True,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        copy: bool = True,
        render_mode: str | None = None,
    ):
        mode = AutoresetMode(autoreset_mode)
        if mode is AutoresetMode.DISABLED:
            raise ValueError("autoreset_mode must be NEXT_STEP or SAME_STEP; rows cannot stand still")
        if render_mode is not None:
            raise ValueError("vectors are not drawn; use gymnasium.make for render_mode")
        self.id, self.num_envs, self.copy, self.render_mode = id, num_envs, copy, None
        self.metadata = {"autoreset_mode": mode, "render_modes": []}
        self._same_step, self._scaled = mode is AutoresetMode.SAME_STEP, scale_actions
        self._build(params or {})
        self._observation, self._rewards, self._terminations, self._truncations = self._arrays()
        self._metrics = np.zeros((num_envs, len(self.metric_names)))
        self._final = np.zeros_like(self._observation) if self._same_step else None
        self._started = False

    def _build(self, params: dict[str, Any]) -> None:
        self._native = _native.World(self.id, json.dumps(params), self.num_envs)
        described = json.loads(self._native.spec())
        self.world_spec: dict[str, Any] = described["spec"]
        self.objective: str = described["objective"]
        self.metric_names: list[str] = described["metrics"]
        self.fields = {field["name"]: field for field in self.world_spec["fields"]}
        self._form = action_form(self.world_spec["shape"], self._scaled)
        self.single_action_space = self._form.space
        self.single_observation_space = observation_space(self.world_spec["fields"])
        self._numbers = sum(field["len"] for field in self.world_spec["fields"])
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)

    def _arrays(self) -> tuple[NDArray, NDArray, NDArray, NDArray]:
        rows = self.num_envs
        observation = np.empty((rows, self._numbers), np.float32)
        return observation, np.empty(rows, np.float32), np.empty(rows, np.bool_), np.empty(rows, np.bool_)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Starts the first episodes of `seed`, one number for all rows, or without one the next episode of every row.

        Options as `mercato.World.reset` has them.
        """
        super().reset(seed=None if seed is None else checked_seed(seed))
        chosen = Options.read(options)
        if chosen.params is not None:
            spaces = (self.single_observation_space, self.single_action_space)
            self._build(chosen.params)
            if spaces != (self.single_observation_space, self.single_action_space):
                raise ValueError("these parameters change the spaces; make a new environment with params=…")
        if self.copy:
            self._observation = np.empty_like(self._observation)
        if seed is None and self._started and not chosen.anew:
            self._native.next_episode(self._observation)
        else:
            seed = fresh_seed(self) if seed is None else checked_seed(seed)
            self._native.reset(seed, chosen.evaluation, chosen.first_row, self._observation)
        self._started = True
        return self._observation, {}

    def step(self, actions: Any) -> tuple[NDArray[np.float32], NDArray, NDArray, NDArray, dict[str, Any]]:
        """One step of every row. Raises without a change when an action is not admissible."""
        if not self._started:
            raise ResetNeeded("call reset() before the first step")
        if self.copy:
            # New arrays that the world writes: nothing is copied.
            self._observation, self._rewards, self._terminations, self._truncations = self._arrays()
        items, reals = self._form.encode(actions, self.num_envs)
        written = (self._observation, self._rewards, self._terminations, self._truncations)
        ended = self._native.step(items, reals, *written, self._metrics, self._final)
        return *written, self._infos() if ended else {}

    def _infos(self) -> dict[str, Any]:
        over = self._terminations | self._truncations
        metrics: dict[str, Any] = {}
        for column, name in enumerate(self.metric_names):
            metrics[name], metrics[f"_{name}"] = np.where(over, self._metrics[:, column], 0.0), over
        if self._final is None:
            return {"metrics": metrics, "_metrics": over}
        final = np.full(self.num_envs, None, object)
        for row in np.flatnonzero(over):
            final[row] = self._final[row].copy()
        info = {"metrics": metrics, "_metrics": over}
        return {"final_obs": final, "_final_obs": over, "final_info": info, "_final_info": over}

    def reference(self, name: str = "oracle") -> Any:
        """What the reference policy `name` does in the present states, which it reads; an element of `action_space`."""
        items = np.empty((self.num_envs, self._form.items), np.int64)
        reals = np.empty((self.num_envs, self._form.reals), np.float32)
        self._native.reference(name, items, reals)
        return self._form.decode(items, reals, self.num_envs)

    def expected_reward(self, actions: Any) -> NDArray[np.float64]:
        """E[reward | state, action] of every row, float64 (num_envs,); 0 where the episode is over."""
        return self._native.expected_reward(*self._form.encode(actions, self.num_envs))

    def close_extras(self, **kwargs: Any) -> None:
        """Gives the memory back; every later call raises."""
        self._native.close()
