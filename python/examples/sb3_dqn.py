"""Stable-Baselines3's DQN in a world whose optimum is known.

    pip install stable-baselines3
    python python/examples/sb3_dqn.py [WORLD] [TRANSITIONS]
"""

import sys

import gymnasium
import mercato
from stable_baselines3 import DQN
from stable_baselines3.common.monitor import Monitor


def main(id="rec/markov-interest-v1", transitions=40_000, episodes=200):
    env = Monitor(gymnasium.make(mercato.gymnasium_id(id)))
    discount = env.unwrapped.world_spec["discount"]
    model = DQN(
        "MlpPolicy",
        env,
        learning_rate=1e-3,
        gamma=0.99 if discount == 1 else discount,
        batch_size=128,
        learning_starts=1000,
        target_update_interval=500,
        exploration_fraction=0.4,
        policy_kwargs={"net_arch": [64]},
        seed=0,
        device="cpu",
    )
    model.learn(int(transitions))
    total = 0.0
    for row in range(episodes):
        # The episodes that `mercato.rollout(id, seed=0)` plays.
        observation, info = env.reset(seed=0, options={"domain": "evaluation", "first_row": row})
        while "metrics" not in info:
            observation, _, _, _, info = env.step(int(model.predict(observation, deterministic=True)[0]))
        total += info["metrics"][env.unwrapped.objective]
    known = mercato.optimum(id)
    score = known.score(total / episodes)
    print(f"{id}: {total / episodes:.3f} of {known.upper:.3f}, random {known.random:.3f}, score {score:.3f}")
    return score


if __name__ == "__main__":
    main(*sys.argv[1:])
