"""Stable-Baselines3 in worlds whose optimum is known: DQN on one environment, PPO on sixteen rows of a vector.

    pip install stable-baselines3
    python python/examples/sb3.py [dqn|ppo] [WORLD] [TRANSITIONS] [SEED]
"""

import sys

import gymnasium
import mercato
import numpy as np
import torch
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.vec_env import VecEnv, VecMonitor

# What a world needs beyond its name; the others take the defaults below.
PARAMS = {"pricing/inventory-v1": {"actions": "grid"}}
DQN_SETTINGS = {
    "learning_rate": 1e-3,
    "batch_size": 128,
    "target_update_interval": 500,
    "exploration_fraction": 0.4,
    "policy_kwargs": {"net_arch": [64]},
}
# Those of rl-baselines3-zoo for CartPole-v1, but for its larger network.
DQN_SETTINGS_OF = {
    "classic/cartpole-v1": {
        "learning_rate": 2.3e-3,
        "batch_size": 64,
        "buffer_size": 100_000,
        "target_update_interval": 10,
        "train_freq": 256,
        "gradient_steps": 128,
        "exploration_fraction": 0.16,
        "exploration_final_eps": 0.04,
        "policy_kwargs": {"net_arch": [64, 64]},
    },
}


class Rows(VecEnv):
    """A vector of mercato's worlds as Stable-Baselines3 wants it: the next episode starts in an episode's last step."""

    def __init__(self, id, rows, **options):
        self.envs = gymnasium.make_vec(mercato.gymnasium_id(id), num_envs=rows, autoreset_mode="SameStep", **options)
        super().__init__(rows, self.envs.single_observation_space, self.envs.single_action_space)
        self.chosen_seed = None

    def reset(self):
        observation, _ = self.envs.reset(seed=self.chosen_seed)
        return observation

    def seed(self, seed=None):
        self.chosen_seed = seed
        return [seed] * self.num_envs

    def step_async(self, actions):
        self.actions = actions

    def step_wait(self):
        observation, reward, terminated, truncated, infos = self.envs.step(self.actions)
        over = terminated | truncated
        each = [{"TimeLimit.truncated": bool(cut)} if ended else {} for ended, cut in zip(over, truncated)]
        for row in np.flatnonzero(over):
            each[row]["terminal_observation"] = infos["final_obs"][row]
        return observation, reward, over, each

    def close(self):
        self.envs.close()

    def get_attr(self, name, indices=None):
        return [getattr(self.envs, name)] * self.num_envs

    def set_attr(self, name, value, indices=None):
        setattr(self.envs, name, value)

    def env_method(self, name, *arguments, indices=None, **options):
        return [getattr(self.envs, name)(*arguments, **options)] * self.num_envs

    def env_is_wrapped(self, wrapper, indices=None):
        return [False] * self.num_envs


def train(algorithm, id, transitions, seed, params):
    """The trained model."""
    torch.set_num_threads(1)
    env = VecMonitor(Rows(id, 16 if algorithm == "ppo" else 1, params=params))
    env.seed(seed)
    discount = env.get_attr("world_spec")[0]["discount"]
    # A bandit needs no discount, but dividing by 1 - 0 or 1 - 1 is not what these algorithms were tuned for.
    shared = {"gamma": 0.99 if discount == 1 else discount, "seed": seed, "device": "cpu"}
    if algorithm == "ppo":
        model = PPO("MlpPolicy", env, n_steps=128, batch_size=256, learning_rate=1e-3, ent_coef=0.01, **shared)
    else:
        model = DQN("MlpPolicy", env, learning_starts=1000, **(DQN_SETTINGS | DQN_SETTINGS_OF.get(id, {})), **shared)
    return model.learn(transitions)


def evaluate(model, id, params, episodes=500):
    """Mean objective over the episodes that `mercato.rollout(id, seed=0)` plays."""
    envs = gymnasium.make_vec(mercato.gymnasium_id(id), num_envs=episodes, params=params)
    observation, _ = envs.reset(seed=0, options={"domain": "evaluation"})
    values, over = np.zeros(episodes), np.zeros(episodes, bool)
    while not over.all():
        observation, *_, infos = envs.step(model.predict(observation, deterministic=True)[0])
        if infos:
            now = infos["_metrics"] & ~over
            values[now] = infos["metrics"][envs.objective][now]
            over |= now
    return values.mean()


def main(algorithm="dqn", id="rec/markov-interest-v1", transitions=40_000, seed=0):
    params = PARAMS.get(id) if algorithm == "dqn" else None
    value = evaluate(train(algorithm, id, int(transitions), int(seed), params), id, params)
    known = mercato.optimum(id, params)
    score = known.score(value)
    print(f"{algorithm} in {id}: {value:.3f} of {known.upper:.3f}, random {known.random:.3f}, score {score:.3f}")
    return score


if __name__ == "__main__":
    main(*sys.argv[1:])
