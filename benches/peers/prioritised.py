"""Prioritised replay, capacity 10^6 and full, batch 32: pairs per second of (sample with weights, write new priorities
back), proportional with alpha 0.6, beta 0.4; a transition has two observations of four numbers."""

from measure import measured  # first: it pins the threads

import numpy as np

CAPACITY, BATCH, ALPHA, BETA = 1_000_000, 32, 0.6, 0.4
CALL = 100
generator = np.random.default_rng(0)
observations = generator.standard_normal((CAPACITY, 4), dtype=np.float32)
actions = generator.integers(0, 2, CAPACITY)
rewards = generator.standard_normal(CAPACITY, dtype=np.float32)
ended = generator.random(CAPACITY) < 0.05
errors = generator.random((CALL, BATCH), dtype=np.float32) + np.float32(0.01)
START = 100_000
"""Transitions are added in this many at once."""


def cpprb():
    from cpprb import PrioritizedReplayBuffer

    fields = {"obs": {"shape": 4}, "act": {}, "rew": {}, "next_obs": {"shape": 4}, "done": {}}
    memory = PrioritizedReplayBuffer(CAPACITY, fields, alpha=ALPHA)
    for at in range(0, CAPACITY, START):
        part = slice(at, at + START)
        memory.add(
            obs=observations[part],
            act=actions[part],
            rew=rewards[part],
            next_obs=observations[part],
            done=ended[part],
            priorities=generator.random(START) + 0.01,
        )

    def work():
        for error in errors:
            batch = memory.sample(BATCH, BETA)
            assert batch["weights"].shape == (BATCH,)
            memory.update_priorities(batch["indexes"], error)

    return work


def torchrl():
    import torch
    from tensordict import TensorDict
    from torchrl.data import LazyTensorStorage, TensorDictPrioritizedReplayBuffer

    torch.set_num_threads(1)
    storage = LazyTensorStorage(CAPACITY)
    memory = TensorDictPrioritizedReplayBuffer(alpha=ALPHA, beta=BETA, storage=storage, batch_size=BATCH)
    columns = {"observation": observations, "action": actions, "reward": rewards, "next": observations, "done": ended}
    for at in range(0, CAPACITY, START):
        part = {name: torch.from_numpy(column[at : at + START]) for name, column in columns.items()}
        part["td_error"] = torch.from_numpy(generator.random(START).astype(np.float32) + np.float32(0.01))
        memory.extend(TensorDict(part, batch_size=[START]))
    new = torch.from_numpy(errors)

    def work():
        for error in new:
            batch = memory.sample()
            memory.update_priority(batch["index"], error)

    return work


def tianshou():
    from tianshou.data import Batch, PrioritizedReplayBuffer

    memory = PrioritizedReplayBuffer(CAPACITY, alpha=ALPHA, beta=BETA)
    one = Batch(obs=observations[0], act=0, rew=0.0, terminated=False, truncated=False, obs_next=observations[0], info={})
    memory.add(one)
    # Adding a million transitions one by one takes minutes; the columns are filled directly, as its own `add` lays them.
    meta = memory._meta
    for name, column in {"obs": observations, "obs_next": observations, "act": actions, "rew": rewards}.items():
        meta[name][:] = column
    memory._size = CAPACITY
    for at in range(0, CAPACITY, START):
        memory.update_weight(np.arange(at, at + START), generator.random(START) + 0.01)

    def work():
        for error in errors:
            batch, picks = memory.sample(BATCH)
            assert batch.weight.shape == (BATCH,)
            memory.update_weight(picks, error)

    return work


if __name__ == "__main__":
    for peer, prepare in [("cpprb", cpprb), ("torchrl", torchrl), ("tianshou", tianshou)]:
        measured(peer, "capacity 10^6, batch 32", "pairs/s", prepare, CALL)
