"""Gymnasium's CartPole-v1: steps per second of 1024 rows, resets included, actions made beforehand."""

from measure import measured  # first: it pins the threads

import gymnasium
import numpy as np

ROWS = 1024


def stepping(mode):
    def prepare():
        envs = gymnasium.make_vec("CartPole-v1", num_envs=ROWS, vectorization_mode=mode)
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
    for peer, mode in [("gymnasium numpy", "vector_entry_point"), ("gymnasium SyncVectorEnv", "sync")]:
        measured(peer, "cartpole, 1024 rows", "steps/s", stepping(mode), ROWS)
