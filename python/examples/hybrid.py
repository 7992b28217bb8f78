"""Which product, and at which price? The cross-entropy method on a hybrid action, a candidate in every row.

    python python/examples/hybrid.py
"""

import gymnasium
import mercato
import numpy as np

ID = "pricing/multi-product-hybrid-v1"
CANDIDATES, ELITE, GENERATIONS, EPISODES = 512, 64, 25, 500


def act(parameters, observation, fields):
    """The product whose attraction and cost weigh most, and a price that follows its attraction and cost."""
    attraction, cost = (observation[:, fields[name]] for name in ("attraction", "cost"))
    weights, price = parameters[:, :2], parameters[:, 2:]
    product = (weights[:, :1] * attraction + weights[:, 1:] * cost).argmax(1)
    rows = np.arange(len(product))
    of = np.stack([np.ones(len(product)), attraction[rows, product], cost[rows, product]], axis=1)
    return product, np.tanh((price * of).sum(1, keepdims=True)).astype(np.float32)


def play(parameters, seed, domain):
    """Mean reward per step of the first episode of every row, a row of `parameters` each."""
    envs = gymnasium.make_vec(mercato.gymnasium_id(ID), num_envs=len(parameters))
    lengths = [field["len"] for field in envs.fields.values()]
    ends = np.cumsum(lengths)
    fields = {name: slice(end - length, end) for name, end, length in zip(envs.fields, ends, lengths)}
    observation, _ = envs.reset(seed=seed, options={"domain": domain})
    infos = {}
    while not infos:
        observation, *_, infos = envs.step(act(parameters, observation, fields))
    return infos["metrics"][envs.objective]


def main(seed=0):
    rng = np.random.default_rng(seed)
    mean, spread = np.zeros(5), np.ones(5)
    for generation in range(GENERATIONS):
        parameters = rng.normal(mean, spread, (CANDIDATES, 5))
        best = parameters[play(parameters, generation, "training").argsort()[-ELITE:]]
        mean, spread = best.mean(0), best.std(0) + 0.05
    value = play(np.tile(mean, (EPISODES, 1)), 0, "evaluation").mean()
    known = mercato.optimum(ID)
    score = known.score(value)
    print(f"{ID}: {value:.3f} of {known.upper:.3f}, random {known.random:.3f}, score {score:.3f}")
    return score


if __name__ == "__main__":
    main()
