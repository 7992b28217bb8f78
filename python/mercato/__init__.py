"""Synthetic user-behaviour worlds whose optimum is known, and a DQN family that gives the same bits everywhere.

Importing this registers every world with Gymnasium: `rec/markov-interest-v1` is `mercato/rec-markov-interest-v1`.

    import gymnasium, mercato

    env = gymnasium.make("mercato/rec-markov-interest-v1")
    envs = gymnasium.make_vec("mercato/rec-markov-interest-v1", num_envs=1024)
    print(mercato.optimum("rec/markov-interest-v1"))
"""

from gymnasium.envs.registration import register

from mercato.environment import World
from mercato.optimum import Optimum, ids, optimum, page, rollout
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
    "gymnasium_id",
    "ids",
    "load",
    "optimum",
    "page",
    "reference_policy",
    "rollout",
    "run",
    "train",
]


def gymnasium_id(id: str) -> str:
    """The id under which Gymnasium knows the world `id`: `mercato/family-name-vN` for `family/name-vN`."""
    return "mercato/" + id.replace("/", "-")


for _id in ids():
    register(
        gymnasium_id(_id),
        entry_point="mercato.environment:World",
        vector_entry_point="mercato.vector:Worlds",
        kwargs={"id": _id},
    )
del _id
