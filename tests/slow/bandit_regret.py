"""The regrets that `tests/bandits.rs` compares with: the same algorithms in `rec/topic-bandit-v1`, written again in numpy
from the papers and the world's page. A minute or two.

    python tests/slow/bandit_regret.py tests/bandits.rs
"""

import re
import sys

import numpy as np

ITEMS, USERS, STEPS, SEEDS = 20, 100, 10_000, 10
I, J, M = np.arange(ITEMS)[:, None] + 1, np.arange(8)[None] + 1, np.arange(USERS)[:, None] + 1
THEMES, PEOPLE = np.sin(1.7 * I * J), np.cos(0.9 * M * J + J - 1)
THEMES /= np.linalg.norm(THEMES, axis=1, keepdims=True)
PEOPLE /= np.linalg.norm(PEOPLE, axis=1, keepdims=True)
CLICK = 1 / (1 + np.exp(1 - 4 * PEOPLE @ THEMES.T))
FEATURES = np.hstack([PEOPLE, np.ones((USERS, 1))])


def choose(name, t, x, state, random):
    mean, covariance, count, total = state
    if name == "ucb1":
        return np.argmin(count) if (count == 0).any() else np.argmax(total / count + np.sqrt(2 * np.log(t) / count))
    if name == "thompson_beta":
        return np.argmax(random.beta(1 + total, 1 + count - total))
    if name == "thompson_gaussian":
        return np.argmax(total / (count + 1) + random.standard_normal(ITEMS) / np.sqrt(count + 1))
    if name == "epsilon_greedy":
        return random.integers(ITEMS) if random.random() < 0.1 else np.argmax(mean @ x)
    spread = np.sqrt(np.einsum("i,kij,j->k", x, covariance, x))
    return np.argmax(mean @ x + spread * (1 if name == "lin_ucb" else random.standard_normal(ITEMS)))


def regret(name, seed):
    random = np.random.default_rng(seed)
    logistic = name == "logistic_thompson"
    mean, covariance = np.zeros((ITEMS, 9)), np.array([np.eye(9) * (4 if logistic else 1)] * ITEMS)
    moment, count, total = np.zeros((ITEMS, 9)), np.zeros(ITEMS), np.zeros(ITEMS)
    regret = 0.0
    for t in range(STEPS):
        user = random.integers(USERS)
        x = FEATURES[user]
        a = choose(name, t, x, (mean, covariance, count, total), random)
        y = float(random.random() < CLICK[user, a])
        regret += CLICK[user].max() - CLICK[user, a]
        count[a] += 1
        total[a] += y
        p = 1 / (1 + np.exp(-mean[a] @ x))
        weight = p * (1 - p) if logistic else 1.0
        image = covariance[a] @ x
        covariance[a] -= weight * np.outer(image, image) / (1 + weight * x @ image)
        moment[a] += y * x
        mean[a] = mean[a] + covariance[a] @ x * (y - p) if logistic else covariance[a] @ moment[a]
    return regret


def main(path):
    expected = re.findall(r'\("(\w+)", ([\d.]+), ([\d.]+)\)', open(path).read())
    assert len(expected) == 6, f"{path} has {len(expected)} regrets"
    for name, mean, error in expected:
        runs = np.array([regret(name, seed) for seed in range(SEEDS)])
        found, se = runs.mean(), runs.std(ddof=1) / np.sqrt(SEEDS)
        print(f"{name}: regret {found:.1f}, standard error {se:.1f}")
        # Only what libraries' versions change: the generator may differ, the law may not.
        assert abs(found - float(mean)) < 4 * np.hypot(se, float(error)), f"{name}: {path} says {mean}"


if __name__ == "__main__":
    main(sys.argv[1])
