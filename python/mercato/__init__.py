"""Synthetic user-behaviour worlds whose optimum is known, and a DQN family that gives the same bits everywhere.

Importing this registers every world with Gymnasium: `rec/markov-interest-v1` is `mercato/rec-markov-interest-v1`.

    import gymnasium, mercato

    env = gymnasium.make("mercato/rec-markov-interest-v1")
    envs = gymnasium.make_vec("mercato/rec-markov-interest-v1", num_envs=1024)
    print(mercato.optimum("rec/markov-interest-v1"))
"""

from typing import TYPE_CHECKING, Any

from gymnasium.envs.registration import register

from mercato import ope, stats
from mercato.environment import World
from mercato.external import external
from mercato.optimum import Optimum, ids, log, optimum, page, rollout
from mercato.reference import ReferencePolicy, reference_policy
from mercato.spaces import DistinctSlates, Slate
from mercato.study import Agent, Run, experiment, load, run, train
from mercato.vector import Worlds

__all__ = [
    "Agent",
    "DistinctSlates",
    "Optimum",
    "ReferencePolicy",
    "Run",
    "Slate",
    "World",
    "Worlds",
    "experiment",
    "external",
    "gymnasium_id",
    "ids",
    "load",
    "log",
    "ope",
    "optimum",
    "page",
    "parallel_env",
    "reference_policy",
    "rollout",
    "run",
    "stats",
    "train",
]

if TYPE_CHECKING:
    from mercato.parallel import ParallelWorld


def gymnasium_id(id: str) -> str:
    """The id under which Gymnasium knows the world `id`: `mercato/family-name-vN` for `family/name-vN`."""
    return "mercato/" + id.replace("/", "-")


def parallel_env(
    id: str = "pricing/bertrand-v1", params: dict[str, Any] | None = None, scale_actions: bool = True
) -> "ParallelWorld":
    """A world with several agents for PettingZoo, which must be installed: `pip install './python[pettingzoo]'`."""
    try:
        from mercato.parallel import ParallelWorld
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"{error}; worlds with several agents need it: pip install './python[pettingzoo]'") from error
    return ParallelWorld(id, params, scale_actions)


for _id in ids():
    register(
        gymnasium_id(_id),
        entry_point="mercato.environment:World",
        vector_entry_point="mercato.vector:Worlds",
        kwargs={"id": _id},
    )
del _id
