"""A Gymnasium environment of one's own as an opponent: trained, recorded, verified, stopped and resumed.

    pip install ./python
    python tests/slow/python_external.py
"""

import functools
import pathlib
import tempfile

import gymnasium
import mercato
import numpy as np
from gymnasium import spaces


class Corridor(gymnasium.Env):
    """The corridor of classic/chain-v1 with a slip, written as a user would: reward 1 at the far end, 0.1 at the near one."""

    def __init__(self, length=6, fault=None):
        self.length, self.fault = length, fault
        self.observation_space = spaces.Dict({"cell": spaces.Discrete(length), "time": spaces.Box(0, 1, (1,))})
        self.action_space = spaces.Discrete(2, start=1)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.cell = self.steps = 0
        return self._seen(), {}

    def step(self, action):
        assert action in self.action_space, action
        random = np.random.default_rng() if self.fault == "random" else self.np_random
        if self.fault == "raises" and self.steps == 3:
            raise ArithmeticError("the corridor collapsed")
        self.steps += 1
        right = (action == 2) != (random.random() < 0.1)
        self.cell += 1 if right else -1
        ended = self.cell in (-1, self.length)
        reward = float("nan") if self.fault == "nan" else {-1: 0.1, self.length: 1.0}.get(self.cell, 0.0)
        self.cell = min(max(self.cell, 0), self.length - 1)
        return self._seen(), reward, ended, self.steps == 40, {}

    def _seen(self):
        return {"cell": self.cell, "time": np.array([self.steps / 40], np.float32)}


class Market(gymnasium.Env):
    """Which of three goods, and at which price: a hybrid action; one step."""

    observation_space = spaces.Box(-np.inf, np.inf, (2,), np.float64)
    action_space = spaces.Tuple([spaces.Discrete(3), spaces.Box(0, np.array([2.0, 3.0]), (2,), np.float64)])

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.np_random.normal(size=2), {}

    def step(self, action):
        good, prices = action
        assert action in self.action_space
        return np.zeros(2), float(good + prices.sum()), True, False, {}


def raises(kind, text, work):
    try:
        work()
    except kind as error:
        assert text in str(error), f"{error!r} does not say {text!r}"
    else:
        raise AssertionError(f"nothing was raised where {kind.__name__} with {text!r} was due")


SETTINGS = {"hidden": [16], "warmup": 200, "target_every": 50, "explore_over": 3000, "discount": 0.95}


def our_agents_learn_it_and_say_where_it_is_from(folder):
    id = mercato.external(Corridor, "corridor", upper=1.0)
    assert id == "external/corridor-v0" and id not in mercato.ids()
    known = mercato.optimum(id)
    assert known.lower == known.random < 1 == known.upper and "no fingerprint covers" in known.method
    run = mercato.train(id, steps=6000, seeds=[0], settings=SETTINGS, episodes=100, out=folder, jobs=1)
    by_agent = {record["agent"]: record for record in run.records}
    learned, random = (by_agent[agent]["final"]["metrics"]["episode_return"]["mean"] for agent in ("dqn", "random"))
    assert learned > 0.9 > 0.5 > random, f"learned {learned}, random {random}"
    for record in run.records:
        assert record["env"] == id and record["env_params"]["python"].endswith("Corridor"), record["env_params"]
    assert run.report().exists() and "external/corridor-v0" in (folder / "report.md").read_text()
    found = run.verify()
    assert found["exit_code"] == 0 and found["rerun"] == 2, found
    agent = mercato.load(run.checkpoints()[0])
    assert agent.act(np.zeros(7, np.float32)) in (0, 1)


def a_stopped_training_goes_on_with_the_same_bits(folder):
    """Episodes cannot be saved, so they are played again: also those that were in the middle."""
    id = mercato.external(functools.partial(Corridor, 9), "long", upper=1.0)
    train = functools.partial(mercato.train, id, steps=3000, seeds=[1], settings=SETTINGS, episodes=20, jobs=1)
    calls = 0

    def stop(made, total):
        nonlocal calls
        calls += 1
        if made > 500:
            raise KeyboardInterrupt

    try:
        train(out=folder / "stopped", progress=stop)
    except KeyboardInterrupt:
        assert list((folder / "stopped/resume").iterdir())
    else:
        raise AssertionError("it ended before it could be stopped")
    bits = [{record["trial"]: record["hashes"] for record in train(out=folder / name).records} for name in ("stopped", "whole")]
    assert bits[0] == bits[1], "stopped and resumed, the bits are others"


def hybrid_actions_arrive_as_they_should():
    id = mercato.external(Market, "market-v3", upper=7.0, episodes=400)
    played = mercato.rollout(id, "random", episodes=400, seed=5)["metrics"]["episode_return"]
    assert abs(played["mean"] - (1 + 1 + 1.5)) < 4 * played["se"], played


def mistakes_are_exceptions(folder):
    raises(TypeError, "not a gymnasium.Env", lambda: mercato.external(lambda: 3, "three", upper=1))
    raises(ValueError, "self.np_random", lambda: mercato.external(lambda: Corridor(fault="random"), "x", upper=1))
    raises(ValueError, "random policy earns", lambda: mercato.external(Corridor, "x", upper=-5))
    raises(ValueError, "finite", lambda: mercato.external(Corridor, "x", upper=float("inf")))
    raises(ValueError, "reward is nan", lambda: mercato.external(lambda: Corridor(fault="nan"), "x", upper=1))
    raises(ValueError, "the corridor collapsed", lambda: mercato.external(lambda: Corridor(fault="raises"), "x", upper=1))
    raises(ValueError, "family/name-vN", lambda: mercato.external(Corridor, "a name-v1", upper=1))
    raises(ValueError, "nearest", lambda: mercato.rollout("external/unknown-v0"))

    class Many(Corridor):
        action_space = spaces.MultiBinary(3)

        def __init__(self):
            super().__init__()
            self.action_space = spaces.MultiBinary(3)

    raises(TypeError, "wrap it", lambda: mercato.external(Many, "many", upper=1))
    # One that fails later is a failed trial, not a lost run.
    late = mercato.external(functools.partial(LateFault, []), "late", upper=1)
    run = mercato.train(late, steps=3000, settings=SETTINGS, episodes=10, out=folder, jobs=1)
    status = {record["agent"]: record["status"] for record in run.records}
    assert status["dqn"]["kind"] == "failed" and "fell ill" in status["dqn"]["message"], status


class LateFault(Corridor):
    def __init__(self, made):
        super().__init__()
        made.append(self)
        self.total = 0

    def step(self, action):
        self.total += 1
        if self.total > 100:
            raise RuntimeError("the walker fell ill")
        return super().step(action)


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        our_agents_learn_it_and_say_where_it_is_from(folder / "learned")
        a_stopped_training_goes_on_with_the_same_bits(folder / "resumed")
        hybrid_actions_arrive_as_they_should()
        mistakes_are_exceptions(folder / "late")
    print("environments of one's own train, record, verify and resume")


if __name__ == "__main__":
    main()
