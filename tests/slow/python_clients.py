"""Other people's learners learn in mercato's worlds: Stable-Baselines3's DQN and PPO, d3rlpy's CQL on a log.

    pip install ./python --requirement tests/slow/requirements-clients.txt
    pip install --no-deps --requirement tests/slow/requirements-clients-alone.txt
    python tests/slow/python_clients.py
"""

import importlib
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "python/examples"))

# Example, arguments, least score. Random play has score 0 and the optimum 1.
RUNS = [
    ("sb3", ("dqn", "rec/markov-interest-v1", 40_000), 0.7),
    ("sb3", ("dqn", "pricing/inventory-v1", 30_000), 0.7),
    ("sb3", ("dqn", "classic/cartpole-v1", 50_000), 0.3),
    ("sb3", ("ppo", "rec/markov-interest-v1", 100_000), 0.6),
    ("sb3", ("ppo", "pricing/yogurt-v1", 100_000), 0.7),
    ("sb3", ("ppo", "classic/cartpole-v1", 100_000), 0.9),
    ("d3rlpy_offline", (), 0.7),
]


def main():
    for example, arguments, least in RUNS:
        since = time.monotonic()
        score = importlib.import_module(example).main(*arguments)
        assert score >= least, f"{example} {arguments} reached {score}, less than {least}"
        print(f"    score {score:.3f}, at least {least}; {time.monotonic() - since:.0f} s", flush=True)


if __name__ == "__main__":
    main()
