"""Worlds through Python: mercato's package beside Gymnasium, one environment and 1024 rows, in the same process.

    pip install ./python
    python benches/peers/worlds.py | python benches/peers/table.py
"""

from measure import measured  # first: it pins the threads

import gymnasium
import mercato
import numpy as np

ROWS = 1024


def single(id, **options):
    def prepare():
        env = gymnasium.make(id, **options).unwrapped
        env.reset(seed=0)
        actions = np.random.default_rng(0).integers(0, 2, size=1024).tolist()

        def work():
            for action in actions:
                _, _, terminated, truncated, _ = env.step(action)
                if terminated or truncated:
                    env.reset()

        return work

    return prepare


def vector(id, **options):
    def prepare():
        envs = gymnasium.make_vec(id, num_envs=ROWS, vectorization_mode="vector_entry_point", **options)
        envs.reset(seed=0)
        actions = np.random.default_rng(0).integers(0, 2, size=(64, ROWS))
        step = 0

        def work():
            nonlocal step
            envs.step(actions[step % 64])
            step += 1

        return work

    return prepare


if __name__ == "__main__":
    ours = mercato.gymnasium_id("classic/cartpole-v1")
    measured("mercato", "cartpole in Python, one", "steps/s", single(ours), 1024)
    measured("gymnasium", "cartpole in Python, one", "steps/s", single("CartPole-v1"), 1024)
    for shape, options in [("new arrays", {}), ("in place", {"copy": False})]:
        shape = f"cartpole in Python, {ROWS} rows, {shape}"
        measured("mercato", shape, "steps/s", vector(ours, **options), ROWS)
        measured("gymnasium numpy", shape, "steps/s", vector("CartPole-v1"), ROWS)
