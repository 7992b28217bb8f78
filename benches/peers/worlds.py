"""Worlds through Python: mercato's package beside Gymnasium, EnvPool, RecSim and RecoGym, in the same process.

    python -m venv target/worlds
    target/worlds/bin/pip install ./python envpool==1.2.5 --requirement tests/slow/requirements-originals.txt
    target/worlds/bin/pip install --no-deps --requirement tests/slow/requirements-originals-alone.txt
    SECONDS_PER_FIGURE=1 target/worlds/bin/python benches/peers/worlds.py | python benches/peers/table.py
"""

from measure import measured  # first: it pins the threads

import importlib
import pathlib
import sys

import gymnasium
import mercato
import numpy as np

ROWS = 1024
STEPS = 64


def playing(step, reset):
    """Steps of one environment; `step` says whether the episode is over."""

    def work():
        for at in range(STEPS):
            if step(at):
                reset()

    return work


def single(id, **options):
    def prepare():
        env = gymnasium.make(id, **options).unwrapped
        env.reset(seed=0)
        env.action_space.seed(0)
        actions = [env.action_space.sample() for _ in range(STEPS)]
        if isinstance(env.action_space, gymnasium.spaces.Discrete):
            actions = [int(action) for action in actions]

        def step(at):
            _, _, terminated, truncated, _ = env.step(actions[at])
            return terminated or truncated

        return playing(step, env.reset)

    return prepare


def vector(id, **options):
    def prepare():
        envs = gymnasium.make_vec(id, num_envs=ROWS, vectorization_mode="vector_entry_point", **options)
        envs.reset(seed=0)
        envs.action_space.seed(0)
        actions = [envs.action_space.sample() for _ in range(STEPS)]

        def work():
            for action in actions:
                envs.step(action)

        return work

    return prepare


def envpool(rows):
    def prepare():
        envs = importlib.import_module("envpool").make_gymnasium("CartPole-v1", num_envs=rows, num_threads=1)
        envs.reset()
        actions = np.random.default_rng(0).integers(0, 2, size=(STEPS, rows)).astype(np.int32)

        def work():
            for action in actions:
                envs.step(action)

        return work

    return prepare


def original(id):
    """RecSim's and RecoGym's own environments, as tests/slow/originals.py makes them."""

    def prepare():
        sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "tests/slow"))
        originals = importlib.import_module("originals")
        rng = np.random.default_rng(0)
        if "recogym" in id:
            env = originals.Recogym(id, {}).make(1, 2)
            actions = rng.integers(0, 10, STEPS).tolist()
        else:
            made = originals.Recsim(id, {})
            env = made.make(1, 2)
            actions = [rng.permutation(10)[: made.slots] for _ in range(STEPS)]

        def reset():
            env.reset()
            # Organic sessions come first; an episode may end with them, and then the next one begins.
            while "recogym" in id and env.step(None)[2]:
                env.reset()

        reset()
        return playing(lambda at: env.step(actions[at])[2], reset)

    return prepare


if __name__ == "__main__":
    ours = mercato.gymnasium_id("classic/cartpole-v1")
    shape = "cartpole, one"
    measured("mercato", shape, "steps/s", single(ours), STEPS)
    measured("Gymnasium", shape, "steps/s", single("CartPole-v1"), STEPS)
    measured("EnvPool", shape, "steps/s", envpool(1), STEPS)
    shape = f"cartpole, {ROWS} rows"
    measured("mercato", shape, "steps/s", vector(ours), STEPS * ROWS)
    measured("mercato (copy=False)", shape, "steps/s", vector(ours, copy=False), STEPS * ROWS)
    measured("Gymnasium, vectorised in numpy", shape, "steps/s", vector("CartPole-v1"), STEPS * ROWS)
    measured("EnvPool", shape, "steps/s", envpool(ROWS), STEPS * ROWS)
    for id, peer in [
        ("compat/recsim-interest-evolution-v0", "RecSim"),
        ("compat/recsim-long-term-v0", "RecSim"),
        ("compat/recsim-interest-exploration-v0", "RecSim"),
        ("compat/recogym-v1", "RecoGym"),
    ]:
        measured(f"mercato ({ROWS} rows)", id, "steps/s", vector(mercato.gymnasium_id(id)), STEPS * ROWS)
        measured("mercato (one)", id, "steps/s", single(mercato.gymnasium_id(id)), STEPS)
        measured(peer, id, "steps/s", original(id), STEPS)
