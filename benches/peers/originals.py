"""The originals of the ports under `compat/`: steps per second at their defaults, resets included.

    python benches/peers/originals.py [AuctionGym's src folder]

Needs tests/slow/requirements-originals.txt and, without their dependencies, requirements-originals-alone.txt; AuctionGym is
a clone of its repository. Uniformly random actions, made beforehand; AuctionGym's advertisers bid truthfully.
"""

from measure import measured  # first: it pins the threads

import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests/slow"))
from originals import Auctiongym, Recogym, Recsim  # noqa: E402

ACTIONS = 1024


def recsim(world):
    def prepare():
        original = Recsim(world, {})
        env = original.make(1, 2)
        env.reset()
        rng = np.random.default_rng(0)
        slates = [rng.permutation(10)[: original.slots] for _ in range(ACTIONS)]
        steps = 0

        def work():
            nonlocal steps
            for slate in slates:
                steps += 1
                done = env.step(slate)[2]
                # Interest exploration never ends by itself; the port's episodes have 100 steps.
                if done or ("exploration" in world and steps % 100 == 0):
                    env.reset()

        return work

    return prepare


def recogym():
    env = Recogym("compat/recogym-v1", {}).make(1, 2)
    products = np.random.default_rng(0).integers(0, 10, size=ACTIONS).tolist()

    def start():
        env.reset()
        return env.step(None)[2]

    over = start()

    def work():
        nonlocal over
        for product in products:
            over = start() if over else env.step(product)[2]

    return work


def auctiongym(source):
    def prepare():
        original = Auctiongym("compat/auctiongym-v0", {}, source)
        auction = original.auction(np.random.default_rng(0), "truthful")

        def work():
            for _ in range(ACTIONS):
                auction.simulate_opportunity()
            # They keep a log of every bid.
            for agent in auction.agents:
                agent.logs.clear()

        return work

    return prepare


if __name__ == "__main__":
    for world in ["interest-evolution", "interest-exploration", "long-term"]:
        shape = f"compat/recsim-{world}-v0"
        measured("RecSim", shape, "steps/s", recsim(shape), ACTIONS)
    measured("RecoGym", "compat/recogym-v1", "steps/s", recogym, ACTIONS)
    if len(sys.argv) > 1:
        measured("AuctionGym", "compat/auctiongym-v0", "steps/s", auctiongym(sys.argv[1]), ACTIONS)
    else:
        print("skipped: AuctionGym because its folder is not given", file=sys.stderr)
