"""Whole DQN updates per second: sample from 100,000 stored transitions, target forward, Huber loss, backward, Adam,
target copy every 1000 updates. Stable-Baselines3's own training step, plain PyTorch (eager and compiled), and JAX with
100 updates in one `lax.scan`."""

from measure import measured  # first: it pins the threads

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import torch
from shapes import DISCOUNT, LEARNING_RATE, SHAPES, STORED, TARGET_EVERY, transitions

torch.set_num_threads(1)
METRIC = "updates/s"
CALL = 100


class Inert(gymnasium.Env):
    """Spaces of the right shape; nothing is stepped."""

    def __init__(self, widths):
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (widths[0],), np.float32)
        self.action_space = gymnasium.spaces.Discrete(widths[-1])

    def reset(self, seed=None, options=None):
        return np.zeros(self.observation_space.shape, np.float32), {}


def stable_baselines3(widths, batch):
    from stable_baselines3 import DQN
    from stable_baselines3.common.logger import Logger
    from stable_baselines3.common.utils import polyak_update

    model = DQN(
        "MlpPolicy",
        Inert(widths),
        learning_rate=LEARNING_RATE,
        buffer_size=STORED,
        batch_size=batch,
        gamma=DISCOUNT,
        policy_kwargs={"net_arch": list(widths[1:-1])},
        device="cpu",
    )
    model.set_logger(Logger(None, []))
    model._current_progress_remaining = 1.0
    memory = model.replay_buffer
    observed, action, reward, following, terminated = transitions(widths, np.random.default_rng(0))
    memory.observations[:, 0], memory.next_observations[:, 0] = observed, following
    memory.actions[:, 0, 0], memory.rewards[:, 0], memory.dones[:, 0] = action, reward, terminated
    memory.full = True
    updates = 0

    def work():
        nonlocal updates
        model.train(gradient_steps=CALL, batch_size=batch)
        updates += CALL
        if updates % TARGET_EVERY == 0:
            polyak_update(model.q_net.parameters(), model.q_net_target.parameters(), 1.0)

    return work


def pytorch(widths, batch, compiled):
    def network():
        layers = []
        for entering, leaving in zip(widths, widths[1:]):
            layers += [torch.nn.Linear(entering, leaving), torch.nn.ReLU()]
        return torch.nn.Sequential(*layers[:-1])

    torch.manual_seed(0)
    online, target = network(), network()
    target.load_state_dict(online.state_dict())
    adam = torch.optim.Adam(online.parameters(), lr=LEARNING_RATE, fused=True)
    stored = [torch.from_numpy(column) for column in transitions(widths, np.random.default_rng(0))]

    def loss_of(picks):
        observed, action, reward, following, terminated = (column[picks] for column in stored)
        with torch.no_grad():
            aim = reward + DISCOUNT * (1 - terminated) * target(following).amax(1)
        value = online(observed).gather(1, action[:, None])[:, 0]
        return torch.nn.functional.smooth_l1_loss(value, aim)

    if compiled:
        loss_of = torch.compile(loss_of)
    updates = 0

    def work():
        nonlocal updates
        for _ in range(CALL):
            loss = loss_of(torch.randint(STORED, (batch,)))
            adam.zero_grad()
            loss.backward()
            adam.step()
            updates += 1
            if updates % TARGET_EVERY == 0:
                target.load_state_dict(online.state_dict())

    return work


def jax_scan(widths, batch):
    generator = np.random.default_rng(0)
    stored = [jnp.asarray(column) for column in transitions(widths, generator)]
    online = []
    for entering, leaving in zip(widths, widths[1:]):
        bound = 1 / np.sqrt(entering)
        draw = lambda *shape: jnp.asarray(generator.uniform(-bound, bound, shape).astype(np.float32))
        online.append((draw(entering, leaving), draw(leaving)))

    def forward(layers, x):
        for weights, bias in layers[:-1]:
            x = jax.nn.relu(x @ weights + bias)
        weights, bias = layers[-1]
        return x @ weights + bias

    def loss_of(layers, observed, action, aim):
        value = jnp.take_along_axis(forward(layers, observed), action[:, None], 1)[:, 0]
        error = jnp.abs(value - aim)
        return jnp.mean(jnp.where(error < 1, 0.5 * error * error, error - 0.5))

    def update(carry, key):
        layers, target, mean, square, count, columns = carry
        picks = jax.random.randint(key, (batch,), 0, STORED)
        observed, action, reward, following, terminated = (column[picks] for column in columns)
        aim = reward + DISCOUNT * (1 - terminated) * forward(target, following).max(1)
        gradient = jax.grad(loss_of)(layers, observed, action, aim)
        count = count + 1
        mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, gradient)
        square = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, square, gradient)
        rate = LEARNING_RATE / (1 - 0.9**count)
        scale = jnp.sqrt(1 - 0.999**count)
        layers = jax.tree.map(
            lambda w, m, v: w - rate * m / (jnp.sqrt(v) / scale + 1e-8), layers, mean, square
        )
        target = jax.lax.cond(count % TARGET_EVERY == 0, lambda: layers, lambda: target)
        return (layers, target, mean, square, count, columns), None

    @jax.jit
    def run(state, columns, key):
        carry, _ = jax.lax.scan(update, (*state, columns), jax.random.split(key, CALL))
        return carry[:-1]

    zeros = jax.tree.map(jnp.zeros_like, online)
    state, key = (online, online, zeros, zeros, jnp.float32(0)), jax.random.key(0)

    def work():
        nonlocal state, key
        key, now = jax.random.split(key)
        state = jax.block_until_ready(run(state, stored, now))

    return work


if __name__ == "__main__":
    for shape, (widths, batch) in SHAPES.items():
        measured("Stable-Baselines3", shape, METRIC, lambda: stable_baselines3(widths, batch), CALL)
        measured("PyTorch eager", shape, METRIC, lambda: pytorch(widths, batch, False), CALL)
        measured("PyTorch compiled", shape, METRIC, lambda: pytorch(widths, batch, True), CALL)
        measured("JAX lax.scan", shape, METRIC, lambda: jax_scan(widths, batch), CALL)
