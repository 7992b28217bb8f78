"""Other people's learners learn in mercato's worlds: Stable-Baselines3's DQN and PPO, d3rlpy's CQL on a log.

    pip install ./python --requirement tests/slow/requirements-clients.txt
    pip install --no-deps --requirement tests/slow/requirements-clients-alone.txt
    python tests/slow/python_clients.py [all]

With `all` three seeds of everything, as docs/python.md states them; without it, one seed of what takes least.
"""

import importlib
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "python/examples"))

# Example, its arguments but the seed, least score of any seed, and whether every check runs it. Random play has score 0 and the
# optimum 1. The bars are below the worst of three seeds (docs/python.md) by about half of its distance from 0 or by 0.1.
RUNS = [
    ("sb3", ("dqn", "rec/markov-interest-v1", 20_000), 0.7, True),
    ("sb3", ("dqn", "pricing/inventory-v1", 20_000), 0.6, False),
    ("sb3", ("dqn", "classic/cartpole-v1", 50_000), 0.04, False),
    ("sb3", ("ppo", "rec/markov-interest-v1", 50_000), 0.6, False),
    ("sb3", ("ppo", "pricing/yogurt-v1", 50_000), 0.8, True),
    ("sb3", ("ppo", "classic/cartpole-v1", 60_000), 0.8, True),
    ("d3rlpy_offline", ("rec/markov-interest-v1", 2000, 3000), 0.6, True),
]


def main(everything):
    for example, arguments, least, always in RUNS:
        # d3rlpy's example has one seed.
        for seed in range(3 if everything and example == "sb3" else 1):
            if not (always or everything):
                continue
            since = time.monotonic()
            score = importlib.import_module(example).main(*arguments, *([seed] if example == "sb3" else []))
            assert score >= least, f"{example} {arguments} with seed {seed} reached {score}, less than {least}"
            print(f"    seed {seed}: score {score:.3f}, at least {least}; {time.monotonic() - since:.0f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] == ["all"])
