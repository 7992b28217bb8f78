"""Deep Q-learning in one file, with NumPy alone, beside the known optimum: Mnih et al. 2015 with double targets.

    python python/examples/dqn_numpy.py [WORLD] [TRANSITIONS]
"""

import sys

import gymnasium
import mercato
import numpy as np

ROWS, HIDDEN, BATCH, MEMORY = 16, 64, 128, 50_000
LEARNING_RATE, EXPLORE_TO, TARGET_EVERY, WARMUP = 1e-3, 0.05, 250, 2000


class Network:
    """One hidden layer of rectified units, trained by Adam on the Huber loss of chosen actions."""

    def __init__(self, inputs, outputs, rng):
        bound = [np.sqrt(6 / inputs), np.sqrt(3 / HIDDEN)]
        self.weights = [rng.uniform(-bound[0], bound[0], (inputs, HIDDEN)), np.zeros(HIDDEN)]
        self.weights += [rng.uniform(-bound[1], bound[1], (HIDDEN, outputs)), np.zeros(outputs)]
        self.moments = [(np.zeros_like(w), np.zeros_like(w)) for w in self.weights]
        self.updates = 0

    def values(self, observation, weights=None):
        first, bias, second, last = weights or self.weights
        self.hidden = np.maximum(observation @ first + bias, 0)
        return self.hidden @ second + last

    def learn(self, observation, action, target):
        picked = np.arange(len(action)), action
        error = np.clip(self.values(observation)[picked] - target, -1, 1) / len(action)
        out = np.zeros((len(action), len(self.weights[3])))
        out[picked] = error
        back = (out @ self.weights[2].T) * (self.hidden > 0)
        gradients = [observation.T @ back, back.sum(0), self.hidden.T @ out, out.sum(0)]
        self.updates += 1
        for weight, gradient, (mean, square) in zip(self.weights, gradients, self.moments):
            mean += 0.1 * (gradient - mean)
            square += 0.001 * (gradient**2 - square)
            step = mean / (1 - 0.9**self.updates) / (np.sqrt(square / (1 - 0.999**self.updates)) + 1e-8)
            weight -= LEARNING_RATE * step


def train(id, transitions, seed=0):
    """The trained network."""
    rng = np.random.default_rng(seed)
    # In the same step, so that every row of the memory is a transition.
    envs = gymnasium.make_vec(mercato.gymnasium_id(id), num_envs=ROWS, autoreset_mode="SameStep")
    width, actions = envs.single_observation_space.shape[0], envs.single_action_space.n
    discount = envs.world_spec["discount"]
    discount = 0.99 if discount == 1 else discount
    network = Network(width, actions, rng)
    target = [w.copy() for w in network.weights]
    before, after = np.zeros((MEMORY, width), np.float32), np.zeros((MEMORY, width), np.float32)
    taken, paid, ended = np.zeros(MEMORY, int), np.zeros(MEMORY, np.float32), np.zeros(MEMORY, bool)
    observation, _ = envs.reset(seed=seed)
    for step in range(transitions // ROWS):
        made = step * ROWS
        epsilon = max(EXPLORE_TO, 1 - made / (0.4 * transitions))
        action = network.values(observation).argmax(1)
        action = np.where(rng.random(ROWS) < epsilon, rng.integers(actions, size=ROWS), action)
        following, reward, terminated, truncated, infos = envs.step(action)
        slots = np.arange(made, made + ROWS) % MEMORY
        before[slots], taken[slots], paid[slots], ended[slots] = observation, action, reward, terminated
        after[slots] = following
        for row in np.flatnonzero(terminated | truncated):
            after[slots[row]] = infos["final_obs"][row]
        observation = following
        if made >= WARMUP:
            for _ in range(ROWS // 8):
                batch = rng.integers(min(made + ROWS, MEMORY), size=BATCH)
                best = network.values(after[batch]).argmax(1)
                ahead = network.values(after[batch], target)[np.arange(BATCH), best]
                network.learn(before[batch], taken[batch], paid[batch] + discount * ~ended[batch] * ahead)
                if network.updates % TARGET_EVERY == 0:
                    target = [w.copy() for w in network.weights]
    return network


def evaluate(network, id, episodes=1000, seed=0):
    """Mean objective over the episodes that `mercato.rollout(id, seed=seed)` plays."""
    envs = gymnasium.make_vec(mercato.gymnasium_id(id), num_envs=episodes)
    observation, _ = envs.reset(seed=seed, options={"domain": "evaluation"})
    values, over = np.zeros(episodes), np.zeros(episodes, bool)
    while not over.all():
        observation, *_, infos = envs.step(network.values(observation).argmax(1))
        if infos:
            now = infos["_metrics"] & ~over
            values[now] = infos["metrics"][envs.objective][now]
            over |= now
    return values.mean()


def main(id="rec/markov-interest-v1", transitions=60_000):
    value, known = evaluate(train(id, int(transitions)), id), mercato.optimum(id)
    score = known.score(value)
    print(f"{id}: {value:.3f} of {known.upper:.3f}, random {known.random:.3f}, score {score:.3f}")
    return score


if __name__ == "__main__":
    main(*sys.argv[1:])
