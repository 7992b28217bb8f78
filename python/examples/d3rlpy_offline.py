"""Learning from a log alone: d3rlpy's discrete CQL on what another policy did, scored in the world that it never saw.

    pip install d3rlpy
    python python/examples/d3rlpy_offline.py [WORLD] [EPISODES] [UPDATES]
"""

import os
import sys
import tempfile

import d3rlpy
import gymnasium
import mercato
import numpy as np


def read(id, episodes):
    """A log of a policy that is wrong half of the time, as d3rlpy's data set."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "log.csv")
        mercato.log(id, path, policy="oracle", epsilon=0.5, episodes=episodes, seed=1)
        with open(path) as file:
            names = file.readline().strip().split(",")
            table = np.array([[float(word) for word in line.split(",")] for line in file])
    observed = [column for column, name in enumerate(names) if name.startswith("observation_")]
    columns = {name: table[:, names.index(name)] for name in ("action", "reward", "terminated", "truncated")}
    earned = table[:, names.index("reward")].sum() / episodes
    print(f"{len(table)} transitions in {episodes} episodes; a mean return of {earned:.3f}")
    return d3rlpy.dataset.MDPDataset(
        table[:, observed].astype(np.float32),
        columns["action"].astype(np.int64)[:, None],
        columns["reward"].astype(np.float32)[:, None],
        columns["terminated"].astype(np.float32),
        columns["truncated"].astype(np.float32),
        action_space=d3rlpy.ActionSpace.DISCRETE,
        action_size=int(gymnasium.make(mercato.gymnasium_id(id)).action_space.n),
    )


def evaluate(model, id, episodes=1000):
    """Mean objective over the episodes that `mercato.rollout(id, seed=0)` plays."""
    envs = gymnasium.make_vec(mercato.gymnasium_id(id), num_envs=episodes)
    observation, _ = envs.reset(seed=0, options={"domain": "evaluation"})
    values, over = np.zeros(episodes), np.zeros(episodes, bool)
    while not over.all():
        observation, *_, infos = envs.step(model.predict(observation))
        if infos:
            now = infos["_metrics"] & ~over
            values[now] = infos["metrics"][envs.objective][now]
            over |= now
    return values.mean()


def main(id="rec/markov-interest-v1", episodes=2000, updates=6000):
    d3rlpy.seed(0)
    data = read(id, int(episodes))
    discount = gymnasium.make(mercato.gymnasium_id(id)).unwrapped.world_spec["discount"]
    encoder = d3rlpy.models.VectorEncoderFactory([64])
    config = d3rlpy.algos.DiscreteCQLConfig(
        learning_rate=1e-3, batch_size=256, gamma=discount, alpha=0.1, target_update_interval=500, encoder_factory=encoder
    )
    model = config.create(device="cpu:0")
    model.fit(
        data,
        n_steps=int(updates),
        n_steps_per_epoch=int(updates),
        show_progress=False,
        logger_adapter=d3rlpy.logging.NoopAdapterFactory(),
    )
    value, known = evaluate(model, id), mercato.optimum(id)
    score = known.score(value)
    print(f"{id}, offline: {value:.3f} of {known.upper:.3f}, random {known.random:.3f}, score {score:.3f}")
    return score


if __name__ == "__main__":
    main(*sys.argv[1:])
