"""Worlds with several agents: `pettingzoo.ParallelEnv`. Needs PettingZoo: `pip install './python[pettingzoo]'`."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.error import ResetNeeded
from gymnasium.vector.utils import concatenate, create_empty_array
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

from mercato import _native
from mercato.spaces import action_form
from mercato.vector import Worlds

Dict = dict[str, Any]


class ParallelWorld(ParallelEnv):
    """One of mercato's worlds with several agents, `agent_0`, `agent_1`, …, who act at the same time.

    Observation of an agent: float32 (n,); `fields` names its parts. Episodes end for all agents together; the infos of
    the last step have `metrics`, those of the agent. `reset(seed=s)` starts the first episode of seed s, `reset()` the
    next one.

    Args:
        id: the world, such as `pricing/bertrand-v1`.
        params: parameters over the world's defaults, as on its page.
        scale_actions: whether numbers are given in [-1, 1] instead of the world's own units.
        render_mode: None; several agents are not drawn.
    """

    def __init__(
        self,
        id: str = "pricing/bertrand-v1",
        params: Dict | None = None,
        scale_actions: bool = True,
        render_mode: str | None = None,
    ):
        if render_mode is not None:
            raise ValueError(f"render_mode is {render_mode!r}; several agents are not drawn, so it must be None")
        self.id, self.render_mode = id, None
        self.metadata = {"name": id.replace("/", "-"), "render_modes": [], "is_parallelizable": True}
        count = _native.agents(id, json.dumps(params or {}))
        self.possible_agents = [f"agent_{agent}" for agent in range(count)]
        self.agents: list[str] = []
        # Agents of one world are adjacent rows, and all rows of a vector of that length are one world.
        self._rows = Worlds(id, count, params, scale_actions)
        self.world_spec, self.objective, self.fields = self._rows.world_spec, self._rows.objective, self._rows.fields
        self.observation_spaces = {agent: self._rows.single_observation_space for agent in self.possible_agents}
        shape = self.world_spec["shape"]
        # Each its own, so that draws of one agent do not depend on those of others.
        self.action_spaces = {agent: action_form(shape, scale_actions).space for agent in self.possible_agents}

    def observation_space(self, agent: str) -> spaces.Space:
        """What `agent` observes."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Space:
        """What `agent` may do."""
        return self.action_spaces[agent]

    def reset(self, seed: int | None = None, options: Dict | None = None) -> tuple[Dict, Dict]:
        """Starts the first episode of `seed`, or without one the next.

        Options: `domain` and `first_row` as `mercato.World.reset` has them; others are ignored, as PettingZoo's test asks.
        """
        if options and options.get("params") is not None:
            raise ValueError("the option params is not for several agents; make a new environment with params=…")
        known = {key: value for key, value in (options or {}).items() if key in ("domain", "first_row")}
        observation, _ = self._rows.reset(seed=seed, options=known)
        self.agents = list(self.possible_agents)
        return self._each(observation), {agent: {} for agent in self.agents}

    def step(self, actions: Dict) -> tuple[Dict, Dict, Dict, Dict, Dict]:
        """One step of all agents. Raises without a change when an action is not admissible or missing."""
        if not self.agents:
            raise ResetNeeded("call reset() before the first step, and after an episode's last")
        if set(actions) != set(self.agents):
            raise ValueError(f"there are actions of {sorted(actions)}; there must be one of each of {self.agents}")
        chosen = [actions[agent] for agent in self.agents]
        for agent, action in zip(self.agents, chosen):
            if not self.action_spaces[agent].contains(action):
                raise ValueError(f"the action of {agent} is {action!r}; it must be in {self.action_spaces[agent]}")
        space = self._rows.single_action_space
        empty: Any = create_empty_array(space, len(chosen))
        batch = concatenate(space, chosen, empty)
        observation, reward, terminated, truncated, info = self._rows.step(batch)
        infos: Dict = {agent: {} for agent in self.agents}
        if "metrics" in info:
            for row, agent in enumerate(self.agents):
                infos[agent]["metrics"] = {name: info["metrics"][name][row] for name in self._rows.metric_names}
        result = (
            self._each(observation),
            {agent: float(value) for agent, value in zip(self.agents, reward)},
            {agent: bool(value) for agent, value in zip(self.agents, terminated)},
            {agent: bool(value) for agent, value in zip(self.agents, truncated)},
            infos,
        )
        if (terminated | truncated).all():
            self.agents = []
        return result

    def reference(self, name: str = "oracle") -> Dict:
        """What the reference policy `name` does in the present state, by agent."""
        rows = self._rows.reference(name)
        each = rows if not isinstance(rows, tuple) else list(zip(*rows))
        return dict(zip(self.possible_agents, each))

    def close(self) -> None:
        """Gives the memory back; every later call raises."""
        self._rows.close()

    def _each(self, rows: NDArray[np.float32]) -> Dict:
        return dict(zip(self.possible_agents, rows))
