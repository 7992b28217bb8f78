"""mercato's own DQN from Python: two seeds, a report, and the trained agent at play.

    python python/examples/train_and_report.py [FOLDER]
"""

import sys

import gymnasium
import mercato


def main(folder="runs/python-example"):
    settings = {"hidden": [16], "warmup": 200, "target_every": 50, "explore_over": 8000}
    run = mercato.train("classic/chain-v1", steps=8000, seeds=range(2), settings=settings, episodes=100, out=folder)
    for record in run.records:
        print(record["agent"], record["seed"], record["final"]["metrics"][record["objective"]]["mean"])
    print("report:", run.report())

    agent = mercato.load(run.checkpoints()[0])
    env = gymnasium.make(mercato.gymnasium_id(agent.id), scale_actions=False)
    observation, info = env.reset(seed=0)
    while "metrics" not in info:
        observation, _, _, _, info = env.step(agent.act(observation))
    print("the trained agent's episode:", info["metrics"])


if __name__ == "__main__":
    main(*sys.argv[1:])
