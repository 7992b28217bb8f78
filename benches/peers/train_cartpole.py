"""Stable-Baselines3's DQN on CartPole-v1 with the tuned setting of its zoo (rl-zoo3, hyperparams/dqn.yml): steps per
second of a whole training, and the mean return of 20 greedy episodes at its end, per seed."""

from measure import report  # first: it pins the threads

import argparse
import time

import torch
from stable_baselines3 import DQN
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
import gymnasium

torch.set_num_threads(1)
PEER = "Stable-Baselines3"


def train(seed, steps):
    world = Monitor(gymnasium.make("CartPole-v1"))
    model = DQN(
        "MlpPolicy",
        world,
        learning_rate=2.3e-3,
        batch_size=64,
        buffer_size=100_000,
        learning_starts=1000,
        gamma=0.99,
        target_update_interval=10,
        train_freq=256,
        gradient_steps=128,
        exploration_fraction=0.16,
        exploration_final_eps=0.04,
        policy_kwargs={"net_arch": [256, 256]},
        device="cpu",
        seed=seed,
    )
    started = time.perf_counter()
    model.learn(steps)
    elapsed = time.perf_counter() - started
    returned, _ = evaluate_policy(model, Monitor(gymnasium.make("CartPole-v1")), n_eval_episodes=20)
    return steps / elapsed, float(returned)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--steps", type=int, default=50_000)
    options.add_argument("--seeds", type=int, default=5)
    options = options.parse_args()
    for seed in range(options.seeds):
        rate, returned = train(seed, options.steps)
        shape = f"cartpole, tuned DQN, {options.steps} steps"
        report(PEER, shape, "steps/s", rate)
        report(PEER, f"{shape}, seed {seed}", "final return", returned)
